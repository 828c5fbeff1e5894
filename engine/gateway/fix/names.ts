// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Names as clients write them, to the indexes that records have, and back.
 *
 * The gateway's thread owns it. Looking up allocates nothing; adding a name,
 * which is rare, does.
 *
 * @module
 */
import { wordsOfText } from "./texts.ts";

/** `find()`: no such name. */
export const NO_NAME = -1;

const ENCODER = new TextEncoder();

/** Names by index; an index that was skipped has none. */
export class Names {
  readonly #names: (Uint8Array | undefined)[] = [];
  /** By index, as `wordsOfText()`. */
  readonly words: (Int32Array | undefined)[] = [];
  /** Index + 1 by hash of the name; 0 = empty. */
  #slots = new Int32Array(16);

  /** Adds a name, or gives an index another one. */
  set(index: number, name: string): void {
    while (this.#names.length <= index) {
      this.#names.push(undefined);
      this.words.push(undefined);
    }
    const bytes = ENCODER.encode(name);
    const known = this.#names[index] !== undefined;
    this.#names[index] = bytes;
    this.words[index] = wordsOfText(bytes);
    if (known || this.#slots.length <= this.#names.length * 2) this.#rebuild();
    else this.#insert(bytes, index);
  }

  /** Index of the name in `bytes[from, to)`, or `NO_NAME`. */
  find(bytes: Uint8Array, from: number, to: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const length = to - from;
    for (let s = hashOf(bytes, from, to) & mask;; s = (s + 1) & mask) {
      const index = slots[s]! - 1;
      if (index < 0) return NO_NAME;
      const name = this.#names[index]!;
      if (name.length !== length) continue;
      let i = 0;
      while (i < length && name[i] === bytes[from + i]) i++;
      if (i === length) return index;
    }
  }

  #rebuild(): void {
    let size = 16;
    while (size <= this.#names.length * 2) size *= 2;
    this.#slots = new Int32Array(size);
    this.#names.forEach((name, index) => {
      if (name !== undefined) this.#insert(name, index);
    });
  }

  #insert(name: Uint8Array, index: number): void {
    const mask = this.#slots.length - 1;
    let slot = hashOf(name, 0, name.length) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = index + 1;
  }
}

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let p = from; p < to; p++) {
    hash = Math.imul(hash ^ bytes[p]!, 0x01000193);
  }
  return hash ^ (hash >>> 15);
}
