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
    /** SCHED_FIFO priority of the engine's threads, 1 to 99; 0 = ordinary threads. */
    readonly realTimePriority: number;
  };
  readonly memory: { readonly hugePages: "auto" | "require" | "never" };
  readonly transport: {
    /** Who waits for the kernel's sockets; "auto" = what is quicker on this host. */
    readonly kind: "auto" | "io_uring" | "plain";
    /** io_uring: core of a kernel thread that polls for what is submitted; -1 = none. */
    readonly kernelPollCore: number;
    /** io_uring: how long the kernel polls the network card, microseconds; 0 = not. */
    readonly busyPollUs: number;
    /** Whose time of receipt: our own at the poll, the kernel's, or the card's. */
    readonly timestamps: "poll" | "kernel" | "hardware";
  };
  readonly capacity: {
    readonly orders: number;
    readonly sessions: number;
    readonly instruments: number;
    readonly accounts: number;
    /** Of `orders`: those with terms. */
    readonly specialOrders: number;
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
    readonly durability: "none" | "written" | "synced" | "replicated";
    readonly segmentMib: number;
    readonly groupRecordsMax: number;
    /** MiB of the file system that stay free; below, new orders are refused. 0 = none. */
    readonly freeReserveMib: number;
    /** Without syncs: groups are copied into the mapped segment. */
    readonly mappedWrites: boolean;
    /** New orders are refused while a command waits longer to become durable. 0 = never. */
    readonly slowAfterMs: number;
    /** New orders are refused while more commands wait to become durable. 0 = never. */
    readonly lagCommandsMax: number;
    /** Folder that full segments go to once a verified snapshot has what they say; "" = they stay. */
    readonly archiveDirectory: string;
    /** Days that segments are kept in the archive; 0 = for ever. */
    readonly archiveKeepDays: number;
  };
  readonly snapshot: {
    /** A thread follows the journal, checks every answer, and takes snapshots. */
    readonly enabled: boolean;
    /** Commands after which the next one is due. */
    readonly commandsBetween: number;
    /** Seconds after which it is due if there was any command. */
    readonly secondsBetween: number;
    /** How many are kept. */
    readonly keep: number;
    /** Core of the thread; -1 = wherever the kernel puts it. */
    readonly core: number;
  };
  readonly feed: {
    /** A thread follows the journal and publishes the book, order by order. */
    readonly enabled: boolean;
    /** What carries lines and requests; snapshots are the kernel's. */
    readonly transport: "kernel" | "dpdk";
    /** With "dpdk": the device, of the feed alone, and its address. */
    readonly device: string;
    readonly deviceAddress: string;
    readonly devicePrefixLength: number;
    /** Where requests (UDP) and snapshots (TCP) are asked for. */
    readonly address: string;
    /** Multicast group and port of each line. */
    readonly groupA: string;
    readonly portA: number;
    readonly groupB: string;
    readonly portB: number;
    /** Addresses of the interfaces that the lines leave by. */
    readonly interfaceA: string;
    readonly interfaceB: string;
    /** Routers that a packet passes, plus one. */
    readonly hops: number;
    readonly requestPort: number;
    readonly snapshotPort: number;
    /** Clients of snapshots at a time. */
    readonly snapshotsMax: number;
    /** Who may log in to them; no password = everyone. */
    readonly snapshotUser: string;
    readonly snapshotPassword: string;
    /** Requests of one address that are answered in a second. */
    readonly requestsPerSecond: number;
    /** Pause before a feed that failed begins anew. */
    readonly restartMs: number;
    /** Messages that can be asked for again; a power of two. */
    readonly historyMessages: number;
    readonly heartbeatMs: number;
    /** How long the end of a session is told, and lost messages are sent. */
    readonly endMs: number;
    /** Core of the thread; -1 = wherever the kernel puts it. */
    readonly core: number;
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
    /** Receive queues; 0 = as many as the device's arguments make, else one. */
    readonly queues: number;
    /** 0 = no FIX here. */
    readonly fixPort: number;
    /** Of the binary protocol; 0 = not over TCP. */
    readonly tcpPort: number;
    /** Of the binary protocol; 0 = not over UDP. */
    readonly udpPort: number;
    /** TCP connections, of FIX and binary clients together. */
    readonly connections: number;
    readonly fixSessions: readonly FixSessionConfig[];
    readonly sessions: readonly BinarySessionConfig[];
  };
  readonly replication: {
    /** "none" = no standby and no lease. */
    readonly role: "none" | "primary" | "standby" | "auto";
    /** Name of the pair. */
    readonly group: string;
    /** Where a primary listens for its standby. */
    readonly address: string;
    readonly port: number;
    /** Where a standby calls, "ADDRESS:PORT". */
    readonly peers: readonly string[];
    /** With durability "replicated": what each machine has done before a command counts. */
    readonly localDurability: "written" | "synced";
    readonly heartbeatMs: number;
    readonly timeoutMs: number;
    /** With durability "replicated": a promoted standby serves until it has a standby of its own. */
    readonly promotedAlone: boolean;
    /** NATS servers that keep the lease, "ADDRESS:PORT"; empty = no lease. */
    readonly leaseServers: readonly string[];
    readonly leaseReplicas: number;
    readonly leaseMs: number;
  };
  readonly clock: {
    /** Socket on which linuxptp is asked; "" = it is not. */
    readonly ptpSocket: string;
    readonly ptpDomain: number;
    /** A card's clock that is compared with ours; "" = none. */
    readonly ptpDevice: string;
  };
  readonly flightRecorder: {
    /** Messages whose stage times are kept; a power of two, or 0 = none. */
    readonly slots: number;
    /** A message that takes longer from receipt to answer is written down with its neighbours; 0 = none is. */
    readonly thresholdUs: number;
    /** Files that are kept. */
    readonly dumps: number;
  };
  readonly admin: { readonly address: string; readonly port: number };
  readonly log: {
    readonly level: "debug" | "info" | "warn" | "error";
    /** "auto" = text on a terminal, json otherwise. */
    readonly format: "auto" | "json" | "text";
  };
  readonly accounts: readonly AccountConfig[];
  readonly instruments: readonly InstrumentConfig[];
}

/** Self-trade prevention: what ends when two orders must not trade. */
export const SELF_TRADE_MODES = [
  "none",
  "cancel-newest",
  "cancel-oldest",
  "cancel-both",
  "decrement",
  "decrement-and-cancel",
] as const;
/** Self-trade prevention: between whose orders. */
export const SELF_TRADE_SCOPES = ["session", "account", "group"] as const;
/** What may be limited for an account. */
export const ACCOUNT_LIMIT_NAMES = [
  "quantity",
  "notional",
  "open_orders",
  "position",
] as const;
/** Trading states, by the number that records have. */
export const TRADING_STATES = [
  "open",
  "pre-open",
  "opening-auction",
  "halt",
  "pause",
  "volatility-auction",
  "reopening-auction",
  "closing-auction",
  "cancel-only",
  "closed",
] as const;
export type TradingStateName = typeof TRADING_STATES[number];

/** What holds for a session, whatever it speaks. */
export interface SessionRulesConfig {
  /** Name of the account that its orders belong to; "" = none. */
  readonly account: string;
  /** For self-trade prevention, and for accounts that belong to a group; 0 = none. */
  readonly group: number;
  readonly selfTradePrevention: typeof SELF_TRADE_MODES[number];
  readonly selfTradeScope: typeof SELF_TRADE_SCOPES[number];
  /** Orders and replaces in an interval; 0 = any number. */
  readonly messagesMax: number;
  readonly messagesIntervalMs: number;
}

export interface FixSessionConfig extends SessionRulesConfig {
  readonly senderCompId: string;
  readonly username: string;
  readonly password: string;
}

export interface BinarySessionConfig extends SessionRulesConfig {
  /** 1 and up; what the packet header carries. */
  readonly number: number;
  /** Decimal digits of a u64. */
  readonly key: string;
}

export interface AccountConfig {
  readonly name: string;
  /** Sessions of this group may use it; 0 = any. */
  readonly group: number;
  /** In the order of `ACCOUNT_LIMIT_NAMES`; 0 = none. Lots, ticks x lots, orders, lots. */
  readonly limits: readonly { readonly hard: number; readonly soft: number }[];
  /** Symbols that it may not trade. */
  readonly restricted: readonly string[];
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
  /** By price; empty = every tick is valid. */
  readonly tickTable: readonly {
    readonly fromTicks: number;
    readonly stepTicks: number;
  }[];
  /** Quantities are multiples of this many lots. */
  readonly lotStepLots: number;
  /** What a new instrument starts with; 0 = none. */
  readonly referencePriceTicks: number;
  /** Ticks; 0 = none. */
  readonly priceCollarTicks: number;
  readonly marketCollarTicks: number;
  readonly bandLowTicks: number;
  readonly bandHighTicks: number;
  readonly volatilityRangeTicks: number;
  /** 0 = until told. */
  readonly volatilityAuctionMs: number;
  /** 0 = none. */
  readonly group: number;
  /** What a new instrument starts with. */
  readonly state: TradingStateName;
}
