// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The validated configuration, as the rest of the program sees it. Plain data:
 * it travels to workers. Keys of the TOML file are the same names in
 * snake_case.
 *
 * @module
 */

export interface Config {
  readonly appliance: {
    readonly name: string;
    /** Folder of journal and session stores. */
    readonly dataDirectory: string;
    /** How long an orderly stop waits for clients to log out. */
    readonly drainTimeoutMs: number;
  };
  readonly topology: {
    readonly mode: "single" | "pinned";
    /** Core of thread i; empty = not pinned. */
    readonly cores: readonly number[];
    readonly spinRounds: number;
    readonly yieldRounds: number;
    /** Longest sleep of an idle thread, microseconds; 0 = never sleep. */
    readonly sleepUs: number;
  };
  readonly memory: { readonly hugePages: "auto" | "require" | "never" };
  readonly capacity: {
    readonly orders: number;
    readonly sessions: number;
    readonly instruments: number;
    readonly connections: number;
    readonly commandRing: number;
    readonly eventRing: number;
    readonly journalRing: number;
    /** Levels a side that are published for `/book`. */
    readonly depthLevels: number;
    /** Bytes received and not yet read, for each connection. */
    readonly receiveWindowBytes: number;
    /** Bytes to send and not yet taken by the kernel, for each connection and half. */
    readonly sendWindowBytes: number;
  };
  readonly journal: {
    readonly durability: "none" | "written" | "synced";
    readonly segmentMib: number;
    readonly groupRecordsMax: number;
  };
  readonly fix: {
    readonly address: string;
    readonly port: number;
    readonly targetCompId: string;
    readonly heartBtIntMinS: number;
    readonly heartBtIntMaxS: number;
    readonly logonTimeoutMs: number;
    readonly sendingTimeToleranceS: number;
    readonly messageBytesMax: number;
    readonly sessions: readonly FixSessionConfig[];
  };
  readonly binary: {
    readonly address: string;
    readonly tcpPort: number;
    readonly udpPort: number;
    readonly logonTimeoutMs: number;
    readonly sessions: readonly BinarySessionConfig[];
  };
  readonly dpdk: {
    readonly enabled: boolean;
    /** EAL device: a virtual device with its arguments, or a PCI address. */
    readonly device: string;
    readonly address: string;
    readonly prefixLength: number;
    readonly udpPort: number;
    readonly sessions: readonly BinarySessionConfig[];
  };
  readonly admin: { readonly address: string; readonly port: number };
  readonly log: {
    readonly level: "debug" | "info" | "warn" | "error";
    /** "auto" = text on a terminal, json otherwise. */
    readonly format: "auto" | "json" | "text";
  };
  readonly instruments: readonly InstrumentConfig[];
}

export interface FixSessionConfig {
  readonly senderCompId: string;
  readonly username: string;
  readonly password: string;
}

export interface BinarySessionConfig {
  /** 1 and up; what the packet header carries. */
  readonly number: number;
  /** Decimal digits of a u64. */
  readonly key: string;
}

export interface InstrumentConfig {
  readonly symbol: string;
  /** x 1e8, from a decimal string. */
  readonly tickSizeE8: number;
  /** x 1e8, from a decimal string. */
  readonly lotSizeE8: number;
  /** Largest quantity of one order, lots. */
  readonly quantityLotsMax: number;
  /** Largest price x quantity of one order, ticks x lots. */
  readonly notionalMax: number;
}
