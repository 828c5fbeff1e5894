// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Events of special orders, mass cancels and the kill switch, to messages.
 * The events are made here; the exchange takes no part.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  EventKind,
  MassScope,
  OrdStatus,
  OrdType,
  Reason,
  REASON_TEXT,
  StpMode,
} from "../../engine/record/mod.ts";
import {
  ORD_REJ_REASON,
  REASON_TEXTS,
} from "../../engine/gateway/fix/texts.ts";
import {
  Client,
  type EventValues,
  Rig,
  START_MS,
  timestamp,
} from "./fix_harness.ts";

type Message = Map<number, string>;

/** Body of a message as text, without what the session layer adds. */
function body(message: Message): string {
  const skip = [8, 9, 34, 49, 56, 52, 60, 10];
  return [...message].filter(([tag]) => !skip.includes(tag))
    .map(([tag, value]) => `${tag}=${value}`).join("|");
}

/** A rig with a client of session 1 that has logged on. */
function start(): (event: EventValues) => string[] {
  const rig = new Rig();
  const a = new Client(rig);
  a.logon();
  rig.defineAccount(3, "HOUSE");
  return (event) => {
    rig.tell(event);
    return a.take().map(body);
  };
}

/** A live order of 100 lots at 150.25, 40 of them filled. */
const ORDER: EventValues = {
  orderId: 77,
  reference: 5,
  clOrdId: "o1",
  side: 1,
  ordType: OrdType.LIMIT,
  price: 15025,
  quantity: 100,
  leaves: 60,
  cum: 40,
  notional: 40 * 15000,
  ordStatus: OrdStatus.PARTIALLY_FILLED,
};

Deno.test("FixEncoder writes each order type as FIX has it", () => {
  const tell = start();
  const shown = (event: EventValues) => {
    const [report] = tell({ ...ORDER, kind: EventKind.ACCEPTED, ...event });
    return report!.match(/38=100\|(.*)\|151=/)![1];
  };
  assertEquals(shown({}), "40=2|44=150.25|59=0");
  assertEquals(shown({ ordType: 1, price: 0 }), "40=1|59=0");
  assertEquals(
    shown({ ordType: OrdType.STOP, price: 0, stopPrice: 15100 }),
    "40=3|99=151.00|59=0",
  );
  assertEquals(
    shown({ ordType: OrdType.STOP_LIMIT, stopPrice: 15100, timeInForce: 1 }),
    "40=4|44=150.25|99=151.00|59=1",
  );
  assertEquals(
    shown({ ordType: OrdType.MARKET_TO_LIMIT, price: 0 }),
    "40=K|59=0",
  );
  assertEquals(
    shown({ ordType: OrdType.TRAILING_STOP, price: 0, stopPrice: 14900 }),
    "40=P|18=a|99=149.00|59=0",
  );
  assertEquals(
    shown({ ordType: OrdType.PEG_PRIMARY }),
    "40=P|44=150.25|18=R|59=0",
  );
  assertEquals(
    shown({ ordType: OrdType.PEG_MARKET, price: 0 }),
    "40=P|18=P|59=0",
  );
  assertEquals(
    shown({ ordType: OrdType.PEG_MIDPOINT, price: 0, account: 3 }),
    "40=P|18=M|1=HOUSE|59=0",
  );
  assertEquals(shown({ account: 3 }), "40=2|44=150.25|1=HOUSE|59=0");
  assertEquals(shown({ account: 9 }), "40=2|44=150.25|59=0", "not defined");
  for (const [code, character] of [[2, "2"], [6, "6"], [7, "7"], [11, "B"]]) {
    const { timeInForce, expected } = {
      timeInForce: Number(code),
      expected: `40=2|44=150.25|59=${character}`,
    };
    assertEquals(shown({ timeInForce }), expected);
  }
});

const STATE = "54=1|38=100|40=2|44=150.25|59=0|151=60|14=40|6=150.00";

Deno.test("FixEncoder reports prevented matches, triggers and restatements", () => {
  const tell = start();
  const prevented = {
    ...ORDER,
    kind: EventKind.PREVENTED,
    reason: Reason.SELF_TRADE,
    lastQuantity: 20,
    lastPrice: 15020,
    match: 12,
  };
  const text = REASON_TEXT[Reason.SELF_TRADE];
  const match = "20006=20|20007=150.20|20008=12";
  assertEquals(tell({ ...prevented, detail: StpMode.CANCEL_OLDEST }), [
    `35=8|37=77|11=o1|17=1002-0|150=D|39=1|55=AAPL|${STATE}|378=99|${match}|58=${text}`,
  ]);
  for (const detail of [StpMode.DECREMENT, StpMode.DECREMENT_AND_CANCEL]) {
    const [report] = tell({ ...prevented, detail });
    assert(report!.endsWith(`|378=5|${match}|58=${text}`), report);
  }
  const stop = { ...ORDER, ordType: OrdType.STOP_LIMIT, stopPrice: 15100 };
  assertEquals(tell({ ...stop, kind: EventKind.TRIGGERED }), [
    `35=8|37=77|11=o1|17=1005-0|150=L|39=1|55=AAPL|${
      STATE.replace("40=2", "40=4").replace("|59", "|99=151.00|59")
    }`,
  ]);
  const mtl = { ...ORDER, ordType: OrdType.MARKET_TO_LIMIT };
  assertEquals(tell({ ...mtl, kind: EventKind.RESTATED }), [
    `35=8|37=77|11=o1|17=1006-0|150=D|39=1|55=AAPL|${
      STATE.replace("40=2", "40=K")
    }|378=3`,
  ]);
});

Deno.test("FixEncoder says why an order ended without its owner's doing", () => {
  const tell = start();
  const end = (reason: number, ordStatus: number = OrdStatus.CANCELED) => {
    const kind = EventKind.CANCELED;
    const [report] = tell({ ...ORDER, kind, leaves: 0, reason, ordStatus });
    const m = new Map(
      report!.split("|").map((f) => f.split("=") as [string, string]),
    );
    return ["150", "39", "378", "58"].map((t) => m.get(t) ?? "-").join(" ");
  };
  const text = (reason: number) => REASON_TEXT[reason];
  assertEquals(end(Reason.CANCELED_BY_CLIENT), "4 4 - -");
  assertEquals(
    end(Reason.EXPIRED, OrdStatus.EXPIRED),
    `C C - ${text(Reason.EXPIRED)}`,
  );
  const codes: [number, string][] = [
    [Reason.IOC_REMAINDER, "-"],
    [Reason.FOK_NOT_FILLABLE, "-"],
    [Reason.NO_LIQUIDITY, "-"],
    [Reason.MARKET_COLLAR, "-"],
    [Reason.MIN_QUANTITY_NOT_MET, "-"],
    [Reason.MASS_CANCEL, "-"],
    [Reason.KILL_SWITCH, "-"],
    [Reason.VOLATILITY, "6"],
    [Reason.SELF_TRADE, "8"],
    [Reason.LINKED, "8"],
    [Reason.AUCTION_ENDED, "8"],
    [Reason.LEVEL_CAPACITY, "8"],
  ];
  for (const [reason, code] of codes) {
    assertEquals(end(reason), `4 4 ${code} ${text(reason)}`);
  }
});

Deno.test("An order that expired is too late to cancel, and says how it ended", () => {
  const rig = new Rig();
  const a = new Client(rig);
  a.logon();
  rig.capturing = true;
  const time = `60=${timestamp(START_MS)}|`;
  a.send("D", `11=o1|55=AAPL|54=1|${time}38=100|40=2|44=150.25|`);
  rig.tell({
    ...ORDER,
    kind: EventKind.CANCELED,
    reference: 1,
    leaves: 0,
    reason: Reason.EXPIRED,
    ordStatus: OrdStatus.EXPIRED,
  });
  a.take();
  a.send("F", `11=c1|41=o1|55=AAPL|54=1|${time}38=100|`);
  const refused = rig.captured.pop()!;
  const view = new DataView(refused.buffer);
  assertEquals(view.getUint32(44, true), Reason.TOO_LATE);
  assertEquals(refused[35], OrdStatus.EXPIRED);
});

Deno.test("FixEncoder answers mass cancels and the kill switch", () => {
  const tell = start();
  const mass = { clOrdId: "m1", instrument: 0xffff, quantity: 0 };
  assertEquals(tell({ ...mass, kind: EventKind.MASS_CANCELED, quantity: 12 }), [
    "35=r|37=1002|11=m1|530=7|531=7|533=12",
  ]);
  assertEquals(
    tell({
      ...mass,
      kind: EventKind.MASS_CANCELED,
      instrument: 2,
      side: 2,
      price: 5,
      detail: MassScope.PRICE_RANGE,
    }),
    ["35=r|37=1003|11=m1|530=1|531=1|55=ES|54=2|533=0"],
  );
  const forbidden = {
    ...mass,
    detail: MassScope.ACCOUNT,
    reason: Reason.NOT_AUTHORIZED,
  };
  const text = REASON_TEXT[Reason.NOT_AUTHORIZED];
  assertEquals(tell({ ...forbidden, kind: EventKind.MASS_CANCELED }), [
    `35=r|37=1004|11=m1|530=7|531=0|532=99|58=${text}`,
  ]);
  assertEquals(tell({ ...mass, kind: EventKind.KILLED, quantity: 3 }), [
    "35=r|37=1005|11=m1|530=7|531=7|20005=Y|533=3",
  ]);
  // What the appliance did has no id.
  assertEquals(tell({ kind: EventKind.KILLED, flags: 0, quantity: 1 }), [
    "35=r|37=1006|530=7|531=7|20005=Y|533=1",
  ]);
  assertEquals(tell({ ...mass, kind: EventKind.UNLOCKED }), [
    "35=r|37=1007|11=m1|530=7|531=7|20005=N|533=0",
  ]);
  assertEquals(tell({ ...forbidden, kind: EventKind.UNLOCKED }), [
    `35=r|37=1008|11=m1|530=7|531=0|20005=N|532=99|58=${text}`,
  ]);
});

Deno.test("Every reason has a text and a code that FIX 4.4 knows", () => {
  const known = [0, 1, 2, 3, 5, 6, 11, 13, 15, 99];
  for (const [name, reason] of Object.entries(Reason)) {
    assert(reason === 0 || REASON_TEXTS[reason]![0]! > 0, name);
    assert(known.includes(ORD_REJ_REASON[reason]!), name);
  }
});

Deno.test("FixEncoder has room for the longest report", () => {
  const rig = new Rig();
  const a = new Client(rig);
  a.logon();
  rig.defineAccount(4000, "A".repeat(60));
  const big = 2 ** 53 - 1;
  rig.tell({
    ...ORDER,
    kind: EventKind.PREVENTED,
    reason: Reason.INVALID_DISPLAY_QUANTITY,
    ordType: OrdType.TRAILING_STOP,
    instrument: 1,
    sequence: big,
    index: 0xffffffff,
    orderId: big,
    clOrdId: "x".repeat(20),
    origClOrdId: "y".repeat(20),
    price: 0x7fffffff,
    stopPrice: 0x7fffffff,
    account: 4000,
    quantity: big,
    leaves: big,
    cum: big,
    notional: big * 0.7,
    lastQuantity: big,
    lastPrice: 0x7fffffff,
    match: big,
  });
  a.take();
  // Sent again it is longer still.
  const [again] = a.send("2", "7=2|16=2|");
  assertEquals(again!.get(1), "A".repeat(60));
  assert(Number(again!.get(9)) < 900, again!.get(9));
});
