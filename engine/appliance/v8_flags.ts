// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * How V8 compiles the exchange: with the whole plain path in one piece.
 *
 * V8 puts a function into its caller only below certain sizes of bytecode. The
 * plain path is beyond the usual ones, and would call its parts for each
 * message; with these it takes about a tenth less time. They are an option of
 * Deno's command line, because flags that a running program sets have no
 * effect: the service unit and the Makefile repeat the text, a test compares.
 *
 * @module
 */

/** The option: bytes of a function, of all that goes into one, and never more. */
export const V8_FLAGS_OPTION =
  "--v8-flags=--max-inlined-bytecode-size=4000,--max-inlined-bytecode-size-cumulative=20000,--max-inlined-bytecode-size-absolute=40000";
