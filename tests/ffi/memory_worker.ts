// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The other side of the test that shares memory: attaches, writes, answers.
 *
 * @module
 */
import { attach } from "../../ffi/memory.ts";

self.onmessage = (event: MessageEvent<{ address: number; bytes: number }>) => {
  const words = new Int32Array(attach(event.data.address, event.data.bytes));
  words[1] = 7;
  Atomics.add(words, 0, 1);
  self.postMessage("done");
};
