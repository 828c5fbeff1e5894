// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * TOML text to a validated configuration, at start. Reads no file: the caller
 * does. It reports every problem at once, each with its key, the value that
 * stands there and what is allowed, and guesses what a misspelt key meant.
 *
 * @module
 */
import { parse } from "@std/toml";
import * as v from "valibot";
import { DEMO_KEY, DEMO_PASSWORD } from "./defaults.ts";
import { CONFIG_SCHEMA, type ConfigFile, decimalE8 } from "./schema.ts";
import type { Config, InstrumentConfig } from "./types.ts";

/** One thing that is wrong. */
export interface ConfigProblem {
  /** Path of the key, `fix.sessions[0].password`; "" = the file as a whole. */
  readonly key: string;
  /** The value as it would stand in the file; "" = there is none to show. */
  readonly value: string;
  /** What is wrong, or what is allowed. */
  readonly text: string;
}

/** The configuration is not usable: everything that is wrong with it. */
export class ConfigError extends Error {
  override name = "ConfigError";
  readonly problems: readonly ConfigProblem[];

  /** @param source Name of the file, for the message. */
  constructor(source: string, problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ key, value, text }) => {
      const what = value === "" ? key : `${key} = ${value}`;
      return what === "" ? `  ${text}` : `  ${what}: ${text}`;
    });
    const count = problems.length === 1
      ? "1 problem"
      : `${problems.length} problems`;
    super(`${source}: ${count} in the configuration\n${lines.join("\n")}`);
    this.problems = problems;
  }
}

/**
 * Reads a configuration.
 *
 * @param text Content of the TOML file; "" gives all defaults.
 * @param source Its name, for error messages.
 * @throws {ConfigError} With every problem there is.
 */
export function loadConfig(text: string, source: string): Config {
  const twice = repeatedKeys(text);
  if (twice.length > 0) throw new ConfigError(source, twice);
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(source, [
      { key: "", value: "", text: `not TOML: ${reason}` },
    ]);
  }
  const result = v.safeParse(CONFIG_SCHEMA, content);
  if (!result.success) {
    throw new ConfigError(source, problemsOf(result.issues));
  }
  const problems = contradictions(result.output);
  if (problems.length > 0) throw new ConfigError(source, problems);
  return toConfig(result.output);
}

/**
 * Keys that stand twice: TOML forbids them, its parser here takes the last or
 * stumbles without saying over what.
 * The file has no texts of several lines, so lines are enough to tell.
 */
function repeatedKeys(text: string): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const seen = new Map<string, number>();
  let table = "";
  let place = "";
  text.split("\n").forEach((line, i) => {
    const list = /^\s*\[\[\s*([^\]]*?)\s*\]\]/.exec(line);
    const header = /^\s*\[\s*([^\[\]]+?)\s*\]/.exec(line);
    const pair = /^\s*([A-Za-z0-9_.-]+)\s*=/.exec(line);
    let key = "";
    if (list !== null) {
      table = `${list[1]!}.`;
      place = `${table}${i}.`;
    } else if (header !== null) {
      key = header[1]!;
      table = `${key}.`;
      place = table;
    } else if (pair !== null) key = pair[1]!;
    if (key === "") return;
    const id = header === null ? place + key : `[${key}]`;
    const first = seen.get(id);
    if (first === undefined) seen.set(id, i + 1);
    else {
      problems.push({
        key: header === null ? table + key : `[${key}]`,
        value: "",
        text: `stands twice, in line ${first} and in line ${i + 1}`,
      });
    }
  });
  return problems;
}

type Issue = v.InferIssue<typeof CONFIG_SCHEMA>;

/** One problem for each key, in the order of the schema. */
function problemsOf(issues: readonly Issue[]): ConfigProblem[] {
  const problems = new Map<string, ConfigProblem>();
  for (const issue of issues) {
    const path: readonly v.IssuePathItem[] = issue.path ?? [];
    const key = pathText(path.map((item) => item.key));
    if (problems.has(key)) continue;
    const last = path.at(-1);
    let text = `must be ${issue.message}`;
    let value = shownValue(key, issue.input);
    if (issue.kind === "schema" && issue.type === "strict_object") {
      if (issue.expected === "never") {
        text = `unknown key${suggestion(path)}`;
        value = "";
      } else if (last !== undefined && issue.input === undefined) {
        text = "is missing";
        value = "";
      }
    }
    problems.set(key, { key, value, text });
  }
  return [...problems.values()];
}

function pathText(keys: readonly unknown[]): string {
  let text = "";
  for (const key of keys) {
    if (typeof key === "number") text += `[${key}]`;
    else text += text === "" ? String(key) : `.${String(key)}`;
  }
  return text;
}

/** The value as TOML would have it; secrets are not shown. */
function shownValue(key: string, value: unknown): string {
  if (value === undefined) return "";
  if (/(password|key)$/.test(key)) return "(not shown)";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** "; did you mean port?", for an unknown key. */
function suggestion(path: readonly v.IssuePathItem[]): string {
  const wrong = String(path.at(-1)?.key);
  const names = knownKeys(path.slice(0, -1).map((item) => item.key));
  let best = "";
  let bestDistance = Math.max(2, Math.floor(wrong.length / 3)) + 1;
  for (const name of names) {
    const found = distance(wrong.toLowerCase().replaceAll("-", "_"), name);
    if (found < bestDistance) {
      best = name;
      bestDistance = found;
    }
  }
  if (best !== "") return `; did you mean ${best}?`;
  return names.length === 0 ? "" : `; known are ${names.join(", ")}`;
}

/** Keys that the schema knows below a path. */
function knownKeys(path: readonly unknown[]): string[] {
  let schema: unknown = CONFIG_SCHEMA;
  for (const key of path) {
    schema = unwrapped(schema);
    if (typeof key === "number") schema = member(schema, "item");
    else schema = member(member(schema, "entries"), String(key));
  }
  const entries = member(unwrapped(schema), "entries");
  return typeof entries === "object" && entries !== null
    ? Object.keys(entries)
    : [];
}

/** What is inside `optional()` and first in `pipe()`. */
function unwrapped(schema: unknown): unknown {
  let inner = schema;
  for (let depth = 0; depth < 8; depth++) {
    const wrapped = member(inner, "wrapped");
    if (wrapped === undefined) return inner;
    inner = wrapped;
  }
  return inner;
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined;
}

/** Edits between two words, a swap of neighbours counting as one. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(
        rows[i - 1]![j]! + 1,
        row[j - 1]! + 1,
        rows[i - 1]![j - 1]! + same,
      );
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] &&
        a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      row.push(least);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** What each key allows by itself but not together. */
function contradictions(file: ConfigFile): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const add = (key: string, value: unknown, text: string) =>
    problems.push({ key, value: shownValue(key, value), text });
  checkDemoSecrets(file, add);
  checkUnique(file, add);
  checkRoom(file, add);
  const { fix, dpdk } = file;
  if (fix.heart_bt_int_min_s > fix.heart_bt_int_max_s) {
    add(
      "fix.heart_bt_int_min_s",
      fix.heart_bt_int_min_s,
      `must be at most fix.heart_bt_int_max_s, ${fix.heart_bt_int_max_s}`,
    );
  }
  if (dpdk.enabled) {
    for (const key of ["device", "address"] as const) {
      if (dpdk[key] === "") {
        add(`dpdk.${key}`, "", "must be given if dpdk.enabled is true");
      }
    }
    if (dpdk.sessions.length === 0) {
      add(
        "dpdk.sessions",
        [],
        "at least one is needed if dpdk.enabled is true",
      );
    }
  }
  file.instruments.forEach((instrument, i) =>
    checkLimits(instrument, `instruments[${i}]`, add)
  );
  return problems;
}

type Add = (key: string, value: unknown, text: string) => void;

function isLoopback(address: string): boolean {
  return address.startsWith("127.");
}

function checkDemoSecrets({ fix, binary, dpdk }: ConfigFile, add: Add): void {
  const text = (key: string, address: string) =>
    `the demo secret is for loopback only, and ${key} is "${address}"; choose one of your own`;
  if (!isLoopback(fix.address)) {
    fix.sessions.forEach(({ password }, i) => {
      if (password !== DEMO_PASSWORD) return;
      const key = `fix.sessions[${i}].password`;
      add(key, password, text("fix.address", fix.address));
    });
  }
  if (!isLoopback(binary.address)) {
    binary.sessions.forEach((session, i) => {
      if (BigInt(session.key) !== BigInt(DEMO_KEY)) return;
      const key = `binary.sessions[${i}].key`;
      add(key, session.key, text("binary.address", binary.address));
    });
  }
  dpdk.sessions.forEach((session, i) => {
    if (BigInt(session.key) !== BigInt(DEMO_KEY)) return;
    const key = `dpdk.sessions[${i}].key`;
    add(key, session.key, text("dpdk.address", dpdk.address));
  });
}

/** Names, numbers, cores and ports that may stand only once. */
function checkUnique(file: ConfigFile, add: Add): void {
  const { fix, binary, dpdk, admin, topology, instruments } = file;
  const once = (values: readonly (readonly [string, unknown])[]) => {
    const seen = new Map<unknown, string>();
    for (const [key, value] of values) {
      const other = seen.get(value);
      if (other !== undefined) add(key, value, `stands at ${other} already`);
      else seen.set(value, key);
    }
  };
  once(fix.sessions.map((session, i) => [
    `fix.sessions[${i}].sender_comp_id`,
    session.sender_comp_id,
  ]));
  once([
    ...binary.sessions.map(({ number }, i) =>
      [`binary.sessions[${i}].number`, number] as const
    ),
    ...dpdk.sessions.map(({ number }, i) =>
      [`dpdk.sessions[${i}].number`, number] as const
    ),
  ]);
  once(topology.cores.map((core, i) => [`topology.cores[${i}]`, core]));
  once(
    instruments.map(({ symbol }, i) => [`instruments[${i}].symbol`, symbol]),
  );
  once([
    ["fix.port", fix.port],
    ["binary.tcp_port", binary.tcp_port],
    ["admin.port", admin.port],
  ].filter((entry): entry is [string, number] => entry[1] !== 0));
}

/** Counts against the capacities that they need. */
function checkRoom(file: ConfigFile, add: Add): void {
  const { capacity, fix, binary, dpdk, instruments } = file;
  const sessions = fix.sessions.length + binary.sessions.length +
    dpdk.sessions.length;
  if (sessions >= capacity.sessions) {
    add(
      "capacity.sessions",
      capacity.sessions,
      `must be at least ${
        sessions + 1
      }: ${sessions} sessions are configured, and one is the appliance's own`,
    );
  }
  if (instruments.length > capacity.instruments) {
    add(
      "capacity.instruments",
      capacity.instruments,
      `must be at least ${instruments.length}: so many are configured`,
    );
  }
  if (capacity.receive_window_bytes < 2 * fix.message_bytes_max) {
    add(
      "capacity.receive_window_bytes",
      capacity.receive_window_bytes,
      `must be at least twice fix.message_bytes_max, ${fix.message_bytes_max}`,
    );
  }
}

type InstrumentEntry = ConfigFile["instruments"][number];

/** Limits in lots and in ticks x lots; null = more than the engine can count. */
function limitsOf(
  entry: InstrumentEntry,
): { quantityLots: bigint; notional: bigint; whole: boolean } {
  const tick = decimalE8(entry.tick_size) ?? 1n;
  const lot = decimalE8(entry.lot_size) ?? 1n;
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  const quantity = decimalE8(entry.max_quantity ?? "");
  const notional = decimalE8(entry.max_notional ?? "");
  return {
    quantityLots: quantity === null ? most : quantity / lot,
    notional: notional === null ? most : notional * 100_000_000n / (tick * lot),
    whole: quantity === null || quantity % lot === 0n,
  };
}

function checkLimits(entry: InstrumentEntry, key: string, add: Add): void {
  const { quantityLots, notional, whole } = limitsOf(entry);
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  if (!whole) {
    add(
      `${key}.max_quantity`,
      entry.max_quantity,
      `must be a multiple of lot_size, ${entry.lot_size}`,
    );
  } else if (quantityLots > most) {
    add(
      `${key}.max_quantity`,
      entry.max_quantity,
      `must be at most ${most} lots of ${entry.lot_size}`,
    );
  }
  if (notional < 1n || notional > most) {
    add(
      `${key}.max_notional`,
      entry.max_notional,
      `must be 1 to ${most} times tick_size x lot_size`,
    );
  }
}

function toInstrument(entry: InstrumentEntry): InstrumentConfig {
  const { quantityLots, notional } = limitsOf(entry);
  return {
    symbol: entry.symbol,
    tickSizeE8: Number(decimalE8(entry.tick_size) ?? 1n),
    lotSizeE8: Number(decimalE8(entry.lot_size) ?? 1n),
    quantityLotsMax: Number(quantityLots),
    notionalMax: Number(notional),
  };
}

/** The file's names to the program's. */
function toConfig(file: ConfigFile): Config {
  const { appliance, topology, capacity, journal, fix, binary, dpdk } = file;
  return {
    appliance: {
      name: appliance.name,
      dataDirectory: appliance.data_directory,
      drainTimeoutMs: appliance.drain_timeout_ms,
    },
    topology: {
      mode: topology.mode,
      cores: topology.cores,
      spinRounds: topology.spin_rounds,
      yieldRounds: topology.yield_rounds,
      sleepUs: topology.sleep_us,
    },
    memory: { hugePages: file.memory.huge_pages },
    capacity: {
      orders: capacity.orders,
      sessions: capacity.sessions,
      instruments: capacity.instruments,
      connections: capacity.connections,
      commandRing: capacity.command_ring,
      eventRing: capacity.event_ring,
      journalRing: capacity.journal_ring,
      depthLevels: capacity.depth_levels,
      receiveWindowBytes: capacity.receive_window_bytes,
      sendWindowBytes: capacity.send_window_bytes,
    },
    journal: {
      durability: journal.durability,
      segmentMib: journal.segment_mib,
      groupRecordsMax: journal.group_records_max,
    },
    fix: {
      address: fix.address,
      port: fix.port,
      targetCompId: fix.target_comp_id,
      heartBtIntMinS: fix.heart_bt_int_min_s,
      heartBtIntMaxS: fix.heart_bt_int_max_s,
      logonTimeoutMs: fix.logon_timeout_ms,
      sendingTimeToleranceS: fix.sending_time_tolerance_s,
      messageBytesMax: fix.message_bytes_max,
      sessions: fix.sessions.map((session) => ({
        senderCompId: session.sender_comp_id,
        username: session.username ?? session.sender_comp_id,
        password: session.password,
      })),
    },
    binary: {
      address: binary.address,
      tcpPort: binary.tcp_port,
      udpPort: binary.udp_port,
      logonTimeoutMs: binary.logon_timeout_ms,
      sessions: binary.sessions,
    },
    dpdk: {
      enabled: dpdk.enabled,
      device: dpdk.device,
      address: dpdk.address,
      prefixLength: dpdk.prefix_length,
      udpPort: dpdk.udp_port,
      sessions: dpdk.sessions,
    },
    admin: { address: file.admin.address, port: file.admin.port },
    log: { level: file.log.level, format: file.log.format },
    instruments: file.instruments.map(toInstrument),
  };
}
