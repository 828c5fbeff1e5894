// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What may stand in the configuration file. Each check carries the text that
 * an operator reads if it fails: what is allowed, not what is wrong. Keys are
 * those of the file; `load.ts` turns them into the program's.
 *
 * @module
 */
import * as v from "valibot";
import { defaultConfig } from "./defaults.ts";

const D = defaultConfig();

/** A whole number of a range. */
function whole(min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`;
  return v.pipe(
    v.number(allowed),
    v.integer(allowed),
    v.minValue(min, allowed),
    v.maxValue(max, allowed),
  );
}

/** A power of two of a range. */
function powerOfTwo(min: number, max: number) {
  const allowed = `a power of two from ${min} to ${max}`;
  return v.pipe(
    v.number(allowed),
    v.integer(allowed),
    v.minValue(min, allowed),
    v.maxValue(max, allowed),
    v.check((value) => Number.isInteger(Math.log2(value)), allowed),
  );
}

/** A text of a pattern. */
function text(pattern: RegExp, allowed: string) {
  return v.pipe(v.string(allowed), v.regex(pattern, allowed));
}

/** One of some words. */
function oneOf<const T extends readonly string[]>(words: T) {
  return v.picklist(
    words,
    `one of ${words.map((word) => `"${word}"`).join(", ")}`,
  );
}

const OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const IPV4 = new RegExp(`^${OCTET}(\\.${OCTET}){3}$`);
const U64_MAX = 2n ** 64n - 1n;

function isU64(value: string): boolean {
  return /^[0-9]{1,20}$/.test(value) && BigInt(value) <= U64_MAX;
}

/** Largest fixed-point number x 1e8 that is exact. */
const E8_MAX = BigInt(Number.MAX_SAFE_INTEGER);
const DECIMAL = /^([0-9]{1,10})(?:\.([0-9]{1,8}))?$/;

/**
 * A decimal text x 1e8.
 *
 * @returns Null if it is no decimal with at most 8 places.
 */
export function decimalE8(value: string): bigint | null {
  const match = DECIMAL.exec(value);
  if (match === null) return null;
  return BigInt(match[1]! + (match[2] ?? "").padEnd(8, "0"));
}

const DECIMAL_ALLOWED =
  'a decimal above 0 in quotes, with at most 8 places, such as "0.01"';
const decimal = v.pipe(
  v.string(DECIMAL_ALLOWED),
  v.check((value) => {
    const parsed = decimalE8(value);
    return parsed !== null && parsed > 0n && parsed <= E8_MAX;
  }, DECIMAL_ALLOWED),
);
const LIMIT_ALLOWED =
  'a decimal above 0 in quotes, with at most 8 places, such as "1000000"';
const limit = v.pipe(
  v.string(LIMIT_ALLOWED),
  v.check((value) => (decimalE8(value) ?? 0n) > 0n, LIMIT_ALLOWED),
);

const address = text(IPV4, 'an IPv4 address in quotes, such as "127.0.0.1"');
const port = whole(0, 65535);
const line = (max: number) =>
  text(
    new RegExp(`^[\\x20-\\x7e]{1,${max}}$`),
    `1 to ${max} printable ASCII characters`,
  );
const compId = text(
  /^[A-Za-z0-9_.-]{1,32}$/,
  "1 to 32 letters, digits and any of _ . -",
);
const KEY_ALLOWED =
  "a decimal number from 0 to 18446744073709551615, in quotes";
const binarySession = v.strictObject({
  number: whole(1, 0xffffffff),
  key: v.pipe(
    v.string(KEY_ALLOWED),
    v.check((value) => isU64(value), KEY_ALLOWED),
  ),
}, "a table with number and key");
const fixSession = v.strictObject({
  sender_comp_id: compId,
  username: v.optional(line(64)),
  password: line(64),
}, "a table with sender_comp_id, username and password");
const instrument = v.strictObject({
  symbol: text(
    /^[A-Za-z0-9._/-]{1,20}$/,
    "1 to 20 letters, digits and any of . _ / -",
  ),
  tick_size: decimal,
  lot_size: decimal,
  max_quantity: v.optional(limit),
  max_notional: v.optional(limit),
}, "a table with symbol, tick_size and lot_size");

/** A section; each of its keys may be left out. */
function section<const T extends v.ObjectEntries>(entries: T) {
  return v.strictObject(entries, "a section");
}

const appliance = section({
  name: v.optional(
    text(/^[A-Za-z0-9_.-]{1,64}$/, "1 to 64 letters, digits and any of _ . -"),
    D.appliance.name,
  ),
  data_directory: v.optional(
    text(/^[^\0]{1,1024}$/, "a path"),
    D.appliance.dataDirectory,
  ),
  drain_timeout_ms: v.optional(whole(0, 600_000), D.appliance.drainTimeoutMs),
});

const topology = section({
  mode: v.optional(oneOf(["single", "pinned"]), D.topology.mode),
  cores: v.optional(
    v.array(whole(0, 1023), "a list of core numbers, such as [2, 3]"),
    [...D.topology.cores],
  ),
  spin_rounds: v.optional(whole(0, 1_000_000_000), D.topology.spinRounds),
  yield_rounds: v.optional(whole(0, 1_000_000_000), D.topology.yieldRounds),
  sleep_us: v.optional(whole(0, 100_000), D.topology.sleepUs),
});

const capacity = section({
  orders: v.optional(whole(1, 2 ** 26), D.capacity.orders),
  sessions: v.optional(whole(2, 65_536), D.capacity.sessions),
  instruments: v.optional(whole(1, 65_535), D.capacity.instruments),
  connections: v.optional(whole(1, 16_384), D.capacity.connections),
  command_ring: v.optional(powerOfTwo(1024, 2 ** 22), D.capacity.commandRing),
  event_ring: v.optional(powerOfTwo(1024, 2 ** 22), D.capacity.eventRing),
  journal_ring: v.optional(powerOfTwo(1024, 2 ** 22), D.capacity.journalRing),
  depth_levels: v.optional(whole(1, 100), D.capacity.depthLevels),
  receive_window_bytes: v.optional(
    powerOfTwo(16_384, 2 ** 22),
    D.capacity.receiveWindowBytes,
  ),
  send_window_bytes: v.optional(
    powerOfTwo(65_536, 2 ** 24),
    D.capacity.sendWindowBytes,
  ),
});

const fix = section({
  address: v.optional(address, D.fix.address),
  port: v.optional(port, D.fix.port),
  target_comp_id: v.optional(compId, D.fix.targetCompId),
  heart_bt_int_min_s: v.optional(whole(1, 86_400), D.fix.heartBtIntMinS),
  heart_bt_int_max_s: v.optional(whole(1, 86_400), D.fix.heartBtIntMaxS),
  logon_timeout_ms: v.optional(whole(100, 600_000), D.fix.logonTimeoutMs),
  sending_time_tolerance_s: v.optional(
    whole(1, 86_400),
    D.fix.sendingTimeToleranceS,
  ),
  message_bytes_max: v.optional(whole(512, 1_048_576), D.fix.messageBytesMax),
  sessions: v.optional(
    v.array(fixSession, "tables [[fix.sessions]]"),
    D.fix.sessions.map((session) => ({
      sender_comp_id: session.senderCompId,
      username: session.username,
      password: session.password,
    })),
  ),
});

const binary = section({
  address: v.optional(address, D.binary.address),
  tcp_port: v.optional(port, D.binary.tcpPort),
  udp_port: v.optional(port, D.binary.udpPort),
  logon_timeout_ms: v.optional(whole(100, 600_000), D.binary.logonTimeoutMs),
  sessions: v.optional(
    v.array(binarySession, "tables [[binary.sessions]]"),
    D.binary.sessions.map((session) => ({ ...session })),
  ),
});

const dpdk = section({
  enabled: v.optional(v.boolean("true or false"), D.dpdk.enabled),
  device: v.optional(
    text(
      /^[\x21-\x7e]{0,256}$/,
      "a PCI address or a virtual device with its arguments",
    ),
    D.dpdk.device,
  ),
  address: v.optional(
    v.union(
      [v.literal(""), address],
      'an IPv4 address in quotes, such as "192.0.2.1"',
    ),
    D.dpdk.address,
  ),
  prefix_length: v.optional(whole(20, 30), D.dpdk.prefixLength),
  udp_port: v.optional(whole(1, 65535), D.dpdk.udpPort),
  sessions: v.optional(v.array(binarySession, "tables [[dpdk.sessions]]"), []),
});

const memory = section({
  huge_pages: v.optional(
    oneOf(["auto", "require", "never"]),
    D.memory.hugePages,
  ),
});

const journal = section({
  durability: v.optional(
    oneOf(["none", "written", "synced"]),
    D.journal.durability,
  ),
  segment_mib: v.optional(whole(1, 4096), D.journal.segmentMib),
  group_records_max: v.optional(whole(1, 65_535), D.journal.groupRecordsMax),
});

const admin = section({
  address: v.optional(address, D.admin.address),
  port: v.optional(port, D.admin.port),
});

const log = section({
  level: v.optional(
    oneOf(["debug", "info", "warn", "error"]),
    D.log.level,
  ),
  format: v.optional(oneOf(["auto", "json", "text"]), D.log.format),
});

/** The whole file. */
export const CONFIG_SCHEMA = v.strictObject({
  appliance: v.optional(appliance, {}),
  topology: v.optional(topology, {}),
  memory: v.optional(memory, {}),
  capacity: v.optional(capacity, {}),
  journal: v.optional(journal, {}),
  fix: v.optional(fix, {}),
  binary: v.optional(binary, {}),
  dpdk: v.optional(dpdk, {}),
  admin: v.optional(admin, {}),
  log: v.optional(log, {}),
  instruments: v.optional(
    v.pipe(
      v.array(instrument, "tables [[instruments]]"),
      v.minLength(1, "at least one [[instruments]]"),
    ),
    [
      { symbol: "AAPL", tick_size: "0.01", lot_size: "1" },
      { symbol: "MSFT", tick_size: "0.01", lot_size: "1" },
      { symbol: "BTC-USD", tick_size: "0.01", lot_size: "0.00000001" },
    ],
  ),
});

/** The file's content once it has passed. */
export type ConfigFile = v.InferOutput<typeof CONFIG_SCHEMA>;
