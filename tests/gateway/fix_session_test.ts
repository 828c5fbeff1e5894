// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client, frame, Rig, START_MS, timestamp } from "./fix_harness.ts";

type Message = Map<number, string>;

/** "A108=30" style summary: type and chosen tags. */
function brief(messages: Message[], ...tags: number[]): string[] {
  return messages.map((message) =>
    [message.get(35), ...tags.map((tag) => message.get(tag) ?? "-")].join(" ")
  );
}

function loggedOn(rig = new Rig(), name = "CLIENT1"): Client {
  const client = new Client(rig, name);
  assertEquals(brief(client.logon(), 34), ["A 1"]);
  return client;
}

Deno.test("FixGateway answers a Logon with its own", () => {
  const rig = new Rig();
  const client = new Client(rig);
  const [answer] = client.logon("", 17);
  assertEquals(brief([answer!], 34, 49, 56, 98, 108, 141), [
    "A 1 FERRULE CLIENT1 0 17 -",
  ]);
  assertEquals(answer!.get(52), timestamp(START_MS));
  assertEquals(rig.gateway.sessionsActive(), 1);
  assertEquals(rig.count("fix_logons_total"), 1);
  assertEquals(rig.count("fix_sessions_active"), 1);
});

Deno.test("FixGateway turns strangers away without a word or a number", () => {
  const cases: Record<string, (client: Client) => string> = {
    "wrong password": (c) => c.message("A", "98=0|108=30|553=CLIENT1|554=x|"),
    "no password": (c) => c.message("A", "98=0|108=30|553=CLIENT1|"),
    "wrong username": (c) =>
      c.message("A", "98=0|108=30|553=CLIENT2|554=demo|"),
    "unknown SenderCompID": () =>
      frame(
        `35=A|34=1|49=NOBODY|56=FERRULE|52=${
          timestamp(START_MS)
        }|98=0|108=30|553=NOBODY|554=demo|`,
      ),
    "wrong TargetCompID": (c) =>
      frame(
        `35=A|34=1|49=${c.name}|56=OTHER|52=${
          timestamp(START_MS)
        }|98=0|108=30|553=CLIENT1|554=demo|`,
      ),
    "another first message": (c) => c.message("0"),
    "an order first": (c) => c.message("D", c.orderBody("a", 1, "1", "1")),
    "another version": (c) =>
      c.message("A", "98=0|108=30|553=CLIENT1|554=demo|").replace(
        "FIX.4.4",
        "FIX.4.2",
      ),
    "rubbish": () => "GET / HTTP/1.1\r\n\r\n",
    "a wrong checksum": (c) =>
      c.message("A", "98=0|108=30|553=CLIENT1|554=demo|").replace(
        /10=\d/,
        "10=9",
      ),
    "a message too long": () => "8=FIX.4.4\x019=8193\x01",
  };
  for (const [name, text] of Object.entries(cases)) {
    const rig = new Rig();
    const client = new Client(rig);
    const commands = rig.journal.length;
    assertEquals(client.raw(text(client)), [], name);
    assert(client.closed, `${name} was kept`);
    assertEquals(rig.journal.length, commands, `${name} caused a command`);
    client.hangUp();
    const next = loggedOn(rig);
    assertEquals(next.order("a", 1, "1", "1").length, 1, name);
  }
});

Deno.test("FixGateway refuses a second logon and leaves the first alone", () => {
  const rig = new Rig();
  const first = loggedOn(rig);
  const second = new Client(rig);
  second.next = 2;
  assertEquals(second.logon(), []);
  assert(second.closed);
  assertEquals(rig.count("fix_logons_refused_total"), 1);
  assertEquals(brief(first.send("1", "112=x|"), 34, 112), ["0 2 x"]);
});

Deno.test("FixGateway tells a known client what is wrong with its Logon", () => {
  const login = "553=CLIENT1|554=demo|";
  const cases: [string, string, RegExp][] = [
    ["A", `98=1|108=30|${login}`, /EncryptMethod/],
    ["A", `98=0|108=61|${login}`, /HeartBtInt.*0 to 60/],
    ["A", `98=0|108=-5|${login}`, /HeartBtInt/],
    ["A", `98=0|${login}`, /reason 1, tag 108/],
    ["A", `98=0|108=30|108=30|${login}`, /reason 13, tag 108/],
  ];
  for (const [type, body, text] of cases) {
    const rig = new Rig();
    const client = new Client(rig);
    const answer = client.send(type, body);
    assertEquals(brief(answer, 34), ["5 1"], body);
    assertMatch(answer[0]!.get(58)!, text);
    assert(client.closed);
    client.hangUp();
    // Both numbers were used up.
    client.reconnect();
    assertEquals(brief(client.logon(), 34), ["A 2"], body);
  }
});

Deno.test("FixGateway closes a Logon whose number is too low, and asks for what it missed if too high", () => {
  const rig = new Rig();
  const client = loggedOn(rig);
  client.send("0");
  client.hangUp();
  client.reconnect();
  client.next = 2;
  const low = client.logon();
  assertEquals(brief(low, 34), ["5 2"]);
  assertEquals(
    low[0]!.get(58),
    "MsgSeqNum too low, expecting 3 but received 2",
  );
  assert(client.closed);
  client.hangUp();
  client.reconnect();
  client.next = 7;
  assertEquals(brief(client.logon(), 34, 7, 16), ["A 3 - -", "2 4 3 0"]);
  assertEquals(client.send("4", "123=Y|36=8|", 3, "43=Y|"), []);
  assertEquals(brief(client.send("1", "112=x|", 8), 34), ["0 5"]);
});

Deno.test("FixGateway resets both numbers with 141=Y", () => {
  const rig = new Rig();
  const client = loggedOn(rig);
  client.order("a", 1, "10", "5");
  client.hangUp();
  client.reconnect();
  client.next = 1;
  assertEquals(brief(client.logon("141=Y|"), 34, 141), ["A 1 Y"]);
  // Nothing from before can be asked for.
  assertEquals(brief(client.send("2", "7=1|16=0|"), 34, 36), ["4 1 2"]);
  // The order is still there, and its id still used.
  assertEquals(brief(client.order("a", 1, "10", "5"), 34, 39, 103), [
    "8 2 8 6",
  ]);
  const cancel = client.send(
    "F",
    `11=c|41=a|55=AAPL|54=1|60=${timestamp(START_MS)}|38=10|`,
  );
  assertEquals(brief(cancel, 34, 39), ["8 3 4"]);
  // 141=Y asks for number 1.
  client.hangUp();
  client.reconnect();
  client.next = 5;
  assertEquals(brief(client.logon("141=Y|"), 34), ["5 4"]);
});

Deno.test("FixGateway resets nobody because another client did", () => {
  const rig = new Rig();
  const one = new Client(rig, "CLIENT1");
  one.logon();
  one.order("a", 1, "10", "5");
  one.hangUp();
  const two = new Client(rig, "CLIENT2");
  assertEquals(brief(two.logon("141=Y|"), 34, 141), ["A 1 Y"]);
  // Its window lies elsewhere: the other one's Y is still in memory.
  one.reconnect();
  assertEquals(brief(one.logon(), 34, 141), ["A 3 -"]);
  // Too low, and no possible duplicate although the other one sends one.
  two.send("0", "", 1, "43=Y|122=" + timestamp(START_MS) + "|");
  assertEquals(brief(one.send("0", "", 2), 58), [
    "5 MsgSeqNum too low, expecting 4 but received 2",
  ]);
});

Deno.test("FixGateway resets in the middle of a session", () => {
  const rig = new Rig();
  const client = loggedOn(rig);
  client.order("a", 1, "10", "5");
  client.next = 1;
  assertEquals(brief(client.logon("141=Y|"), 34, 141), ["A 1 Y"]);
  assertEquals(brief(client.order("b", 1, "10", "5"), 34, 39), ["8 2 0"]);
  assert(!client.closed);
  // Without the flag it is a Reject.
  assertEquals(brief(client.logon(), 34, 45, 373), ["3 3 3 99"]);
});

Deno.test("FixGateway cuts off a connection that says nothing", () => {
  const rig = new Rig();
  const silent = new Client(rig);
  const half = new Client(rig);
  half.raw("8=FIX.4.4\x019=100\x0135=A");
  rig.tick(10000);
  rig.run();
  assert(!silent.closed && !half.closed);
  rig.tick(21);
  rig.run();
  assert(silent.closed && half.closed);
  assertEquals(rig.count("connections_silent_total"), 2);
});

Deno.test("FixGateway keeps the line alive and ends a dead one", () => {
  const rig = new Rig();
  const client = new Client(rig);
  client.logon("", 10);
  rig.tick(9990);
  rig.run();
  assertEquals(client.take(), []);
  rig.tick(30);
  rig.run();
  assertEquals(brief(client.take(), 34, 112), ["0 2 -"]);
  rig.tick(2000);
  rig.run();
  const test = client.take();
  assertEquals(brief(test, 34), ["1 3"]);
  // The answer, or anything else, makes it live on.
  client.send("0", `112=${test[0]!.get(112)}|`);
  rig.tick(12100);
  rig.run();
  assertEquals(brief(client.take()), ["1"]);
  rig.tick(11000);
  rig.run();
  assertEquals(brief(client.take()), ["0"]);
  assert(!client.closed);
  rig.tick(1000);
  rig.run();
  assert(client.closed);
  assertEquals(rig.count("connections_silent_total"), 1);
  assertEquals(rig.gateway.sessionsActive(), 0);
});

Deno.test("FixGateway says nothing by itself with HeartBtInt 0", () => {
  const rig = new Rig();
  const client = new Client(rig);
  client.logon("", 0);
  rig.tick(3600000);
  rig.run();
  assertEquals(client.take(), []);
  assert(!client.closed);
});

Deno.test("FixGateway answers TestRequest with its text", () => {
  const client = loggedOn();
  const id = "x".repeat(60);
  assertEquals(brief(client.send("1", `112=${id}|`), 112), [`0 ${id}`]);
  assertEquals(brief(client.send("1", `112=${id}y|`), 45, 371, 373), [
    "3 3 112 5",
  ]);
});

Deno.test("FixGateway sends again what is asked for, session messages as one gap", () => {
  const rig = new Rig();
  const client = loggedOn(rig);
  client.order("a", 1, "10", "5"); // 2
  client.send("1", "112=x|"); // 3
  client.send("1", "112=y|"); // 4
  client.order("b", 1, "10", "5"); // 5
  client.send("1", "112=z|"); // 6
  rig.tick(1000);
  const all = client.send("2", "7=1|16=0|");
  assertEquals(brief(all, 34, 43, 36, 123, 11), [
    "4 1 Y 2 Y -",
    "8 2 Y - - a",
    "4 3 Y 5 Y -",
    "8 5 Y - - b",
    "4 6 Y 7 Y -",
  ]);
  assertEquals(all[1]!.get(122), timestamp(START_MS));
  assertEquals(all[1]!.get(52), timestamp(START_MS + 1000));
  assertEquals(brief(client.send("2", "7=2|16=2|"), 34), ["8 2"]);
  assertEquals(brief(client.send("2", "7=3|16=4|"), 34, 36), ["4 3 5"]);
  assertEquals(brief(client.send("2", "7=4|16=5|"), 34, 36), [
    "4 4 5",
    "8 5 -",
  ]);
  assertEquals(brief(client.send("2", "7=6|16=999|"), 34, 36), ["4 6 7"]);
  assertEquals(client.send("2", "7=7|16=0|"), []);
  assertEquals(brief(client.send("2", "7=0|16=0|"), 371, 373), ["3 7 5"]);
  assertEquals(brief(client.send("2", "7=3|16=2|"), 371, 373), ["3 16 5"]);
  assertEquals(brief(client.send("2", "7=x|16=2|"), 371, 373), ["3 7 6"]);
  // Rejects are sent again, they are not like other session messages.
  assertEquals(brief(client.send("2", "7=7|16=0|"), 34, 43), [
    "3 7 Y",
    "3 8 Y",
    "3 9 Y",
  ]);
});

Deno.test("FixGateway serves overlapping resend requests once", () => {
  const rig = new Rig();
  const client = loggedOn(rig);
  for (let i = 0; i < 20; i++) client.order(`o${i}`, 1, "1", "5");
  const requests = client.message("2", "7=5|16=10|") +
    client.message("2", "7=6|16=0|") + client.message("2", "7=5|16=8|");
  const answers = client.raw(requests);
  assertEquals(
    answers.map((m) => Number(m.get(34))),
    Array.from({ length: 17 }, (_, i) => i + 5),
  );
});

Deno.test("FixGateway sends what happens during a resend after it, in order", () => {
  const rig = new Rig({ gateway: { storeDirectory: undefined } as never });
  const client = loggedOn(rig);
  const other = loggedOn(rig, "CLIENT2");
  for (let i = 0; i < 600; i++) client.order(`o${i}`, 1, "1", "5");
  rig.transport.sent.set(client.connection, []);
  rig.receive(
    client.connection,
    client.message("2", "7=2|16=0|") + client.message("1", "112=after|"),
  );
  other.order("s", 2, "3", "5");
  const numbers = client.take().map((m) => Number(m.get(34)));
  assertEquals(numbers, Array.from({ length: 604 }, (_, i) => i + 2));
});

Deno.test("FixGateway asks once for a gap, drops what is beyond and takes all in order", () => {
  const rig = new Rig();
  const client = loggedOn(rig);
  const messages = [2, 3, 4, 5, 6].map((number) =>
    client.message("D", client.orderBody(`o${number}`, 1, "1", "5"), number)
  );
  assertEquals(brief(client.raw(messages[2]!), 7, 16), ["2 2 0"]);
  assertEquals(client.raw(messages[3]!), []);
  const again = [2, 3, 4, 5].map((number) =>
    client.message(
      "D",
      client.orderBody(`o${number}`, 1, "1", "5"),
      number,
      `43=Y|122=${timestamp(START_MS)}|`,
    )
  );
  assertEquals(brief(client.raw(again.join("")), 11, 39), [
    "8 o2 0",
    "8 o3 0",
    "8 o4 0",
    "8 o5 0",
  ]);
  assertEquals(brief(client.raw(messages[4]!), 11), ["8 o6"]);
  // A new gap is asked for anew.
  assertEquals(brief(client.send("0", "", 9), 7), ["2 7"]);
  // And again if nothing comes of it.
  rig.tick(10001);
  assertEquals(brief(client.send("0", "", 10), 7), ["2 7"]);
});

Deno.test("FixGateway answers a ResendRequest beyond a gap at once", () => {
  const client = loggedOn();
  client.order("a", 1, "1", "5");
  assertEquals(brief(client.send("2", "7=2|16=0|", 9), 34, 7), [
    "8 2 -",
    "2 3 3",
  ]);
});

Deno.test("FixGateway ends a session whose number is too low without PossDup", () => {
  const rig = new Rig();
  const client = loggedOn(rig);
  client.order("a", 1, "1", "5");
  const answer = client.send("0", "", 2);
  assertEquals(brief(answer, 58), [
    "5 MsgSeqNum too low, expecting 3 but received 2",
  ]);
  assert(client.closed);
});

Deno.test("FixGateway ignores what it knows and judges PossDup", () => {
  const rig = new Rig();
  const client = loggedOn(rig);
  const body = client.orderBody("a", 1, "1", "5");
  client.send("D", body);
  const time = timestamp(START_MS);
  assertEquals(client.send("D", body, 2, `43=Y|122=${time}|`), []);
  assertEquals(brief(client.send("D", body, 2, "43=Y|"), 45, 371, 373), [
    "3 2 122 1",
  ]);
  assertEquals(brief(client.send("D", body, 2, "43=Y|122=x|"), 45, 371, 373), [
    "3 2 122 6",
  ]);
  assertEquals(client.send("4", "123=Y|36=3|", 2, "43=Y|"), []);
  client.next = 3;
  assertEquals(brief(client.send("0", "", 3, "43=X|"), 45, 371, 373), [
    "3 3 43 5",
  ]);
  assertEquals(client.send("0", "", 4, "43=N|"), []);
  assertEquals(brief(client.send("1", "112=q|", 5, `43=Y|122=${time}|`), 112), [
    "0 q",
  ]);
  const later = timestamp(START_MS + 1);
  assertEquals(
    brief(client.send("0", "", 6, `43=Y|122=${later}|`), 371, 373),
    ["3 122 10", "5 - -"],
  );
  assert(client.closed);
});

Deno.test("FixGateway follows SequenceReset in both modes and never backwards", () => {
  const client = loggedOn();
  assertEquals(client.send("4", "123=Y|36=10|"), []);
  assertEquals(brief(client.send("1", "112=x|", 10), 34), ["0 2"]);
  // Reset: its own number does not matter.
  assertEquals(client.send("4", "123=N|36=20|", 3), []);
  assertEquals(client.send("4", "36=25|", 99), []);
  assertEquals(brief(client.send("1", "112=x|", 25), 34), ["0 3"]);
  assertEquals(brief(client.send("4", "36=24|", 26), 45, 371, 373), [
    "3 26 36 5",
  ]);
  assertEquals(brief(client.send("4", "123=Y|36=26|", 26), 45, 371, 373), [
    "3 26 36 5",
  ]);
  assertEquals(brief(client.send("4", "123=Y|36=x|", 27), 45, 371, 373), [
    "3 27 36 6",
  ]);
  assertEquals(brief(client.send("4", "36=x|", 28), 45, 371, 373), [
    "3 28 36 6",
  ]);
  assertEquals(brief(client.send("4", "123=Z|36=90|", 29), 45, 371, 373), [
    "3 29 123 5",
  ]);
  assertEquals(brief(client.send("4", "123=Y|", 30), 45, 371, 373), [
    "3 30 36 1",
  ]);
  assertEquals(brief(client.send("4", "123=Y|36=90|", 40), 7), ["2 31"]);
});

Deno.test("FixGateway closes on foreign CompIDs, versions and numbers", () => {
  const time = timestamp(START_MS);
  const cases: [string, string, string[]][] = [
    ["sender", frame(`35=0|34=2|49=CLIENT2|56=FERRULE|52=${time}|`), [
      "3 9 49",
      "5 - -",
    ]],
    ["target", frame(`35=0|34=2|49=CLIENT1|56=X|52=${time}|`), [
      "3 9 56",
      "5 - -",
    ]],
    ["no target", frame(`35=0|34=2|49=CLIENT1|52=${time}|`), [
      "3 1 56",
      "5 - -",
    ]],
    ["no number", frame(`35=0|49=CLIENT1|56=FERRULE|52=${time}|`), ["5 - -"]],
    ["number 0", frame(`35=0|34=0|49=CLIENT1|56=FERRULE|52=${time}|`), [
      "5 - -",
    ]],
    ["number x", frame(`35=0|34=x|49=CLIENT1|56=FERRULE|52=${time}|`), [
      "5 - -",
    ]],
    [
      "too early",
      frame(
        `35=0|34=2|49=CLIENT1|56=FERRULE|52=${timestamp(START_MS - 120001)}|`,
      ),
      ["3 10 52", "5 - -"],
    ],
    [
      "too late",
      frame(
        `35=0|34=2|49=CLIENT1|56=FERRULE|52=${timestamp(START_MS + 120001)}|`,
      ),
      ["3 10 52", "5 - -"],
    ],
  ];
  for (const [name, text, expected] of cases) {
    const rig = new Rig();
    const client = loggedOn(rig);
    assertEquals(brief(client.raw(text), 373, 371), expected, name);
    assert(client.closed, name);
    assertEquals(client.raw(client.message("0")), [], name);
  }
});

Deno.test("FixGateway rejects a missing or malformed SendingTime and goes on", () => {
  const client = loggedOn();
  const head = "49=CLIENT1|56=FERRULE|";
  assertEquals(brief(client.raw(frame(`35=0|34=2|${head}`)), 45, 371, 373), [
    "3 2 52 1",
  ]);
  assertEquals(
    brief(client.raw(frame(`35=0|34=3|${head}52=x|`)), 45, 371, 373),
    ["3 3 52 6"],
  );
  assertEquals(
    brief(client.raw(frame(`35=0|34=4|${head}52=|`)), 45, 371, 373),
    ["3 4 52 4"],
  );
  assertEquals(brief(client.send("1", "112=x|", 5), 34), ["0 5"]);
});

Deno.test("FixGateway rejects each defect with its code and goes on", () => {
  const rig = new Rig();
  const client = loggedOn(rig);
  const order = client.orderBody("a", 1, "1", "5");
  const cases: [string, string, string][] = [
    ["D", order.replace("55=AAPL|", ""), "3 55 D 1"],
    ["D", `${order}101=x|`, "3 101 D 3"],
    ["D", `${order}0=x|`, "3 - D 0"],
    ["D", `${order}39=x|`, "3 39 D 2"],
    ["D", `${order}44=5|`, "3 44 D 13"],
    ["D", `${order}122=x|`, "3 122 D 14"],
    ["D", `${order}1=|`, "3 1 D 4"],
    ["D", order.replace("38=1|", "38=one|"), "3 38 D 6"],
    ["D", order.replace("44=5|", "44=1.2.3|"), "3 44 D 6"],
    ["D", order.replace(/60=[^|]*/, "60=noon"), "3 60 D 6"],
    ["D", order.replace("54=1|", "54=X|"), "3 54 D 5"],
    ["D", order.replace("54=1|", "54=11|"), "3 54 D 5"],
    ["D", order.replace("40=2|", "40=Z|"), "3 40 D 5"],
    ["D", `${order}59=9|`, "3 59 D 5"],
    ["D", order.replace("11=a|", `11=${"i".repeat(21)}|`), "3 11 D 5"],
    ["H", `11=a|55=AAPL|54=1|790=${"i".repeat(21)}|`, "3 790 H 5"],
    [
      "F",
      order.replace("38=1|", `41=${"i".repeat(21)}|38=1|`).replace(
        /40=2.*/,
        "",
      ),
      "3 41 F 5",
    ],
    ["1", "", "3 112 1 1"],
    ["U1", "", "3 35 U1 11"],
    ["ZZZZZZ", "", "3 35 ZZZZ 11"],
  ];
  let number = 2;
  for (const [type, body, expected] of cases) {
    const answer = client.send(type, body);
    assertEquals(brief(answer, 371, 372, 373), [expected], `${type} ${body}`);
    assertEquals(answer[0]!.get(45), String(number++));
    assert(answer[0]!.get(58)!.length > 0);
  }
  assertEquals(rig.count("fix_session_rejects_total"), cases.length);
  assertEquals(brief(client.order("a", 1, "1", "5"), 39), ["8 0"]);
});

Deno.test("FixGateway ignores garbled messages; their number is still to come", () => {
  const rig = new Rig();
  const client = loggedOn(rig);
  const order = client.message("D", client.orderBody("a", 1, "1", "5"), 2);
  const test = client.message("1", "112=x|", 3);
  const garbled = [
    order.replace(/10=(\d)/, (_, d) => `10=${(Number(d) + 1) % 3}`),
    order.replace("9=", "9=1"),
    order.slice(0, 50),
    "\x00\xff nonsense 8=FIX",
    order.replace("35=D", "35=E"),
  ];
  for (const bad of garbled) {
    assertEquals(client.raw(bad), []);
  }
  assertEquals(brief(client.raw(order + test), 34), ["8 2", "0 3"]);
  assert(rig.count("fix_messages_garbled_total") >= garbled.length);
  assert(!client.closed);
});

Deno.test("FixGateway reads messages that arrive byte by byte", () => {
  const rig = new Rig();
  const client = loggedOn(rig);
  const text = client.message("D", client.orderBody("a", 1, "1", "5")) +
    client.message("1", "112=x|");
  for (const byte of text) rig.receive(client.connection, byte);
  assertEquals(brief(client.take(), 34), ["8 2", "0 3"]);
});

Deno.test("FixGateway cuts a message that is longer than allowed", () => {
  const rig = new Rig();
  const client = loggedOn(rig);
  client.raw(client.message("0", `58=${"x".repeat(9000)}|`));
  assert(client.closed);
  assertEquals(rig.count("connections_garbled_total"), 1);
});

Deno.test("FixGateway answers Logout and leaves the closing to the client", () => {
  const rig = new Rig();
  const client = loggedOn(rig);
  assertEquals(brief(client.send("5", "58=bye|"), 34), ["5 2"]);
  assert(!client.closed);
  assertEquals(client.send("1", "112=x|"), []);
  rig.tick(2021);
  rig.run();
  assert(client.closed, "a client that does not close is closed");
  // A client that comes back before its old connection is gone gets in.
  client.reconnect();
  client.next = 3;
  assertEquals(brief(client.logon(), 34), ["A 3"]);
  client.send("5");
  client.connection = rig.connect();
  assertEquals(brief(client.logon(), 34), ["A 5"]);
});

Deno.test("FixGateway logs everybody out when it stops", () => {
  const rig = new Rig();
  const client = loggedOn(rig);
  const silent = loggedOn(rig, "CLIENT2");
  const stranger = new Client(rig, "CLIENT3");
  rig.gateway.onDrain();
  rig.run();
  assert(!rig.gateway.drained());
  assertEquals(brief(client.take(), 58), ["5 The appliance is stopping"]);
  assertEquals(brief(silent.take()), ["5"]);
  assert(stranger.closed);
  // Until its Logout a client is heard; new orders are refused.
  assertEquals(brief(client.order("a", 1, "1", "5"), 39, 103), ["8 8 2"]);
  assertEquals(client.send("5"), []);
  assert(client.closed);
  rig.tick(2021);
  rig.run();
  assert(silent.closed);
  for (const c of [client, silent, stranger]) c.hangUp();
  rig.gateway.drained();
  assert(rig.gateway.drained());
  const late = new Client(rig);
  assert(late.closed);
});

Deno.test("FixGateway stops reading from a client that does not read, then cuts it", () => {
  const rig = new Rig({ sendWindowBytes: 8192 });
  const deaf = loggedOn(rig);
  const other = loggedOn(rig, "CLIENT2");
  rig.transport.deaf.add(deaf.connection);
  for (let i = 0; i < 60; i++) deaf.order(`o${i}`, 1, "1", "5");
  assert(rig.stalled(deaf.connection), "still reading");
  assertEquals(other.order("x", 1, "1", "4").length, 1);
  rig.tick(5000);
  rig.run();
  assert(!deaf.closed);
  for (let i = 0; i < 3; i++) {
    rig.tick(4000);
    rig.run();
  }
  assert(deaf.closed);
  assertEquals(rig.count("connections_slow_total"), 1);
  assertEquals(other.order("y", 1, "1", "4").length, 1);
});

Deno.test("FixGateway sends everything to a slow client that catches up", () => {
  const rig = new Rig({ sendWindowBytes: 8192 });
  const slow = loggedOn(rig);
  const other = loggedOn(rig, "CLIENT2");
  slow.order("big", 1, "1000", "5");
  rig.transport.deaf.add(slow.connection);
  for (let i = 0; i < 200; i++) other.order(`o${i}`, 2, "1", "5");
  const numbers: number[] = [];
  for (let i = 0; i < 50; i++) {
    for (const m of slow.take()) numbers.push(Number(m.get(34)));
    rig.transport.hear(slow.connection);
    rig.run();
  }
  assertEquals(numbers, Array.from({ length: 200 }, (_, i) => i + 3));
});

Deno.test("FixGateway waits for room in the command ring and loses nothing", () => {
  const rig = new Rig({ commandSlots: 16 });
  const client = loggedOn(rig);
  rig.halted = true;
  let text = "";
  for (let i = 0; i < 40; i++) {
    text += client.message("D", client.orderBody(`o${i}`, 1, "1", "5"));
  }
  client.raw(text);
  assert(rig.stalled(client.connection));
  rig.halted = false;
  rig.run();
  const ids = client.take().map((m) => m.get(11));
  assertEquals(ids, Array.from({ length: 40 }, (_, i) => `o${i}`));
});

Deno.test("FixGateway tells the exchange of every end of a session", () => {
  const rig = new Rig();
  const client = loggedOn(rig);
  const before = rig.journal.length;
  client.hangUp();
  rig.tick(21);
  rig.run();
  assertEquals(rig.journal.length, before + 1);
  assert(rig.gateway.drained());
});
