// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Words between threads: whoever sees one sees what was written before it.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { storeWord } from "../../engine/ring/mod.ts";

/** Each on a cache line of its own, in no order of addresses; the last is the word. */
const LINES = [192, 16, 128, 64, 240, 96];
const WRITES = 20_000_000;
/** The reader is there long before the writer is through. */
const BATCH = 200_000;

function write(words: Int32Array, from: number, to: number): void {
  const [a, b, c, d, e, word] = LINES as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  for (let i = from; i <= to; i++) {
    words[a] = i;
    words[b] = i;
    words[c] = i;
    words[d] = i;
    words[e] = i;
    storeWord(words, word, i);
  }
}

Deno.test("storeWord() shows all that was written before, loadWord() sees it in a loop", async () => {
  const words = new Int32Array(new SharedArrayBuffer(1024));
  const worker = new Worker(new URL("./words_reader.ts", import.meta.url), {
    type: "module",
  });
  const answer = new Promise<{ seen: number; news: number; missing: number }>(
    (resolve, reject) => {
      worker.onmessage = (message) => resolve(message.data);
      worker.onerror = (event) => reject(new Error(event.message));
    },
  );
  worker.postMessage({ words, lines: LINES, last: WRITES });
  for (let from = 1; from <= WRITES; from += BATCH) {
    write(words, from, from + BATCH - 1);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const { seen, news, missing } = await answer;
  worker.terminate();
  assertEquals([seen, missing], [WRITES, 0]);
  assert(news > 10, `${news}: the reader hardly ran beside the writer`);
});
