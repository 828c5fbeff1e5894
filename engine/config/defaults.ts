// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The configuration of an appliance that works anywhere, on loopback.
 *
 * @module
 */
import type {
  BinarySessionConfig,
  Config,
  InstrumentConfig,
  SessionRulesConfig,
} from "./types.ts";

/** Password and key of the demo sessions; refused on any address but loopback. */
export const DEMO_PASSWORD = "demo";
export const DEMO_KEY = "1869440356";

const SPECIAL_ORDERS_MIN = 1000;
const ORDERS_DEFAULT = 1_048_576;

/** How many of so many orders may have terms, if nothing is said: a quarter, and all of few. */
export function specialOrdersOf(orders: number): number {
  const quarter = Math.ceil(orders / 4);
  return Math.min(orders, Math.max(quarter, SPECIAL_ORDERS_MIN));
}

/** A session that nothing is said of. */
export function plainRules(): SessionRulesConfig {
  return {
    account: "",
    group: 0,
    selfTradePrevention: "none",
    selfTradeScope: "session",
    messagesMax: 0,
    messagesIntervalMs: 1000,
  };
}

/** An instrument of which only the sizes are given. */
function plainInstrument(
  symbol: string,
  tickSizeE8: number,
  lotSizeE8: number,
): InstrumentConfig {
  return {
    symbol,
    tickSizeE8,
    lotSizeE8,
    quantityLotsMax: Number.MAX_SAFE_INTEGER,
    notionalMax: Number.MAX_SAFE_INTEGER,
    tickTable: [],
    lotStepLots: 1,
    referencePriceTicks: 0,
    priceCollarTicks: 0,
    marketCollarTicks: 0,
    bandLowTicks: 0,
    bandHighTicks: 0,
    volatilityRangeTicks: 0,
    volatilityAuctionMs: 300_000,
    group: 0,
    state: "open",
  };
}

function demoBinarySession(number: number): BinarySessionConfig {
  return { number, key: DEMO_KEY, ...plainRules() };
}

function defaultInstruments(): InstrumentConfig[] {
  return [
    plainInstrument("AAPL", 1_000_000, 100_000_000),
    plainInstrument("MSFT", 1_000_000, 100_000_000),
    plainInstrument("BTC-USD", 1_000_000, 1),
  ];
}

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
      realTimePriority: 0,
    },
    memory: { hugePages: "auto" },
    transport: {
      kind: "auto",
      kernelPollCore: -1,
      busyPollUs: 0,
      timestamps: "poll",
    },
    capacity: {
      orders: ORDERS_DEFAULT,
      sessions: 256,
      instruments: 1024,
      accounts: 64,
      specialOrders: specialOrdersOf(ORDERS_DEFAULT),
      connections: 64,
      commandRing: 65_536,
      eventRing: 65_536,
      journalRing: 65_536,
      depthLevels: 10,
      receiveWindowBytes: 65_536,
      sendWindowBytes: 524_288,
    },
    journal: {
      durability: "synced",
      segmentMib: 64,
      groupRecordsMax: 8192,
      freeReserveMib: 128,
      mappedWrites: true,
      slowAfterMs: 2000,
      lagCommandsMax: 0,
      archiveDirectory: "",
      archiveKeepDays: 0,
    },
    snapshot: {
      enabled: true,
      commandsBetween: 5_000_000,
      secondsBetween: 600,
      keep: 2,
      core: -1,
    },
    feed: {
      enabled: false,
      transport: "kernel",
      device: "",
      deviceAddress: "",
      devicePrefixLength: 24,
      address: "127.0.0.1",
      groupA: "239.192.0.1",
      portA: 26_400,
      groupB: "239.192.0.2",
      portB: 26_401,
      interfaceA: "127.0.0.1",
      interfaceB: "127.0.0.1",
      hops: 1,
      requestPort: 26_402,
      snapshotPort: 26_403,
      snapshotsMax: 8,
      snapshotUser: "",
      snapshotPassword: "",
      requestsPerSecond: 1000,
      restartMs: 5000,
      historyMessages: 1_048_576,
      heartbeatMs: 1000,
      endMs: 1000,
      core: -1,
    },
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
        ...plainRules(),
      })),
    },
    binary: {
      address: "127.0.0.1",
      tcpPort: 9010,
      udpPort: 9011,
      logonTimeoutMs: 5000,
      sessions: [1, 2, 3, 4].map(demoBinarySession),
    },
    dpdk: {
      enabled: false,
      device: "",
      address: "",
      prefixLength: 24,
      queues: 0,
      fixPort: 9878,
      tcpPort: 9010,
      udpPort: 9011,
      connections: 64,
      fixSessions: [],
      sessions: [],
    },
    replication: {
      role: "none",
      group: "ferrule",
      address: "127.0.0.1",
      port: 9020,
      peers: [],
      localDurability: "written",
      heartbeatMs: 100,
      timeoutMs: 2000,
      promotedAlone: true,
      leaseServers: [],
      leaseReplicas: 3,
      leaseMs: 15_000,
    },
    clock: { ptpSocket: "/var/run/ptp4l", ptpDomain: 0, ptpDevice: "" },
    flightRecorder: { slots: 65_536, thresholdUs: 100_000, dumps: 16 },
    admin: { address: "127.0.0.1", port: 9090 },
    log: { level: "info", format: "auto" },
    accounts: [],
    instruments: defaultInstruments(),
  };
}
