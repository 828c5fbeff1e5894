// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assert, assertEquals } from "@std/assert";
import { BookHash, TapeHash } from "../../bench/exchange_mix.ts";
import { type FlowOptions, makeFlow } from "../../bench/live_flow.ts";
import { buildPrograms, programPath } from "../../bench/programs.ts";
import { hexadecimal } from "../../bench/standard_mix.ts";
import { runPeer } from "../../bench/peers.ts";

const LIVE = 2000;
const MESSAGES = 10_000;
const SMALL: FlowOptions = {
  live: LIVE,
  prices: 5000,
  messages: MESSAGES,
  specialPercent: 0,
};

Deno.test("makeFlow() keeps as many orders alive as it was asked to", () => {
  for (const specialPercent of [0, 40]) {
    const { rig, commands, fillCount } = makeFlow({ ...SMALL, specialPercent });
    rig.prepare();
    rig.run(commands, 0, fillCount);
    const filled = rig.exchange.ordersOpen;
    rig.run(commands, fillCount);
    const open = rig.exchange.ordersOpen;
    for (const orders of [filled, open]) {
      assert(
        orders <= LIVE + 1 && orders > LIVE - 100,
        `${orders} orders, ${specialPercent} % with terms`,
      );
    }
    assert(rig.exchange.trades > MESSAGES / 20, "orders trade");
  }
});

Deno.test("makeFlow() gives the same messages to us and to the C ladder", async () => {
  await buildPrograms();
  const { rig, commands, records } = makeFlow(SMALL);
  const tape = new TapeHash();
  const book = new BookHash();
  rig.prepare();
  rig.listen((ring, byte) => tape.take(ring, byte));
  rig.run(commands);
  rig.sweep((ring, byte) => book.take(ring, byte));
  const file = await Deno.makeTempFile({ prefix: "ferrule-flow-" });
  try {
    await Deno.writeFile(file, new Uint8Array(records.buffer as ArrayBuffer));
    const ladder = { name: "ladder", path: programPath("ladder") };
    const run = await runPeer(ladder, file, 2, `from=${LIVE}`);
    for (const pass of run!.passes) {
      assertEquals(
        [pass.messages, pass.tape, pass.book],
        [MESSAGES, hexadecimal(tape.value), hexadecimal(book.value)],
      );
    }
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("makeFlow() makes the same flow each time", () => {
  const [one, two] = [makeFlow(SMALL), makeFlow(SMALL)];
  assertEquals(one.records, two.records);
});
