// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assertEquals } from "@std/assert";
import { ClOrdIds, NO_ENTRY } from "../../engine/gateway/fix/cl_ord_ids.ts";
import { MemorySections } from "../../engine/snapshot/mod.ts";
import { Random } from "../oracle/random.ts";

const OPEN_MAX = 40;
const CLOSED_MAX = 24;
const STEPS = 20_000;
const SESSION_MAX = 65_535;

/** The same by a Map: insertion order of `closed` is age. */
class Model {
  readonly open = new Map<string, number>();
  readonly closed = new Map<string, [number, number]>();

  get room(): boolean {
    return this.open.size + this.closed.size < OPEN_MAX + CLOSED_MAX ||
      this.closed.size > 0;
  }

  insert(id: string, reference: number): void {
    if (this.open.size + this.closed.size === OPEN_MAX + CLOSED_MAX) {
      this.#forget();
    }
    this.open.set(id, reference);
  }

  close(id: string, status: number): void {
    const reference = this.open.get(id);
    if (reference === undefined) return;
    this.open.delete(id);
    this.closed.set(id, [reference, status]);
    if (this.closed.size > CLOSED_MAX) this.#forget();
  }

  #forget(): void {
    this.closed.delete(this.closed.keys().next().value!);
  }
}

/** Stages an id from bytes with others around, or from words. */
function stage(ids: ClOrdIds, id: string, random: Random): void {
  const [session = "", text = ""] = id.split("/");
  const bytes = new TextEncoder().encode(text);
  if (random.draw(2) === 0) {
    const words = new Int32Array(7);
    new Uint8Array(words.buffer).set(bytes, 4);
    ids.stageWords(Number(session), words, 1);
    return;
  }
  const before = random.draw(5);
  const around = new Uint8Array(before + bytes.length + random.draw(5));
  around.fill(0x7c).set(bytes, before);
  ids.stage(Number(session), around, before, before + bytes.length);
}

/** Ids that differ little: in length, in one character, in the session. */
function drawId(random: Random): string {
  const session = random.pick([1, 2, 256, SESSION_MAX]);
  const length = random.pick([1, 3, 4, 5, 8, 17, 19, 20]);
  const digit = String(random.draw(4));
  const place = random.draw(length);
  const text = "A".repeat(place) + digit + "A".repeat(length - place - 1);
  return `${session}/${text}`;
}

for (const seed of [1, 2, 3]) {
  Deno.test(`ClOrdIds knows what a map knows, also from a saved state, seed ${seed}`, () => {
    const random = new Random(seed);
    const model = new Model();
    let ids = new ClOrdIds(OPEN_MAX, CLOSED_MAX);
    for (let step = 1; step <= STEPS; step++) {
      const id = drawId(random);
      stage(ids, id, random);
      const entry = ids.find();
      const open = model.open.get(id);
      const [closed, status] = model.closed.get(id) ?? [];
      const expected = open ?? closed;
      assertEquals(entry !== NO_ENTRY, expected !== undefined, `${step} ${id}`);
      if (entry !== NO_ENTRY) {
        assertEquals(ids.reference(entry), expected);
        assertEquals(ids.closed(entry), status ?? 0);
        if (random.draw(2) === 0) {
          const ended = random.pick([0x32, 0x34, 0x35, 0x38]);
          model.close(id, ended);
          ids.close(entry, ended);
        }
      } else if (model.room) {
        model.insert(id, step * 1e9);
        ids.insert(step * 1e9);
      } else assertEquals(ids.insert(step), NO_ENTRY);
      assertEquals(ids.count(), model.open.size + model.closed.size);
      if (random.draw(500) !== 0) continue;
      const sections = new MemorySections();
      ids.save(sections);
      ids = new ClOrdIds(OPEN_MAX, CLOSED_MAX);
      ids.load(sections);
    }
  });
}

Deno.test("ClOrdIds has no room when all that it knows is open", () => {
  const random = new Random(4);
  const ids = new ClOrdIds(3, 1);
  for (const text of ["a", "b", "c", "d"]) {
    stage(ids, `1/${text}`, random);
    assertEquals(ids.insert(1) === NO_ENTRY, false);
  }
  stage(ids, "1/e", random);
  assertEquals(ids.insert(1), NO_ENTRY);
  stage(ids, "1/b", random);
  ids.close(ids.find(), 0x32);
  stage(ids, "1/e", random);
  assertEquals(ids.insert(7) === NO_ENTRY, false);
  assertEquals(ids.reference(ids.find()), 7);
  stage(ids, "1/b", random);
  assertEquals(ids.find(), NO_ENTRY);
});
