// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * UDP and TCP over IPv4 on a port driven by DPDK: wrapper of `native/dpdk.h`.
 *
 * A port belongs to the thread that opened it. Opening and closing allocate;
 * polling, reserving and committing do not. It never takes another driver, and
 * never ordinary memory instead of huge pages: what was asked for can't be had
 * is an error with its remedy.
 *
 * @module
 */
import { checkDpdkDevice, isPciAddress } from "./dpdk_device.ts";
import { type DpdkFigures, readDpdkFigures } from "./dpdk_figures.ts";
import { cString, openLibrary, unwrap } from "./library.ts";
import { attach } from "./memory.ts";

/** The library with DPDK; built where `pkg-config` finds libdpdk. */
export const DPDK_LIBRARY_NAME = "libferrule_dpdk.so";

const SYMBOLS = {
  ferrule_dpdk_start: {
    parameters: ["i32", "i32", "i32", "buffer"],
    result: "i32",
  },
  ferrule_dpdk_open: {
    parameters: ["buffer", "buffer", "buffer"],
    result: "i32",
  },
  ferrule_dpdk_close: { parameters: ["i32"], result: "i32" },
  ferrule_dpdk_listen: { parameters: ["i32", "u32", "u32"], result: "i32" },
  ferrule_dpdk_hops: { parameters: ["i32", "i32", "u32"], result: "i32" },
  ferrule_dpdk_join: { parameters: ["i32", "i32", "u32"], result: "i32" },
  ferrule_dpdk_leave: { parameters: ["i32", "i32", "u32"], result: "i32" },
  ferrule_dpdk_listen_stream: { parameters: ["i32", "u32"], result: "i32" },
  ferrule_dpdk_unlisten: { parameters: ["i32", "i32"], result: "i32" },
  ferrule_dpdk_pin_peer: {
    parameters: ["i32", "u32", "u32", "u32"],
    result: "i32",
  },
  ferrule_dpdk_poll: { parameters: ["i32", "i32"], result: "i32" },
  ferrule_dpdk_send: { parameters: ["i32", "i32"], result: "i32" },
  ferrule_dpdk_in_use: { parameters: ["i32", "buffer"], result: "i32" },
} as const;

/** The shim's functions, for the loop that polls. */
export type DpdkSymbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/**
 * Counters of a port, since it was opened. `RX_FRAMES` counts every received
 * frame, the ones after it up to `RX_BAD_TCP_CHECKSUM`, and `RX_IGMP`, count each
 * frame once.
 */
export const DpdkCounter = {
  RX_FRAMES: 0,
  /** Sound datagrams for a listener. */
  RX_DATAGRAMS: 1,
  RX_ARP: 2,
  /** ICMP echo requests, answered. */
  RX_ECHO: 3,
  RX_BAD_IP_CHECKSUM: 4,
  RX_BAD_UDP_CHECKSUM: 5,
  RX_BAD_ICMP_CHECKSUM: 6,
  /** Lengths, versions or senders that can't be. */
  RX_MALFORMED: 7,
  /** Refused: a datagram must fit in a frame. */
  RX_FRAGMENTS: 8,
  /** IPv4 headers with options: refused. */
  RX_OPTIONS: 9,
  /** Another MAC or IPv4 address; groups that nobody joined, and broadcast, too. */
  RX_NOT_FOR_US: 10,
  /** Neither ARP, nor UDP, nor an ICMP echo request, nor what else is expected. */
  RX_UNKNOWN_PROTOCOL: 11,
  RX_UNKNOWN_PORT: 12,
  /** The sender's address is pinned to another MAC address. */
  RX_SPOOFED: 13,
  /** Segments handed to TCP. */
  RX_SEGMENTS: 14,
  RX_BAD_TCP_CHECKSUM: 15,
  /** ARP frames of a host that uses our address. */
  ADDRESS_CONFLICTS: 16,
  TX_FRAMES: 17,
  TX_DATAGRAMS: 18,
  /** Bursts that the card did not take completely; the rest is tried again. */
  TX_RETRIES: 19,
  /** Packets dropped because nobody answered our ARP requests for a second. */
  TX_UNRESOLVED: 20,
  /** Packets dropped: outside our network without a gateway, or no host. */
  TX_NO_ROUTE: 21,
  /** Frames dropped because the send queue was full. */
  TX_DROPPED: 22,
  /** `reserve` calls refused because the send queue was full. */
  TX_BACKPRESSURE: 23,
  /** Times that no packet buffer was free. */
  NO_BUFFER: 24,
  TX_SEGMENTS: 25,
  /** TCP connections reset at once because there was no room for them. */
  TCP_REFUSED: 26,
  /** TCP connections open now, those that are being closed included. */
  TCP_OPEN: 27,
  /** Closed connections whose client did not take the rest in time. */
  TCP_LINGER_EXPIRED: 28,
  /** Segments dropped because their header or options do not end where they must. */
  TCP_MALFORMED: 29,
  /** IGMP messages of others. */
  RX_IGMP: 40,
  /** Our reports of groups that we joined or left. */
  TX_IGMP: 41,
} as const;

const EPERM = 1;
const ENOMEM = 12;
const EACCES = 13;
const EBUSY = 16;
const EINVAL = 22;
const EMSGSIZE = 90;
const ENETDOWN = 100;

/** Words of a TCP connection, as in `native/dpdk.h`. */
export const DpdkConnection = {
  OPEN_ID: 0,
  ID: 1,
  RECEIVE_HEAD: 2,
  RECEIVE_TAIL: 3,
  RECEIVE_WANTED: 4,
  SEND_FILL: 5,
  /** Of two buffers: this word and the next. */
  SEND_COMMITTED: 6,
  SEND_PENDING: 8,
  DIRTY: 9,
  CLOSE: 10,
} as const;
/** Words of one connection. */
export const DPDK_CONNECTION_WORDS = 16;
/** `CLOSE` word: after what is committed has been sent. */
export const DPDK_CLOSE_FLUSH = 1;
/** `CLOSE` word: now, with a reset. */
export const DPDK_CLOSE_RESET = 2;
/** Most TCP connections of a port. */
export const DPDK_CONNECTIONS_MAX = 1024;
/** Largest receive window of a connection. */
export const DPDK_RECEIVE_BYTES_MAX = 256 * 1024;
/** Largest send buffers of a connection: two of half the size. */
export const DPDK_SEND_BYTES_MAX = 512 * 1024;
const LINGER_MS = 1000;
/** What DPDK and the rings of a device need besides. */
const OWN_BYTES = 64 * 1048576;

const BUFFERS_DEFAULT = 16_383;
const COUNTERS = 48;
const BURST = 64;
/** Datagrams that can be written ahead of their sending. */
const DPDK_OFFERS = 32;
/** Words of a datagram that is to be sent. */
export const DPDK_SEND_WORDS = 4;
const COMPLETIONS = 256;
const COMPLETION_WORDS = 8;
const SETTINGS_WORDS = 16;
const SET_QUEUES = 8;
const SET_RECEIVE_BYTES = 12;
const SET_SEND_BYTES = 13;
const SET_LINGER_MS = 14;
const INFO_WORDS = 8;
const IN_USE_WORDS = 4;
/** Longest payload of a datagram: a frame of 1500 bytes less 28 of headers. */
export const DPDK_DATAGRAM_BYTES_MAX = 1472;
/** Datagrams at most in one poll. */
export const DPDK_BURST_MAX = BURST;

/** What to open, and how. */
export interface DpdkOptions {
  /**
   * A card's PCI address ("0000:03:00.0"), or a virtual device with its
   * arguments ("net_af_xdp0,iface=eth1", "net_af_packet0,iface=eth1").
   */
  readonly device: string;
  /** Our IPv4 address. The kernel must not have it, too. */
  readonly address: string;
  /** Bits of the network part, 20 to 30. */
  readonly prefix: number;
  /** Next hop to hosts outside that network; without it they get nothing. */
  readonly gateway?: string;
  /** Our MAC address; default: the device's own. */
  readonly mac?: string;
  /** Hosts whose MAC address is fixed, so that nobody can take their place. */
  readonly peers?: readonly { address: string; mac: string }[];
  /** CPU that polls; default: the first CPU of the calling thread. */
  readonly core?: number;
  /** Packet buffers in huge pages (default), or in ordinary memory. */
  readonly hugePages?: boolean;
  /** Packet buffers of about 2.4 KB, 4096 to 262144; default 16383. */
  readonly buffers?: number;
  /**
   * Room for so many TCP connections, up to 1024; default 0: no TCP. One port
   * of a process can have TCP at a time.
   */
  readonly connectionsMax?: number;
  /** Receive window of a connection, a multiple of 4096 up to 262144 (default). */
  readonly receiveWindowBytes?: number;
  /** Send buffers of a connection, a multiple of 4096, 8192 to 524288 (default). */
  readonly sendWindowBytes?: number;
  /** How long a closed connection may take to send the rest; default 1000. */
  readonly lingerMs?: number;
  /**
   * Receive queues, up to 16, which this one thread looks through; a card
   * spreads flows over them. Default 0: as many as a packet socket's or XDP's
   * arguments make, else one.
   */
  readonly queues?: number;
  /**
   * Other ports that this process will open. DPDK is started once, for all:
   * memory that is not of huge pages, and whether there are cards.
   */
  readonly others?: readonly DpdkOptions[];
}

/** What is in use, and must be given back. */
export interface DpdkInUse {
  /** Packet buffers, those that wait in the card's queues included. */
  readonly buffers: number;
  /** Connections as TCP knows them, half open and closing ones included. */
  readonly connections: number;
  /** Of those: over, and only kept for two minutes or until there is need. */
  readonly waiting: number;
  /** Segments and their parts: to be sent, to be acknowledged, out of order. */
  readonly segments: number;
}

/** An open port. All methods are for the thread that opened it. */
export interface DpdkPort {
  readonly symbols: DpdkSymbols;
  readonly handle: number;
  /** All packet buffers, and the memory of connections. Length 0 once closed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** 8 words for each completion of the last poll, as in transport.ts. */
  readonly completions: Int32Array<ArrayBuffer>;
  /** First entry: how many connections the next poll looks at; from the third on: which. */
  readonly dirty: Int32Array<ArrayBuffer>;
  /** `DPDK_CONNECTION_WORDS` words for each connection: `DpdkConnection`. */
  readonly connections: Int32Array<ArrayBuffer>;
  /** Where the payload of the next datagrams goes: offsets in `bytes`. */
  readonly offers: Int32Array<ArrayBuffer>;
  /** The same, written and to be sent: `DPDK_SEND_WORDS` words each (listener, address, port, bytes). */
  readonly sends: Int32Array<ArrayBuffer>;
  /** Offset in `bytes` of the connections' windows and buffers. */
  readonly streamsOffset: number;
  /** Of each connection. */
  readonly receiveBytes: number;
  readonly sendBytes: number;
  /** Indexed by `DpdkCounter`. */
  readonly counters: Float64Array<ArrayBuffer>;
  /** Our MAC address. */
  readonly mac: string;
  /** Reads the link's state and all counters; not for the loop. */
  figures(): DpdkFigures;
  /** Counts what is in use; not for the loop. */
  inUse(): DpdkInUse;
  /** Stops the port and empties the views above. */
  close(): void;
}

let symbols: DpdkSymbols | undefined;

function native(): DpdkSymbols {
  try {
    return symbols ??= openLibrary(SYMBOLS, DPDK_LIBRARY_NAME);
  } catch (cause) {
    throw new Error(
      "Failed to load DPDK. It is not installed, or was not when the native " +
        "libraries were built: install Debian's dpdk (to build: libdpdk-dev) " +
        "and run make -C native, or choose another transport",
      { cause },
    );
  }
}

/** An IPv4 address as a big-endian number: "10.99.0.2" = 0x0a630002. */
export function parseIpv4(text: string): number {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  let value = 0;
  for (const part of match?.slice(1) ?? ["256"]) {
    if (Number(part) > 255) {
      throw new TypeError(`Not an IPv4 address: "${text}"`);
    }
    value = value * 256 + Number(part);
  }
  return value;
}

/** A MAC address as its upper 16 and lower 32 bits. */
export function parseMac(text: string): { high: number; low: number } {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) {
    throw new TypeError(`Not a MAC address: "${text}"`);
  }
  const digits = text.replaceAll(":", "");
  return {
    high: parseInt(digits.slice(0, 4), 16),
    low: parseInt(digits.slice(4), 16),
  };
}

/**
 * Starts DPDK in this process if it does not run yet, and opens a port. To be
 * called on the thread that will poll. That thread keeps its CPU affinity.
 *
 * @throws {TypeError} If an address or the device in `options` can not be one.
 * @throws {Error} If DPDK is not installed.
 * @throws {NativeError} If memory, the device or a permission is missing.
 */
export function openDpdk(options: DpdkOptions): DpdkPort {
  checkDpdkDevice(options.device);
  const settings = settingsOf(options);
  const peers = (options.peers ?? []).map((peer) => ({
    text: `${peer.address} ${peer.mac}`,
    address: parseIpv4(peer.address),
    ...parseMac(peer.mac),
  }));
  const shim = native();
  start(shim, options);
  const info = new Float64Array(INFO_WORDS);
  const handle = shim.ferrule_dpdk_open(
    cString(options.device),
    settings,
    info,
  );
  unwrap(
    handle,
    `open DPDK device ${options.device}`,
    remedyOf(handle),
    DPDK_LIBRARY_NAME,
  );
  const port = viewsOf(shim, handle, info, settings);
  try {
    for (const peer of peers) {
      unwrap(
        shim.ferrule_dpdk_pin_peer(handle, peer.address, peer.high, peer.low),
        `pin the peer ${peer.text}`,
        "A pinned peer must be in the network of our own address",
        DPDK_LIBRARY_NAME,
      );
    }
  } catch (cause) {
    port.close();
    throw cause;
  }
  return port;
}

/** Likely cause and what to do when a port does not open. */
function remedyOf(code: number): string {
  switch (-code) {
    case EPERM:
    case EACCES:
      return "Give the process CAP_NET_ADMIN and CAP_NET_RAW, for AF_XDP " +
        "CAP_BPF, too, and LimitMEMLOCK=infinity";
    case ENOMEM:
      return "Free or reserve more huge pages (sysctl vm.nr_hugepages), or " +
        "use fewer packet buffers; 1,000 need about 2.4 MB";
    case EMSGSIZE:
      return "Set the interface's MTU: ip link set dev NAME mtu 1500";
    case ENETDOWN:
      return "Set the interface up: ip link set dev NAME up";
    case EBUSY:
      return "Serve TCP on one DPDK port of the process: set connectionsMax to " +
        "0 for the others";
    case EINVAL:
      return "Correct the device's arguments or the values of the port. What comes " +
        "to a queue that nobody looks at is lost: as many queues as qpairs or " +
        "queue_count say, or 0 for that";
    default:
      return "Does the interface exist in this network namespace? Is a card " +
        "bound to vfio-pci? Is the driver installed (Debian's librte-net-... " +
        "of the device's name)?";
  }
}

function settingsOf(options: DpdkOptions): Uint32Array<ArrayBuffer> {
  const settings = new Uint32Array(SETTINGS_WORDS);
  settings[0] = parseIpv4(options.address);
  settings[1] = options.prefix;
  settings[2] = options.gateway === undefined ? 0 : parseIpv4(options.gateway);
  settings[3] = options.buffers ?? BUFFERS_DEFAULT;
  if (options.mac !== undefined) {
    const mac = parseMac(options.mac);
    settings[4] = 1;
    settings[5] = mac.high;
    settings[6] = mac.low;
  }
  settings[7] = options.connectionsMax ?? 0;
  settings[SET_RECEIVE_BYTES] = options.receiveWindowBytes ??
    DPDK_RECEIVE_BYTES_MAX;
  settings[SET_SEND_BYTES] = options.sendWindowBytes ?? DPDK_SEND_BYTES_MAX;
  settings[SET_LINGER_MS] = options.lingerMs ?? LINGER_MS;
  settings[SET_QUEUES] = options.queues ?? 0;
  return settings;
}

/**
 * Bytes of a port's memory, about: 64 MiB for DPDK itself; buffers of 2.5 KB; for each connection its windows,
 * twice the send buffers' share of segments' descriptions, and frames out of order.
 */
export function dpdkMemoryBytes(options: DpdkOptions): number {
  const buffers = options.buffers ?? BUFFERS_DEFAULT;
  const connections = options.connectionsMax ?? 0;
  const receive = options.receiveWindowBytes ?? DPDK_RECEIVE_BYTES_MAX;
  const send = options.sendWindowBytes ?? DPDK_SEND_BYTES_MAX;
  const described = 64 * 1024 + Math.ceil(send / 4);
  return OWN_BYTES + buffers * 2560 +
    connections * (receive + send + described);
}

function start(shim: DpdkSymbols, options: DpdkOptions): void {
  const hugePages = options.hugePages ?? true;
  const ports: DpdkOptions[] = [options, ...options.others ?? []];
  const pci = ports.find(({ device }) => isPciAddress(device))?.device ?? "";
  // Ordinary memory is taken at once.
  const bytes = ports.reduce((sum, port) => sum + dpdkMemoryBytes(port), 0);
  const memoryMib = Math.ceil(bytes / 1048576);
  unwrap(
    shim.ferrule_dpdk_start(
      options.core ?? -1,
      hugePages ? 1 : 0,
      memoryMib,
      cString(pci),
    ),
    `start DPDK ${hugePages ? "with" : "without"} huge pages`,
    hugePages
      ? "Reserve huge pages (sysctl vm.nr_hugepages), allow them to be locked " +
        "(LimitMEMLOCK=infinity), or configure DPDK without huge pages, which " +
        "is slower. A process can start DPDK once: restart it after a failure"
      : "Is there enough memory, and is the CPU to poll on one that exists? A " +
        "process can start DPDK once, with or without huge pages: restart it " +
        "after a failure",
    DPDK_LIBRARY_NAME,
  );
}

function viewsOf(
  shim: DpdkSymbols,
  handle: number,
  info: Float64Array,
  settings: Uint32Array,
): DpdkPort {
  const memory = attach(info[0]!, info[1]!);
  const shared = attach(info[2]!, info[3]!);
  const macDigits = info[4]!.toString(16).padStart(4, "0") +
    info[5]!.toString(16).padStart(8, "0");
  const completionsAt = COUNTERS * 8;
  const completionWords = COMPLETIONS * COMPLETION_WORDS;
  const dirtyAt = completionsAt + completionWords * 4;
  const connectionsAt = dirtyAt + (2 + DPDK_CONNECTIONS_MAX) * 4;
  const connectionsWords = DPDK_CONNECTIONS_MAX * DPDK_CONNECTION_WORDS;
  const offersAt = connectionsAt + connectionsWords * 4;
  let isOpen = true;
  return {
    symbols: shim,
    handle,
    bytes: new Uint8Array(memory),
    completions: new Int32Array(shared, completionsAt, completionWords),
    dirty: new Int32Array(shared, dirtyAt, 2 + DPDK_CONNECTIONS_MAX),
    connections: new Int32Array(shared, connectionsAt, connectionsWords),
    offers: new Int32Array(shared, offersAt, DPDK_OFFERS),
    sends: new Int32Array(
      shared,
      offersAt + DPDK_OFFERS * 4,
      DPDK_OFFERS * DPDK_SEND_WORDS,
    ),
    streamsOffset: info[6]!,
    receiveBytes: settings[SET_RECEIVE_BYTES]!,
    sendBytes: settings[SET_SEND_BYTES]!,
    counters: new Float64Array(shared, 0, COUNTERS),
    mac: macDigits.match(/../g)!.join(":"),
    inUse(): DpdkInUse {
      const words = new Float64Array(IN_USE_WORDS);
      unwrap(
        shim.ferrule_dpdk_in_use(handle, words),
        "count what the DPDK port uses",
        undefined,
        DPDK_LIBRARY_NAME,
      );
      return {
        buffers: words[0]!,
        connections: words[1]!,
        waiting: words[2]!,
        segments: words[3]!,
      };
    },
    figures: () => readDpdkFigures(handle)!,
    close(): void {
      if (!isOpen) return;
      isOpen = false;
      // Detached views have length 0: nobody reads memory that is gone.
      memory.transfer();
      shared.transfer();
      unwrap(
        shim.ferrule_dpdk_close(handle),
        "close the DPDK port",
        undefined,
        DPDK_LIBRARY_NAME,
      );
    },
  };
}
