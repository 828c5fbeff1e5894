// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Wrapper of `native/uring.h`: TCP and UDP on the kernel's sockets for one
 * thread, with io_uring or epoll that waits for them, and the layout of the memory that both sides see. `poll()` is the one call of the
 * hot path and allocates nothing. The class belongs to the thread that made
 * it. It knows nothing of gateways; `engine/transport/` builds on it.
 *
 * @module
 */
import { openLibrary, unwrap } from "./library.ts";
import { NativeError } from "./native_error.ts";

const SYMBOLS = {
  ferrule_uring_layout: { parameters: ["buffer", "buffer"], result: "i32" },
  ferrule_uring_create: { parameters: ["buffer", "f64"], result: "i32" },
  ferrule_uring_destroy: { parameters: ["i32"], result: "i32" },
  ferrule_uring_listen_stream: {
    parameters: ["i32", "u32", "i32"],
    result: "i32",
  },
  ferrule_uring_listen_datagram: {
    parameters: ["i32", "u32", "i32"],
    result: "i32",
  },
  ferrule_uring_multicast: {
    parameters: ["i32", "i32", "u32", "i32"],
    result: "i32",
  },
  ferrule_uring_join: {
    parameters: ["i32", "i32", "u32", "u32"],
    result: "i32",
  },
  ferrule_uring_leave: {
    parameters: ["i32", "i32", "u32", "u32"],
    result: "i32",
  },
  ferrule_uring_connect: {
    parameters: ["i32", "u32", "i32"],
    result: "i32",
  },
  ferrule_uring_port: { parameters: ["i32", "i32"], result: "i32" },
  ferrule_uring_close_listener: { parameters: ["i32", "i32"], result: "i32" },
  ferrule_uring_poll: { parameters: ["i32", "i32"], result: "i32" },
  ferrule_uring_probe: { parameters: [], result: "i32" },
} as const;

const INTERFACE_REMEDY =
  "The interface is named by an IPv4 address of this machine; `ip address` lists them";

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function native() {
  return symbols ??= openLibrary(SYMBOLS);
}

/** Words at the start of the block: `enum uring_header`. */
export const UringHeader = {
  DIRTY_COUNT: 0,
  DATAGRAM_FREE_COUNT: 1,
  DATAGRAM_QUEUE_COUNT: 2,
  REFUSED: 3,
  OPEN: 4,
  ACCEPT_ERRORS: 5,
  DATAGRAMS_DROPPED: 6,
  DATAGRAM_SEND_ERRORS: 7,
  LINGER_EXPIRED: 8,
  SETUP_FLAGS: 9,
  SWITCHES: 10,
  WINDOWS_FULL: 11,
  QUEUE_FULL: 12,
  COMPLETIONS_LATE: 13,
} as const;

/** Ways to use io_uring, each on or off: `enum uring_switch`, which says what they are. */
export const UringSwitch = {
  DEFER: 1,
  MULTISHOT: 2,
  MULTISHOT_ACCEPT: 4,
  FILES: 8,
  DIRECT: 16,
  BATCH: 32,
} as const;

/** What measures better than its absence (docs/decisions/0014_io_uring_options.md). */
export const URING_SWITCHES = UringSwitch.DEFER | UringSwitch.MULTISHOT |
  UringSwitch.MULTISHOT_ACCEPT | UringSwitch.DIRECT | UringSwitch.BATCH;

/** Words of a connection: `enum uring_connection_word`. */
export const UringConnection = {
  OPEN_ID: 0,
  ID: 1,
  RECEIVE_HEAD: 2,
  RECEIVE_TAIL: 3,
  RECEIVE_WANTED: 4,
  SEND_FILL: 5,
  SEND_FILL_BYTES: 6,
  SEND_OTHER_BYTES: 7,
  DIRTY: 8,
  CLOSE: 9,
} as const;
/** Words of one connection. */
export const URING_CONNECTION_WORDS = 16;
/** `CLOSE` word: after what is committed has been sent. */
export const URING_CLOSE_FLUSH = 1;
/** `CLOSE` word: now, with a reset. */
export const URING_CLOSE_ABORT = 2;
/** Words of a datagram to send: listener, address, port, bytes. */
export const URING_DATAGRAM_WORDS = 4;
/** Bytes of one datagram slot. */
export const URING_DATAGRAM_SLOT_BYTES = 2048;
/** An id is `generation << URING_SLOT_BITS | slot`. */
export const URING_SLOT_BITS = 12;
/** Most connections of one transport. */
export const URING_CONNECTIONS_LIMIT = 1 << URING_SLOT_BITS;

/** Sizes of a transport; `enum uring_option`. */
export interface UringSizes {
  readonly connectionsMax: number;
  readonly receiveWindowBytes: number;
  readonly sendWindowBytes: number;
  readonly datagramsReceiveMax: number;
  readonly datagramsSendMax: number;
  readonly lingerMs: number;
  /** epoll waits for the sockets, not io_uring. */
  readonly plain: boolean;
  /** Of `UringSwitch`. Default `URING_SWITCHES`. */
  readonly switches?: number | undefined;
  /** Core of the kernel's thread that polls for what is submitted. Default -1: none. */
  readonly kernelPollCore?: number | undefined;
  /** How long the kernel polls a network card. Default 0: not. */
  readonly busyPollUs?: number | undefined;
  /** Entries of the submission queue. Default 0: room for all that can be under way. */
  readonly ringEntries?: number | undefined;
  /** Whose time of receipt completions have; the owner's own where left out. */
  readonly timestamps?: UringTimes;
}

/** `enum uring_times`. */
export type UringTimes = "poll" | "kernel" | "hardware";
const TIMES: readonly UringTimes[] = ["poll", "kernel", "hardware"];

/** Where things lie in the block, in bytes; `enum uring_layout_word`. */
export interface UringLayout {
  readonly totalBytes: number;
  readonly completions: number;
  readonly completionsMax: number;
  readonly connections: number;
  readonly dirty: number;
  readonly datagramFree: number;
  readonly datagramQueue: number;
  readonly datagramControl: number;
  /** Network bytes start here; the three below count from here. */
  readonly bytes: number;
  readonly receive: number;
  readonly send: number;
  readonly datagramSend: number;
}

/**
 * Computes the layout for these sizes.
 *
 * @throws {NativeError} EINVAL, with the limit that a size breaks.
 */
export function uringLayout(sizes: UringSizes): UringLayout {
  const words = new Int32Array(16);
  unwrap(
    native().ferrule_uring_layout(optionWords(sizes), words),
    "lay out the memory of a socket transport",
    "Change the sizes in the configuration",
  );
  return {
    totalBytes: words[0]!,
    completions: words[1]!,
    completionsMax: words[2]!,
    connections: words[3]!,
    dirty: words[4]!,
    datagramFree: words[5]!,
    datagramQueue: words[6]!,
    datagramControl: words[7]!,
    bytes: words[8]!,
    receive: words[9]!,
    send: words[10]!,
    datagramSend: words[11]!,
  };
}

/**
 * Tries whether this process may use io_uring.
 *
 * @throws {NativeError} With the likely cause and the remedy.
 */
export function probeUring(): void {
  const code = native().ferrule_uring_probe();
  unwrap(code, "set up io_uring", setupRemedy(code));
}

/** One transport of the shim. For the thread that made it. */
export class Uring {
  readonly #handle: number;
  readonly #poll = native().ferrule_uring_poll;

  /**
   * @param sizes As given to `uringLayout()`.
   * @param address Zeroed memory of `totalBytes`, aligned to 4096. It must
   *   outlive this object.
   * @throws {NativeError} With the likely cause and the remedy.
   */
  constructor(sizes: UringSizes, address: number) {
    const code = native().ferrule_uring_create(optionWords(sizes), address);
    this.#handle = sizes.plain
      ? unwrap(code, "set up epoll", plainRemedy(code))
      : unwrap(
        code,
        "set up io_uring",
        chosenRemedy(code, sizes) ?? setupRemedy(code),
      );
  }

  /**
   * Opens a TCP listener.
   *
   * @param address IPv4 address as a number: 127.0.0.1 = 0x7f000001.
   * @param name The address for messages.
   * @returns Its id.
   */
  listenStream(address: number, port: number, name: string): number {
    const code = native().ferrule_uring_listen_stream(
      this.#handle,
      address >>> 0,
      port,
    );
    return unwrap(code, `listen on TCP ${name}:${port}`, bindRemedy(code));
  }

  /** Opens a UDP socket; parameters as `listenStream`. */
  listenDatagram(address: number, port: number, name: string): number {
    const code = native().ferrule_uring_listen_datagram(
      this.#handle,
      address >>> 0,
      port,
    );
    return unwrap(code, `listen on UDP ${name}:${port}`, bindRemedy(code));
  }

  /** Says by which interface multicast datagrams of a UDP socket leave, and how far. */
  multicast(listener: number, address: number, hops: number, name: string) {
    unwrap(
      native().ferrule_uring_multicast(
        this.#handle,
        listener,
        address >>> 0,
        hops,
      ),
      `send multicast by the interface of ${name}`,
      INTERFACE_REMEDY,
    );
  }

  /** Makes a UDP socket hear a group on an interface. */
  join(listener: number, group: number, address: number, name: string): void {
    unwrap(
      native().ferrule_uring_join(
        this.#handle,
        listener,
        group >>> 0,
        address >>> 0,
      ),
      `join multicast group ${name}`,
      INTERFACE_REMEDY,
    );
  }

  /** Makes a UDP socket hear a group no more. */
  leave(listener: number, group: number, address: number, name: string): void {
    unwrap(
      native().ferrule_uring_leave(
        this.#handle,
        listener,
        group >>> 0,
        address >>> 0,
      ),
      `leave multicast group ${name}`,
      "A group can be left by who joined it, on the same interface",
    );
  }

  /**
   * Connects to a listener of this host; parameters as `listenStream`.
   *
   * @returns The connection's id.
   */
  connect(address: number, port: number, name: string): number {
    const code = native().ferrule_uring_connect(
      this.#handle,
      address >>> 0,
      port,
    );
    return unwrap(code, `connect to TCP ${name}:${port}`);
  }

  /** The port that a listener is bound to. */
  port(listener: number): number {
    return unwrap(
      native().ferrule_uring_port(this.#handle, listener),
      `look up the port of listener ${listener}`,
    );
  }

  /** Stops a listener; connections stay. */
  closeListener(listener: number): void {
    unwrap(
      native().ferrule_uring_close_listener(this.#handle, listener),
      `close listener ${listener}`,
    );
  }

  /**
   * Submits what the control words ask for and collects what happened.
   *
   * @param waitUs 0 = look and return; otherwise sleep at most about so long.
   * @returns Completions written to the block.
   */
  poll(waitUs: number): number {
    const count = this.#poll(this.#handle, waitUs);
    if (count < 0) pollFailed(count);
    return count;
  }

  /** Closes all sockets and the ring or the epoll instance. The memory may be given back after. */
  dispose(): void {
    unwrap(
      native().ferrule_uring_destroy(this.#handle),
      "close a socket transport",
    );
  }
}

function optionWords(sizes: UringSizes): Int32Array<ArrayBuffer> {
  return Int32Array.of(
    sizes.connectionsMax,
    sizes.receiveWindowBytes,
    sizes.sendWindowBytes,
    sizes.datagramsReceiveMax,
    sizes.datagramsSendMax,
    sizes.lingerMs,
    Number(sizes.plain),
    sizes.switches ?? URING_SWITCHES,
    sizes.kernelPollCore ?? -1,
    sizes.busyPollUs ?? 0,
    sizes.ringEntries ?? 0,
    TIMES.indexOf(sizes.timestamps ?? "poll"),
  );
}

function pollFailed(code: number): never {
  unwrap(
    code,
    "poll a socket transport",
    code === -17
      ? "A transport may only be used on the thread that made it"
      : undefined,
  );
  throw new NativeError("poll a socket transport", code, "");
}

function plainRemedy(code: number): string | undefined {
  switch (Math.abs(code)) {
    case 12:
      return "The memory of the control group is too small: raise MemoryMax in the unit";
    case 23:
    case 24:
      return "Too many open files: raise LimitNOFILE in the unit, or make fewer transports";
    default:
      return undefined;
  }
}

/** Why the kernel refuses what was chosen and not needed, and what helps. */
function chosenRemedy(code: number, sizes: UringSizes): string | undefined {
  const { kernelPollCore = -1, busyPollUs = 0 } = sizes;
  if (code !== -22 && code !== -95) return undefined;
  if (kernelPollCore >= 0) {
    return `Is core ${kernelPollCore} one of this machine's, and is this process allowed to use it? ` +
      "Choose another in [transport] kernel_poll_core, or -1 for none";
  }
  if (busyPollUs > 0) {
    return "This kernel can not poll network cards for io_uring: Linux 6.9 or newer with " +
      "CONFIG_NET_RX_BUSY_POLL is needed. Or set [transport] busy_poll_us = 0";
  }
  return undefined;
}

/** Why the kernel refuses io_uring, and what helps. */
export function setupRemedy(code: number): string | undefined {
  switch (Math.abs(code)) {
    case 1:
    case 13:
      return "A seccomp filter (container runtime, SystemCallFilter= of the unit) or the " +
        "sysctl kernel.io_uring_disabled refuses io_uring: set it to 0, and allow " +
        "io_uring_setup, io_uring_enter and io_uring_register";
    case 38:
      return "This kernel was built without io_uring, or a filter hides it; Linux 6.1 " +
        "or newer with CONFIG_IO_URING is needed";
    case 12:
      return "The limit of locked memory or of the control group is too small: set " +
        "LimitMEMLOCK=infinity in the unit, or raise MemoryMax";
    case 23:
    case 24:
      return "Too many open files: raise LimitNOFILE in the unit, or make fewer transports";
    case 22:
      return "The kernel does not know what is asked of it: Linux 6.1 or newer is needed";
    default:
      return undefined;
  }
}

function bindRemedy(code: number): string | undefined {
  switch (Math.abs(code)) {
    case 98:
      return "Another program, or another instance of this one, has the port: stop it " +
        "(find it with ss -lptn or ss -lpun) or choose another port";
    case 99:
      return "No interface of this machine has that address: see ip address";
    case 13:
      return "Ports below 1024 need CAP_NET_BIND_SERVICE: give it to the service, or " +
        "choose a higher port";
    case 95:
      return '[transport] timestamps = "hardware", but no card with that address stamps ' +
        "all packets: ethtool -T NAME says what it can, hwstamp_ctl -i NAME -r 1 " +
        '(package linuxptp) switches it on; or configure timestamps = "kernel"';
    case 23:
    case 24:
      return "Too many open files or listeners: raise LimitNOFILE in the unit";
    default:
      return undefined;
  }
}
