// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * CHECKPOINT commands: when they are written, and what a start that does the
 * commands again makes of them.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  CHECKPOINT_COMMANDS,
  CheckpointError,
} from "../../engine/appliance/checkpoint.ts";
import {
  CMD_PRICE_I32,
  CMD_QUANTITY_F64,
  CMD_REASON_U32,
  CMD_TEXT_U8,
  CommandKind,
  OrdType,
  TimeInForce,
} from "../../engine/record/mod.ts";
import {
  CONTROL_EXCHANGE,
  CONTROL_GATEWAY,
  ExchangeState,
  GatewayState,
} from "../../engine/ring/mod.ts";
import { ExchangeRig } from "./exchange_rig.ts";

const TOML = `
[[instruments]]
symbol = "A"
tick_size = "0.01"
lot_size = "1"
`;

function order(reference: number, side: number) {
  return {
    kind: CommandKind.NEW_ORDER,
    session: 1,
    instrument: 0,
    side,
    ordType: OrdType.LIMIT,
    timeInForce: TimeInForce.GTC,
    price: 100,
    quantity: 1,
    reference,
  };
}

function trade(rig: ExchangeRig, from: number, count: number): void {
  for (let i = 0; i < count; i++) rig.send(order(from + i, 1 + i % 2));
}

function stop(rig: ExchangeRig): void {
  rig.control[CONTROL_GATEWAY] = GatewayState.DONE;
  for (let round = 0; round < 5; round++) rig.round();
  assertEquals(rig.control[CONTROL_EXCHANGE], ExchangeState.DONE);
}

/** Places in the journal, and details, of all CHECKPOINTs. */
function checkpoints(rig: ExchangeRig): [number, number][] {
  return rig.allJournaled().flatMap(({ kind, detail }, at) =>
    kind === CommandKind.CHECKPOINT ? [[at, detail] as [number, number]] : []
  );
}

Deno.test("ExchangeAgent writes the state's hash when it goes live and when it stops, if anything changed", () => {
  const rig = new ExchangeRig({ toml: TOML }).start();
  const live = rig.journal.length;
  assertEquals(checkpoints(rig), [[live - 1, 1]]);
  trade(rig, 1, 5);
  const hash = rig.exchange.stateHash();
  stop(rig);
  assertEquals(checkpoints(rig), [[live - 1, 1], [live + 5, 1]]);
  assertEquals(rig.allJournaled().at(-1)!.text, hash);
  const again = new ExchangeRig({ toml: TOML, journal: rig.journal }).start();
  stop(again);
  assertEquals(again.journal.length, rig.journal.length);
  assertEquals(again.exchange.stateHash(), rig.exchange.stateHash());
  assertEquals([again.digest.lo, again.digest.hi, again.digest.events], [
    rig.digest.lo,
    rig.digest.hi,
    rig.digest.events,
  ]);
});

Deno.test("ExchangeAgent writes a CHECKPOINT when enough commands came, at the end of a batch", () => {
  const rig = new ExchangeRig({ toml: TOML }).start();
  const live = rig.journal.length;
  for (let sent = 0; sent < CHECKPOINT_COMMANDS * 2 + 1000; sent += 250) {
    rig.send(
      ...Array.from(
        { length: 250 },
        (_, i) => order(sent + i + 1, 1 + i % 2),
      ),
    );
  }
  const [first, second, third, ...more] = checkpoints(rig);
  assertEquals([first, more], [[live - 1, 1], []]);
  for (
    const [[at, detail], [before]] of [[second!, first!], [
      third!,
      second!,
    ]] as const
  ) {
    assertEquals(detail, 0);
    assert(at - before > CHECKPOINT_COMMANDS, `${at - before}`);
    assert(at - before <= CHECKPOINT_COMMANDS + 256, `${at - before}`);
  }
  assertEquals(rig.allJournaled().at(third![0])!.text, "");
});

Deno.test("ExchangeAgent stops at a CHECKPOINT that says something else", () => {
  const rig = new ExchangeRig({ toml: TOML }).start();
  trade(rig, 1, 5);
  stop(rig);
  const change = (edit: (view: DataView) => void) => {
    const journal = rig.journal.map((record) => record.slice());
    edit(new DataView(journal.at(-1)!.buffer));
    const error = assertThrows(
      () => new ExchangeRig({ toml: TOML, journal }).start(),
      CheckpointError,
      `CHECKPOINT ${journal.length} differs`,
    );
    assert(error.expected !== error.found);
    return error.message;
  };
  const low = (view: DataView, at: number) =>
    view.setUint8(at, view.getUint8(at) ^ 1);
  assert(change((view) => low(view, CMD_PRICE_I32 * 4)).includes("digest of"));
  assert(change((view) => low(view, CMD_REASON_U32 * 4)).includes("digest of"));
  assert(
    change((view) => view.setFloat64(CMD_QUANTITY_F64 * 8, 1, true))
      .includes("number of events"),
  );
  assert(change((view) => low(view, CMD_TEXT_U8)).includes("state hash"));
});

Deno.test("a start that does a command otherwise than it was done is noticed", () => {
  const rig = new ExchangeRig({ toml: TOML }).start();
  trade(rig, 1, 6);
  stop(rig);
  const journal = rig.journal.map((record) => record.slice());
  // The price of an order that rests and is not matched any more.
  new DataView(journal.at(-3)!.buffer).setInt32(CMD_PRICE_I32 * 4, 99, true);
  assertThrows(
    () => new ExchangeRig({ toml: TOML, journal }).start(),
    CheckpointError,
    "memory",
  );
});
