// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Every order type, term and request of version 2 of the binary protocol, from
 * a client's message through the real exchange to the answers.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  type BinaryMassCancel,
  type BinaryOrder,
  type BinaryReplaceTerms,
  blockMessage,
  massCancelMessage,
  orderMessage,
  type OrderName,
  replaceMessage,
} from "../../engine/gateway/binary/mod.ts";
import {
  CommandKind,
  InstrumentSetting,
  MassScope,
  OrdType,
  Reason,
  Side,
  StpMode,
  StpScope,
  TimeInForce,
  TradingState,
} from "../../engine/record/mod.ts";
import {
  type ClientMessage,
  ClientType,
  encodeClientPacket,
  type ServerMessage,
} from "../../engine/wire/binary/mod.ts";
import { E8, Harness } from "./binary_harness.ts";

const CENT = 1_000_000;
const { BUY, SELL } = Side;
const { GTC, GTD, IOC } = TimeInForce;

/** "A1 5@100 4 !7": type, reference, quantity, price in cents, leaves, reason. */
function textOf(message: ServerMessage): string {
  const letter = String.fromCharCode(message.type);
  const { reference, reason } = message;
  const quantity = Number(message.quantity) / ("MBY".includes(letter) ? 1 : E8);
  const price = Number(message.price) / CENT;
  const leaves = Number(message.leaves) / E8;
  const why = reason === Reason.NONE ? "" : ` !${reason}`;
  return `${letter}${reference} ${quantity}@${price} ${leaves}${why}`;
}

/** A client that numbers its messages and reads answers as lines. */
class Trader {
  readonly harness: Harness;
  readonly session: number;
  readonly version: number;
  next = 1;
  expected = 1;

  constructor(harness: Harness, session: number, version = 2) {
    this.harness = harness;
    this.session = session;
    this.version = version;
    const [hello] = harness.logon(session, session, 0, version);
    this.next = hello!.reference;
    this.expected = Number(hello!.leaves);
  }

  /** Sends in one packet; what comes back is read by `answers()`. */
  send(...messages: ClientMessage[]): void {
    const { harness, session, version } = this;
    const packet = encodeClientPacket(session, this.next, messages, version);
    this.next += messages.length;
    harness.feed(session, packet);
    harness.round();
  }

  order(order: Partial<BinaryOrder>): OrderName {
    const reference = this.next;
    const full = { symbol: 0, side: BUY, quantity: E8, ...order };
    this.send(orderMessage(full));
    return { reference, symbol: full.symbol, side: full.side };
  }

  /** Numbered messages since the last call; their numbers have no gap. */
  messages(): ServerMessage[] {
    const all = this.harness.received(this.session)
      .filter(({ sequence }) => sequence > 0);
    for (const { sequence } of all) assertEquals(sequence, this.expected++);
    return all;
  }

  /** The same as text. */
  answers(): string[] {
    return this.messages().map(textOf);
  }

  cancel(order: OrderName): void {
    this.send({ ...order, type: ClientType.CANCEL });
  }

  replace(
    order: OrderName,
    lots: number,
    cents: number,
    terms: BinaryReplaceTerms = {},
  ): void {
    this.send(replaceMessage(order, lots * E8, cents * CENT, terms));
  }

  reduce(order: OrderName, lots: number): void {
    this.send({ ...order, type: ClientType.REDUCE, quantity: lots * E8 });
  }

  status(order: OrderName): void {
    this.send({ ...order, type: ClientType.STATUS });
  }

  massCancel(which: BinaryMassCancel = {}): void {
    this.send(massCancelMessage(which));
  }
}

/** Two traders; the first has the orders that a test is about. */
function traders(): { harness: Harness; our: Trader; other: Trader } {
  const harness = new Harness();
  const our = new Trader(harness, 1);
  return { harness, our, other: new Trader(harness, 2, 1) };
}

/** The other trader's plain limit order. */
function limit(trader: Trader, side: number, lots: number, cents: number) {
  const price = cents * CENT;
  return trader.order({ side, quantity: lots * E8, price, timeInForce: GTC });
}

/** A trade between others that sets the last price. */
function tradeAt(trader: Trader, cents: number): void {
  limit(trader, SELL, 1, cents);
  limit(trader, BUY, 1, cents);
  trader.messages();
}

Deno.test("BinaryGateway takes market orders", () => {
  const { our, other } = traders();
  limit(other, SELL, 3, 100);
  our.order({ quantity: 5 * E8, ordType: OrdType.MARKET });
  assertEquals(our.answers(), ["A1 5@0 5", "F1 3@100 2", "C1 2@0 0 !200"]);
});

Deno.test("BinaryGateway takes market-to-limit orders", () => {
  const { our, other } = traders();
  limit(other, SELL, 3, 100);
  limit(other, SELL, 3, 101);
  our.order({ quantity: 5 * E8, ordType: OrdType.MARKET_TO_LIMIT });
  const [accepted, filled, restated, ...more] = our.messages();
  assertEquals([accepted!.type, filled!.type], [0x41, 0x46]);
  assertEquals([accepted!.side, restated!.side], [0x0d, 0x0d]);
  assertEquals(String.fromCharCode(restated!.type), "R");
  assertEquals(restated!.price, BigInt(100 * CENT));
  assertEquals(restated!.leaves, BigInt(2 * E8));
  assertEquals(more, []);
});

Deno.test("BinaryGateway takes stop orders", () => {
  const { our, other } = traders();
  tradeAt(other, 100);
  limit(other, SELL, 9, 106);
  const stop = our.order({
    quantity: 2 * E8,
    ordType: OrdType.STOP,
    stopPrice: 105 * CENT,
    timeInForce: GTC,
  });
  assertEquals(our.answers(), ["A1 2@105 2"]);
  our.status(stop);
  const [status] = our.messages();
  assertEquals([status!.side, status!.price], [0x95, BigInt(105 * CENT)]);
  tradeAt(other, 105);
  assertEquals(our.answers(), ["T1 2@105 2", "F1 2@106 0"]);
});

Deno.test("BinaryGateway takes stop limit orders, and new stop prices", () => {
  const { our, other } = traders();
  tradeAt(other, 100);
  const stop = our.order({
    side: SELL,
    quantity: 2 * E8,
    ordType: OrdType.STOP_LIMIT,
    stopPrice: 95 * CENT,
    price: 94 * CENT,
  });
  our.replace(stop, 3, 93, { stopPrice: 98 * CENT });
  tradeAt(other, 98);
  const types = our.messages().map((message) =>
    `${String.fromCharCode(message.type)} ${message.side.toString(16)} ${
      Number(message.price) / CENT
    }`
  );
  assertEquals(types, ["A 6 94", "U 6 93", "T 6 98"]);
  assertEquals(limit(other, BUY, 3, 93).reference > 0, true);
  assertEquals(our.answers(), ["F1 3@93 0"]);
  our.replace(stop, 3, 93, { stopPrice: 98 * CENT });
  assertEquals(our.answers(), ["K1 0@0 0 !11"]);
});

Deno.test("BinaryGateway takes trailing stops in ticks and in basis points", () => {
  const { our, other } = traders();
  tradeAt(other, 100);
  const base = {
    side: SELL,
    ordType: OrdType.TRAILING_STOP,
    timeInForce: GTC,
  };
  our.order({ ...base, offset: 10 });
  our.order({ ...base, offset: 2500, basisPoints: true, stopPrice: CENT });
  tradeAt(other, 200);
  const first = { reference: 1, symbol: 0, side: SELL };
  our.status(first);
  our.status({ ...first, reference: 2 });
  limit(other, BUY, 9, 100);
  tradeAt(other, 190);
  tradeAt(other, 150);
  assertEquals(our.answers(), [
    "A1 1@90 1",
    "A2 1@1 1",
    "S1 1@190 1",
    "S2 1@150 1",
    "T1 1@190 1",
    "F1 1@100 0",
    "T2 1@150 1",
    "F2 1@100 0",
  ]);
});

Deno.test("BinaryGateway takes pegged orders", () => {
  const { our, other } = traders();
  limit(other, BUY, 1, 100);
  limit(other, SELL, 1, 110);
  const base = { quantity: E8, timeInForce: GTC };
  our.order({ ...base, ordType: OrdType.PEG_PRIMARY, offset: -1 });
  our.order({ ...base, ordType: OrdType.PEG_MARKET, offset: -3 });
  our.order({ ...base, ordType: OrdType.PEG_MIDPOINT, price: 104 * CENT });
  const accepted = our.messages();
  assertEquals(accepted.map(({ side }) => side), [0x19, 0x19, 0x19]);
  assertEquals(accepted.map(({ price }) => Number(price) / CENT), [
    99,
    107,
    104,
  ]);
  limit(other, SELL, 4, 99);
  assertEquals(our.answers(), ["F2 1@107 0", "F3 1@104 0", "F1 1@99 0"]);
});

Deno.test("BinaryGateway takes icebergs", () => {
  const { our, other } = traders();
  const price = 100 * CENT;
  const order = { quantity: 10 * E8, price, timeInForce: GTC };
  our.order({ ...order, displayQuantity: 3 * E8 });
  limit(other, BUY, 2, 100);
  other.messages();
  limit(other, SELL, 6, 100);
  assertEquals(our.answers(), ["A1 10@100 10", "F1 3@100 7", "F1 1@100 6"]);
  our.order({ ...order, displayQuantity: 3 * E8, displayRange: 3 * E8 });
  our.order({ ...order, displayQuantity: 11 * E8 });
  our.order({ ...order, displayQuantity: 3 * E8, displayRange: 2 * E8 });
  assertEquals(our.answers(), [
    "J2 10@100 0 !29",
    "J3 10@100 0 !29",
    "A4 10@100 10",
  ]);
});

Deno.test("BinaryGateway takes hidden and post-only orders", () => {
  const { our, other } = traders();
  const base = { quantity: E8, timeInForce: GTC };
  const hidden = { ...base, price: 100 * CENT, hidden: true };
  our.order(hidden);
  limit(other, BUY, 1, 100);
  limit(other, SELL, 2, 100);
  assertEquals(our.answers(), ["A1 1@100 1", "F1 1@100 0"]);
  limit(other, SELL, 1, 105);
  our.order({ ...base, price: 105 * CENT, postOnly: true });
  our.order({ ...base, price: 104 * CENT, postOnly: true, hidden: true });
  our.order({ ...base, price: 107 * CENT, postSlide: true });
  assertEquals(our.answers(), [
    "J2 1@105 0 !205",
    "A3 1@104 1",
    "A4 1@104 1",
  ]);
});

Deno.test("BinaryGateway takes minimum quantities and all or none", () => {
  const { our, other } = traders();
  const base = { quantity: 5 * E8, price: 100 * CENT, timeInForce: GTC };
  limit(other, SELL, 2, 100);
  our.order({ ...base, minQuantity: 3 * E8 });
  our.order({ ...base, timeInForce: IOC, allOrNone: true });
  our.order({ ...base, allOrNone: true });
  assertEquals(our.answers(), [
    "A1 5@100 5",
    "A2 5@100 5",
    "C2 5@100 0 !206",
    "A3 5@100 5",
  ]);
  limit(other, SELL, 4, 100);
  const filled = our.answers();
  assertEquals(filled, ["F1 4@100 1", "F1 1@100 0"]);
  limit(other, SELL, 4, 100);
  assertEquals(our.answers(), ["F3 1@100 4", "F3 4@100 0"]);
});

Deno.test("BinaryGateway links orders of which one cancels the other", () => {
  const { our, other } = traders();
  tradeAt(other, 100);
  const profit = our.order({ side: SELL, price: 110 * CENT });
  our.order({
    side: SELL,
    ordType: OrdType.STOP,
    stopPrice: 90 * CENT,
    link: profit,
  });
  our.order({ side: SELL, price: 111 * CENT, link: profit });
  our.order({ price: 1, link: { ...profit, reference: 99 } });
  our.order({ price: CENT, link: { ...profit, reference: 99 } });
  limit(other, BUY, 1, 110);
  assertEquals(our.answers(), [
    "A1 1@110 1",
    "A2 1@90 1",
    "J3 1@111 0 !35",
    "J4 1@0 0 !6",
    "J5 1@1 0 !35",
    "F1 1@110 0",
    "C2 1@90 0 !210",
  ]);
});

Deno.test("BinaryGateway tells the end of an order by its time", () => {
  const { harness, our } = traders();
  const soon = BigInt(harness.now.ms + 5) * 1_000_000n;
  const base = { price: 100 * CENT };
  our.order({ ...base, timeInForce: GTD, expireTimeNs: soon });
  our.order({ ...base, timeInForce: GTD, expireTimeNs: 1n });
  our.order({ ...base, timeInForce: GTD });
  our.order({ ...base, expireTimeNs: soon });
  our.order(base);
  our.order({ ...base, timeInForce: GTC });
  harness.pass(6);
  harness.house({ kind: CommandKind.TIME });
  harness.house({ kind: CommandKind.SET_STATE, detail: TradingState.CLOSED });
  assertEquals(our.answers(), [
    "A1 1@100 1",
    "J2 1@100 0 !31",
    "J3 1@100 0 !31",
    "J4 1@100 0 !31",
    "A5 1@100 1",
    "A6 1@100 1",
    "C1 1@100 0 !209",
    "C5 1@100 0 !209",
  ]);
});

Deno.test("BinaryGateway takes orders for auctions", () => {
  const { harness, our } = traders();
  const set = (detail: number) =>
    harness.house({ kind: CommandKind.SET_STATE, detail });
  harness.house({
    kind: CommandKind.SET_INSTRUMENT,
    detail: InstrumentSetting.REFERENCE_PRICE,
    price: 100,
  });
  set(TradingState.PRE_OPEN);
  const { AT_OPEN, AT_CLOSE, GOOD_FOR_AUCTION } = TimeInForce;
  our.order({ price: 100 * CENT, timeInForce: AT_OPEN });
  our.order({ side: SELL, ordType: OrdType.MARKET, timeInForce: AT_OPEN });
  our.order({ side: SELL, price: 120 * CENT, timeInForce: GOOD_FOR_AUCTION });
  our.order({ side: SELL, price: 121 * CENT, timeInForce: AT_CLOSE });
  const accepted = our.messages();
  assertEquals(accepted.map(({ side }) => side), [0x21, 0xa2, 0x52, 0x72]);
  set(TradingState.OPENING_AUCTION);
  set(TradingState.OPEN);
  assertEquals(our.answers(), [
    "F1 1@100 0",
    "F2 1@100 0",
    "C3 1@120 0 !213",
  ]);
  our.order({ ordType: OrdType.STOP, stopPrice: CENT, timeInForce: AT_OPEN });
  set(TradingState.CLOSED);
  assertEquals(our.answers(), ["J5 1@0 0 !4", "C4 1@121 0 !209"]);
});

Deno.test("BinaryGateway replaces by open quantity, and reduces", () => {
  const { our, other } = traders();
  const order = limit(our, BUY, 10, 100);
  limit(other, SELL, 4, 100);
  our.replace(order, 10, 100);
  our.replace(order, 10, 100, { openQuantity: true });
  our.replace(order, 4, 100);
  our.reduce(order, 3);
  our.reduce({ ...order, symbol: 1 }, 3);
  our.reduce({ ...order, reference: 9 }, 3);
  our.reduce(order, 7);
  assertEquals(our.answers(), [
    "A1 10@100 10",
    "F1 4@100 6",
    "U1 10@100 6",
    "U1 14@100 10",
    "K1 0@0 0 !204",
    "U1 11@100 7",
    "K1 0@0 0 !18",
    "K9 0@0 0 !11",
    "C1 7@100 0 !215",
  ]);
});

Deno.test("BinaryGateway says what kind of request it refused", () => {
  const { our } = traders();
  const order = limit(our, BUY, 1, 100);
  our.send(
    { ...order, type: ClientType.REDUCE, reference: 9, quantity: E8 },
    { ...order, type: ClientType.REDUCE, quantity: 1 },
    replaceMessage({ ...order, reference: 9 }, E8, CENT, { stopPrice: CENT }),
    massCancelMessage({ symbol: 7 }),
    { ...blockMessage(ClientType.BLOCK), symbol: 0 },
    { ...blockMessage(ClientType.UNLOCK), price: 1 },
  );
  const refused = our.messages().slice(1);
  assertEquals(refused.map(({ type }) => type), Array(6).fill(0x4b));
  assertEquals(
    refused.map(({ side }) => side >> 4),
    [3, 3, 3, 7, 8, 8],
  );
  assertEquals(refused.map(({ reference }) => reference), [9, 1, 9, 5, 6, 7]);
  assertEquals(refused.map(({ cause }) => cause), [2, 3, 4, 5, 6, 7]);
});

/** An account that the sessions 1 and 3 use. */
function giveAccount(harness: Harness): void {
  for (const reason of [1, 2]) {
    harness.house({
      kind: CommandKind.DEFINE_ACCOUNT,
      reason,
      price: reason === 2 ? 7 : 0,
      text: `ACC${reason}`,
    });
  }
  for (const session of [1, 3]) {
    harness.house({ kind: CommandKind.SET_SESSION, session, reason: 1 });
  }
}

Deno.test("BinaryGateway takes mass cancels of every scope", () => {
  const { harness, our, other } = traders();
  giveAccount(harness);
  const friend = new Trader(harness, 3, 1);
  const place = () => {
    for (const cents of [98, 99, 100]) limit(our, BUY, 1, cents);
    limit(our, SELL, 1, 200);
    our.order({ symbol: 1, price: CENT });
    limit(friend, BUY, 1, 97);
    limit(other, BUY, 1, 96);
    for (const trader of [our, friend, other]) trader.messages();
  };
  const lines = () => our.answers().map((line) => line.split(" ")[0]);
  place();
  our.massCancel({
    symbol: 0,
    side: BUY,
    lowestPrice: 99 * CENT,
    highestPrice: 99 * CENT,
  });
  assertEquals(
    our.answers(),
    ["M6 2@0 0", "C2 1@99 0 !211"].map((line) =>
      line.replace("M6 2@0", "M6 1@99")
    ),
  );
  our.massCancel({ symbol: 0, side: SELL });
  assertEquals(lines(), ["M7", "C4"]);
  our.massCancel({ symbol: 0 });
  assertEquals(lines(), ["M8", "C1", "C3"]);
  our.massCancel();
  assertEquals(lines(), ["M9", "C5"]);
  our.massCancel();
  assertEquals(our.answers(), ["M10 0@0 0"]);
  assertEquals(friend.messages(), []);
  place();
  our.massCancel({ account: 1 });
  const [answer, ...gone] = our.messages();
  assertEquals([answer!.quantity, answer!.side, answer!.symbol], [
    7n,
    0x10,
    0xffffffff,
  ]);
  assertEquals(gone.map(({ cause }) => cause), [0, 0, 0, 0, 0]);
  assertEquals(friend.answers(), ["C1 1@97 0 !211", "C2 1@97 0 !211"]);
  for (const account of [0, 2, 3, 0xffffffff]) {
    our.massCancel({ account });
    const [refused, ...more] = our.messages();
    assertEquals([refused!.reason, refused!.quantity], [
      Reason.NOT_AUTHORIZED,
      0n,
    ], `account ${account}`);
    assertEquals(more, []);
  }
  assertEquals(other.messages(), []);
});

Deno.test("BinaryGateway takes the kill switch, and its end", () => {
  const { harness, our } = traders();
  const victim = new Trader(harness, 3, 1);
  giveAccount(harness);
  const rest = limit(our, BUY, 1, 100);
  limit(victim, BUY, 1, 100);
  our.send(blockMessage(ClientType.BLOCK));
  our.order({ price: CENT });
  our.replace(rest, 1, 100);
  our.cancel(rest);
  our.send(blockMessage(ClientType.BLOCK, 1));
  our.send(blockMessage(ClientType.UNLOCK, 1));
  our.send(blockMessage(ClientType.UNLOCK));
  const again = our.order({ price: CENT });
  assertEquals(our.answers(), [
    "A1 1@100 1",
    "B2 1@0 0",
    "C1 1@100 0 !212",
    "J3 1@1 0 !108",
    "K1 0@0 0 !11",
    "K1 0@0 0 !11",
    "B6 0@0 0 !37",
    "Y7 0@0 0 !37",
    "Y8 0@0 0",
    "A9 1@1 1",
  ]);
  harness.house({
    kind: CommandKind.KILL,
    detail: MassScope.ACCOUNT,
    reason: 1,
  });
  our.send(blockMessage(ClientType.UNLOCK));
  our.order({ price: CENT });
  our.cancel(again);
  assertEquals(our.answers(), [
    "C9 1@1 0 !212",
    "Y10 0@0 0",
    "J11 1@1 0 !108",
    "K9 0@0 0 !11",
  ]);
  // A client of version 1 sees nothing that it does not know.
  assertEquals(victim.answers(), ["A1 1@100 1", "C1 1@100 0 !212"]);
  harness.house({ kind: CommandKind.KILL, detail: 0, reason: 1 });
  our.send(blockMessage(ClientType.UNLOCK));
  assertEquals(our.answers(), ["Y13 0@0 0 !37"]);
});

/** Mode, and what the maker and the taker hear. */
const PREVENTIONS: readonly [number, string[], string[]][] = [
  [StpMode.NONE, ["F1 3@100 2"], ["A2 3@100 3", "F2 3@100 0"]],
  [StpMode.CANCEL_NEWEST, ["V1 3@100 5 !207"], [
    "A2 3@100 3",
    "V2 3@100 3 !207",
    "C2 3@100 0 !207",
  ]],
  [StpMode.CANCEL_OLDEST, ["V1 3@100 5 !207", "C1 5@100 0 !207"], [
    "A2 3@100 3",
    "V2 3@100 3 !207",
  ]],
  [StpMode.CANCEL_BOTH, ["V1 3@100 5 !207", "C1 5@100 0 !207"], [
    "A2 3@100 3",
    "V2 3@100 3 !207",
    "C2 3@100 0 !207",
  ]],
  [StpMode.DECREMENT, ["V1 3@100 2 !207"], [
    "A2 3@100 3",
    "V2 3@100 0 !207",
    "C2 0@100 0 !207",
  ]],
  [StpMode.DECREMENT_AND_CANCEL, ["V1 3@100 2 !207"], [
    "A2 3@100 3",
    "V2 3@100 0 !207",
    "C2 0@100 0 !207",
  ]],
];

Deno.test("BinaryGateway tells prevented matches in every mode", () => {
  for (const [selfTrade, maker, taker] of PREVENTIONS) {
    const { our } = traders();
    limit(our, BUY, 5, 100);
    assertEquals(our.answers(), ["A1 5@100 5"]);
    const price = 100 * CENT;
    const order = { side: SELL, quantity: 3 * E8, price, timeInForce: GTC };
    our.order({ ...order, selfTrade });
    const answers = our.messages();
    const of = (which: number) =>
      answers.filter(({ reference }) => reference === which).map(textOf);
    assertEquals(of(1), maker, `mode ${selfTrade}`);
    assertEquals(of(2), taker, `mode ${selfTrade}`);
    const prevented = answers.filter(({ type }) => type === 0x56);
    if (selfTrade === StpMode.NONE) continue;
    assertEquals(prevented.map(({ cause }) => cause), [1, 1]);
    assertEquals(prevented.map(({ side }) => side & 0x10), [0, 0x10]);
  }
});

Deno.test("BinaryGateway numbers without a gap what version 1 does not know", () => {
  const { harness, our } = traders();
  giveAccount(harness);
  const old = new Trader(harness, 3, 1);
  for (const session of [1, 3]) {
    harness.house({
      kind: CommandKind.SET_SESSION,
      session,
      reason: 1,
      detail: StpMode.DECREMENT | StpScope.ACCOUNT << 4,
    });
  }
  limit(old, BUY, 5, 100);
  limit(our, SELL, 3, 100);
  limit(old, BUY, 1, 101);
  limit(our, SELL, 5, 100);
  assertEquals(old.answers(), [
    "A1 5@100 5",
    "V1 3@100 2 !207",
    "A2 1@101 1",
    "V2 1@101 0 !207",
    "C2 0@101 0 !207",
    "V1 2@100 0 !207",
    "C1 0@100 0 !207",
  ]);
  const repeated = harness.ask(3, 3, 0, [
    { type: ClientType.RETRANSMIT, quantity: 1 },
  ]);
  assertEquals(repeated.map(({ sequence }) => sequence), [1, 2, 3, 4, 5, 6, 7]);
  assertEquals(repeated[1]!.cause, 1);
});

Deno.test("BinaryGateway takes orders for an account", () => {
  const { harness, our } = traders();
  giveAccount(harness);
  our.order({ price: CENT, account: 1 });
  our.order({ price: CENT, account: 2 });
  our.order({ price: CENT, account: 3 });
  our.order({ price: CENT, account: 0xffffffff });
  assertEquals(our.answers(), [
    "A1 1@1 1",
    "J2 1@1 0 !37",
    "J3 1@1 0 !34",
    "J4 1@1 0 !34",
  ]);
});

Deno.test("BinaryGateway repeats every kind of answer after a restart", () => {
  const { harness, our, other } = traders();
  giveAccount(harness);
  tradeAt(other, 100);
  limit(our, BUY, 5, 90);
  const price = 95 * CENT;
  our.order({ quantity: 9 * E8, price, displayQuantity: 2 * E8 });
  const stop = our.order({
    side: SELL,
    ordType: OrdType.TRAILING_STOP,
    offset: 3,
    timeInForce: GTC,
  });
  our.replace(stop, 2, 0, { stopPrice: 50 * CENT });
  our.order({ side: SELL, price, selfTrade: StpMode.CANCEL_NEWEST });
  limit(other, SELL, 3, 95);
  our.massCancel({ symbol: 1 });
  our.send(blockMessage(ClientType.BLOCK), blockMessage(ClientType.UNLOCK));
  const sent = our.messages();
  assert(sent.length > 12);
  const second = new Harness({ journal: harness.journal });
  const [hello, ...again] = second.logon(1, 1, 1, 2);
  assertEquals(again, sent);
  assertEquals(hello!.reference, our.next);
  const types = new Set(again.map(({ type }) => String.fromCharCode(type)));
  assertEquals([...types].toSorted().join(""), "ABCFMTUVY");
});
