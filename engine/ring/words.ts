// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Words that one thread writes and others read, without calls.
 *
 * `Atomics` of V8 are calls into its runtime: 8 to 17 ns each, and a lone
 * order meets some thirty. What the rings need of them is less: that what was
 * written before a word is seen by who has seen the word. The processors that
 * we run on (x86-64) keep stores in order among stores, and loads among loads;
 * V8 keeps accesses of typed arrays as they are written, and
 * `tests/ring/words_test.ts` holds both to it. What needs a store to be seen
 * before a later load of another word stays with `Atomics`. See decision 0017.
 *
 * @module
 */

/** What another thread wrote last, and all that it wrote before. */
export function loadWord(words: Int32Array, at: number): number {
  return words[at]!;
}

/** Shows a word, and all that was written before it. For the word's only writer. */
export function storeWord(words: Int32Array, at: number, value: number): void {
  words[at] = value;
}
