// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Opens the native library, once for each set of symbols, and turns its
 * results into errors that an operator understands. Any thread; allocates only
 * when it opens and when it fails. It never goes on with a library of another
 * version.
 *
 * @module
 */
import { ERRNO_NAMES, NativeError } from "./native_error.ts";

/** `FERRULE_ABI_VERSION` of `native/ferrule.h` that these wrappers are for. */
export const ABI_VERSION = 4;
/** The library of everything but DPDK. */
export const LIBRARY_NAME = "libferrule.so";

const ERROR_TEXT_BYTES = 512;
const COMMON_SYMBOLS = {
  ferrule_abi_version: { parameters: [], result: "i32" },
  ferrule_last_error: { parameters: ["buffer", "i32"], result: "i32" },
} as const;

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const errorText = new Uint8Array(ERROR_TEXT_BYTES);
type Common = Deno.DynamicLibrary<typeof COMMON_SYMBOLS>["symbols"];
const opened = new Map<string, Common>();

/** Where a native library lies: `FERRULE_NATIVE_DIR`, or `native/build` beside `ffi`. */
export function libraryPath(name: string = LIBRARY_NAME): string {
  const directory = Deno.env.get("FERRULE_NATIVE_DIR");
  if (directory !== undefined && directory !== "") {
    return `${directory.replace(/\/+$/, "")}/${name}`;
  }
  return decodeURIComponent(
    new URL(`../native/build/${name}`, import.meta.url).pathname,
  );
}

/**
 * Opens a native library and checks its version.
 *
 * @param symbols The functions that the caller uses.
 * @param name File name of the library.
 * @throws {Error} If it is missing, lacks a symbol, or is of another version.
 */
export function openLibrary<const S extends Deno.ForeignLibraryInterface>(
  symbols: S,
  name: string = LIBRARY_NAME,
): Deno.DynamicLibrary<S>["symbols"] {
  const path = libraryPath(name);
  openCommon(name, path);
  try {
    return Deno.dlopen(path, symbols).symbols;
  } catch (cause) {
    throw openError(path, cause);
  }
}

/** The library's text of the last error on this thread. */
export function lastError(name: string = LIBRARY_NAME): string {
  const common = opened.get(name);
  if (common === undefined) return "";
  const length = common.ferrule_last_error(errorText, ERROR_TEXT_BYTES);
  return decoder.decode(errorText.subarray(0, length));
}

/**
 * Passes a shim's result through if it is 0 or more.
 *
 * @param code What the shim returned.
 * @param operation What was tried, with its values: "open 'a.journal'".
 * @param remedy Likely cause and what to do.
 * @param name The library that was called.
 * @throws {NativeError} If `code` is negative.
 */
export function unwrap(
  code: number,
  operation: string,
  remedy?: string,
  name: string = LIBRARY_NAME,
): number {
  if (code < 0) throw new NativeError(operation, code, lastError(name), remedy);
  return code;
}

/** Name of an errno of either sign: "ENOSPC". */
export function errnoName(code: number): string {
  const errno = Math.abs(code);
  return ERRNO_NAMES[errno] ?? `errno ${errno}`;
}

/** A text as C takes it: UTF-8 with a NUL after it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) {
    throw new TypeError(`Text for a native call holds a NUL: ${text}`);
  }
  return encoder.encode(text + "\0");
}

function openCommon(name: string, path: string): void {
  if (opened.has(name)) return;
  let common: Common;
  try {
    common = Deno.dlopen(path, COMMON_SYMBOLS).symbols;
  } catch (cause) {
    throw openError(path, cause);
  }
  const version = common.ferrule_abi_version();
  if (version !== ABI_VERSION) {
    throw new Error(
      `Native library ${path} has ABI version ${version}, this program needs ` +
        `${ABI_VERSION}. It was built from other sources: run make -C native`,
    );
  }
  opened.set(name, common);
}

function openError(path: string, cause: unknown): Error {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new Error(
    `Failed to open the native library ${path}: ${text}. It is missing, ` +
      "incomplete or may not be opened: run make -C native, and give Deno " +
      "--allow-ffi (unlimited) and --allow-env",
    { cause },
  );
}
