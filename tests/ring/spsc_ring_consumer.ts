// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The consuming thread of the ring's test: answers how many records came in
 * order and whole.
 *
 * @module
 */
import { SpscRing } from "../../engine/ring/mod.ts";

self.onmessage = (message: MessageEvent) => {
  const { memory, slotCount, total } = message.data as {
    memory: SharedArrayBuffer;
    slotCount: number;
    total: number;
  };
  const consumer = new SpscRing(memory, 0, 64, slotCount, "consumer");
  let right = 0;
  for (let i = 0; i < total;) {
    const count = consumer.available();
    for (let ahead = 0; ahead < count; ahead++, i++) {
      const base = consumer.peek(ahead) * 8;
      if (consumer.f64[base] === i && consumer.f64[base + 7] === -i) right++;
    }
    if (count > 0) consumer.release(count);
  }
  self.postMessage(right);
};
