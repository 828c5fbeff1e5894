// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Server-Sent Events to whoever has the status page open.
 *
 * ```
 *   tick(), once a second ─▶ one text ─┬─▶ listener (its books) ─▶ browser
 *                                      └─▶ listener (its books) ─▶ browser
 * ```
 *
 * Main thread. Listeners are few, and one that does not take what it is sent
 * is dropped: nothing piles up for it, and nobody waits.
 *
 * @module
 */

/** Pages that may be open at once. */
export const LISTENERS_MAX = 16;
/** Messages that may wait for a listener before it is dropped. */
export const WAITING_MAX = 8;

const ENCODER = new TextEncoder();

/** One event of the stream. */
export function eventText(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

interface Listener {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  /** What this one is sent besides. */
  readonly own: () => string;
}

/** All listeners. */
export class LiveFeed {
  readonly #listeners = new Set<Listener>();
  #dropped = 0;

  /** Pages that are open now. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Listeners that were dropped because they did not read. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * A stream for one more listener; undefined if there are as many as may be.
   *
   * @param first What it is sent at once.
   * @param own What it is sent at each tick besides what all are sent.
   */
  open(
    first: string,
    own: () => string,
  ): ReadableStream<Uint8Array> | undefined {
    if (this.#listeners.size >= LISTENERS_MAX) return undefined;
    let listener: Listener;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        listener = { controller, own };
        this.#listeners.add(listener);
        controller.enqueue(ENCODER.encode(first));
      },
      cancel: () => {
        this.#listeners.delete(listener);
      },
    }, { highWaterMark: WAITING_MAX });
  }

  /** Sends to all; drops who has too much waiting. */
  tick(text: string): void {
    for (const listener of [...this.#listeners]) {
      const { controller, own } = listener;
      if ((controller.desiredSize ?? 0) <= 0) {
        this.#dropped += 1;
        this.#end(listener);
      } else controller.enqueue(ENCODER.encode(text + own()));
    }
  }

  /** Ends all streams. */
  close(): void {
    for (const listener of [...this.#listeners]) this.#end(listener);
  }

  #end(listener: Listener): void {
    this.#listeners.delete(listener);
    listener.controller.close();
  }
}
