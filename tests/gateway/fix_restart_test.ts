// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
import { assert, assertEquals } from "@std/assert";
import { Client, Rig, START_MS, timestamp } from "./fix_harness.ts";

const TIME = `60=${timestamp(START_MS)}|`;

/** What a resend may change is left out: 9, 10, 43, 52, 122. */
function lasting(message: string): string {
  return message.split("\x01")
    .filter((field) => !/^(9|10|43|52|122)=/.test(field)).join("|");
}

/** A session with a bit of everything; returns all that the client got. */
function trade(rig: Rig): { client: Client; other: Client; got: string[] } {
  const client = new Client(rig);
  const other = new Client(rig, "CLIENT2");
  client.logon();
  other.logon();
  rig.transport.sent.set(client.connection, []);
  const got: string[] = [];
  const take = () => got.push(...rig.takeRaw(client.connection));
  const send = (type: string, body: string) => {
    rig.receive(client.connection, client.message(type, body));
    take();
  };
  for (let i = 0; i < 40; i++) {
    send("D", client.orderBody(`o${i}`, 1, "10", `5.${10 + i}`));
    rig.tick(7);
    if (i % 4 === 1) {
      send("G", `11=r${i}|41=o${i}|55=AAPL|54=1|${TIME}38=12|40=2|44=6|`);
    }
    if (i % 4 === 2) send("F", `11=c${i}|41=o${i}|55=AAPL|54=1|${TIME}38=1|`);
    if (i % 5 === 3) {
      other.order(`s${i}`, 2, "7", "5");
      take();
    }
    if (i % 10 === 4) send("1", `112=t${i}|`);
    if (i % 10 === 5) send("D", `11=bad|55=AAPL|54=1|${TIME}40=2|`);
    if (i % 10 === 6) send("D", client.orderBody("o0", 1, "1", "1.001"));
    if (i % 10 === 7) send("V", "262=1|");
    if (i % 10 === 8) send("D", `11=|`);
  }
  return { client, other, got };
}

Deno.test("FixGateway goes on after a restart: numbers, ids, orders and what was sent", () => {
  const directory = Deno.makeTempDirSync();
  const gateway = { storeDirectory: `${directory}/a` };
  const rig = new Rig({ gateway });
  const { client, got } = trade(rig);
  const again = new Rig({
    gateway: { storeDirectory: `${directory}/b` },
    journal: rig.journal,
  });
  again.tick(60000);
  const back = new Client(again);
  back.next = client.next;
  const answer = back.logon();
  assertEquals(answer.map((m) => [m.get(35), Number(m.get(34))]), [
    ["A", got.length + 2],
  ]);
  again.receive(back.connection, back.message("2", "7=2|16=0|"));
  const resent = again.takeRaw(back.connection);
  const administrative = (m: string) =>
    /^.*?35=[0A]\|/.test(m.replaceAll("\x01", "|"));
  assertEquals(
    resent.filter((m) => !m.includes("\x0135=4\x01")).map(lasting),
    got.filter((m) => !administrative(m)).map(lasting),
  );
  for (const message of resent) {
    assert(message.includes("\x0143=Y\x01") && message.includes("\x01122="));
  }
  // Ids of before are known, open orders can be canceled, references go on.
  assertEquals(back.order("o0", 1, "1", "5")[0]!.get(103), "6");
  assertEquals(back.order("c2", 1, "1", "5")[0]!.get(103), "6");
  const cancel = back.send("F", `11=x|41=r1|55=AAPL|54=1|${TIME}38=1|`);
  assertEquals(cancel[0]!.get(39) === "4" || cancel[0]!.get(102) === "0", true);
  const open = back.order("new", 1, "1", "1");
  assertEquals(open.map((m) => m.get(39)), ["0"]);
  const gone = back.send("F", `11=y|41=new|55=AAPL|54=1|${TIME}38=1|`);
  assertEquals(gone.map((m) => m.get(39)), ["4"]);
  rig.gateway.dispose();
  again.gateway.dispose();
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("FixGateway makes the same bytes again from the journal", () => {
  const rig = new Rig();
  const { got } = trade(rig);
  const again = new Rig({ journal: rig.journal });
  assertEquals(again.exchange.stateHash(), rig.exchange.stateHash());
  const back = new Client(again);
  back.next = 1000;
  back.logon();
  again.receive(back.connection, back.message("2", "7=2|16=0|"));
  const first = again.takeRaw(back.connection).filter((m) =>
    m.includes("\x0135=8\x01")
  );
  const originals = new Set(
    got.map((m) => m.slice(m.indexOf("35="), -7).replaceAll("\x01", "|")),
  );
  for (const message of first) {
    // Taking 43 and 122 out again and putting the time back gives the original.
    const text = message.replaceAll("\x01", "|");
    const original = /\|122=([^|]+)/.exec(text)![1]!;
    const body = text.slice(text.indexOf("35="), -7).replace("43=Y|", "")
      .replace(/\|122=[^|]+/, "").replace(/\|52=[^|]+/, `|52=${original}`);
    assert(
      originals.has(body),
      message,
    );
  }
  assert(first.length > 40);
});

Deno.test("FixGateway asks for what it forgot: messages that made no event", () => {
  const rig = new Rig();
  const client = new Client(rig);
  client.logon();
  client.order("a", 1, "1", "5");
  client.send("0");
  client.send("0");
  const again = new Rig({ journal: rig.journal });
  const back = new Client(again);
  back.next = client.next;
  const answer = back.logon();
  assertEquals(answer.map((m) => `${m.get(35)} ${m.get(7) ?? ""}`), [
    "A ",
    "2 3",
  ]);
  assertEquals(back.send("4", "123=Y|36=6|", 3, "43=Y|"), []);
  assertEquals(back.order("b", 1, "1", "5").map((m) => m.get(39)), ["0"]);
});

Deno.test("FixGateway follows resets in the journal", () => {
  const rig = new Rig();
  const client = new Client(rig);
  client.logon();
  for (let i = 0; i < 5; i++) client.order(`a${i}`, 1, "1", "5");
  client.hangUp();
  client.reconnect();
  client.next = 1;
  client.logon("141=Y|");
  client.order("b", 1, "1", "5");
  const again = new Rig({ journal: rig.journal });
  const back = new Client(again);
  back.next = 3;
  assertEquals(back.logon().map((m) => `${m.get(35)} ${m.get(34)}`), ["A 3"]);
  assertEquals(
    back.send("2", "7=1|16=0|").map((m) => `${m.get(35)} ${m.get(34)}`),
    ["4 1", "8 2", "4 3"],
  );
  assertEquals(back.order("a3", 1, "1", "5")[0]!.get(103), "6");
});

Deno.test("FixGateway resends from the file what memory has forgotten", () => {
  const directory = Deno.makeTempDirSync();
  const rig = new Rig({
    gateway: { storeDirectory: `${directory}/outbound`, outboundRecords: 64 },
  });
  const client = new Client(rig);
  client.logon();
  const got: string[] = [];
  for (let i = 0; i < 500; i++) {
    rig.receive(
      client.connection,
      client.message("D", client.orderBody(`o${i}`, 1, "1", "5")),
    );
    got.push(...rig.takeRaw(client.connection));
  }
  rig.receive(client.connection, client.message("2", "7=2|16=0|"));
  const resent = rig.takeRaw(client.connection);
  assertEquals(resent.map(lasting), got.map(lasting));
  // After a reset the file is empty.
  client.hangUp();
  client.reconnect();
  client.next = 1;
  client.logon("141=Y|");
  rig.tick(50);
  rig.run();
  const size = Deno.statSync(`${directory}/outbound/CLIENT1.out`).size;
  assert(size <= 192, `${size} bytes`);
  rig.gateway.dispose();
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("FixGateway fills the gap where nothing is stored any more", () => {
  const rig = new Rig({ gateway: { outboundRecords: 64 } });
  const client = new Client(rig);
  client.logon();
  for (let i = 0; i < 200; i++) client.order(`o${i}`, 1, "1", "5");
  const answers = client.send("2", "7=1|16=0|");
  assertEquals(
    [answers[0]!.get(35), answers[0]!.get(34), answers[0]!.get(36)],
    ["4", "1", "138"],
  );
  assertEquals(answers.length, 65);
});
