// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Every key of the configuration file with its default, its unit and the
 * reason for that default: one table, from which a commented file is printed.
 *
 * @module
 */
import { defaultConfig } from "./defaults.ts";

/** A value as it can stand in TOML. */
export type TomlValue =
  | string
  | number
  | boolean
  | readonly string[]
  | readonly number[]
  | Readonly<Record<string, string>>
  | readonly Readonly<Record<string, string>>[];

/** One key and what holds if the file says nothing. */
export interface DefaultEntry {
  /** `section.key`. */
  readonly key: string;
  readonly value: TomlValue;
  /** "" = none. */
  readonly unit: string;
  readonly reason: string;
}

const D = defaultConfig();

function entry(
  key: string,
  value: TomlValue,
  unit: string,
  reason: string,
): DefaultEntry {
  return { key, value, unit, reason };
}

/** The table, in the order of the file. Lists of tables are printed after it. */
export const DEFAULTS: readonly DefaultEntry[] = [
  entry(
    "appliance.name",
    D.appliance.name,
    "",
    "Stands in log lines and metrics, to tell appliances apart.",
  ),
  entry(
    "appliance.data_directory",
    D.appliance.dataDirectory,
    "path",
    "Journal and session stores; a fresh clone keeps them beside itself.",
  ),
  entry(
    "appliance.drain_timeout_ms",
    D.appliance.drainTimeoutMs,
    "ms",
    "Long enough for clients to answer a logout, shorter than systemd's patience.",
  ),
  entry(
    "topology.mode",
    D.topology.mode,
    "single or pinned",
    "One thread works on any machine; pinned wants a core for each agent.",
  ),
  entry(
    "topology.cores",
    D.topology.cores,
    "core of each thread",
    "Empty pins nothing: which cores are isolated is known on the machine only.",
  ),
  entry(
    "topology.spin_rounds",
    D.topology.spinRounds,
    "rounds",
    "Idle rounds before yielding; a few dozen microseconds, the gap between bursts.",
  ),
  entry(
    "topology.yield_rounds",
    D.topology.yieldRounds,
    "rounds",
    "Idle rounds that yield before the thread sleeps.",
  ),
  entry(
    "topology.sleep_us",
    D.topology.sleepUs,
    "us, 0 = never sleep",
    "An idle laptop stays cool; a trading machine sets 0 and spins.",
  ),
  entry(
    "topology.real_time_priority",
    D.topology.realTimePriority,
    "1 to 99, 0 = off",
    "Threads with cores of their own need none; where others share the cores, it keeps them waiting (SCHED_FIFO). Needs topology.cores and the right to it.",
  ),
  entry(
    "memory.huge_pages",
    D.memory.hugePages,
    "auto, require or never",
    "Faster where the machine has them, and a start anywhere; require for production.",
  ),
  entry(
    "transport.kind",
    D.transport.kind,
    "auto, io_uring or plain",
    "Who waits for the kernel's sockets: what this host allows and does quicker, measured for 60 ms at start; a name takes that one or does not start.",
  ),
  entry(
    "transport.kernel_poll_core",
    D.transport.kernelPollCore,
    "core, -1 = none; needs kind io_uring",
    "A kernel thread that submits for us takes a core of its own and answers later where it was measured: for hosts where it measures better.",
  ),
  entry(
    "transport.busy_poll_us",
    D.transport.busyPollUs,
    "us, 0 = not; needs kind io_uring",
    "Polling the card instead of waiting for its interrupt depends on card and driver: measure it there. 50 is a usual value.",
  ),
  entry(
    "transport.timestamps",
    D.transport.timestamps,
    "poll, kernel or hardware",
    "Whose time of receipt: ours when we look costs nothing; the kernel's also sees what waited in its queues, for 4 to 7 % of an answer's time; the card's needs PTP.",
  ),
  entry(
    "capacity.orders",
    D.capacity.orders,
    "orders in the books",
    "A million resting orders is more than a large venue holds for a thousand symbols.",
  ),
  entry(
    "capacity.sessions",
    D.capacity.sessions,
    "sessions",
    "All protocols together; an index for each stands in records for ever.",
  ),
  entry(
    "capacity.instruments",
    D.capacity.instruments,
    "instruments",
    "Room to add symbols without a new data directory, also while it runs.",
  ),
  entry(
    "capacity.accounts",
    D.capacity.accounts,
    "accounts",
    "40 bytes for each account and instrument: 2.5 MiB. Sessions without one need none.",
  ),
  entry(
    "capacity.special_orders",
    D.capacity.specialOrders,
    "orders with terms, of capacity.orders",
    "Stops, icebergs, pegs and the like need a second record; a quarter of all orders, at least 1000.",
  ),
  entry(
    "capacity.connections",
    D.capacity.connections,
    "TCP connections",
    "Each has its windows in locked memory; clients of one hall are few.",
  ),
  entry(
    "capacity.command_ring",
    D.capacity.commandRing,
    "slots, power of two",
    "12 MiB: some ten milliseconds at full rate, so a busy disk does not stop clients.",
  ),
  entry(
    "capacity.event_ring",
    D.capacity.eventRing,
    "slots, power of two",
    "12 MiB: events wait here until their command is durable.",
  ),
  entry(
    "capacity.journal_ring",
    D.capacity.journalRing,
    "slots, power of two",
    "12 MiB: commands that wait for the disk.",
  ),
  entry(
    "capacity.depth_levels",
    D.capacity.depthLevels,
    "price levels a side",
    "What the admin port shows of a book.",
  ),
  entry(
    "capacity.receive_window_bytes",
    D.capacity.receiveWindowBytes,
    "bytes a connection, power of two",
    "Seven of the largest binary packets, or some hundred orders of FIX.",
  ),
  entry(
    "capacity.send_window_bytes",
    D.capacity.sendWindowBytes,
    "bytes a connection, power of two",
    "Absorbs a burst of fills; a client that lags more is slowed down.",
  ),
  entry(
    "journal.durability",
    D.journal.durability,
    "none, written, synced or replicated",
    "Nothing that was acknowledged is lost when power goes.",
  ),
  entry(
    "journal.segment_mib",
    D.journal.segmentMib,
    "MiB",
    "About a million orders a file: quick to check, few enough to list.",
  ),
  entry(
    "journal.group_records_max",
    D.journal.groupRecordsMax,
    "commands in one write",
    "512 KiB to 1.5 MiB, where disks reach their full rate.",
  ),
  entry(
    "journal.free_reserve_mib",
    D.journal.freeReserveMib,
    "MiB, 0 = none",
    "Two segments: new orders are refused before cancels have no room.",
  ),
  entry(
    "journal.mapped_writes",
    D.journal.mappedWrites,
    "true or false",
    "Without syncs a group is copied into the mapped segment, 30 ns instead of a call of 600.",
  ),
  entry(
    "journal.slow_after_ms",
    D.journal.slowAfterMs,
    "ms, 0 = never",
    "A disk's hiccup passes; who waits longer for an answer should be told to stop.",
  ),
  entry(
    "journal.lag_commands_max",
    D.journal.lagCommandsMax,
    "commands, 0 = never",
    "A full ring makes clients wait already; set it to refuse them instead.",
  ),
  entry(
    "journal.archive_directory",
    D.journal.archiveDirectory,
    "folder, empty = segments stay",
    "Where to keep them, and how long, is the venue's decision.",
  ),
  entry(
    "journal.archive_keep_days",
    D.journal.archiveKeepDays,
    "days, 0 = for ever",
    "Nothing is deleted unasked.",
  ),
  entry(
    "snapshot.enabled",
    D.snapshot.enabled,
    "true or false",
    "A restart is quick however long the day was, and each answer is computed twice.",
  ),
  entry(
    "snapshot.commands_between",
    D.snapshot.commandsBetween,
    "commands",
    "As many are replayed in a second or two.",
  ),
  entry(
    "snapshot.seconds_between",
    D.snapshot.secondsBetween,
    "s",
    "A quiet venue too can let go of old segments now and then.",
  ),
  entry(
    "snapshot.keep",
    D.snapshot.keep,
    "snapshots",
    "If the newest is damaged on the disk, the one before still helps.",
  ),
  entry(
    "snapshot.core",
    D.snapshot.core,
    "number, -1 = not pinned",
    "It needs a core, but never the engine's; the kernel finds an idle one.",
  ),
  entry(
    "feed.enabled",
    D.feed.enabled,
    "true or false",
    "Publishing takes a core and the engine's memory once more; not every venue shows its book.",
  ),
  entry(
    "feed.transport",
    D.feed.transport,
    '"kernel" or "dpdk"',
    "The kernel's sockets need no card of their own; snapshots stay with them either way.",
  ),
  entry(
    "feed.device",
    D.feed.device,
    "device of DPDK's",
    "Of the feed alone: a port belongs to one thread, and gateways have theirs.",
  ),
  entry(
    "feed.device_address",
    D.feed.deviceAddress,
    "IPv4",
    "Nobody but you knows which address of your network is free.",
  ),
  entry(
    "feed.device_prefix_length",
    D.feed.devicePrefixLength,
    "bits",
    "A rack's network.",
  ),
  entry(
    "feed.address",
    D.feed.address,
    "IPv4",
    "Requests and snapshots from outside are let in by name only.",
  ),
  entry(
    "feed.group_a",
    D.feed.groupA,
    "IPv4 multicast",
    "Of the range that an organisation may use as it likes (RFC 2365).",
  ),
  entry(
    "feed.port_a",
    D.feed.portA,
    "UDP port",
    "Beside the group, so that no other group's packets are taken for it.",
  ),
  entry(
    "feed.group_b",
    D.feed.groupB,
    "IPv4 multicast",
    "The same messages once more: a packet lost on one line came on the other.",
  ),
  entry(
    "feed.port_b",
    D.feed.portB,
    "UDP port",
    "A receiver of both lines on one machine tells them apart.",
  ),
  entry(
    "feed.interface_a",
    D.feed.interfaceA,
    "IPv4 of an interface",
    "Nothing leaves the machine before somebody says where to.",
  ),
  entry(
    "feed.interface_b",
    D.feed.interfaceB,
    "IPv4 of an interface",
    "Another card and switch than line A, in earnest.",
  ),
  entry(
    "feed.hops",
    D.feed.hops,
    "hops",
    "Not beyond the first router, unless somebody wants it.",
  ),
  entry(
    "feed.request_port",
    D.feed.requestPort,
    "UDP port, 0 = any free",
    "Beside the lines' ports.",
  ),
  entry(
    "feed.snapshot_port",
    D.feed.snapshotPort,
    "TCP port, 0 = any free",
    "Beside the lines' ports.",
  ),
  entry(
    "feed.snapshots_max",
    D.feed.snapshotsMax,
    "clients",
    "Each holds a copy of the book while it is sent.",
  ),
  entry(
    "feed.snapshot_user",
    D.feed.snapshotUser,
    "6 characters",
    "It goes with the password.",
  ),
  entry(
    "feed.snapshot_password",
    D.feed.snapshotPassword,
    "10 characters, empty = everyone",
    "A snapshot tells what the groups tell to all; whom they do not reach should not log in.",
  ),
  entry(
    "feed.requests_per_second",
    D.feed.requestsPerSecond,
    "requests of one address",
    "A million messages in half a minute; more is a receiver that should take a snapshot.",
  ),
  entry(
    "feed.restart_ms",
    D.feed.restartMs,
    "ms",
    "What made it fail has time to go away, and the log stays readable.",
  ),
  entry(
    "feed.history_messages",
    D.feed.historyMessages,
    "messages, a power of two",
    "64 MiB; who has lost more is quicker with a snapshot.",
  ),
  entry(
    "feed.heartbeat_ms",
    D.feed.heartbeatMs,
    "ms",
    "What receivers of MoldUDP64 expect.",
  ),
  entry(
    "feed.end_ms",
    D.feed.endMs,
    "ms",
    "Who lost the last messages has the time to ask for them.",
  ),
  entry(
    "feed.core",
    D.feed.core,
    "number, -1 = not pinned",
    "It sleeps when nothing happens; the kernel finds an idle core.",
  ),
  entry(
    "fix.address",
    D.fix.address,
    "IPv4",
    "Nobody from outside gets in before the sessions have secrets of their own.",
  ),
  entry(
    "fix.port",
    D.fix.port,
    "TCP port, 0 = any free",
    "What FIX acceptors usually take.",
  ),
  entry(
    "fix.target_comp_id",
    D.fix.targetCompId,
    "",
    "Our name; clients send it as TargetCompID (56).",
  ),
  entry(
    "fix.heart_bt_int_min_s",
    D.fix.heartBtIntMinS,
    "s",
    "Below a second, heartbeats would outnumber orders.",
  ),
  entry(
    "fix.heart_bt_int_max_s",
    D.fix.heartBtIntMaxS,
    "s",
    "A dead client is found within the hour even if it asks for less care.",
  ),
  entry(
    "fix.logon_timeout_ms",
    D.fix.logonTimeoutMs,
    "ms",
    "A connection without Logon holds a place that others want.",
  ),
  entry(
    "fix.sending_time_tolerance_s",
    D.fix.sendingTimeToleranceS,
    "s",
    "The session protocol's usual two minutes.",
  ),
  entry(
    "fix.message_bytes_max",
    D.fix.messageBytesMax,
    "bytes",
    "Thirty times an order; longer messages are refused.",
  ),
  entry("binary.address", D.binary.address, "IPv4", "As for FIX."),
  entry(
    "binary.tcp_port",
    D.binary.tcpPort,
    "TCP port, 0 = any free",
    "Beside the metrics port, easy to remember.",
  ),
  entry(
    "binary.udp_port",
    D.binary.udpPort,
    "UDP port, 0 = any free",
    "One above the TCP port, so that captures can tell them apart.",
  ),
  entry(
    "binary.logon_timeout_ms",
    D.binary.logonTimeoutMs,
    "ms",
    "A logon is the first packet; five seconds forgive a slow start.",
  ),
  entry(
    "dpdk.enabled",
    D.dpdk.enabled,
    "",
    "It takes a card away from the kernel: only on purpose.",
  ),
  entry(
    "dpdk.device",
    D.dpdk.device,
    "PCI address or virtual device",
    "Which card is free is known on the machine only.",
  ),
  entry(
    "dpdk.address",
    D.dpdk.address,
    "IPv4",
    "The card has no address of its own once the kernel has let go of it.",
  ),
  entry(
    "dpdk.prefix_length",
    D.dpdk.prefixLength,
    "bits",
    "A direct connection rarely has more than 254 hosts.",
  ),
  entry(
    "dpdk.queues",
    D.dpdk.queues,
    "receive queues, 0 = as the device's arguments say, else one",
    "One thread looks through all of them; one is quickest while it keeps up.",
  ),
  entry(
    "dpdk.fix_port",
    D.dpdk.fixPort,
    "TCP port, 0 = no FIX here",
    "The same as over the kernel, so that clients change the address only.",
  ),
  entry(
    "dpdk.tcp_port",
    D.dpdk.tcpPort,
    "TCP port, 0 = binary not over TCP",
    "As over the kernel.",
  ),
  entry(
    "dpdk.udp_port",
    D.dpdk.udpPort,
    "UDP port, 0 = binary not over UDP",
    "As over the kernel.",
  ),
  entry(
    "dpdk.connections",
    D.dpdk.connections,
    "TCP connections, 1 to 1024",
    "As many as over the kernel; each takes both windows of [capacity] and a third more.",
  ),
  entry(
    "replication.role",
    D.replication.role,
    "none, primary, standby or auto",
    "A standby is a second machine: it must be set up. With auto the lease decides.",
  ),
  entry(
    "replication.group",
    D.replication.group,
    "",
    "Name of the pair and of its lease; a stranger is turned away by it.",
  ),
  entry(
    "replication.address",
    D.replication.address,
    "IPv4",
    "Where a primary listens for its standby. The link has no secrets: give it a network of its own.",
  ),
  entry(
    "replication.port",
    D.replication.port,
    "TCP port, 0 = any free",
    "Beside the client ports, easy to remember.",
  ),
  entry(
    "replication.peers",
    D.replication.peers,
    "ADDRESS:PORT",
    "Whom a standby calls: replication.address and port of the other machine.",
  ),
  entry(
    "replication.local_durability",
    D.replication.localDurability,
    "written or synced, on both machines",
    "With replicated, two machines have a command; synced survives that both lose power at once.",
  ),
  entry(
    "replication.heartbeat_ms",
    D.replication.heartbeatMs,
    "ms",
    "Ten a second: nothing beside orders, and a dead link is found soon.",
  ),
  entry(
    "replication.timeout_ms",
    D.replication.timeoutMs,
    "ms",
    "A link silent for so long is made anew; a busy disk may hold a standby up for a second.",
  ),
  entry(
    "replication.promoted_alone",
    D.replication.promotedAlone,
    "",
    "With replicated: a promoted standby acknowledges alone until it has a standby; else promotion serves nobody.",
  ),
  entry(
    "replication.lease_servers",
    D.replication.leaseServers,
    "ADDRESS:PORT of NATS servers",
    "Which ones there are is known on the site only; empty = no lease, and only people promote.",
  ),
  entry(
    "replication.lease_replicas",
    D.replication.leaseReplicas,
    "servers",
    "With three, one may fail.",
  ),
  entry(
    "replication.lease_ms",
    D.replication.leaseMs,
    "ms",
    "NATS needs up to ten seconds to replace a server that died; the primary must outlive that.",
  ),
  entry(
    "clock.ptp_socket",
    D.clock.ptpSocket,
    "path",
    "Where ptp4l answers by itself; where there is none, the clock's page says so. Nothing = do not ask.",
  ),
  entry(
    "clock.ptp_domain",
    D.clock.ptpDomain,
    "domain of PTP",
    "ptp4l's own; it answers to no other.",
  ),
  entry(
    "clock.ptp_device",
    D.clock.ptpDevice,
    "device",
    "A card's clock, such as /dev/ptp0, that is compared with ours; which one it is, is known on the machine only.",
  ),
  entry(
    "flight_recorder.slots",
    D.flightRecorder.slots,
    "messages, 0 = none",
    "4 MiB: the times of the last 65 ms at a million messages a second, minutes of an ordinary day.",
  ),
  entry(
    "flight_recorder.threshold_us",
    D.flightRecorder.thresholdUs,
    "us, 0 = never",
    "A message that takes longer from receipt to answer is written down with its neighbours; no healthy host takes 100 ms.",
  ),
  entry(
    "flight_recorder.dumps",
    D.flightRecorder.dumps,
    "files",
    "Some hundred KiB each; the oldest goes.",
  ),
  entry(
    "admin.address",
    D.admin.address,
    "IPv4",
    "Metrics and health tell about clients; they are for the machine itself.",
  ),
  entry(
    "admin.port",
    D.admin.port,
    "TCP port, 0 = any free",
    "Where Prometheus looks by habit.",
  ),
  entry(
    "log.level",
    D.log.level,
    "debug, info, warn or error",
    "What an operator needs to know, one line each.",
  ),
  entry(
    "log.format",
    D.log.format,
    "auto, json or text",
    "Text for a person at a terminal, JSON for everything else.",
  ),
];

/** A key of an entry of a list of tables that may be left out. */
export interface EntryKey {
  readonly key: string;
  /** What holds if it is left out, in words. */
  readonly without: string;
  /** A value to start from, as it would stand in the file. */
  readonly example: TomlValue;
  readonly reason: string;
}

function key(
  name: string,
  example: TomlValue,
  without: string,
  reason: string,
): EntryKey {
  return { key: name, without, example, reason };
}

/** Keys of every session. */
export const SESSION_KEYS: readonly EntryKey[] = [
  key(
    "account",
    "DESK",
    "none",
    "Name of the [[accounts]] that its orders belong to. It changes at a start only, without open orders.",
  ),
  key(
    "group",
    1,
    "0 = none",
    "A number; sessions of one firm share it.",
  ),
  key(
    "self_trade_prevention",
    "cancel-newest",
    "none",
    "none, cancel-newest, cancel-oldest, cancel-both, decrement or decrement-and-cancel; none, because it changes who trades.",
  ),
  key(
    "self_trade_scope",
    "account",
    "session",
    "session, account or group: whose orders must not meet; session needs nothing else to be set.",
  ),
  key(
    "messages_max",
    10_000,
    "0 = any number",
    "Orders and replaces in an interval, those above are refused; what a client needs is its own to know.",
  ),
  key(
    "messages_interval_ms",
    1000,
    "1000",
    "A second is what people count in.",
  ),
];

/** Keys of a FIX session that say where its password is; `key_` in place of `password_` for the others. */
export const SECRET_KEYS: readonly EntryKey[] = [
  key(
    "password_file",
    "/etc/ferrule/secrets/CLIENT1",
    "password",
    "A file with nothing else in it; a reload reads it anew.",
  ),
  key(
    "password_credential",
    "CLIENT1",
    "password",
    "A name of LoadCredential= in the unit, which is loaded when the unit starts.",
  ),
];

/** Keys of `[[accounts]]` besides its name. */
export const ACCOUNT_KEYS: readonly EntryKey[] = [
  key("group", 1, "0 = any session", "Only sessions of this group may use it."),
  key(
    "quantity",
    100_000,
    "no limit",
    "Lots of one order, whatever the instrument; what passes it is refused.",
  ),
  key(
    "soft_quantity",
    50_000,
    "no limit",
    "The same, but what passes it is only told to the operator; below the hard limit.",
  ),
  key(
    "notional",
    5_000_000_000,
    "no limit",
    "Ticks x lots of one order: 5,000,000,000 are 50 million where the tick is 0.01 and the lot 1.",
  ),
  key("soft_notional", 1_000_000_000, "no limit", "Told, not refused."),
  key("open_orders", 5000, "no limit", "Live orders, stops too."),
  key("soft_open_orders", 4000, "no limit", "Told, not refused."),
  key(
    "position",
    1_000_000,
    "no limit",
    "Lots, long or short, in each instrument, with all open orders of a side filled.",
  ),
  key("soft_position", 800_000, "no limit", "Told, not refused."),
  key("restricted", ["AAPL"], "[]", "Symbols that it may not trade."),
];

/** Keys of `[[instruments]]` besides symbol, tick_size and lot_size. */
export const INSTRUMENT_KEYS: readonly EntryKey[] = [
  key("max_quantity", "1000000", "no limit", "Of one order."),
  key("max_notional", "50000000", "no limit", "Price x quantity of one order."),
  key(
    "tick_table",
    [{ from: "0", step: "0.01" }, { from: "100", step: "0.05" }],
    "every tick",
    "Which multiple of tick_size a price must be, from which price on; 8 at most.",
  ),
  key("lot_step", "10", "every lot", "Quantities are multiples of this."),
  key(
    "reference_price",
    "187.50",
    "none",
    "What a new instrument starts with; auctions and commands replace it.",
  ),
  key(
    "price_collar",
    "10",
    "none",
    "How far a limit price may be from the reference price.",
  ),
  key(
    "market_collar",
    "1",
    "none",
    "How far a market order may go from the best price of the other side.",
  ),
  key(
    "price_band",
    { low: "100", high: "300" },
    "none",
    "Lowest and highest price.",
  ),
  key(
    "volatility_range",
    "5",
    "none",
    "Trades further than this from the reference price start an auction instead.",
  ),
  key(
    "volatility_auction_ms",
    300_000,
    "300000",
    "Five minutes: people have time to look, and it ends by itself; 0 = until told.",
  ),
  key("group", 1, "0 = none", "A number; states are set for a group at once."),
  key(
    "state",
    "pre-open",
    "open",
    "What a new instrument starts with; later ones are commands. Open, so that a fresh one trades.",
  ),
];

/** The defaults as a commented TOML file; `loadConfig` reads it back. */
export function defaultToml(): string {
  const lines = [
    "# Ferrule: every key with its default, and why it is so.",
    "# Leave out what you do not change.",
  ];
  let section = "";
  for (const { key, value, unit, reason } of DEFAULTS) {
    const [name, own] = key.split(".");
    if (name !== section) {
      if (section !== "") lines.push(...sessionLines(section));
      section = name!;
      lines.push("", `[${section}]`);
    }
    lines.push(`# ${reason}${unit === "" ? "" : ` (${unit})`}`);
    lines.push(`${own} = ${tomlValue(value)}`);
  }
  lines.push(...accountLines(), ...instrumentLines());
  return `${lines.join("\n")}\n`;
}

function tomlValue(value: TomlValue): string {
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const pairs = Object.entries(value).map(([name, text]) =>
    `${name} = ${JSON.stringify(text)}`
  );
  return `{ ${pairs.join(", ")} }`;
}

/** Keys that may be left out, as comments. */
function keyLines(keys: readonly EntryKey[]): string[] {
  return keys.flatMap(({ key, without, example, reason }) => [
    `#   ${reason} Without: ${without}.`,
    `# ${key} = ${tomlValue(example)}`,
  ]);
}

function sessionLines(section: string): string[] {
  if (section === "fix") {
    return [
      "",
      "# Who may log on. The password demo is refused on any address but loopback.",
      ...D.fix.sessions.flatMap((session) => [
        "[[fix.sessions]]",
        `sender_comp_id = ${tomlValue(session.senderCompId)}`,
        `username = ${tomlValue(session.username)}`,
        `password = ${tomlValue(session.password)}`,
      ]),
      "# In place of a password, where it stands; in place of a key likewise, key_file and key_credential:",
      ...keyLines(SECRET_KEYS),
      "# Every session may have besides, here and in the lists below:",
      ...keyLines(SESSION_KEYS),
    ];
  }
  if (section === "binary") {
    return [
      "",
      "# Who may log on. This key is refused on any address but loopback.",
      ...D.binary.sessions.flatMap(({ number, key }) => [
        "[[binary.sessions]]",
        `number = ${number}`,
        `key = ${tomlValue(key)}`,
      ]),
    ];
  }
  if (section === "dpdk") {
    return [
      "# [[dpdk.fix_sessions]] as [[fix.sessions]], with other names,",
      "# [[dpdk.sessions]] as [[binary.sessions]], with other numbers.",
    ];
  }
  return [];
}

function accountLines(): string[] {
  return [
    "",
    "# Accounts that sessions trade for: none, because limits are the firm's own to know.",
    "# Lots and ticks are those of the instrument at hand.",
    "# [[accounts]]",
    '# name = "DESK"',
    ...keyLines(ACCOUNT_KEYS),
  ];
}

function instrumentLines(): string[] {
  return [
    "",
    "# In the order of their indexes, which the binary protocol calls symbols.",
    "# Prices, distances between prices and quantities are decimals in quotes.",
    ...D.instruments.flatMap((instrument) => [
      "[[instruments]]",
      `symbol = ${tomlValue(instrument.symbol)}`,
      `tick_size = "${decimalText(instrument.tickSizeE8)}"`,
      `lot_size = "${decimalText(instrument.lotSizeE8)}"`,
    ]),
    "# Each may have besides:",
    ...keyLines(INSTRUMENT_KEYS),
  ];
}

/** A value x 1e8 as a decimal without needless zeros. */
export function decimalText(valueE8: number): string {
  const digits = String(valueE8).padStart(9, "0");
  const fraction = digits.slice(-8).replace(/0+$/, "");
  const units = digits.slice(0, -8);
  return fraction === "" ? units : `${units}.${fraction}`;
}
