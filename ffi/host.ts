// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the doctor asks of the host besides the bytes of files: folders, links
 * and owners, network cards, how far a peer is. Main thread, cold path. Goes
 * through shims because Deno opens /proc and /sys only with all permissions.
 *
 * @module
 */
import { cString, openLibrary, unwrap } from "./library.ts";

const SYMBOLS = {
  ferrule_host_list: { parameters: ["buffer", "buffer", "i32"], result: "i32" },
  ferrule_host_link: { parameters: ["buffer", "buffer", "i32"], result: "i32" },
  ferrule_host_stat: { parameters: ["buffer", "buffer"], result: "i32" },
  ferrule_host_interface: {
    parameters: ["buffer", "buffer", "i32"],
    result: "i32",
  },
  ferrule_host_coalescing: { parameters: ["buffer", "buffer"], result: "i32" },
  ferrule_host_connect: {
    parameters: ["buffer", "u32", "u32", "buffer"],
    result: "i32",
  },
} as const;

const NAMES_BYTES = 1 << 20;
const LINK_BYTES = 4096;
const INTERFACE_BYTES = 16;
const STAT_WORDS = 5;
const COALESCE_WORDS = 6;
const PERMISSIONS = 0o7777;
const KIND = 0o170000;
const DIRECTORY = 0o040000;

const decoder = new TextDecoder();
let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function native() {
  return symbols ??= openLibrary(SYMBOLS);
}

/** A file's owner and permissions. */
export interface FileOwner {
  readonly isDirectory: boolean;
  /** Permission bits: 0o750. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly inode: number;
  /** By this process. */
  readonly writable: boolean;
}

/** How long a network card waits before it interrupts. */
export interface Coalescing {
  readonly rxUs: number;
  readonly rxFrames: number;
  readonly rxAdaptive: boolean;
  readonly txUs: number;
  readonly txFrames: number;
  readonly txAdaptive: boolean;
}

/**
 * Names in a folder, sorted; those that begin with a dot are left out.
 *
 * @throws {NativeError} If it can not be read.
 */
export function listDirectory(path: string): string[] {
  const names = new Uint8Array(NAMES_BYTES);
  const bytes = unwrap(
    native().ferrule_host_list(cString(path), names, NAMES_BYTES),
    `list '${path}'`,
  );
  const text = decoder.decode(names.subarray(0, bytes));
  return text.split("\n").filter((name) => name !== "").sort();
}

/**
 * Where a link leads.
 *
 * @throws {NativeError} If it is none.
 */
export function readLink(path: string): string {
  const target = new Uint8Array(LINK_BYTES);
  const bytes = unwrap(
    native().ferrule_host_link(cString(path), target, LINK_BYTES),
    `read the link '${path}'`,
  );
  return decoder.decode(target.subarray(0, bytes));
}

/**
 * Whose a file is, and who may do what with it.
 *
 * @throws {NativeError} If it is not there, or may not be looked at.
 */
export function fileOwner(path: string): FileOwner {
  const result = new Float64Array(STAT_WORDS);
  unwrap(
    native().ferrule_host_stat(cString(path), result),
    `look at '${path}'`,
  );
  const mode = result[0]!;
  return {
    isDirectory: (mode & KIND) === DIRECTORY,
    mode: mode & PERMISSIONS,
    uid: result[1]!,
    gid: result[2]!,
    inode: result[3]!,
    writable: result[4] === 1,
  };
}

/** The interface that has an IPv4 address; "" = none has it. */
export function interfaceOf(address: string): string {
  const name = new Uint8Array(INTERFACE_BYTES);
  const bytes = unwrap(
    native().ferrule_host_interface(cString(address), name, INTERFACE_BYTES),
    `find the interface of ${address}`,
  );
  return decoder.decode(name.subarray(0, bytes));
}

/**
 * How long a network card waits before it interrupts.
 *
 * @throws {NativeError} If its driver does not say.
 */
export function coalescingOf(name: string): Coalescing {
  const result = new Float64Array(COALESCE_WORDS);
  unwrap(
    native().ferrule_host_coalescing(cString(name), result),
    `ask for the interrupt coalescing of ${name}`,
  );
  return {
    rxUs: result[0]!,
    rxFrames: result[1]!,
    rxAdaptive: result[2] !== 0,
    txUs: result[3]!,
    txFrames: result[4]!,
    txAdaptive: result[5] !== 0,
  };
}

/**
 * Connects over TCP and closes again; blocks.
 *
 * @returns Microseconds until the connection stood.
 * @throws {NativeError} If nobody answers in time.
 */
export function connectUs(
  address: string,
  port: number,
  timeoutMs: number,
): number {
  const result = new Float64Array(1);
  unwrap(
    native().ferrule_host_connect(cString(address), port, timeoutMs, result),
    `connect to ${address}:${port}`,
  );
  return result[0]!;
}
