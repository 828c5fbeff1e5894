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
import {
  accountEntry,
  binarySessionEntry,
  compId,
  fixSessionEntry,
  instrumentEntry,
} from "./entries.ts";
import {
  ENDPOINT,
  IPV4,
  MULTICAST,
  oneOf,
  powerOfTwo,
  text,
  whole,
} from "./fields.ts";

const D = defaultConfig();

const address = text(IPV4, 'an IPv4 address in quotes, such as "127.0.0.1"');
const port = whole(0, 65535);

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
  real_time_priority: v.optional(whole(0, 99), D.topology.realTimePriority),
});

const capacity = section({
  orders: v.optional(whole(1, 2 ** 26), D.capacity.orders),
  sessions: v.optional(whole(2, 65_536), D.capacity.sessions),
  instruments: v.optional(whole(1, 65_535), D.capacity.instruments),
  accounts: v.optional(whole(1, 65_535), D.capacity.accounts),
  special_orders: v.optional(whole(1, 2 ** 26)),
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
    v.array(fixSessionEntry, "tables [[fix.sessions]]"),
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
    v.array(binarySessionEntry, "tables [[binary.sessions]]"),
    D.binary.sessions.map(({ number, key }) => ({ number, key })),
  ),
});

const dpdkDevice = text(
  /^[\x21-\x7e]{0,256}$/,
  "a PCI address or a virtual device with its arguments",
);
const noAddress = v.union(
  [v.literal(""), address],
  'an IPv4 address in quotes, such as "192.0.2.1"',
);

const dpdk = section({
  enabled: v.optional(v.boolean("true or false"), D.dpdk.enabled),
  device: v.optional(dpdkDevice, D.dpdk.device),
  address: v.optional(noAddress, D.dpdk.address),
  prefix_length: v.optional(whole(20, 30), D.dpdk.prefixLength),
  queues: v.optional(whole(0, 16), D.dpdk.queues),
  fix_port: v.optional(port, D.dpdk.fixPort),
  tcp_port: v.optional(port, D.dpdk.tcpPort),
  udp_port: v.optional(port, D.dpdk.udpPort),
  connections: v.optional(whole(1, 1024), D.dpdk.connections),
  fix_sessions: v.optional(
    v.array(fixSessionEntry, "tables [[dpdk.fix_sessions]]"),
    [],
  ),
  sessions: v.optional(
    v.array(binarySessionEntry, "tables [[dpdk.sessions]]"),
    [],
  ),
});

const memory = section({
  huge_pages: v.optional(
    oneOf(["auto", "require", "never"]),
    D.memory.hugePages,
  ),
});

const transport = section({
  kind: v.optional(oneOf(["auto", "io_uring", "plain"]), D.transport.kind),
  kernel_poll_core: v.optional(whole(-1, 1023), D.transport.kernelPollCore),
  busy_poll_us: v.optional(whole(0, 10_000), D.transport.busyPollUs),
  timestamps: v.optional(
    oneOf(["poll", "kernel", "hardware"]),
    D.transport.timestamps,
  ),
});

const journal = section({
  durability: v.optional(
    oneOf(["none", "written", "synced", "replicated"]),
    D.journal.durability,
  ),
  segment_mib: v.optional(whole(1, 4096), D.journal.segmentMib),
  group_records_max: v.optional(whole(1, 65_535), D.journal.groupRecordsMax),
  free_reserve_mib: v.optional(whole(0, 1_048_576), D.journal.freeReserveMib),
  mapped_writes: v.optional(v.boolean(), D.journal.mappedWrites),
  slow_after_ms: v.optional(whole(0, 600_000), D.journal.slowAfterMs),
  lag_commands_max: v.optional(
    whole(0, 4_194_304),
    D.journal.lagCommandsMax,
  ),
  archive_directory: v.optional(
    v.string("a path"),
    D.journal.archiveDirectory,
  ),
  archive_keep_days: v.optional(whole(0, 36_500), D.journal.archiveKeepDays),
});

const snapshot = section({
  enabled: v.optional(v.boolean("true or false"), D.snapshot.enabled),
  commands_between: v.optional(
    whole(1, 1_000_000_000),
    D.snapshot.commandsBetween,
  ),
  seconds_between: v.optional(whole(1, 86_400), D.snapshot.secondsBetween),
  keep: v.optional(whole(1, 100), D.snapshot.keep),
  core: v.optional(whole(-1, 1023), D.snapshot.core),
});

const multicastGroup = text(
  MULTICAST,
  'an IPv4 multicast address in quotes, such as "239.192.0.1"',
);

const feed = section({
  enabled: v.optional(v.boolean("true or false"), D.feed.enabled),
  transport: v.optional(oneOf(["kernel", "dpdk"]), D.feed.transport),
  device: v.optional(dpdkDevice, D.feed.device),
  device_address: v.optional(noAddress, D.feed.deviceAddress),
  device_prefix_length: v.optional(whole(20, 30), D.feed.devicePrefixLength),
  address: v.optional(address, D.feed.address),
  group_a: v.optional(multicastGroup, D.feed.groupA),
  port_a: v.optional(whole(1, 65535), D.feed.portA),
  group_b: v.optional(multicastGroup, D.feed.groupB),
  port_b: v.optional(whole(1, 65535), D.feed.portB),
  interface_a: v.optional(address, D.feed.interfaceA),
  interface_b: v.optional(address, D.feed.interfaceB),
  hops: v.optional(whole(0, 255), D.feed.hops),
  request_port: v.optional(port, D.feed.requestPort),
  snapshot_port: v.optional(port, D.feed.snapshotPort),
  snapshots_max: v.optional(whole(1, 64), D.feed.snapshotsMax),
  snapshot_user: v.optional(
    text(/^[\x21-\x7e]{0,6}$/, "up to 6 characters without spaces"),
    D.feed.snapshotUser,
  ),
  snapshot_password: v.optional(
    text(/^[\x21-\x7e]{0,10}$/, "up to 10 characters without spaces"),
    D.feed.snapshotPassword,
  ),
  requests_per_second: v.optional(
    whole(1, 1_000_000),
    D.feed.requestsPerSecond,
  ),
  restart_ms: v.optional(whole(1000, 3_600_000), D.feed.restartMs),
  history_messages: v.optional(
    powerOfTwo(1024, 16_777_216),
    D.feed.historyMessages,
  ),
  heartbeat_ms: v.optional(whole(10, 60_000), D.feed.heartbeatMs),
  end_ms: v.optional(whole(0, 60_000), D.feed.endMs),
  core: v.optional(whole(-1, 1023), D.feed.core),
});

const endpoint = text(
  ENDPOINT,
  'an IPv4 address and a port, such as "192.0.2.1:9020"',
);

const replication = section({
  role: v.optional(
    oneOf(["none", "primary", "standby", "auto"]),
    D.replication.role,
  ),
  group: v.optional(
    text(/^[A-Za-z0-9_-]{1,64}$/, "1 to 64 letters, digits and any of _ -"),
    D.replication.group,
  ),
  address: v.optional(address, D.replication.address),
  port: v.optional(port, D.replication.port),
  peers: v.optional(
    v.array(endpoint, 'a list such as ["192.0.2.1:9020"]'),
    [],
  ),
  local_durability: v.optional(
    oneOf(["written", "synced"]),
    D.replication.localDurability,
  ),
  heartbeat_ms: v.optional(whole(10, 10_000), D.replication.heartbeatMs),
  timeout_ms: v.optional(whole(100, 60_000), D.replication.timeoutMs),
  promoted_alone: v.optional(
    v.boolean("true or false"),
    D.replication.promotedAlone,
  ),
  lease_servers: v.optional(
    v.array(endpoint, 'a list such as ["192.0.2.1:4222"]'),
    [],
  ),
  lease_replicas: v.optional(whole(1, 5), D.replication.leaseReplicas),
  lease_ms: v.optional(whole(1000, 600_000), D.replication.leaseMs),
});

const clock = section({
  ptp_socket: v.optional(
    text(/^(\/[^\0]{1,106})?$/, "a path of at most 107 bytes, or nothing"),
    D.clock.ptpSocket,
  ),
  ptp_domain: v.optional(whole(0, 255), D.clock.ptpDomain),
  ptp_device: v.optional(
    text(/^(\/dev\/[a-z0-9]{1,32})?$/, 'a device such as "/dev/ptp0", or ""'),
    D.clock.ptpDevice,
  ),
});

const flightRecorder = section({
  slots: v.optional(
    v.union(
      [v.literal(0), powerOfTwo(1024, 1_048_576)],
      "0, or a power of two from 1024 to 1048576",
    ),
    D.flightRecorder.slots,
  ),
  threshold_us: v.optional(
    whole(0, 1_000_000_000),
    D.flightRecorder.thresholdUs,
  ),
  dumps: v.optional(whole(1, 1000), D.flightRecorder.dumps),
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
  transport: v.optional(transport, {}),
  capacity: v.optional(capacity, {}),
  journal: v.optional(journal, {}),
  snapshot: v.optional(snapshot, {}),
  feed: v.optional(feed, {}),
  fix: v.optional(fix, {}),
  binary: v.optional(binary, {}),
  dpdk: v.optional(dpdk, {}),
  replication: v.optional(replication, {}),
  clock: v.optional(clock, {}),
  flight_recorder: v.optional(flightRecorder, {}),
  admin: v.optional(admin, {}),
  log: v.optional(log, {}),
  accounts: v.optional(v.array(accountEntry, "tables [[accounts]]"), []),
  instruments: v.optional(
    v.pipe(
      v.array(instrumentEntry, "tables [[instruments]]"),
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
