// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The lease on a clock and a store of the test: whatever happens to answers and
 * clocks, never do two hold it at a time.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  Lease,
  type LeaseRecord,
  type LeaseStore,
  type LeaseVersion,
} from "../../engine/replication/mod.ts";
import { seeded } from "../wire/itch_builder.ts";

const LEASE_MS = 1000;
const MS = 1e6;

/** A record with compare-and-set, whose answers may be lost or old. */
class TestStore implements LeaseStore {
  readonly versions: LeaseVersion[] = [{ revision: 0, record: undefined }];
  /** What the next call suffers: nothing, is not done, is done and not answered, reads an old version. */
  fate: () => "well" | "unsent" | "unanswered" | "old" = () => "well";

  // deno-lint-ignore require-await
  async read(): Promise<LeaseVersion> {
    const fate = this.fate();
    if (fate === "unsent" || fate === "unanswered") throw new Error(fate);
    const back = fate === "old" && this.versions.length > 1 ? 2 : 1;
    return this.versions.at(-back)!;
  }

  // deno-lint-ignore require-await
  async write(
    record: LeaseRecord,
    revision: number,
  ): Promise<number | undefined> {
    const fate = this.fate();
    if (fate === "unsent") throw new Error(fate);
    const newest = this.versions.at(-1)!.revision;
    if (revision !== newest) return undefined;
    this.versions.push({ revision: newest + 1, record });
    if (fate === "unanswered") throw new Error(fate);
    return newest + 1;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const NEWS = { sequence: 0, alone: false };

Deno.test("Lease is taken once, renewed, given back, and each holder has a later epoch", async () => {
  const store = new TestStore();
  let nowNs = 1;
  const make = (id: string) =>
    new Lease({ store, id, name: id, leaseMs: LEASE_MS, nowNs: () => nowNs });
  const [one, two] = [make("one"), make("two")];
  await one.look();
  await two.look();
  assertEquals(await one.take(7, NEWS), nowNs + LEASE_MS * MS);
  assertEquals(one.epoch, 8);
  assertEquals(await two.take(0, NEWS), undefined);
  await two.look();
  assertEquals(two.isFree, false);
  nowNs += LEASE_MS * MS;
  assertEquals(two.isFree, false, "others wait longer than the holder");
  assertEquals((await one.renew(NEWS)).kind, "held");
  nowNs += LEASE_MS * MS * 1.3;
  await two.look();
  assertEquals(two.isFree, false, "it has changed since");
  nowNs += LEASE_MS * MS * 1.3;
  await two.look();
  assertEquals(two.isFree, true);
  assert(await two.take(0, NEWS) !== undefined);
  assertEquals(two.epoch, 9);
  assertEquals((await one.renew(NEWS)).kind, "lost");
  await two.release(NEWS);
  await one.look();
  assertEquals(one.isFree, true);
  assert(await one.take(0, NEWS) !== undefined);
  assertEquals(one.epoch, 10);
});

Deno.test("Lease whose renewal was done and not answered goes on with it", async () => {
  const store = new TestStore();
  const one = new Lease({
    store,
    id: "one",
    name: "one",
    leaseMs: LEASE_MS,
    nowNs: () => 1,
  });
  await one.look();
  await one.take(0, NEWS);
  store.fate = () => "unanswered";
  assertEquals((await one.renew(NEWS)).kind, "unknown");
  store.fate = () => "well";
  assertEquals((await one.renew(NEWS)).kind, "unknown");
  assertEquals((await one.renew(NEWS)).kind, "held");
});

Deno.test("Lease: never do two hold it, with answers lost and late, clocks apart and processes that stand still", async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const next = seeded(seed);
    const store = new TestStore();
    store.fate = () => {
      const draw = next();
      return draw < 0.7
        ? "well"
        : draw < 0.8
        ? "unsent"
        : draw < 0.9
        ? "unanswered"
        : "old";
    };
    let trueNs = 1e12;
    // Clocks start anywhere and run up to a tenth too fast or slow.
    const sides = ["one", "two", "three"].map((id) => {
      const offset = next() * 1e15;
      const rate = 0.9 + next() * 0.2;
      const nowNs = () => offset + trueNs * rate;
      const lease = new Lease({
        store,
        id,
        name: id,
        leaseMs: LEASE_MS,
        nowNs,
      });
      return { lease, nowNs, untilNs: 0, frozenUntil: 0, took: 0 };
    });
    let epoch = 0;
    for (let step = 0; step < 400; step++) {
      trueNs += next() * 200 * MS;
      const side = sides[Math.floor(next() * sides.length)]!;
      if (trueNs < side.frozenUntil) continue;
      if (next() < 0.02) {
        side.frozenUntil = trueNs + next() * 5000 * MS;
        continue;
      }
      try {
        if (side.untilNs > side.nowNs()) {
          const renewal = await side.lease.renew(NEWS);
          if (renewal.kind === "held") side.untilNs = renewal.untilNs;
          if (renewal.kind === "lost") side.untilNs = 0;
        } else {
          side.untilNs = 0;
          await side.lease.look();
          if (side.lease.isFree) {
            const until = await side.lease.take(0, NEWS);
            if (until !== undefined) {
              assert(side.lease.epoch > epoch, `seed ${seed}: epoch`);
              epoch = side.lease.epoch;
              side.untilNs = until;
              side.took++;
            }
          }
        }
      } catch (error) {
        assert(error instanceof Error && error.message.startsWith("un"));
      }
      const holders = sides.filter((one) => one.untilNs > one.nowNs());
      assert(holders.length <= 1, `seed ${seed}, step ${step}: two hold it`);
    }
    const took = sides.reduce((sum, one) => sum + one.took, 0);
    assert(took > 0, `seed ${seed}`);
  }
});
