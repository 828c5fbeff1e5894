// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the DPDK ports of this process are doing: link, the device's counters,
 * ours. For any thread: the thread that polls a port is not asked and does not
 * notice. Allocates; not for a loop.
 *
 * @module
 */
import { openLibrary, unwrap } from "./library.ts";

const LIBRARY = "libferrule_dpdk.so";
const SYMBOLS = {
  ferrule_dpdk_figures: {
    parameters: ["i32", "buffer", "buffer"],
    result: "i32",
  },
  ferrule_dpdk_own_figures: {
    parameters: ["i32", "i32", "buffer", "buffer"],
    result: "i32",
  },
} as const;

const EBADF = 9;
const PORTS = 4;
const WORDS = 64;
const COUNTERS_AT = 16;
const COUNTERS = 48;
const NAME_BYTES = 64;
const OWN_MAX = 512;
const FEATURES = ["tx_checksums", "rx_checksums", "rss"] as const;

/** A port, its link and its counters since it was opened. */
export interface DpdkFigures {
  /** The device without its arguments. */
  readonly device: string;
  readonly up: boolean;
  /** Megabits a second; 0 or 2^32-1 = the device does not know. */
  readonly speedMbps: number;
  readonly receivedFrames: number;
  readonly sentFrames: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Frames lost because we did not take them in time. */
  readonly missed: number;
  readonly receiveErrors: number;
  readonly transmitErrors: number;
  /** Frames lost because no packet buffer was free. */
  readonly noBuffer: number;
  readonly buffers: number;
  readonly buffersUsed: number;
  readonly queues: number;
  /** What the device does for us: "tx_checksums", "rx_checksums", "rss". */
  readonly features: readonly string[];
  /** Indexed by `DpdkCounter`. */
  readonly counters: readonly number[];
}

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** The figures of one port; undefined = it is not open. */
export function readDpdkFigures(handle: number): DpdkFigures | undefined {
  symbols ??= openLibrary(SYMBOLS, LIBRARY);
  const words = new Float64Array(WORDS);
  const name = new Uint8Array(NAME_BYTES);
  const code = symbols.ferrule_dpdk_figures(handle, words, name);
  if (code === -EBADF) return undefined;
  unwrap(code, `read the figures of DPDK port ${handle}`, undefined, LIBRARY);
  const word = (index: number): number => words[index]!;
  return {
    device: text(name),
    up: word(0) === 1,
    speedMbps: word(1),
    receivedFrames: word(2),
    sentFrames: word(3),
    receivedBytes: word(4),
    sentBytes: word(5),
    missed: word(6),
    receiveErrors: word(7),
    transmitErrors: word(8),
    noBuffer: word(9),
    buffers: word(10),
    buffersUsed: word(11),
    queues: word(12),
    features: FEATURES.filter((_, bit) => (word(13) & 1 << bit) !== 0),
    counters: [...words.subarray(COUNTERS_AT, COUNTERS_AT + COUNTERS)],
  };
}

/** The figures of all ports of this process. */
export function dpdkFigures(): (DpdkFigures & { readonly handle: number })[] {
  const all: (DpdkFigures & { readonly handle: number })[] = [];
  for (let handle = 0; handle < PORTS; handle++) {
    const figures = readDpdkFigures(handle);
    if (figures !== undefined) all.push({ handle, ...figures });
  }
  return all;
}

/** The figures that only this kind of device has, by their names there. */
export function dpdkOwnFigures(handle: number): Map<string, number> {
  symbols ??= openLibrary(SYMBOLS, LIBRARY);
  const names = new Uint8Array(OWN_MAX * NAME_BYTES);
  const values = new Float64Array(OWN_MAX);
  const count = symbols.ferrule_dpdk_own_figures(
    handle,
    OWN_MAX,
    names,
    values,
  );
  if (count === -EBADF) return new Map();
  unwrap(count, `read figures of DPDK port ${handle}`, undefined, LIBRARY);
  return new Map(
    Array.from({ length: count }, (_, i) => [
      text(names.subarray(i * NAME_BYTES, (i + 1) * NAME_BYTES)),
      values[i]!,
    ]),
  );
}
