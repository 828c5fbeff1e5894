// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The configuration of an appliance that works anywhere, on loopback.
 *
 * @module
 */
import type { Config } from "./types.ts";

/** Password and key of the demo sessions; refused on any address but loopback. */
export const DEMO_PASSWORD = "demo";
export const DEMO_KEY = "1869440356";

/** What holds where the file says nothing. */
export function defaultConfig(): Config {
  return {
    appliance: {
      name: "ferrule",
      dataDirectory: "./data",
      drainTimeoutMs: 5000,
    },
    topology: {
      mode: "single",
      cores: [],
      spinRounds: 2000,
      yieldRounds: 200,
      sleepUs: 200,
    },
    memory: { hugePages: "auto" },
    capacity: {
      orders: 1_048_576,
      sessions: 256,
      instruments: 1024,
      connections: 64,
      commandRing: 65_536,
      eventRing: 65_536,
      journalRing: 65_536,
      depthLevels: 10,
      receiveWindowBytes: 65_536,
      sendWindowBytes: 524_288,
    },
    journal: { durability: "synced", segmentMib: 64, groupRecordsMax: 8192 },
    fix: {
      address: "127.0.0.1",
      port: 9878,
      targetCompId: "FERRULE",
      heartBtIntMinS: 1,
      heartBtIntMaxS: 3600,
      logonTimeoutMs: 10_000,
      sendingTimeToleranceS: 120,
      messageBytesMax: 8192,
      sessions: [1, 2, 3, 4].map((i) => ({
        senderCompId: `CLIENT${i}`,
        username: `CLIENT${i}`,
        password: DEMO_PASSWORD,
      })),
    },
    binary: {
      address: "127.0.0.1",
      tcpPort: 9010,
      udpPort: 9011,
      logonTimeoutMs: 5000,
      sessions: [1, 2, 3, 4].map((number) => ({ number, key: DEMO_KEY })),
    },
    dpdk: {
      enabled: false,
      device: "",
      address: "",
      prefixLength: 24,
      udpPort: 9011,
      sessions: [],
    },
    admin: { address: "127.0.0.1", port: 9090 },
    log: { level: "info", format: "auto" },
    instruments: [
      { symbol: "AAPL", tickSizeE8: 1_000_000, lotSizeE8: 100_000_000 },
      { symbol: "MSFT", tickSizeE8: 1_000_000, lotSizeE8: 100_000_000 },
      { symbol: "BTC-USD", tickSizeE8: 1_000_000, lotSizeE8: 1 },
    ].map((instrument) => ({
      ...instrument,
      quantityLotsMax: Number.MAX_SAFE_INTEGER,
      notionalMax: Number.MAX_SAFE_INTEGER,
    })),
  };
}
