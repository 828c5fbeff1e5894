// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A gateway that goes on from a saved state says the same as one that goes on
 * from the whole journal, byte for byte.
 *
 * ```
 *   traffic ─▶ journal ─┬─────────── all ───────────▶ gateway ─▶ resend, trade ─▶ bytes
 *                       ├─ first n ─▶ keeper ─ save ─┐                             same
 *                       └─ the rest ────────────────▶ gateway ─▶ resend, trade ─▶ bytes
 * ```
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Side } from "../../engine/record/mod.ts";
import { MemorySections } from "../../engine/snapshot/mod.ts";
import {
  type ClientMessage,
  ClientType,
} from "../../engine/wire/binary/mod.ts";
import { Random } from "../oracle/random.ts";
import { Harness, limitOrder } from "./binary_harness.ts";
import {
  Client,
  Rig,
  type SavedRig,
  START_MS,
  timestamp,
} from "./fix_harness.ts";

const SEEDS = [1, 2, 3];
const STEPS = 300;
/** Records in memory: few, so that files are read. */
const RECORDS = 64;
const TIME = `60=${timestamp(START_MS)}|`;

/** Random orders, requests, refusals and resets of two FIX clients. */
function tradeFix(rig: Rig, random: Random, steps: number, names: string) {
  const clients = [new Client(rig), new Client(rig, "CLIENT2")];
  for (const client of clients) {
    client.next = nextNumber(rig, client);
    client.logon();
  }
  const said: string[] = [];
  for (let i = 0; i < steps; i++) {
    const client = random.pick(clients);
    const id = `${names}${random.draw(i + 1)}`;
    const draw = random.draw(100);
    let text: string;
    if (draw < 60) {
      const side = 1 + random.draw(2);
      const price = `${5 + random.draw(4) * 0.5}`;
      text = client.message(
        "D",
        client.orderBody(`${names}${i}`, side, `${1 + random.draw(9)}`, price),
      );
    } else if (draw < 75) {
      text = client.message(
        "F",
        `11=${names}c${i}|41=${id}|55=AAPL|54=1|${TIME}38=1|`,
      );
    } else if (draw < 90) {
      text = client.message(
        "G",
        `11=${names}r${i}|41=${id}|55=AAPL|54=1|${TIME}38=9|40=2|44=6|`,
      );
    } else if (draw < 98) text = client.message("1", `112=t${i}|`);
    else {
      client.next = 1;
      text = client.message(
        "A",
        `98=0|108=30|141=Y|553=${client.name}|554=demo|`,
      );
    }
    rig.receive(client.connection, text);
    rig.tick(5);
    for (const { connection } of clients) said.push(...rig.takeRaw(connection));
  }
  return said;
}

/** The number that a client's next message must have, as the gateway's refusal says it. */
function nextNumber(rig: Rig, client: Client): number {
  const probe = new Client(rig, client.name);
  const [answer] = probe.send(
    "A",
    `98=0|108=30|553=${client.name}|554=demo|`,
    1,
  );
  const expecting = /expecting (\d+)/.exec(answer?.get(58) ?? "");
  probe.hangUp();
  return expecting === null ? 2 : Number(expecting[1]);
}

/** Everything a client can ask for again, then more traffic. */
function goOn(rig: Rig): string[] {
  rig.tick(60_000);
  const said: string[] = [];
  for (const name of ["CLIENT1", "CLIENT2"]) {
    const client = new Client(rig, name);
    client.next = nextNumber(rig, client);
    client.logon();
    rig.receive(client.connection, client.message("2", "7=1|16=0|"));
    said.push(...rig.takeRaw(client.connection));
    client.hangUp();
  }
  return [...said, ...tradeFix(rig, new Random(99), 60, "o")];
}

Deno.test("FixGateway goes on from a saved state as from the journal, with files and in memory", () => {
  for (const seed of SEEDS) {
    const directory = Deno.makeTempDirSync();
    const random = new Random(seed);
    const first = new Rig();
    tradeFix(first, random, STEPS, "o");
    const { journal } = first;
    const options = (name: string) => ({
      storeDirectory: `${directory}/${name}`,
      outboundRecords: RECORDS,
    });
    const whole = new Rig({ journal, gateway: options("whole") });
    const stateHash = whole.exchange.stateHash();
    const expected = goOn(whole);
    assert(expected.length > 100, `only ${expected.length} messages`);
    for (const files of [true, false]) {
      const commands = 50 + random.draw(journal.length - 60);
      const keeper = new Rig({
        journal: journal.slice(0, commands),
        gateway: files ? { ...options("kept"), keepStores: true } : {},
      });
      const gateway = new MemorySections();
      keeper.gateway.save(gateway);
      const exchange = keeper.exchange.snapshot();
      const saved: SavedRig = { gateway, exchange, commands };
      // The keeper goes on, beyond resets too, before anyone needs the state.
      const later = files
        ? new Rig({
          journal,
          saved,
          gateway: { ...options("kept"), keepStores: true },
        })
        : undefined;
      later?.run();
      const again = new Rig({
        journal,
        saved,
        gateway: files
          ? { ...options(`own${commands}`), baseDirectory: `${directory}/kept` }
          : {},
      });
      assertEquals(again.exchange.stateHash(), stateHash);
      assertEquals(goOn(again), expected, `seed ${seed} after ${commands}`);
      for (const rig of [keeper, later, again]) rig?.gateway.dispose();
    }
    for (const rig of [first, whole]) rig.gateway.dispose();
    Deno.removeSync(directory, { recursive: true });
  }
});

/** Orders and cancels of two binary clients. */
function tradeBinary(harness: Harness, random: Random, steps: number): void {
  const next = [0, 1, 2].map((session) =>
    session === 0 ? 0 : Number(harness.logon(session, session)[0]!.reference)
  );
  for (let i = 0; i < steps; i++) {
    const session = 1 + random.draw(2);
    const first = next[session]!;
    const messages = Array.from(
      { length: 1 + random.draw(5) },
      (): ClientMessage =>
        random.draw(4) === 0
          ? {
            type: ClientType.CANCEL,
            symbol: 0,
            side: 1,
            reference: 1 + random.draw(first),
          }
          : limitOrder(
            random.draw(2) === 0 ? Side.BUY : Side.SELL,
            1 + random.draw(9),
            95 + random.draw(10),
            random.draw(2),
          ),
    );
    harness.ask(session, session, first, messages);
    next[session] = first + messages.length;
  }
}

Deno.test("BinaryGateway goes on from a saved state as from the journal", () => {
  for (const seed of SEEDS) {
    const random = new Random(seed);
    const first = new Harness();
    tradeBinary(first, random, STEPS);
    const { journal } = first;
    const goOn = (harness: Harness): string => {
      const said = [1, 2].map((session) => harness.logon(session, session, 1));
      tradeBinary(harness, new Random(99), 40);
      said.push(harness.logon(3, 1, 1), harness.logon(4, 2, 1));
      return JSON.stringify(
        said,
        (_, value) => typeof value === "bigint" ? String(value) : value,
      );
    };
    // Few stored messages, so that they wrap.
    const gateway = { storedCount: seed === 1 ? 256 : 4096 };
    const expected = goOn(new Harness({ journal, gateway }));
    const commands = 20 + random.draw(journal.length - 30);
    const keeper = new Harness({
      journal: journal.slice(0, commands),
      gateway,
    });
    const sections = new MemorySections();
    keeper.gateway.save(sections);
    const again = new Harness({
      journal,
      gateway,
      saved: {
        gateway: sections,
        exchange: keeper.exchange.snapshot(),
        commands,
      },
    });
    assertEquals(goOn(again) === expected, true, `seed ${seed}: other answers`);
  }
});
