// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The reading thread of the words' test: answers how often it saw something
 * new, and how often what was written before it was missing.
 *
 * @module
 */
import { loadWord } from "../../engine/ring/mod.ts";

/** A look that finds nothing new is no progress: so many at most. */
const LOOKS_MAX = 4_000_000_000;

self.onmessage = (message: MessageEvent) => {
  const { words, lines, last } = message.data as {
    words: Int32Array;
    lines: readonly number[];
    last: number;
  };
  const newest = lines.at(-1)!;
  let seen = 0;
  let news = 0;
  let missing = 0;
  for (let looks = 0; looks < LOOKS_MAX && seen !== last; looks++) {
    const value = loadWord(words, newest);
    if (value === seen) continue;
    seen = value;
    news++;
    for (let i = lines.length - 2; i >= 0; i--) {
      // Written before it: at least as new.
      if (((words[lines[i]!]! - value) | 0) < 0) missing++;
    }
  }
  self.postMessage({ seen, news, missing });
};
