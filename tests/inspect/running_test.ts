// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * `inspect`, `verify` and `shadow` look at the folder of an appliance that is
 * trading, as their make targets do, and disturb nothing.
 *
 * ```
 *   client ──orders──▶ appliance ──▶ journal, snapshots
 *                                        └─▶ main.ts inspect | verify | shadow
 * ```
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { DEMO_KEY } from "../../engine/config/mod.ts";
import { ClientType } from "../../engine/wire/binary/mod.ts";
import { startAppliance } from "../appliance/harness.ts";
import { jsonLines, runMain } from "./cli.ts";
import { RecordingBinary } from "./recording_clients.ts";

const UNIT = 100_000_000n;
const BATCH = 40;
/** Answers to a batch: all rest. */
const LOOKS = 6;

/** A batch of orders that do not trade. */
function batch(round: number) {
  return Array.from({ length: BATCH }, (_, i) => ({
    type: ClientType.NEW_ORDER,
    symbol: 0,
    side: 1 + i % 2,
    quantity: 1n * UNIT,
    price: BigInt(i % 2 === 0 ? 10_000 - round % 50 : 20_000 + i) * UNIT / 100n,
  }));
}

Deno.test("inspect, verify and shadow work on a running appliance's folder", async () => {
  const data = await Deno.makeTempDir({ prefix: "ferrule-inspect-" });
  try {
    await using appliance = await startAppliance({ dataDirectory: data });
    const client = await RecordingBinary.connect(
      appliance.binaryTcpPort,
      1,
      1,
    );
    await client.logon(BigInt(DEMO_KEY), 1);
    let trading = true;
    let rounds = 0;
    const flow = (async () => {
      for (; trading; rounds++) {
        await client.orders(batch(rounds));
        const wanted = (rounds + 1) * BATCH;
        await client.until(() => client.numbered.size >= wanted);
      }
    })();
    let last = 0;
    const json = async (...args: string[]) => {
      const { code, out, error } = await runMain(
        ["inspect", "--data", data, "--json", ...args],
        [data],
      );
      assertEquals(code, 0, error);
      return jsonLines(out);
    };
    for (let look = 0; look < LOOKS; look++) {
      const [summary] = await json();
      assert(Number(summary!.sequence) >= last);
      last = Number(summary!.sequence);
    }
    const verified = await runMain(["verify", data], [data]);
    assertEquals(verified.code, 0, verified.out + verified.error);
    assertMatch(verified.out, /: sound: /);
    const shadowed = await runMain(["shadow", "--data", data], [data]);
    assertEquals(shadowed.code, 0, shadowed.out + shadowed.error);
    assertMatch(shadowed.out, /^shadow: this build may take over: /);
    trading = false;
    await flow;
    assert(rounds > LOOKS, "nothing was traded meanwhile");
    // Nothing happens any more: what is on the disk is what is in memory.
    const state = await appliance.get("/state");
    const [still] = await json();
    assertEquals(still!.sequence, state.sequence);
    assertEquals(still!.stateHash, state.stateHash);
    assertEquals(still!.orders, rounds * BATCH);
    const orders = await json("book", "AAPL", "--levels", "1");
    assert(orders.length >= 2);
    // The same point again, from the other end: it is over and does not change.
    const at = String(last);
    const [then] = await json("--at", at);
    const [again] = await json("--at", String(then!.time));
    assertEquals(Number(then!.sequence), last);
    assert(Number(again!.sequence) >= last);
    await client.logout();
    await client.end();
    assertEquals(await appliance.stop(), 0);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("shadow comes to an end where the newest segment is empty", async () => {
  const data = await Deno.makeTempDir({ prefix: "ferrule-inspect-" });
  try {
    const first = await startAppliance({ dataDirectory: data });
    assertEquals(await first.stop(), 0);
    // Nothing is new, and nobody trades: this start's segment stays empty.
    await using _second = await startAppliance({ dataDirectory: data });
    const segments = await runMain(
      ["inspect", "--data", data, "--json", "segments"],
      [data],
    );
    assertEquals(jsonLines(segments.out).at(-1)!.commands, 0, segments.out);
    const { code, out, error } = await runMain(["shadow", "--data", data], [
      data,
    ]);
    assertEquals(code, 0, out + error);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("inspect, verify and shadow refuse what makes no sense, and say why", async () => {
  const data = await Deno.makeTempDir({ prefix: "ferrule-inspect-" });
  try {
    const cases: readonly (readonly [string[], number, RegExp])[] = [
      [
        ["inspect", "everything"],
        2,
        /inspect can't show "everything": summary/,
      ],
      [["inspect", "book"], 2, /inspect book takes SYMBOL/],
      [["inspect", "--at", "soon"], 2, /"soon" is no point of a journal/],
      [["inspect", "--levels", "0", "book", "A"], 2, /--levels is 0/],
      [["inspect"], 1, /Nothing to read in/],
      [["verify", "--data", `${data}/none`], 1, /No folder '/],
      [["shadow", "now"], 2, /shadow takes no further words/],
    ];
    for (const [args, wanted, why] of cases) {
      const { code, error } = await runMain(
        args.includes("--data") ? args : [...args, "--data", data],
        [data],
      );
      assertMatch(error, why);
      assertEquals(code, wanted, error);
    }
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});
