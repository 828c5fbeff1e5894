// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Locked memory on huge pages as an ArrayBuffer, shared between workers by its
 * address. Any thread, at start only: it maps, nothing here is for the hot
 * path. Whether huge pages and the lock were had stands in the result; it is
 * never silent about a fallback, and never frees what others may still see.
 *
 * @module
 */
import { errnoName, openLibrary, unwrap } from "./library.ts";

const SYMBOLS = {
  ferrule_memory_map: { parameters: ["f64", "u32", "buffer"], result: "i32" },
  ferrule_memory_unmap: { parameters: ["f64", "f64"], result: "i32" },
  ferrule_memory_info: { parameters: ["buffer"], result: "i32" },
  ferrule_memory_peek: { parameters: ["f64"], result: "u32" },
} as const;

const MAP_ADDRESS = 0;
const MAP_BYTES = 1;
const MAP_HUGE = 2;
const MAP_LOCKED = 3;
const MAP_HUGE_ERRNO = 4;
const MAP_LOCK_ERRNO = 5;
const MAP_WORDS = 6;
const INFO_WORDS = 8;

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;
const mapped = new Set<MemoryRegion>();

function native() {
  return symbols ??= openLibrary(SYMBOLS);
}

/** What to map. */
export interface AllocateOptions {
  /** Try pages of 2 MB first. */
  readonly hugePages: boolean;
}

/** A mapping. It lives until `dispose()` or the end of the process. */
export interface MemoryRegion {
  /** The memory, zeroed, as many bytes as were asked for. */
  readonly buffer: ArrayBuffer;
  /** Its address, exact; `attach()` it in other workers. */
  readonly address: number;
  /** As asked for. */
  readonly bytes: number;
  /** Bytes mapped: whole pages. */
  readonly mappedBytes: number;
  /** It lies on pages of 2 MB. */
  readonly hugePages: boolean;
  /** It can not be swapped out. */
  readonly locked: boolean;
  /** What could not be had, why, and the remedy; "" if all was had. */
  readonly reason: string;
  /** Unmaps. Every view of it, also in other workers, must be out of use. */
  dispose(): void;
}

/** Huge pages and lock limits of this machine and process. */
export interface MemoryInfo {
  /** Pages of 2 MB that the kernel keeps. */
  readonly hugePagesTotal: number;
  /** Those nobody uses. */
  readonly hugePagesFree: number;
  /** Those promised to mappings, not touched yet. */
  readonly hugePagesReserved: number;
  readonly hugePageBytes: number;
  /** RLIMIT_MEMLOCK; Infinity = unlimited. */
  readonly lockLimitBytes: number;
  readonly lockLimitMaxBytes: number;
  /** CAP_IPC_LOCK is held: the limits do not apply. */
  readonly lockUnlimited: boolean;
  readonly pageBytes: number;
}

/**
 * Maps zeroed memory that is there (no page faults later) and locked.
 *
 * @param bytes How much; at least 1.
 * @throws {NativeError} If there is not even ordinary memory.
 */
export function allocate(
  bytes: number,
  options: AllocateOptions,
): MemoryRegion {
  const result = new Float64Array(MAP_WORDS);
  unwrap(
    native().ferrule_memory_map(bytes, options.hugePages ? 1 : 0, result),
    `map ${bytes} bytes of memory`,
    "The machine or the service's memory limit is too small for the configured sizes",
  );
  const address = result[MAP_ADDRESS]!;
  const mappedBytes = result[MAP_BYTES]!;
  const buffer = attach(address, bytes);
  const region: MemoryRegion = {
    buffer,
    address,
    bytes,
    mappedBytes,
    hugePages: result[MAP_HUGE] === 1,
    locked: result[MAP_LOCKED] === 1,
    reason: mapReason(mappedBytes, result),
    dispose(): void {
      if (!mapped.delete(region)) return;
      // Detaches: views of this buffer have length 0 afterwards and are safe.
      buffer.transfer();
      unwrap(
        native().ferrule_memory_unmap(address, mappedBytes),
        `unmap ${mappedBytes} bytes`,
      );
    },
  };
  mapped.add(region);
  return region;
}

/** What this worker has mapped and not disposed of. */
export function mappedRegions(): MemoryRegion[] {
  return [...mapped];
}

/**
 * Memory that another worker allocated, as this worker's own ArrayBuffer over
 * the same bytes. Never transfer it in a message.
 *
 * @param address `MemoryRegion.address`.
 * @param bytes `MemoryRegion.bytes`, or fewer.
 */
export function attach(address: number, bytes: number): ArrayBuffer {
  const pointer = Deno.UnsafePointer.create(BigInt(address));
  if (pointer === null) {
    throw new TypeError(`No memory at address ${address}`);
  }
  return Deno.UnsafePointerView.getArrayBuffer(pointer, bytes);
}

/**
 * Address of memory that JavaScript owns. It holds as long as the buffer is
 * reachable and not transferred: keep it in a field.
 */
export function addressOf(view: ArrayBufferView<ArrayBuffer>): number {
  const base = Deno.UnsafePointer.of(new Uint8Array(view.buffer));
  if (base === null) throw new TypeError("An empty buffer has no address");
  return Number(Deno.UnsafePointer.value(base)) + view.byteOffset;
}

/** Reads what the machine and the process's limits have. */
export function memoryInfo(): MemoryInfo {
  const result = new Float64Array(INFO_WORDS);
  unwrap(native().ferrule_memory_info(result), "read the memory limits");
  return {
    hugePagesTotal: result[0]!,
    hugePagesFree: result[1]!,
    hugePagesReserved: result[2]!,
    hugePageBytes: result[3]!,
    lockLimitBytes: result[4]! < 0 ? Infinity : result[4]!,
    lockLimitMaxBytes: result[5]! < 0 ? Infinity : result[5]!,
    lockUnlimited: result[6] === 1,
    pageBytes: result[7]!,
  };
}

/**
 * Checks that native memory works in this Deno as the program needs it: two
 * ArrayBuffers over one mapping see each other's writes, `Atomics` works on
 * them, and C sees the same bytes.
 *
 * @throws {Error} With what does not hold.
 */
export function memorySelfTest(): void {
  const region = allocate(4096, { hugePages: false });
  try {
    const one = new Int32Array(region.buffer);
    const two = new Int32Array(attach(region.address, region.bytes));
    expectSame("fresh memory", one[0]!, 0);
    one[0] = 0x12345678;
    expectSame("a write seen through a second view", two[0]!, 0x12345678);
    expectSame(
      "a write seen from C",
      native().ferrule_memory_peek(region.address),
      0x12345678,
    );
    Atomics.store(two, 1, -7);
    expectSame("Atomics.load", Atomics.load(one, 1), -7);
    expectSame("Atomics.add", Atomics.add(one, 1, 9), -7);
    expectSame(
      "Atomics.compareExchange",
      Atomics.compareExchange(two, 1, 2, 5),
      2,
    );
    expectSame("a word after atomic changes", one[1]!, 5);
  } finally {
    region.dispose();
  }
}

function expectSame(what: string, found: number, expected: number): void {
  if (found === expected) return;
  throw new Error(
    `Self test of native memory failed: ${what} is ${found}, expected ` +
      `${expected}. This program needs the Deno version that it was built for: ` +
      `this is ${Deno.version.deno}`,
  );
}

function mapReason(mappedBytes: number, result: Float64Array): string {
  const parts: string[] = [];
  const hugeErrno = result[MAP_HUGE_ERRNO]!;
  const lockErrno = result[MAP_LOCK_ERRNO]!;
  if (hugeErrno !== 0) {
    const info = memoryInfo();
    const pages = Math.ceil(mappedBytes / info.hugePageBytes);
    parts.push(
      `No huge pages (${
        errnoName(hugeErrno)
      }): ${pages} pages of 2 MB wanted, ` +
        `${
          info.hugePagesFree - info.hugePagesReserved
        } of ${info.hugePagesTotal} free. ` +
        `Ordinary pages are used; set vm.nr_hugepages at least ` +
        `${info.hugePagesTotal + pages} with sysctl`,
    );
  }
  if (lockErrno !== 0) {
    const info = memoryInfo();
    parts.push(
      `Memory is not locked (${
        errnoName(lockErrno)
      }): ${mappedBytes} bytes wanted, ` +
        `RLIMIT_MEMLOCK is ${info.lockLimitBytes} bytes. It may be swapped out; ` +
        "set LimitMEMLOCK=infinity in the unit, or give CAP_IPC_LOCK",
    );
  }
  return parts.join(". ");
}
