// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
import { assert, assertEquals } from "@std/assert";
import { Reason } from "../../engine/record/mod.ts";
import { ClOrdIds, NO_ENTRY } from "../../engine/gateway/fix/cl_ord_ids.ts";
import { Client, Rig, START_MS, timestamp } from "./fix_harness.ts";

type Message = Map<number, string>;
const TIME = `60=${timestamp(START_MS)}|`;

function pair(): { rig: Rig; a: Client; b: Client } {
  const rig = new Rig();
  const a = new Client(rig);
  const b = new Client(rig, "CLIENT2");
  a.logon();
  b.logon();
  return { rig, a, b };
}

/** Body of a message as text, without what the session layer adds. */
function body(message: Message): string {
  const skip = [8, 9, 34, 49, 56, 52, 60, 10];
  return [...message].filter(([tag]) => !skip.includes(tag))
    .map(([tag, value]) => `${tag}=${value}`).join("|");
}

Deno.test("ExecutionReport of a resting order, its fills and its end", () => {
  const { a, b } = pair();
  assertEquals(a.order("buy-1", 1, "100", "150.25", "59=1|").map(body), [
    "35=8|37=8|11=buy-1|17=8-0|150=0|39=0|55=AAPL|54=1|38=100|40=2|44=150.25|59=1|151=100|14=0|6=0",
  ]);
  assertEquals(b.order("s", 2, "40", "150.00", "59=3|").map(body), [
    "35=8|37=9|11=s|17=9-0|150=0|39=0|55=AAPL|54=2|38=40|40=2|44=150.00|59=3|151=40|14=0|6=0",
    "35=8|37=9|11=s|17=9-2|150=F|39=2|55=AAPL|54=2|38=40|40=2|44=150.00|59=3|32=40|31=150.25|151=0|14=40|6=150.25",
  ]);
  assertEquals(a.take().map(body), [
    "35=8|37=8|11=buy-1|17=9-1|150=F|39=1|55=AAPL|54=1|38=100|40=2|44=150.25|59=1|32=40|31=150.25|151=60|14=40|6=150.25",
  ]);
  assertEquals(
    a.send("G", `11=buy-2|41=buy-1|55=AAPL|54=1|${TIME}38=80|40=2|44=150.30|`)
      .map(body),
    [
      "35=8|37=8|11=buy-2|41=buy-1|17=10-0|150=5|39=1|55=AAPL|54=1|38=80|40=2|44=150.30|59=1|151=40|14=40|6=150.25",
    ],
  );
  assertEquals(a.send("H", "11=buy-2|55=AAPL|54=1|").map(body), [
    "35=8|37=8|11=buy-2|17=11-0|150=I|39=1|55=AAPL|54=1|38=80|40=2|44=150.30|59=1|151=40|14=40|6=150.25",
  ]);
  b.order("s2", 2, "10", "150.00");
  a.take();
  assertEquals(
    a.send("F", `11=c|41=buy-2|55=AAPL|54=1|${TIME}38=80|`).map(body),
    [
      "35=8|37=8|11=c|41=buy-2|17=13-0|150=4|39=4|55=AAPL|54=1|38=80|40=2|44=150.30|59=1|151=0|14=50|6=150.26",
    ],
  );
});

Deno.test("ExecutionReport of market, IOC and FOK orders that find nothing", () => {
  const { a } = pair();
  const market = a.send("D", `11=m|55=AAPL|54=1|${TIME}38=5|40=1|`);
  assertEquals(
    market.map((m) => `${m.get(150)}${m.get(39)} ${m.get(58) ?? ""}`),
    [
      "00 ",
      "44 No orders on the other side",
    ],
  );
  assertEquals(market[0]!.get(44), undefined);
  for (
    const [time, text] of [
      ["3", "Immediate-or-cancel remainder"],
      ["4", "Fill-or-kill can not be filled at once"],
    ]
  ) {
    const answers = a.order(`t${time}`, 1, "5", "10", `59=${time}|`);
    assertEquals(
      answers.map((m) => `${m.get(150)}${m.get(39)} ${m.get(58) ?? ""}`),
      ["00 ", `44 ${text}`],
    );
  }
});

Deno.test("AvgPx is exact where it can be and rounded where it can't", () => {
  const { a, b } = pair();
  b.order("1", 2, "1", "10.00");
  b.order("2", 2, "2", "10.01");
  const fills = a.order("x", 1, "3", "11");
  assertEquals(fills.map((m) => m.get(6)), ["0", "10.00", "10.006667"]);
});

Deno.test("Decimals of an instrument with small lots and one with odd ticks", () => {
  const { a } = pair();
  const btc = a.order("b", 1, "0.00000001", "64000.01", "", "BTC-USD");
  assertEquals(btc.map((m) => `${m.get(38)} ${m.get(44)} ${m.get(151)}`), [
    "0.00000001 64000.01 0.00000001",
  ]);
  const es = a.order("e", 1, "20.0", "5000.250", "", "ES");
  assertEquals(es.map((m) => `${m.get(39)} ${m.get(38)} ${m.get(44)}`), [
    "0 20 5000.25",
  ]);
  assertEquals(
    a.order("f", 1, "25", "5000.25", "", "ES")[0]!.get(58),
    "Quantity is not a multiple of the lot size",
  );
  assertEquals(
    a.order("g", 1, "20", "5000.10", "", "ES")[0]!.get(58),
    "Price is not a multiple of the tick size",
  );
});

Deno.test("Refused orders say why, in the protocol's codes", () => {
  const { rig, a } = pair();
  const cases: [string, Record<string, string>, string, number][] = [
    ["unknown symbol", { 55: "NOPE" }, "8 1", Reason.UNKNOWN_INSTRUMENT],
    ["sell short", { 54: "5" }, "8 11", Reason.INVALID_SIDE],
    ["lettered side", { 54: "B" }, "8 11", Reason.INVALID_SIDE],
    ["forex order", { 40: "G" }, "8 11", Reason.INVALID_ORD_TYPE],
    ["on close", { 40: "9" }, "8 11", Reason.INVALID_ORD_TYPE],
    ["till crossing", { 59: "5" }, "8 11", Reason.INVALID_TIME_IN_FORCE],
    ["no quantity", { 38: "0" }, "8 13", Reason.INVALID_QUANTITY],
    ["negative quantity", { 38: "-5" }, "8 13", Reason.INVALID_QUANTITY],
    ["quantity off the lot", { 38: "1.5" }, "8 13", Reason.QUANTITY_OFF_LOT],
    [
      "quantity too large",
      { 38: "1" + "0".repeat(30) },
      "8 13",
      Reason.QUANTITY_TOO_LARGE,
    ],
    ["price zero", { 44: "0.00" }, "8 99", Reason.INVALID_PRICE],
    ["price negative", { 44: "-1" }, "8 99", Reason.INVALID_PRICE],
    ["price off the tick", { 44: "150.255" }, "8 99", Reason.PRICE_OFF_TICK],
    [
      "price above int32",
      { 44: "21474836.48" },
      "8 99",
      Reason.PRICE_OUT_OF_RANGE,
    ],
    [
      "price beyond 2^53",
      { 44: "9".repeat(40) },
      "8 99",
      Reason.PRICE_OUT_OF_RANGE,
    ],
  ];
  for (const [name, change, expected, reason] of cases) {
    const terms: Record<string, string> = {
      11: "same",
      55: "AAPL",
      54: "1",
      60: timestamp(START_MS),
      38: "100",
      40: "2",
      44: "150.25",
      ...change,
    };
    const text = Object.entries(terms).map(([t, v]) => `${t}=${v}|`).join("");
    const before = rig.refusals.get(reason) ?? 0;
    const [answer] = a.send("D", text);
    assertEquals(`${answer!.get(39)} ${answer!.get(103)}`, expected, name);
    assertEquals(answer!.get(150), "8", name);
    assertEquals(answer!.get(37), "NONE", name);
    for (const tag of [11, 55, 54]) {
      assertEquals(answer!.get(tag), terms[tag], name);
    }
    assertEquals(rig.refusals.get(reason), before + 1, name);
  }
  // None of these used the id up.
  assertEquals(a.order("same", 1, "100", "150.25")[0]!.get(39), "0");
});

Deno.test("What an order needs under conditions is asked for with BusinessMessageReject", () => {
  const { a } = pair();
  const base = `11=x|55=AAPL|54=1|${TIME}`;
  const tags = (m: Message) =>
    [35, 372, 379, 380].map((t) => m.get(t)).join(" ");
  assertEquals(a.send("D", `${base}38=1|40=2|`).map(tags), ["j D x 5"]);
  assertEquals(a.send("D", `${base}40=2|44=1|`).map(tags), ["j D x 5"]);
  const long = `11=x|55=${"S".repeat(21)}|54=1|${TIME}38=1|40=2|44=1|`;
  assertEquals(a.send("D", long).map(tags), ["j D x 2"]);
  const unsupported = a.send("V", "262=x|263=1|");
  assertEquals([35, 45, 372, 380].map((t) => unsupported[0]!.get(t)), [
    "j",
    "5",
    "V",
    "3",
  ]);
  // They are application messages: sent again on request.
  assertEquals(a.send("2", "7=2|16=0|").map((m) => m.get(35)), [
    "j",
    "j",
    "j",
    "j",
  ]);
});

Deno.test("ClOrdIDs are taken once, by orders, replaces and cancels alike", () => {
  const { a, b } = pair();
  a.order("1", 1, "10", "5");
  assertEquals(a.order("1", 1, "10", "5")[0]!.get(103), "6");
  assertEquals(
    b.order("1", 1, "10", "5")[0]!.get(39),
    "0",
    "another session's id",
  );
  const replace = (id: string, orig: string) =>
    a.send("G", `11=${id}|41=${orig}|55=AAPL|54=1|${TIME}38=11|40=2|44=5|`)[0]!;
  const cancel = (id: string, orig: string) =>
    a.send("F", `11=${id}|41=${orig}|55=AAPL|54=1|${TIME}38=11|`)[0]!;
  const brief = (m: Message) =>
    [35, 39, 11, 41, 434, 102].map((t) => m.get(t) ?? "-").join(" ");
  assertEquals(brief(replace("1", "1")), "9 8 1 1 2 6");
  assertEquals(brief(replace("2", "none")), "9 8 2 none 2 1");
  assertEquals(brief(replace("2", "1")), "8 0 2 1 - -");
  assertEquals(brief(cancel("3", "1")), "9 8 3 1 1 1", "the replaced id");
  assertEquals(brief(cancel("2", "2")), "9 8 2 2 1 6");
  assertEquals(brief(cancel("3", "2")), "8 4 3 2 - -");
  assertEquals(brief(cancel("4", "2")), "9 4 4 2 1 0", "too late");
  assertEquals(a.order("3", 1, "10", "5")[0]!.get(103), "6", "a cancel's id");
  assertEquals(a.order("2", 1, "10", "5")[0]!.get(103), "6");
});

Deno.test("Cancels and replaces that name the wrong instrument, side or quantity", () => {
  const { a, b } = pair();
  a.order("1", 1, "10", "5");
  b.order("s", 2, "4", "5");
  a.take();
  const brief = (m: Message) =>
    [35, 37, 39, 434, 102, 58].map((t) => m.get(t) ?? "-").join(" ");
  const f = (id: string, symbol: string, side: number) =>
    brief(
      a.send("F", `11=${id}|41=1|55=${symbol}|54=${side}|${TIME}38=1|`)[0]!,
    );
  assertEquals(
    f("c1", "ES", 1),
    "9 8 1 1 99 Instrument is not that of the order",
  );
  assertEquals(f("c2", "AAPL", 2), "9 8 1 1 99 Side is not that of the order");
  assertEquals(f("c3", "NOPE", 1), "9 8 1 1 99 Unknown instrument");
  const g = (id: string, quantity: string, price: string, type = 2) =>
    brief(
      a.send(
        "G",
        `11=${id}|41=1|55=AAPL|54=1|${TIME}38=${quantity}|40=${type}|44=${price}|`,
      )[0]!,
    );
  assertEquals(
    g("r1", "4", "5"),
    "9 8 1 2 99 Quantity is not above what is filled already",
  );
  assertEquals(
    g("r2", "10", "5.001"),
    "9 8 1 2 99 Price is not a multiple of the tick size",
  );
  assertEquals(
    g("r3", "10", "5", 1),
    "9 8 1 2 99 Price must be above zero",
  );
  // A failed replace leaves the order under its id.
  assertEquals(a.send("H", "11=1|55=AAPL|54=1|")[0]!.get(39), "1");
  assertEquals(
    a.send("F", `11=ok|41=1|55=AAPL|54=1|${TIME}38=1|`)[0]!.get(39),
    "4",
  );
});

Deno.test("Chains of replaces sent at once are followed in order", () => {
  const { a } = pair();
  let text = a.message("D", a.orderBody("0", 1, "10", "5"));
  for (let i = 1; i <= 50; i++) {
    text += a.message(
      "G",
      `11=${i}|41=${i - 1}|55=AAPL|54=1|${TIME}38=${10 + i}|40=2|44=5|`,
    );
  }
  text += a.message("F", `11=c|41=50|55=AAPL|54=1|${TIME}38=60|`);
  const answers = a.raw(text);
  assertEquals(
    answers.map((m) => m.get(150)).join(""),
    "0" + "5".repeat(50) + "4",
  );
  assertEquals(answers[51]!.get(41), "50");
});

Deno.test("OrderStatusRequest of orders that are not there", () => {
  const { a } = pair();
  const brief = (m: Message) =>
    [35, 37, 11, 150, 39, 55, 103, 151, 14, 6].map((t) => m.get(t) ?? "-")
      .join(" ");
  assertEquals(
    brief(a.send("H", "11=x|55=AAPL|54=1|790=q|")[0]!),
    "8 NONE x I 8 AAPL 5 0 0 0",
  );
  assertEquals(
    brief(a.send("H", "11=x|55=NOPE|54=1|")[0]!),
    "8 NONE x I 8 NOPE 1 0 0 0",
  );
});

Deno.test("PossResend of an order that is known is not answered twice", () => {
  const { a } = pair();
  const order = a.orderBody("p", 1, "10", "5");
  assertEquals(a.send("D", order, a.next++, "97=Y|").map((m) => m.get(39)), [
    "0",
  ]);
  assertEquals(a.send("D", order, a.next++, "97=Y|"), []);
  assertEquals(a.send("D", order, a.next++, "97=N|").map((m) => m.get(103)), [
    "6",
  ]);
});

Deno.test("ExecIDs are unique over both sides of every match", () => {
  const { a, b } = pair();
  const seen = new Set<string>();
  for (let i = 0; i < 50; i++) {
    const messages = [
      ...a.order(`a${i}`, 1, "3", "5"),
      ...b.order(`b${i}`, 2, "5", "5"),
      ...a.take(),
    ];
    for (const m of messages) {
      const id = m.get(17)!;
      assert(!seen.has(id), id);
      seen.add(id);
    }
  }
  assert(seen.size > 150);
});

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test("ClOrdIds keeps open ids and forgets the oldest closed ones", () => {
  const ids = new ClOrdIds(8, 4);
  const add = (text: string, reference: number) => {
    ids.stage(1, bytes(text), 0, text.length);
    assertEquals(ids.find(), NO_ENTRY);
    return ids.insert(reference);
  };
  const find = (text: string, session = 1) => {
    ids.stage(session, bytes(text), 0, text.length);
    return ids.find();
  };
  for (let i = 0; i < 8; i++) add(`open${i}`, i + 1);
  for (let i = 0; i < 10; i++) ids.close(add(`closed${i}`, 100 + i), 0x32);
  assertEquals(ids.count(), 12);
  for (let i = 0; i < 8; i++) {
    assertEquals(ids.reference(find(`open${i}`)), i + 1);
  }
  for (let i = 0; i < 6; i++) assertEquals(find(`closed${i}`), NO_ENTRY);
  for (let i = 6; i < 10; i++) {
    assertEquals(ids.closed(find(`closed${i}`)), 0x32);
  }
  assertEquals(find("open0", 2), NO_ENTRY);
  // When all room is taken by closed and open ids, the oldest closed one goes.
  add("more", 50);
  assertEquals(find("closed6"), NO_ENTRY);
});

Deno.test("ClOrdIds says when open orders take all room", () => {
  const ids = new ClOrdIds(3, 1);
  for (let i = 0; i < 4; i++) {
    ids.stage(1, bytes(`o${i}`), 0, 2);
    assert(ids.insert(i) !== NO_ENTRY);
  }
  ids.stage(1, bytes("o9"), 0, 2);
  assertEquals(ids.insert(9), NO_ENTRY);
});

Deno.test("ClOrdIds agrees with a Map over 200,000 random steps", () => {
  const seed = 99;
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 4294967296 * below);
  };
  const ids = new ClOrdIds(500, 300);
  const open = new Map<string, number>();
  const closed: string[] = [];
  for (let i = 0; i < 200000; i++) {
    const text = `${random(4)}:${random(2000)}`;
    const session = Number(text[0]);
    ids.stage(session, bytes(text), 2, text.length);
    const entry = ids.find();
    const message = `seed ${seed}, step ${i}`;
    assertEquals(
      entry !== NO_ENTRY,
      open.has(text) || closed.includes(text),
      message,
    );
    if (open.has(text)) {
      assertEquals(ids.reference(entry), open.get(text), message);
      if (random(3) > 0) {
        ids.close(entry, 1);
        open.delete(text);
        closed.push(text);
        if (closed.length > 300) closed.shift();
      }
    } else if (entry === NO_ENTRY && open.size < 400) {
      ids.insert(i);
      open.set(text, i);
    }
  }
  assert(open.size > 0 && closed.length === 300);
});
