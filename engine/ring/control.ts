// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The words by which agents on different threads tell each other where they
 * are. Each word lies on a cache line of its own and has one writer, named
 * beside it. Everything else that crosses threads goes through rings.
 *
 * @module
 */

/** Gateways that a control block has room for. */
export const GATEWAYS_MAX = 4;
/** Listeners for which bound ports are told. */
export const LISTENERS_MAX = 8;

const LINE_WORDS = 16;

// Lines of the block, by what they tell.
/** Main thread: 1 = stop in order. */
export const CONTROL_STOP = 0 * LINE_WORDS;
/** Journal: low 32 bits of the newest durable sequence. */
export const CONTROL_DURABLE = 1 * LINE_WORDS;
/** Journal: `JournalState`. */
export const CONTROL_JOURNAL = 2 * LINE_WORDS;
/** Exchange: `ExchangeState`. */
export const CONTROL_EXCHANGE = 3 * LINE_WORDS;
/** Gateway i, at `+ i * 16`: `GatewayState`. */
export const CONTROL_GATEWAY = 4 * LINE_WORDS;
/** Gateway i, at `+ i * 16 + listener`: the bound port. */
export const CONTROL_PORTS = (4 + GATEWAYS_MAX) * LINE_WORDS;
/** Main thread: number of the newest request for a state hash. */
export const CONTROL_HASH_REQUEST = (4 + 2 * GATEWAYS_MAX) * LINE_WORDS;
/** Exchange: number of the newest request that was answered. */
export const CONTROL_HASH_ANSWER = (5 + 2 * GATEWAYS_MAX) * LINE_WORDS;
/** Exchange: the answer, as float64 at half this index: sequence, the hash's four words, bytes of the thread's V8 heap in use. */
export const CONTROL_HASH_VALUE = (6 + 2 * GATEWAYS_MAX) * LINE_WORDS;
/** Journal: float64 at half this index: commands recovered, milliseconds it took. */
export const CONTROL_RECOVERY_VALUE = (7 + 2 * GATEWAYS_MAX) * LINE_WORDS;
/** Journal: low 32 bits of the newest sequence that was written to its file, synced or not. */
export const CONTROL_WRITTEN = (8 + 2 * GATEWAYS_MAX) * LINE_WORDS;

/** Journal: `Reason` for which new orders are refused for now; 0 = none. */
export const CONTROL_PRESSURE = (9 + 2 * GATEWAYS_MAX) * LINE_WORDS;

// Replication: lines from here on.
const REPLICATION_LINE = 16 + 2 * GATEWAYS_MAX;
/** Main thread: `Role`. */
export const CONTROL_ROLE = REPLICATION_LINE * LINE_WORDS;
/** Main thread: 1 = the operator said that no standby is waited for. */
export const CONTROL_ALONE = (REPLICATION_LINE + 1) * LINE_WORDS;
/** Main thread: float64 at half this index: until when the lease holds (nanoseconds of the boot-time clock; Infinity = there is none to hold), and the epoch. */
export const CONTROL_LEASE_VALUE = (REPLICATION_LINE + 2) * LINE_WORDS;
/** Journal: low 32 bits of the newest sequence that is durable on this machine; only with `durability = "replicated"`. */
export const CONTROL_LOCAL = (REPLICATION_LINE + 3) * LINE_WORDS;
/** Main thread before the others start, then the replicator: 1 = ports stay closed. */
export const CONTROL_HOLD = (REPLICATION_LINE + 4) * LINE_WORDS;
/** Replicator: `ReplicatorState`. */
export const CONTROL_REPLICATOR = (REPLICATION_LINE + 5) * LINE_WORDS;
/** Replicator: float64 at half this index, see `ReplicationValue`. */
export const CONTROL_REPLICATION_VALUE = (REPLICATION_LINE + 6) * LINE_WORDS;
/** Exchange: float64 at half this index: the newest sequence when its state changed last. */
export const CONTROL_SEQUENCE_VALUE = (REPLICATION_LINE + 7) * LINE_WORDS;

// A configuration that is taken while it runs.
const CONFIG_LINE = REPLICATION_LINE + 8;
/** Main thread: number of the newest configuration that it gave out. */
export const CONTROL_CONFIG = CONFIG_LINE * LINE_WORDS;
/** Main thread: float64 at half this index: address and bytes of where it lies. */
export const CONTROL_CONFIG_VALUE = (CONFIG_LINE + 1) * LINE_WORDS;
/** Thread i, at `+ i`: number of the newest configuration that it has taken. */
export const CONTROL_CONFIG_TAKEN = (CONFIG_LINE + 2) * LINE_WORDS;

/** Bytes of the block. */
export const CONTROL_BYTES = (CONFIG_LINE + 3) * LINE_WORDS * 4;

/** What an appliance is to its pair. */
export const Role = {
  PRIMARY: 0,
  /** Not decided yet. */
  UNDECIDED: 1,
  STANDBY: 2,
  /** Standby no longer; primary as soon as nothing of the old one can come any more. */
  PROMOTING: 3,
} as const;

export const ReplicatorState = {
  IDLE: 0,
  /** Standby: commands of a primary may come. */
  FOLLOWING: 1,
  /** Standby no longer: no more commands will come into the replica ring. */
  HANDED: 2,
} as const;

/** Places in `CONTROL_REPLICATION_VALUE`. */
export const ReplicationValue = {
  /** 1 = the other half is connected. */
  CONNECTED: 0,
  /** Primary: newest acknowledged by the standby. Standby: newest received. */
  SEQUENCE: 1,
  /** Standby: newest that the primary has written, as it told. */
  PRIMARY: 2,
  /** Epoch of the primary that is followed; primary: a later epoch that a standby knows. */
  EPOCH: 3,
  /** Port that a primary listens on. */
  PORT: 4,
} as const;

export const JournalState = {
  RECOVERING: 0,
  /** All that was on disk has been handed to the exchange; new commands are taken. */
  RECOVERED: 1,
  /** A write or sync failed: nothing is acknowledged any more. */
  FAILED: 2,
  /** Everything is durable and the files are closed. */
  DONE: 3,
} as const;

export const ExchangeState = {
  RECOVERING: 0,
  /** Commands of clients are taken. */
  LIVE: 1,
  /** Stopped: no more commands will come. */
  DONE: 2,
  /** All that the journal had is applied; it waits to be told its role. */
  RECOVERED: 3,
  /** Standby: commands come from the primary. */
  FOLLOWING: 4,
} as const;

export const GatewayState = {
  CLOSED: 0,
  /** Ports are open. */
  OPEN: 1,
  /** Stopping: clients are being logged out. */
  DRAINING: 2,
  /** Nobody is connected and nothing is left to say. */
  DONE: 3,
} as const;
