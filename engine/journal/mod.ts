// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The write-ahead log of commands: a writer that makes them durable in groups,
 * and a reader that brings them back, cuts a torn tail and names any other
 * damage.
 *
 * @module
 */
export * from "./archive.ts";
export * from "./damage.ts";
export * from "./files.ts";
export * from "./journal_reader.ts";
export * from "./journal_tail.ts";
export * from "./journal_writer.ts";
export * from "./mapped_files.ts";
export * from "./pressure.ts";
export * from "./segment.ts";
