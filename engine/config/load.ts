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
import { checkDpdk } from "./check_dpdk.ts";
import { DEMO_KEY, DEMO_PASSWORD, specialOrdersOf } from "./defaults.ts";
import {
  accountProblems,
  instrumentProblems,
  toAccount,
  toInstrument,
  toSessionRules,
} from "./entries.ts";
import {
  type AddProblem,
  ConfigError,
  type ConfigProblem,
  problemsOf,
  shownValue,
} from "./problems.ts";
import { CONFIG_SCHEMA } from "./schema.ts";
import {
  NO_SECRETS,
  type SecretSource,
  type WithSecrets,
  withSecrets,
} from "./secrets.ts";
import type { BinarySessionConfig, Config, FixSessionConfig } from "./types.ts";

type ConfigFile = WithSecrets;

/** Positions of accounts that fit: 40 bytes each, 2 GiB in all. */
const POSITIONS_MAX = 50_000_000;
/** The largest command in the journal, and what a segment has besides groups, with room to spare. */
const RECORD_BYTES_MAX = 192;
const SEGMENT_OWN_BYTES = 1024;

/**
 * Reads a configuration.
 *
 * @param text Content of the TOML file; "" gives all defaults.
 * @param source Its name, for error messages.
 * @param secrets Where passwords and keys come from that do not stand in it.
 * @throws {ConfigError} With every problem there is.
 */
export function loadConfig(
  text: string,
  source: string,
  secrets: SecretSource = NO_SECRETS,
): Config {
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
    throw new ConfigError(source, problemsOf(CONFIG_SCHEMA, result.issues));
  }
  const problems: ConfigProblem[] = [];
  const add: AddProblem = (key, value, text) =>
    problems.push({ key, value: shownValue(key, value), text });
  const file = withSecrets(result.output, secrets, add);
  if (problems.length === 0) contradictions(file, add);
  if (problems.length > 0) throw new ConfigError(source, problems);
  return toConfig(file);
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
  /** The entry of a list that a header such as [instruments.price_band] belongs to. */
  let entry = "";
  let entryPlace = "";
  text.split("\n").forEach((line, i) => {
    const list = /^\s*\[\[\s*([^\]]*?)\s*\]\]/.exec(line);
    const header = /^\s*\[\s*([^\[\]]+?)\s*\]/.exec(line);
    const pair = /^\s*([A-Za-z0-9_.-]+)\s*=/.exec(line);
    let key = "";
    let inEntry = false;
    if (list !== null) {
      table = `${list[1]!}.`;
      place = `${table}${i}.`;
      entry = table;
      entryPlace = place;
    } else if (header !== null) {
      key = header[1]!;
      table = `${key}.`;
      inEntry = entry !== "" && table.startsWith(entry);
      place = inEntry ? entryPlace + table : table;
    } else if (pair !== null) key = pair[1]!;
    if (key === "") return;
    const id = header === null
      ? place + key
      : inEntry
      ? `[${place}]`
      : `[${key}]`;
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

/** What each key allows by itself but not together. */
function contradictions(file: ConfigFile, add: AddProblem): void {
  checkDemoSecrets(file, add);
  checkUnique(file, add);
  checkRoom(file, add);
  checkRealTime(file, add);
  const { fix, dpdk } = file;
  if (fix.heart_bt_int_min_s > fix.heart_bt_int_max_s) {
    add(
      "fix.heart_bt_int_min_s",
      fix.heart_bt_int_min_s,
      `must be at most fix.heart_bt_int_max_s, ${fix.heart_bt_int_max_s}`,
    );
  }
  checkReplication(file, add);
  checkTransport(file, add);
  if (dpdk.enabled) checkDpdk(file, add);
  file.accounts.forEach((account, i) =>
    accountProblems(account, `accounts[${i}].`, add)
  );
  file.instruments.forEach((instrument, i) =>
    instrumentProblems(instrument, `instruments[${i}].`, add)
  );
  checkNames(file, add);
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.");
}

function checkDemoSecrets(
  { fix, binary, dpdk }: ConfigFile,
  add: AddProblem,
): void {
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
  dpdk.fix_sessions.forEach(({ password }, i) => {
    if (password !== DEMO_PASSWORD) return;
    const key = `dpdk.fix_sessions[${i}].password`;
    add(key, password, text("dpdk.address", dpdk.address));
  });
  dpdk.sessions.forEach((session, i) => {
    if (BigInt(session.key) !== BigInt(DEMO_KEY)) return;
    const key = `dpdk.sessions[${i}].key`;
    add(key, session.key, text("dpdk.address", dpdk.address));
  });
}

/** What only io_uring can do must not be asked of what may be another. */
function checkTransport({ transport }: ConfigFile, add: AddProblem): void {
  if (transport.kind === "io_uring") return;
  const needs = `needs transport.kind = "io_uring"; it is "${transport.kind}"`;
  if (transport.kernel_poll_core >= 0) {
    add("transport.kernel_poll_core", transport.kernel_poll_core, needs);
  }
  if (transport.busy_poll_us > 0) {
    add("transport.busy_poll_us", transport.busy_poll_us, needs);
  }
}

/** A pair needs to be told where its other half is, and what decides between them. */
function checkReplication(
  { replication, journal }: ConfigFile,
  add: AddProblem,
): void {
  const { role, peers, lease_servers: servers } = replication;
  if (journal.durability === "replicated" && role === "none") {
    add(
      "replication.role",
      role,
      'must be primary, standby or auto if journal.durability is "replicated"',
    );
  }
  if (role === "auto" && servers.length === 0) {
    add(
      "replication.lease_servers",
      servers,
      'at least one is needed if replication.role is "auto": the lease decides',
    );
  }
  if ((role === "auto" || role === "standby") && peers.length === 0) {
    add(
      "replication.peers",
      peers,
      `at least one is needed if replication.role is "${role}"`,
    );
  }
  if (replication.timeout_ms < 3 * replication.heartbeat_ms) {
    add(
      "replication.timeout_ms",
      replication.timeout_ms,
      "must be at least three times replication.heartbeat_ms, " +
        `${replication.heartbeat_ms}`,
    );
  }
}

/** Sessions name accounts that are there and theirs to use; accounts name instruments. */
function checkNames(file: ConfigFile, add: AddProblem): void {
  const { fix, binary, dpdk, accounts, instruments } = file;
  const sessions = [
    ...fix.sessions.map((entry, i) => ({ key: `fix.sessions[${i}]`, entry })),
    ...dpdk.fix_sessions.map((entry, i) => ({
      key: `dpdk.fix_sessions[${i}]`,
      entry,
    })),
    ...binary.sessions.map((entry, i) => ({
      key: `binary.sessions[${i}]`,
      entry,
    })),
    ...dpdk.sessions.map((entry, i) => ({ key: `dpdk.sessions[${i}]`, entry })),
  ];
  for (const { key, entry } of sessions) {
    if (entry.account === undefined) continue;
    const account = accounts.find(({ name }) => name === entry.account);
    if (account === undefined) {
      add(`${key}.account`, entry.account, "there is no such [[accounts]]");
    } else if (account.group !== 0 && account.group !== entry.group) {
      add(
        `${key}.account`,
        entry.account,
        `belongs to group ${account.group}, and the session to ${entry.group}`,
      );
    }
  }
  accounts.forEach(({ restricted }, i) =>
    restricted.forEach((name, j) => {
      if (instruments.some(({ symbol }) => symbol === name)) return;
      const key = `accounts[${i}].restricted[${j}]`;
      add(key, name, "there is no such [[instruments]]");
    })
  );
}

/** Names, numbers, cores and ports that may stand only once. */
function checkUnique(file: ConfigFile, add: AddProblem): void {
  const { fix, binary, dpdk, admin, topology, accounts, instruments } = file;
  const { replication } = file;
  const once = (values: readonly (readonly [string, unknown])[]) => {
    const seen = new Map<unknown, string>();
    for (const [key, value] of values) {
      const other = seen.get(value);
      if (other !== undefined) add(key, value, `stands at ${other} already`);
      else seen.set(value, key);
    }
  };
  once([
    ...fix.sessions.map((session, i) =>
      [`fix.sessions[${i}].sender_comp_id`, session.sender_comp_id] as const
    ),
    ...dpdk.fix_sessions.map((session, i) =>
      [
        `dpdk.fix_sessions[${i}].sender_comp_id`,
        session.sender_comp_id,
      ] as const
    ),
  ]);
  once([
    ...binary.sessions.map(({ number }, i) =>
      [`binary.sessions[${i}].number`, number] as const
    ),
    ...dpdk.sessions.map(({ number }, i) =>
      [`dpdk.sessions[${i}].number`, number] as const
    ),
  ]);
  once([
    ...topology.cores.map((core, i) => [`topology.cores[${i}]`, core] as const),
    ["snapshot.core", file.snapshot.core] as const,
    ["feed.core", file.feed.core] as const,
    ["transport.kernel_poll_core", file.transport.kernel_poll_core] as const,
  ].filter(([, core]) => core >= 0));
  once(
    instruments.map(({ symbol }, i) => [`instruments[${i}].symbol`, symbol]),
  );
  once(accounts.map(({ name }, i) => [`accounts[${i}].name`, name]));
  if (dpdk.fix_port !== 0) {
    once([
      ["dpdk.fix_port", dpdk.fix_port],
      ["dpdk.tcp_port", dpdk.tcp_port],
    ]);
  }
  once([
    ["fix.port", fix.port],
    ["binary.tcp_port", binary.tcp_port],
    ["admin.port", admin.port],
    ["replication.port", replication.port],
    ...file.feed.enabled
      ? [["feed.snapshot_port", file.feed.snapshot_port] as const]
      : [],
  ].filter((entry): entry is [string, number] => entry[1] !== 0));
}

/** Counts against the capacities that they need. */
function checkRoom(file: ConfigFile, add: AddProblem): void {
  const { capacity, fix, binary, dpdk, accounts, instruments } = file;
  const sessions = fix.sessions.length + binary.sessions.length +
    dpdk.sessions.length + dpdk.fix_sessions.length;
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
  if (accounts.length > capacity.accounts) {
    add(
      "capacity.accounts",
      capacity.accounts,
      `must be at least ${accounts.length}: so many are configured`,
    );
  }
  if (capacity.accounts * capacity.instruments > POSITIONS_MAX) {
    add(
      "capacity.accounts",
      capacity.accounts,
      `must be at most ${
        Math.floor(POSITIONS_MAX / capacity.instruments)
      }: each has a position in ${capacity.instruments} instruments`,
    );
  }
  const { special_orders: special } = capacity;
  if (special !== undefined && special > capacity.orders) {
    add(
      "capacity.special_orders",
      special,
      `must be at most capacity.orders, ${capacity.orders}`,
    );
  }
  if (file.journal.archive_directory !== "" && !file.snapshot.enabled) {
    add(
      "journal.archive_directory",
      file.journal.archive_directory,
      "needs snapshot.enabled: segments leave the journal behind snapshots only",
    );
  }
  const { segment_mib, group_records_max } = file.journal;
  const groupsMax = Math.floor(
    (segment_mib * 1_048_576 - SEGMENT_OWN_BYTES) / RECORD_BYTES_MAX,
  );
  if (group_records_max > groupsMax) {
    add(
      "journal.group_records_max",
      group_records_max,
      `must be at most ${groupsMax}: a group fits into a segment of ${segment_mib} MiB (journal.segment_mib)`,
    );
  }
  const { feed } = file;
  if (feed.group_a === feed.group_b && feed.port_a === feed.port_b) {
    add("feed.group_b", feed.group_b, "is line A's, with the same port");
  }
  checkFeedDevice(file, add);
  if (capacity.receive_window_bytes < 2 * fix.message_bytes_max) {
    add(
      "capacity.receive_window_bytes",
      capacity.receive_window_bytes,
      `must be at least twice fix.message_bytes_max, ${fix.message_bytes_max}`,
    );
  }
}

/** Real-time threads take whole cores: it must be said which, and no two may share one. */
function checkRealTime(file: ConfigFile, add: AddProblem): void {
  const { mode, cores, real_time_priority: priority } = file.topology;
  if (priority === 0) return;
  const threads = mode === "single"
    ? 1
    : 3 + Number(file.dpdk.enabled) + Number(file.replication.role !== "none");
  if (cores.length >= threads) return;
  add(
    "topology.real_time_priority",
    priority,
    `needs ${threads} topology.cores, one for each thread: a real-time thread ` +
      "leaves its core to no other",
  );
}

/** A feed over DPDK against what it needs. */
function checkFeedDevice({ feed, dpdk }: ConfigFile, add: AddProblem): void {
  if (!feed.enabled || feed.transport !== "dpdk") return;
  const why = 'is needed for feed.transport = "dpdk"';
  if (feed.device === "") add("feed.device", feed.device, why);
  if (feed.device_address === "") {
    add("feed.device_address", feed.device_address, why);
  }
  if (feed.hops === 0) {
    add("feed.hops", 0, "must be at least 1: DPDK's frames leave this machine");
  }
  if (!dpdk.enabled) return;
  const name = (device: string): string => device.split(",", 1)[0]!;
  if (name(feed.device) === name(dpdk.device)) {
    add(
      "feed.device",
      feed.device,
      "is dpdk.device: each needs one of its own",
    );
  }
  if (feed.device_address === dpdk.address) {
    add("feed.device_address", feed.device_address, "is dpdk.address already");
  }
}

function toFeed(feed: ConfigFile["feed"]): Config["feed"] {
  return {
    enabled: feed.enabled,
    transport: feed.transport,
    device: feed.device,
    deviceAddress: feed.device_address,
    devicePrefixLength: feed.device_prefix_length,
    address: feed.address,
    groupA: feed.group_a,
    portA: feed.port_a,
    groupB: feed.group_b,
    portB: feed.port_b,
    interfaceA: feed.interface_a,
    interfaceB: feed.interface_b,
    hops: feed.hops,
    requestPort: feed.request_port,
    snapshotPort: feed.snapshot_port,
    snapshotsMax: feed.snapshots_max,
    snapshotUser: feed.snapshot_user,
    snapshotPassword: feed.snapshot_password,
    requestsPerSecond: feed.requests_per_second,
    restartMs: feed.restart_ms,
    historyMessages: feed.history_messages,
    heartbeatMs: feed.heartbeat_ms,
    endMs: feed.end_ms,
    core: feed.core,
  };
}

/** The file's names to the program's. */
function toConfig(file: ConfigFile): Config {
  const { appliance, topology, journal } = file;
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
      realTimePriority: topology.real_time_priority,
    },
    memory: { hugePages: file.memory.huge_pages },
    transport: {
      kind: file.transport.kind,
      kernelPollCore: file.transport.kernel_poll_core,
      busyPollUs: file.transport.busy_poll_us,
      timestamps: file.transport.timestamps,
    },
    capacity: toCapacity(file.capacity),
    journal: {
      durability: journal.durability,
      segmentMib: journal.segment_mib,
      groupRecordsMax: journal.group_records_max,
      freeReserveMib: journal.free_reserve_mib,
      mappedWrites: journal.mapped_writes,
      slowAfterMs: journal.slow_after_ms,
      lagCommandsMax: journal.lag_commands_max,
      archiveDirectory: journal.archive_directory,
      archiveKeepDays: journal.archive_keep_days,
    },
    snapshot: {
      enabled: file.snapshot.enabled,
      commandsBetween: file.snapshot.commands_between,
      secondsBetween: file.snapshot.seconds_between,
      keep: file.snapshot.keep,
      core: file.snapshot.core,
    },
    feed: toFeed(file.feed),
    ...toProtocols(file),
    replication: toReplication(file.replication),
    clock: {
      ptpSocket: file.clock.ptp_socket,
      ptpDomain: file.clock.ptp_domain,
      ptpDevice: file.clock.ptp_device,
    },
    flightRecorder: {
      slots: file.flight_recorder.slots,
      thresholdUs: file.flight_recorder.threshold_us,
      dumps: file.flight_recorder.dumps,
    },
    admin: { address: file.admin.address, port: file.admin.port },
    log: { level: file.log.level, format: file.log.format },
    accounts: file.accounts.map(toAccount),
    instruments: file.instruments.map(toInstrument),
  };
}

function toCapacity(capacity: ConfigFile["capacity"]): Config["capacity"] {
  return {
    orders: capacity.orders,
    sessions: capacity.sessions,
    instruments: capacity.instruments,
    accounts: capacity.accounts,
    specialOrders: capacity.special_orders ?? specialOrdersOf(capacity.orders),
    connections: capacity.connections,
    commandRing: capacity.command_ring,
    eventRing: capacity.event_ring,
    journalRing: capacity.journal_ring,
    depthLevels: capacity.depth_levels,
    receiveWindowBytes: capacity.receive_window_bytes,
    sendWindowBytes: capacity.send_window_bytes,
  };
}

function toReplication(
  replication: ConfigFile["replication"],
): Config["replication"] {
  return {
    role: replication.role,
    group: replication.group,
    address: replication.address,
    port: replication.port,
    peers: replication.peers,
    localDurability: replication.local_durability,
    heartbeatMs: replication.heartbeat_ms,
    timeoutMs: replication.timeout_ms,
    promotedAlone: replication.promoted_alone,
    leaseServers: replication.lease_servers,
    leaseReplicas: replication.lease_replicas,
    leaseMs: replication.lease_ms,
  };
}

function toProtocols(
  { fix, binary, dpdk }: ConfigFile,
): Pick<Config, "fix" | "binary" | "dpdk"> {
  return {
    fix: {
      address: fix.address,
      port: fix.port,
      targetCompId: fix.target_comp_id,
      heartBtIntMinS: fix.heart_bt_int_min_s,
      heartBtIntMaxS: fix.heart_bt_int_max_s,
      logonTimeoutMs: fix.logon_timeout_ms,
      sendingTimeToleranceS: fix.sending_time_tolerance_s,
      messageBytesMax: fix.message_bytes_max,
      sessions: fix.sessions.map(toFixSession),
    },
    binary: {
      address: binary.address,
      tcpPort: binary.tcp_port,
      udpPort: binary.udp_port,
      logonTimeoutMs: binary.logon_timeout_ms,
      sessions: binary.sessions.map(toBinarySession),
    },
    dpdk: {
      enabled: dpdk.enabled,
      device: dpdk.device,
      address: dpdk.address,
      prefixLength: dpdk.prefix_length,
      queues: dpdk.queues,
      fixPort: dpdk.fix_port,
      tcpPort: dpdk.tcp_port,
      udpPort: dpdk.udp_port,
      connections: dpdk.connections,
      fixSessions: dpdk.fix_sessions.map(toFixSession),
      sessions: dpdk.sessions.map(toBinarySession),
    },
  };
}

function toFixSession(
  entry: ConfigFile["fix"]["sessions"][number],
): FixSessionConfig {
  return {
    senderCompId: entry.sender_comp_id,
    username: entry.username ?? entry.sender_comp_id,
    password: entry.password,
    ...toSessionRules(entry),
  };
}

function toBinarySession(
  entry: ConfigFile["binary"]["sessions"][number],
): BinarySessionConfig {
  return { number: entry.number, key: entry.key, ...toSessionRules(entry) };
}
