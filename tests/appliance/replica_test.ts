// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A replica becomes what the live exchange was.
 *
 * ```
 *   rig: traffic ─▶ journal ─▶ Replica ─▶ events, state hash
 *         └─▶ state hash ◀── compare ──────────┘
 * ```
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { crc32cOf } from "../../ffi/crc32c.ts";
import {
  Replica,
  type ReplicaOptions,
} from "../../engine/appliance/replica.ts";
import {
  EVENT_SLOT_BYTES,
  EVT_INDEX_U32,
  EVT_SEQUENCE_F64,
} from "../../engine/record/mod.ts";
import { MemorySections } from "../../engine/snapshot/mod.ts";
import { Log } from "../../engine/telemetry/mod.ts";
import { CommandBuffer } from "../exchange/support.ts";
import { Random } from "../oracle/random.ts";
import { trafficRig } from "./traffic.ts";

const SEED = 11;
const COMMANDS = 3000;

const quiet = new Log({
  level: "error",
  format: "json",
  source: "test",
  nowMs: () => 0,
});

function feed(replica: Replica, journal: readonly Uint8Array[]): void {
  const buffer = new CommandBuffer();
  for (const record of journal) {
    buffer.u8.set(record);
    replica.apply(buffer, 0);
  }
  replica.settle();
}

Deno.test("Replica becomes what the live exchange was, with and without gateways, several in turn", () => {
  const rig = trafficRig(SEED, COMMANDS);
  const make = (more: Partial<ReplicaOptions>) =>
    new Replica({ config: rig.config, log: quiet, ...more });
  for (const gateways of [true, false, true]) {
    const replica = make({ gateways });
    feed(replica, rig.journal);
    assertEquals(replica.sequence, rig.agent.sequence);
    assertEquals(replica.stateHash(), rig.exchange.stateHash());
    assertEquals(replica.exchange.events, rig.exchange.events);
    replica.dispose();
  }
  const resident = make({ resident: true, warm: true });
  feed(resident, rig.journal);
  assertEquals(resident.stateHash(), rig.exchange.stateHash());
  resident.dispose();
});

Deno.test("Replica shows each event in the order of the commands, whatever ring it went to", () => {
  const rig = trafficRig(SEED, COMMANDS);
  for (const gateways of [true, false]) {
    let events = 0;
    let house = 0;
    let sequence = 0;
    let index = 0;
    const replica = new Replica({
      config: rig.config,
      log: quiet,
      gateways,
      onEvent: (ring, slot, place) => {
        const at = slot * EVENT_SLOT_BYTES;
        const of = ring.f64[(at >>> 3) + EVT_SEQUENCE_F64]!;
        const number = ring.u32[(at >>> 2) + EVT_INDEX_U32]!;
        assert(of > sequence || (of === sequence && number >= index));
        sequence = of;
        index = number;
        events += 1;
        house += place;
      },
    });
    feed(replica, rig.journal);
    // What gateways are told of definitions is not counted as events.
    const told = rig.journaled().filter(({ text }) => text !== "").length;
    assert(events >= rig.exchange.events, `${events} events seen`);
    assert(events <= rig.exchange.events + told, `${events} events seen`);
    assert(house > 0, "no event of the house was seen");
    replica.dispose();
  }
});

Deno.test("Replica.apply() takes the next command and no other", () => {
  const rig = trafficRig(SEED, 10);
  const replica = new Replica({ config: rig.config, log: quiet });
  feed(replica, rig.journal.slice(0, 5));
  assertThrows(
    () => feed(replica, rig.journal.slice(6)),
    Error,
    "command 7 recovered after 5",
  );
  replica.dispose();
});

function sectionsOf(replica: Replica): MemorySections {
  const sections = new MemorySections();
  replica.save(sections);
  return sections;
}

Deno.test("Replica goes on from a saved state to the same state, section by section", () => {
  const rig = trafficRig(SEED, COMMANDS);
  const { journal, config } = rig;
  const make = () => new Replica({ config, log: quiet });
  const whole = make();
  feed(whole, journal);
  const expected = sectionsOf(whole);
  const random = new Random(SEED);
  for (let cut = 0; cut < 4; cut++) {
    const commands = 1 + random.draw(journal.length - 1);
    const first = make();
    feed(first, journal.slice(0, commands));
    const second = make();
    second.load(sectionsOf(first));
    assertEquals(second.sequence, commands);
    assertEquals(second.stateHash(), first.stateHash());
    feed(second, journal.slice(commands));
    const found = sectionsOf(second);
    assertEquals(found.names, expected.names);
    for (const name of found.names) {
      assertEquals(
        crc32cOf(found.read(name)),
        crc32cOf(expected.read(name)),
        `section ${name} differs, ${commands} commands before`,
      );
    }
    for (const replica of [first, second]) replica.dispose();
  }
  whole.dispose();
});

Deno.test("Replica.load() refuses a state of another capacity", () => {
  const rig = trafficRig(SEED, 10);
  const replica = new Replica({ config: rig.config, log: quiet });
  feed(replica, rig.journal);
  const { config } = rig;
  const other = new Replica({
    config: { ...config, capacity: { ...config.capacity, orders: 8192 } },
    log: quiet,
  });
  assertThrows(
    () => other.load(sectionsOf(replica)),
    Error,
    "another build or capacity",
  );
});
