// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Opening the native library, and errors made of its results.
 *
 * @module
 */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  ABI_VERSION,
  cString,
  errnoName,
  lastError,
  libraryPath,
  openLibrary,
  unwrap,
} from "../../ffi/library.ts";
import { NativeError } from "../../ffi/native_error.ts";
import { openFile } from "../../ffi/file.ts";

Deno.test("openLibrary() opens what make built", () => {
  const symbols = openLibrary({
    ferrule_abi_version: { parameters: [], result: "i32" },
  });
  const header = Deno.readTextFileSync(
    new URL("../../native/ferrule.h", import.meta.url),
  );
  const version = /FERRULE_ABI_VERSION (\d+)/.exec(header)?.[1];
  assertEquals(String(symbols.ferrule_abi_version()), version);
  assertEquals(symbols.ferrule_abi_version(), ABI_VERSION);
});

Deno.test("openLibrary() names path and remedy when the library is missing", () => {
  const error = assertThrows(
    () =>
      openLibrary({
        ferrule_abi_version: { parameters: [], result: "i32" },
      }, "libferrule_none.so"),
    Error,
  );
  assertStringIncludes(error.message, libraryPath("libferrule_none.so"));
  assertStringIncludes(error.message, "run make -C native");
});

Deno.test("openLibrary() names a symbol that is missing", () => {
  const error = assertThrows(
    () => openLibrary({ ferrule_no_such: { parameters: [], result: "i32" } }),
    Error,
  );
  assertStringIncludes(error.message, "ferrule_no_such");
});

Deno.test("unwrap() passes counts through", () => {
  assertEquals(unwrap(0, "x"), 0);
  assertEquals(unwrap(7, "x"), 7);
});

Deno.test("unwrap() throws a NativeError with operation, code and text", () => {
  const error = assertThrows(
    () => openFile("/nonexistent/file", 1),
    NativeError,
  );
  assertEquals(error.code, 2);
  assertEquals(error.operation, "open '/nonexistent/file'");
  assertStringIncludes(error.message, "ENOENT");
  assertStringIncludes(lastError(), "/nonexistent/file");
});

Deno.test("errnoName() takes either sign and unknown numbers", () => {
  assertEquals(errnoName(-28), "ENOSPC");
  assertEquals(errnoName(28), "ENOSPC");
  assertEquals(errnoName(4000), "errno 4000");
});

Deno.test("cString() ends in NUL and refuses one inside", () => {
  assertEquals(cString("ab"), new Uint8Array([97, 98, 0]));
  assertThrows(() => cString("a\0b"), TypeError);
});
