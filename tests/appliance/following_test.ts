// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The exchange's agent as a standby: it does what a primary journaled, journals
 * it too, compares each CHECKPOINT, and goes on where the primary stopped.
 *
 * ```
 *   rig (primary) ─journal─▶ replica ring ─▶ rig (standby) ─▶ the same journal
 * ```
 *
 * @module
 */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CheckpointError } from "../../engine/appliance/checkpoint.ts";
import {
  CMD_KIND_U8,
  CMD_QUANTITY_F64,
  CommandKind,
  Side,
} from "../../engine/record/mod.ts";
import {
  CONTROL_EXCHANGE,
  CONTROL_REPLICATOR,
  CONTROL_ROLE,
  ExchangeState,
  ReplicatorState,
  Role,
} from "../../engine/ring/mod.ts";
import { ExchangeRig } from "./exchange_rig.ts";

/** A primary that has traded, and its orderly end: a CHECKPOINT with the state's hash. */
function traded(): ExchangeRig {
  const rig = new ExchangeRig().start();
  for (let i = 1; i <= 100; i++) {
    rig.send({
      kind: CommandKind.NEW_ORDER,
      session: 1 + i % 2,
      inSequence: i,
      side: i % 3 === 0 ? Side.SELL : Side.BUY,
      price: 1000 + i % 7,
      quantity: 1 + i % 5,
      reference: i,
    });
  }
  return rig;
}

/** What a restart of a primary adds: a CHECKPOINT after its orders. */
function restarted(): ExchangeRig {
  return new ExchangeRig({ journal: traded().journal }).start();
}

Deno.test("ExchangeAgent FOLLOWING has the primary's state and journal, and goes on as primary", () => {
  const primary = restarted();
  const standby = new ExchangeRig().follow(primary.journal);
  assertEquals(standby.control[CONTROL_EXCHANGE], ExchangeState.FOLLOWING);
  assertEquals(standby.journal, primary.journal);
  assertEquals(standby.exchange.stateHash(), primary.exchange.stateHash());
  const { sequence } = primary.agent;
  assertEquals(standby.agent.sequence, sequence);

  standby.control[CONTROL_REPLICATOR] = ReplicatorState.HANDED;
  standby.round();
  assertEquals(
    standby.control[CONTROL_EXCHANGE],
    ExchangeState.FOLLOWING,
    "not before it is told that it is primary",
  );
  standby.control[CONTROL_ROLE] = Role.PRIMARY;
  standby.round();
  assertEquals(standby.control[CONTROL_EXCHANGE], ExchangeState.LIVE);
  standby.send({
    kind: CommandKind.CANCEL_ORDER,
    session: 1,
    inSequence: 200,
    reference: 2,
  });
  primary.send({
    kind: CommandKind.CANCEL_ORDER,
    session: 1,
    inSequence: 200,
    reference: 2,
  });
  assertEquals(standby.exchange.stateHash(), primary.exchange.stateHash());
});

Deno.test("ExchangeAgent FOLLOWING stops at the first CHECKPOINT if it came to something else", () => {
  const { journal } = restarted();
  const changed = journal.map((record) => record.slice());
  const order = changed.find((record) =>
    record[CMD_KIND_U8] === CommandKind.NEW_ORDER
  )!;
  new Float64Array(order.buffer)[CMD_QUANTITY_F64]! += 1;
  const checkpoint = 1 +
    changed.findLastIndex((record) =>
      record[CMD_KIND_U8] === CommandKind.CHECKPOINT
    );
  const error = assertThrows(
    () => new ExchangeRig().follow(changed),
    CheckpointError,
  );
  assertStringIncludes(error.message, `CHECKPOINT ${checkpoint} differs`);
});

Deno.test("ExchangeAgent FOLLOWING takes no command out of turn", () => {
  const { journal } = traded();
  const standby = new ExchangeRig();
  const gap = [...journal.slice(0, 5), ...journal.slice(6)];
  assertThrows(() => standby.follow(gap), Error, "after 5");
});
