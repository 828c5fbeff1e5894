// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * State as named sections of bytes: what parts save into and load from,
 * whether it becomes a file or stays in memory.
 *
 * Who saves adds views of its own memory where it can: nothing is copied until
 * the section is written, and that must be before the state changes. Who loads
 * fills memory of its own. Cold path; allocates.
 *
 * @module
 */
import { assert } from "../assert.ts";

/** Takes sections. */
export interface SectionWriter {
  /** @param bytes May be a view of living state; it is read before the state changes. */
  add(name: string, bytes: Uint8Array): void;
}

/** Gives sections. */
export interface SectionReader {
  has(name: string): boolean;
  /** A copy of a section; throws if there is none. */
  read(name: string): Uint8Array<ArrayBuffer>;
  /** Fills `target`, which is as long as the section. */
  readInto(name: string, target: Uint8Array): void;
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** Adds a value as JSON. */
export function addJson(out: SectionWriter, name: string, value: unknown) {
  out.add(name, ENCODER.encode(JSON.stringify(value)));
}

/** Reads what `addJson()` added. */
export function readJson<T>(from: SectionReader, name: string): T {
  return JSON.parse(DECODER.decode(from.read(name))) as T;
}

/** The bytes of a view of any kind. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** The same writer for a part: its names get a prefix. */
export function writerFor(part: string, out: SectionWriter): SectionWriter {
  return { add: (name, bytes) => out.add(`${part}/${name}`, bytes) };
}

/** The same reader for a part. */
export function readerFor(part: string, from: SectionReader): SectionReader {
  return {
    has: (name) => from.has(`${part}/${name}`),
    read: (name) => from.read(`${part}/${name}`),
    readInto: (name, target) => from.readInto(`${part}/${name}`, target),
  };
}

/** Sections in memory, copied as they are added. */
export class MemorySections implements SectionWriter, SectionReader {
  readonly #sections = new Map<string, Uint8Array<ArrayBuffer>>();

  /** Names in the order in which they were added. */
  get names(): string[] {
    return [...this.#sections.keys()];
  }

  add(name: string, bytes: Uint8Array): void {
    assert(!this.#sections.has(name), `section ${name} is added twice`);
    this.#sections.set(name, new Uint8Array(bytes));
  }

  has(name: string): boolean {
    return this.#sections.has(name);
  }

  read(name: string): Uint8Array<ArrayBuffer> {
    return this.#find(name).slice();
  }

  readInto(name: string, target: Uint8Array): void {
    const bytes = this.#find(name);
    assertLength(name, bytes.length, target.length);
    target.set(bytes);
  }

  #find(name: string): Uint8Array<ArrayBuffer> {
    const bytes = this.#sections.get(name);
    if (bytes === undefined) throw missingSection(name);
    return bytes;
  }
}

/** True if all words from `from` to below `to` are 0. */
export function isZero(words: Int32Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (words[i] !== 0) return false;
  return true;
}

/** @throws {Error} If a section is not as long as what it shall fill. */
export function assertLength(
  name: string,
  bytes: number,
  wanted: number,
): void {
  if (bytes === wanted) return;
  throw new Error(
    `Section ${name} of the snapshot has ${bytes} bytes, ${wanted} are ` +
      "wanted: another build or capacity took it. Remove the snapshot: the " +
      "journal has everything",
  );
}

/** That a section is not there. */
export function missingSection(name: string): Error {
  return new Error(
    `The snapshot has no section ${name}: another build or configuration took ` +
      "it. Remove the snapshot: the journal has everything",
  );
}
