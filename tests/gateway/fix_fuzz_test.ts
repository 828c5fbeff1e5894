// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
import { assert, assertEquals } from "@std/assert";
import { Client, Rig, START_MS, timestamp } from "./fix_harness.ts";

const SEED = 7_2026;
const MESSAGES = 100_000;

/** The same numbers for the same seed. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 4294967296 * below);
  };
}

/** Puts the right BodyLength and CheckSum on a mutated message. */
function mend(text: string): string {
  const start = text.indexOf("\x0135=");
  const end = text.lastIndexOf("\x0110=");
  if (start < 0 || end < start) return text;
  const body = text.slice(start + 1, end + 1);
  const head = `8=FIX.4.4\x019=${body.length}\x01${body}`;
  let sum = 0;
  for (let i = 0; i < head.length; i++) sum += head.charCodeAt(i) & 255;
  return `${head}10=${String(sum % 256).padStart(3, "0")}\x01`;
}

function mutate(text: string, random: (below: number) => number): string {
  let result = text;
  for (let n = 1 + random(3); n > 0; n--) {
    const at = random(result.length);
    const before = result.slice(0, at);
    const after = result.slice(at);
    switch (random(6)) {
      case 0:
        result = before + String.fromCharCode(random(256)) + after.slice(1);
        break;
      case 1:
        result = before + after.slice(1 + random(12));
        break;
      case 2:
        result = before + "\x01" + after;
        break;
      case 3:
        result = before + "9".repeat(random(40)) + after;
        break;
      case 4: {
        const fields = result.split("\x01");
        const field = fields[random(fields.length)]!;
        fields.splice(random(fields.length), 0, field);
        result = fields.join("\x01");
        break;
      }
      case 5: {
        const fields = result.split("\x01");
        fields.splice(random(fields.length), 1);
        result = fields.join("\x01");
        break;
      }
    }
  }
  return random(4) === 0 ? result : mend(result);
}

Deno.test("FixGateway survives 100,000 mutated messages and other sessions notice nothing", () => {
  const random = generator(SEED);
  const rig = new Rig();
  const healthy = new Client(rig, "CLIENT2");
  healthy.logon("", 0);
  const rogue = new Client(rig);
  const time = `60=${timestamp(START_MS)}|`;
  const bodies: [string, string][] = [
    ["D", `11=A1|55=AAPL|54=1|${time}38=100|40=2|44=5.25|59=1|`],
    ["D", `11=A2|55=BTC-USD|54=2|${time}38=0.5|40=1|`],
    ["F", `11=A3|41=A1|55=AAPL|54=1|${time}38=100|`],
    ["G", `11=A4|41=A1|55=AAPL|54=1|${time}38=50|40=2|44=5.26|`],
    ["H", `11=A1|55=AAPL|54=1|790=q|`],
    ["0", "112=x|"],
    ["1", "112=y|"],
    ["2", "7=1|16=0|"],
    ["3", "45=1|371=2|372=D|373=5|58=x|"],
    ["4", "123=Y|36=9|"],
    ["4", "123=N|36=9|"],
    ["5", "58=bye|"],
    ["A", "98=0|108=30|141=Y|553=CLIENT1|554=demo|"],
    ["V", "262=1|263=1|"],
    [
      "D",
      `11=B1|55=AAPL|54=2|${time}38=100|40=4|44=5|99=5.1|59=6|126=20260315-00:00:00.123456789|`,
    ],
    ["D", `11=B2|55=AAPL|54=1|${time}38=100|40=P|18=a 6|211=-0.5|836=2|1=X|`],
    [
      "D",
      `11=B3|55=AAPL|54=2|${time}38=90|40=2|44=5.25|111=20|1084=3|1085=15|1086=25|2964=100|`,
    ],
    [
      "D",
      `11=B4|55=AAPL|54=1|${time}38=90|40=2|44=5.2|18=6 G|20001=S|110=5|1385=1|583=A1|432=20270101|`,
    ],
    ["D", `11=B5|55=AAPL|54=2|${time}38=90|40=K|59=B|388=1|`],
    ["G", `11=B6|41=B1|55=AAPL|54=2|${time}38=80|40=3|99=5.05|20002=O|`],
    ["q", `11=B7|530=1|55=AAPL|54=1|${time}20003=5|20004=5.5|`],
    ["q", `11=B8|530=7|${time}20005=Y|`],
    ["q", `11=B9|530=7|${time}20005=N|`],
  ];
  let number = 0;
  let sessions = 0;
  for (let i = 0; i < MESSAGES; i++) {
    if (rogue.closed || random(50) === 0) {
      rogue.hangUp();
      rig.transport.sent.delete(rogue.connection);
      rogue.reconnect();
      number = 1;
      if (random(8) > 0) {
        rogue.next = number++;
        rogue.logon("141=Y|", 0);
        sessions++;
      }
    }
    const [type, body] = bodies[random(bodies.length)]!;
    // Mostly the number that is expected, so that the content is looked at.
    const text = rogue.message(type, body, Math.max(1, number));
    if (random(5) > 0) number++;
    rig.receive(rogue.connection, mutate(text, random));
    for (const answer of rig.take(rogue.connection)) {
      if (answer.get(35) === "2") number = Number(answer.get(7));
    }
    if (i % 500 === 0) {
      const before = rig.take(healthy.connection).length;
      assert(before >= 0);
      const answer = healthy.send("1", `112=still ${i}|`);
      assertEquals(
        answer.map((m) => `${m.get(35)} ${m.get(112)}`),
        [`0 still ${i}`],
        `seed ${SEED}, message ${i}`,
      );
    }
  }
  assert(!healthy.closed);
  assert(sessions > 100, `only ${sessions} sessions, seed ${SEED}`);
  assert(rig.count("fix_session_rejects_total") > 1000);
  assert(rig.count("fix_messages_garbled_total") > 1000);
  // What came of it can be replayed.
  const again = new Rig({ journal: rig.journal });
  assertEquals(again.exchange.stateHash(), rig.exchange.stateHash());
});
