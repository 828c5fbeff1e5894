// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Messages of version 2 of the binary protocol, from bytes to command records:
 * each field of each, each boundary, and what is refused with which reason.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  blocksAt,
  decodeMessage,
} from "../../engine/gateway/binary/decode_message.ts";
import { decodeOrder } from "../../engine/gateway/binary/decode_order.ts";
import {
  type BinaryMassCancel,
  type BinaryOrder,
  blockMessage,
  massCancelMessage,
  orderMessage,
  replaceMessage,
} from "../../engine/gateway/binary/mod.ts";
import type { InstrumentDefinition } from "../../engine/gateway/mod.ts";
import * as r from "../../engine/record/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";
import {
  BINARY_VERSION_2,
  type ClientMessage,
  ClientType,
  encodeClientPacket,
  HEADER_BYTES,
} from "../../engine/wire/binary/mod.ts";
import { E8 } from "./binary_harness.ts";

const CENT = 1_000_000;
const SESSION = 5;
const NUMBER = 77;
const ANY = 0xffffffff;
const { OrdType, Reason, Side, TermFlag, TimeInForce } = r;

const INSTRUMENTS: InstrumentDefinition[] = [E8, 1].map((lotSizeE8, index) => ({
  index,
  symbol: `SYM${index}`,
  tickSizeE8: CENT,
  lotSizeE8,
}));

const DOUBLES: readonly string[] = [
  "sequence",
  "quantity",
  "reference",
  "newReference",
  "displayQuantity",
  "displayRange",
  "minQuantity",
  "linkReference",
];
const SIGNED: readonly string[] = ["price", "stopPrice", "offset"];

/** All fields of a command that are not 0, within its length. */
function fieldsOf(ring: SpscRing, slot: number): Record<string, number> {
  const start = slot * r.COMMAND_SLOT_BYTES;
  const length = ring.u16[(start >>> 1) + r.CMD_LENGTH_U16]!;
  const fields: Record<string, number> = {};
  for (const [name, at, bytes] of r.COMMAND_FIELDS) {
    if (at >= length) continue;
    const byte = start + at;
    let value = 0;
    if (DOUBLES.includes(name)) value = ring.f64[byte >>> 3]!;
    else if (SIGNED.includes(name)) value = ring.i32[byte >>> 2]!;
    else if (bytes === 4) value = ring.u32[byte >>> 2]!;
    else if (bytes === 2) value = ring.u16[byte >>> 1]!;
    else if (bytes === 1) value = ring.u8[byte]!;
    else for (let i = 0; i < bytes; i++) value += ring.u8[byte + i]!;
    if (value !== 0) fields[name] = value;
  }
  return fields;
}

/** The command that a message becomes, in a slot full of what was there before. */
function decoded(
  message: ClientMessage,
  cut = Infinity,
  change: (packet: Uint8Array) => void = () => {},
): { reason: number; fields: Record<string, number> } {
  const memory = new ArrayBuffer(SpscRing.bytes(r.COMMAND_SLOT_BYTES, 4));
  new Uint8Array(memory, 256).fill(0xee);
  const ring = new SpscRing(memory, 0, r.COMMAND_SLOT_BYTES, 4, "producer");
  const packet = encodeClientPacket(1, 1, [message], BINARY_VERSION_2);
  change(packet);
  const view = new DataView(packet.buffer);
  const left = Math.min(cut, (packet.length - HEADER_BYTES) / 34);
  const slot = 2;
  const reason = decodeMessage(
    view,
    HEADER_BYTES,
    blocksAt(view, HEADER_BYTES, left),
    ring,
    slot,
    SESSION,
    NUMBER,
    INSTRUMENTS,
  );
  const neighbours = [
    ...ring.u8.subarray(0, slot * r.COMMAND_SLOT_BYTES),
    ...ring.u8.subarray((slot + 1) * r.COMMAND_SLOT_BYTES),
  ];
  assert(neighbours.every((byte) => byte === 0xee), "only one slot is written");
  return { reason, fields: fieldsOf(ring, slot) };
}

const BASE = { symbol: 0, side: Side.BUY, quantity: 5 * E8, timeNs: 9 };
const NEW_FIELDS = {
  length: 64,
  kind: r.CommandKind.NEW_ORDER,
  session: SESSION,
  inSequence: NUMBER,
  side: Side.BUY,
  quantity: 5,
  reference: NUMBER,
};
const { STOP, STOP_LIMIT, MARKET_TO_LIMIT, TRAILING_STOP } = OrdType;
const { LIMIT, MARKET, PEG_PRIMARY, PEG_MARKET, PEG_MIDPOINT } = OrdType;
const { AT_OPEN, AT_CLOSE, GOOD_FOR_AUCTION, GTC, GTD, IOC } = TimeInForce;

/** An order, and what its command holds besides `NEW_FIELDS`. */
const ORDERS: readonly [
  string,
  Partial<BinaryOrder>,
  Record<string, number>,
][] = [
  ["limit", { price: CENT }, { ordType: LIMIT, price: 1 }],
  ["market, IOC", { ordType: MARKET, timeInForce: IOC }, {
    ordType: MARKET,
    timeInForce: IOC,
  }],
  ["market at the opening", { ordType: MARKET, timeInForce: AT_OPEN }, {
    ordType: MARKET,
    timeInForce: AT_OPEN,
  }],
  ["limit at the close", { price: CENT, timeInForce: AT_CLOSE }, {
    ordType: LIMIT,
    price: 1,
    timeInForce: AT_CLOSE,
  }],
  [
    "limit, good for auction",
    { price: CENT, timeInForce: GOOD_FOR_AUCTION },
    { ordType: LIMIT, price: 1, timeInForce: GOOD_FOR_AUCTION },
  ],
  ["post-only", { price: CENT, postOnly: true, timeInForce: GTC }, {
    length: 192,
    ordType: LIMIT,
    price: 1,
    timeInForce: GTC,
    termFlags: TermFlag.POST_ONLY,
  }],
  ["hidden, post-only", { price: CENT, postOnly: true, hidden: true }, {
    length: 192,
    ordType: LIMIT,
    price: 1,
    termFlags: TermFlag.POST_ONLY | TermFlag.HIDDEN,
  }],
  ["stop", { ordType: STOP, stopPrice: 7 * CENT }, {
    length: 192,
    ordType: STOP,
    stopPrice: 7,
  }],
  [
    "stop limit",
    { ordType: STOP_LIMIT, stopPrice: 7 * CENT, price: 8 * CENT },
    { length: 192, ordType: STOP_LIMIT, stopPrice: 7, price: 8 },
  ],
  ["market to limit", { ordType: MARKET_TO_LIMIT }, {
    ordType: MARKET_TO_LIMIT,
  }],
  ["trailing stop in ticks", { ordType: TRAILING_STOP, offset: 25 }, {
    length: 192,
    ordType: TRAILING_STOP,
    offset: 25,
  }],
  ["trailing stop in basis points", {
    ordType: TRAILING_STOP,
    offset: 50,
    basisPoints: true,
    stopPrice: 3 * CENT,
  }, {
    length: 192,
    ordType: TRAILING_STOP,
    offset: 50,
    stopPrice: 3,
    termFlags: TermFlag.BASIS_POINTS,
  }],
  ["peg to its own side", { ordType: PEG_PRIMARY, offset: -3 }, {
    length: 192,
    ordType: PEG_PRIMARY,
    offset: -3,
  }],
  ["peg to the other side", {
    ordType: PEG_MARKET,
    offset: -0x80000000,
    price: CENT,
  }, { length: 192, ordType: PEG_MARKET, offset: -0x80000000, price: 1 }],
  ["peg to the middle", { ordType: PEG_MIDPOINT, offset: 0x7fffffff }, {
    length: 192,
    ordType: PEG_MIDPOINT,
    offset: 0x7fffffff,
  }],
  ["peg without offset", { ordType: PEG_MIDPOINT, minQuantity: E8 }, {
    length: 192,
    ordType: PEG_MIDPOINT,
    minQuantity: 1,
  }],
  ["iceberg", {
    price: CENT,
    displayQuantity: 2 * E8,
    displayRange: E8,
  }, {
    length: 192,
    ordType: LIMIT,
    price: 1,
    displayQuantity: 2,
    displayRange: 1,
  }],
  ["all or none, slid", { price: CENT, allOrNone: true, postSlide: true }, {
    length: 192,
    ordType: LIMIT,
    price: 1,
    termFlags: TermFlag.ALL_OR_NONE | TermFlag.POST_SLIDE,
  }],
  ["good till date", {
    price: CENT,
    timeInForce: GTD,
    expireTimeNs: 2n ** 63n + 5n,
  }, {
    length: 192,
    ordType: LIMIT,
    price: 1,
    timeInForce: GTD,
    expireTimeLo: 5,
    expireTimeHi: 0x80000000,
  }],
  ["link, account, self-trade prevention", {
    price: CENT,
    link: { reference: 0xfffffffe, symbol: 0, side: Side.SELL },
    account: 0xffffffff,
    selfTrade: r.StpMode.DECREMENT_AND_CANCEL,
  }, {
    length: 192,
    ordType: LIMIT,
    price: 1,
    linkReference: 0xfffffffe,
    account: 0xffffffff,
    termFlags: r.StpMode.DECREMENT_AND_CANCEL << TermFlag.STP_SHIFT,
  }],
  ["no self-trade prevention", { price: CENT, selfTrade: 0 }, {
    length: 192,
    ordType: LIMIT,
    price: 1,
    termFlags: TermFlag.STP_MASK,
  }],
];

Deno.test("decodeMessage() writes every order type, time in force and term", () => {
  for (const [name, order, fields] of ORDERS) {
    const command = decoded(orderMessage({ ...BASE, ...order }));
    assertEquals(command.reason, Reason.NONE, name);
    assertEquals(command.fields, { ...NEW_FIELDS, ...fields }, name);
  }
  const types = new Set(ORDERS.map(([, { ordType = LIMIT }]) => ordType));
  assertEquals(types.size, Object.keys(OrdType).length);
  const times = new Set(ORDERS.map(([, { timeInForce }]) => timeInForce ?? 0));
  times.add(TimeInForce.FOK);
  assertEquals(times.size, Object.keys(TimeInForce).length);
});

Deno.test("orderMessage() needs one block only for what version 1 nearly has", () => {
  for (const [name, order, { length = 64, ordType, termFlags }] of ORDERS) {
    const { terms } = orderMessage({ ...BASE, ...order });
    const plain = ordType === LIMIT || ordType === MARKET;
    const simple = termFlags === TermFlag.POST_ONLY ||
      termFlags === (TermFlag.POST_ONLY | TermFlag.HIDDEN);
    assertEquals(
      terms === undefined,
      plain && (length === 64 || simple),
      name,
    );
  }
});

Deno.test("decodeMessage() hands plain messages to decodeOrder()", () => {
  const plain: ClientMessage[] = [
    orderMessage({ ...BASE, price: CENT, timeInForce: TimeInForce.FOK }),
    { type: ClientType.CANCEL, side: Side.BUY, reference: 3 },
    { type: ClientType.STATUS, side: Side.SELL, reference: 3 },
    { type: ClientType.CANCEL, side: 0x11, reference: 3 },
    { type: ClientType.LOGON },
    { type: ClientType.TERMS },
    { type: ClientType.MORE_TERMS, side: 1 },
    { type: 0 },
    { type: 255, symbol: ANY },
  ];
  for (const message of plain) {
    const memory = new ArrayBuffer(SpscRing.bytes(r.COMMAND_SLOT_BYTES, 4));
    const ring = new SpscRing(memory, 0, r.COMMAND_SLOT_BYTES, 4, "producer");
    const packet = encodeClientPacket(1, 1, [message]);
    const view = new DataView(packet.buffer);
    const reason = decodeOrder(
      view,
      HEADER_BYTES,
      ring,
      1,
      SESSION,
      NUMBER,
      INSTRUMENTS,
    );
    assertEquals(decoded(message), { reason, fields: fieldsOf(ring, 1) });
  }
});

const REPLACE_FIELDS = {
  length: 64,
  kind: r.CommandKind.REPLACE_ORDER,
  session: SESSION,
  inSequence: NUMBER,
  side: Side.SELL,
  quantity: 5,
  reference: 3,
};
const OURS = { reference: 3, symbol: 0, side: Side.SELL };

Deno.test("decodeMessage() writes replaces and reduces", () => {
  const replaced = (...more: Parameters<typeof replaceMessage>) =>
    decoded(replaceMessage(...more)).fields;
  assertEquals(replaced(OURS, 5 * E8, 2 * CENT), {
    ...REPLACE_FIELDS,
    price: 2,
  });
  assertEquals(replaced(OURS, 5 * E8, 0), REPLACE_FIELDS);
  assertEquals(replaced(OURS, 5 * E8, CENT, { openQuantity: true }), {
    ...REPLACE_FIELDS,
    length: 192,
    price: 1,
    termFlags: TermFlag.OPEN_QUANTITY,
  });
  assertEquals(replaced(OURS, 5 * E8, CENT, { stopPrice: 4 * CENT }), {
    ...REPLACE_FIELDS,
    length: 192,
    price: 1,
    stopPrice: 4,
    termFlags: TermFlag.REPLACE_STOP,
  });
  const both = { stopPrice: 4 * CENT, openQuantity: true };
  assertEquals(replaced(OURS, 5 * E8, 0, both), {
    ...REPLACE_FIELDS,
    length: 192,
    stopPrice: 4,
    termFlags: TermFlag.REPLACE_STOP | TermFlag.OPEN_QUANTITY,
  });
  const reduce = decoded({
    ...OURS,
    type: ClientType.REDUCE,
    quantity: 5 * E8,
  });
  assertEquals(reduce.fields, {
    ...REPLACE_FIELDS,
    kind: r.CommandKind.REDUCE_ORDER,
  });
});

Deno.test("decodeMessage() writes mass cancels, blocks and unlocks", () => {
  const base = {
    length: 64,
    session: SESSION,
    inSequence: NUMBER,
    reference: NUMBER,
    instrument: 0xffff,
    reason: SESSION,
  };
  const cases: [BinaryMassCancel, Record<string, number>][] = [
    [{}, {}],
    [{ account: 12 }, { detail: r.MassScope.ACCOUNT, reason: 12 }],
    [{ symbol: 1, side: Side.SELL }, { instrument: 1, side: Side.SELL }],
    [{ symbol: 1, lowestPrice: 0, highestPrice: (2 ** 31 - 1) * CENT }, {
      instrument: 1,
      detail: r.MassScope.PRICE_RANGE,
      quantity: 2 ** 31 - 1,
    }],
    [
      {
        symbol: 1,
        side: Side.BUY,
        account: 3,
        lowestPrice: 4 * CENT,
        highestPrice: 4 * CENT,
      },
      {
        instrument: 1,
        side: Side.BUY,
        detail: r.MassScope.ACCOUNT | r.MassScope.PRICE_RANGE,
        reason: 3,
        price: 4,
        quantity: 4,
      },
    ],
  ];
  for (const [which, fields] of cases) {
    const { reason, fields: found } = decoded(massCancelMessage(which));
    assertEquals(reason, Reason.NONE);
    assertEquals(found, {
      ...base,
      kind: r.CommandKind.MASS_CANCEL,
      ...fields,
    });
  }
  const kind = r.CommandKind.KILL;
  assertEquals(decoded(blockMessage(ClientType.BLOCK)).fields, {
    ...base,
    kind,
  });
  assertEquals(decoded(blockMessage(ClientType.BLOCK, 7)).fields, {
    ...base,
    kind,
    detail: r.MassScope.ACCOUNT,
    reason: 7,
  });
  assertEquals(decoded(blockMessage(ClientType.UNLOCK)).fields, {
    ...base,
    kind,
    detail: r.MassScope.UNLOCK,
  });
});

const ORDER = orderMessage({ ...BASE, ordType: STOP, stopPrice: CENT });
const LIMIT_ORDER = orderMessage({
  ...BASE,
  price: CENT,
  displayQuantity: E8,
});
const PLAIN = orderMessage({ ...BASE, price: CENT, postOnly: true });
const REPLACE = replaceMessage(OURS, E8, CENT, { stopPrice: CENT });
const REDUCE = { ...OURS, type: ClientType.REDUCE, quantity: E8 };
const MASS = massCancelMessage({ symbol: 0, lowestPrice: 0, highestPrice: 0 });
const BLOCK = blockMessage(ClientType.BLOCK);
const terms = (more: ClientMessage["terms"]): ClientMessage => ({
  ...ORDER,
  terms: { ...ORDER.terms, ...more },
});
const change = (more: ClientMessage["terms"]): ClientMessage => ({
  ...REPLACE,
  terms: { ...REPLACE.terms, ...more },
});

/** What, the message, detail of the refusal, reason. */
const REFUSALS: readonly [string, ClientMessage, number, number][] = [
  ["symbol", { ...ORDER, symbol: 2 }, 1, Reason.UNKNOWN_INSTRUMENT],
  ["symbol", { ...ORDER, symbol: ANY }, 1, Reason.UNKNOWN_INSTRUMENT],
  ["side 0", { ...ORDER, side: 0 }, 1, Reason.INVALID_SIDE],
  ["side 3", { ...ORDER, side: 3 }, 1, Reason.INVALID_SIDE],
  ["bits beside", { ...ORDER, side: 0x11 }, 1, Reason.INVALID_SIDE],
  ["post-only beside", { ...ORDER, side: 5 }, 1, Reason.INVALID_SIDE],
  ["type 0", terms({ ordType: 0 }), 1, Reason.INVALID_ORD_TYPE],
  ["type 10", terms({ ordType: 10 }), 1, Reason.INVALID_ORD_TYPE],
  ["type 255", terms({ ordType: 255 }), 1, Reason.INVALID_ORD_TYPE],
  ["time 8", terms({ timeInForce: 8 }), 1, Reason.INVALID_TIME_IN_FORCE],
  ["time 255", terms({ timeInForce: 255 }), 1, Reason.INVALID_TIME_IN_FORCE],
  ["plain GTD", { ...PLAIN, side: 0x65 }, 1, Reason.INVALID_TIME_IN_FORCE],
  ["stop with limit", { ...ORDER, price: CENT }, 1, Reason.INVALID_PRICE],
  ["limit without", { ...LIMIT_ORDER, price: 0 }, 1, Reason.INVALID_PRICE],
  ["plain without", { ...PLAIN, price: 0 }, 1, Reason.INVALID_PRICE],
  ["price", { ...PLAIN, price: CENT + 1 }, 1, Reason.PRICE_OFF_TICK],
  ["price", { ...PLAIN, price: 2 ** 31 * CENT }, 1, Reason.INVALID_PRICE],
  ["price", { ...PLAIN, price: 2n ** 53n }, 1, Reason.INVALID_PRICE],
  ["quantity 0", { ...PLAIN, quantity: 0 }, 1, Reason.INVALID_QUANTITY],
  ["half a lot", { ...PLAIN, quantity: 1 }, 1, Reason.QUANTITY_OFF_LOT],
  ["quantity", { ...PLAIN, quantity: 2n ** 53n }, 1, Reason.QUANTITY_TOO_LARGE],
  ["flag 5", terms({ flags: 0x20 }), 1, Reason.INVALID_COMBINATION],
  ["flag 6", terms({ flags: 0x40 }), 1, Reason.INVALID_COMBINATION],
  ["flag 8", terms({ flags: 0x100 }), 1, Reason.INVALID_COMBINATION],
  ["flag 15", terms({ flags: 0x8000 }), 1, Reason.INVALID_COMBINATION],
  ["prevention 6", terms({ stp: 6 }), 1, Reason.INVALID_COMBINATION],
  ["prevention 8", terms({ stp: 8 }), 1, Reason.INVALID_COMBINATION],
  ["stop price", terms({ stopPrice: 1 }), 1, Reason.PRICE_OFF_TICK],
  [
    "stop price",
    terms({ stopPrice: 2 ** 31 * CENT }),
    1,
    Reason.INVALID_STOP_PRICE,
  ],
  [
    "stop price",
    terms({ stopPrice: 2n ** 64n - 1n }),
    1,
    Reason.INVALID_STOP_PRICE,
  ],
  ["shown", terms({ displayQuantity: 1 }), 1, Reason.INVALID_DISPLAY_QUANTITY],
  [
    "shown",
    terms({ displayQuantity: 2n ** 53n }),
    1,
    Reason.INVALID_DISPLAY_QUANTITY,
  ],
  ["range", terms({ displayRange: 1 }), 1, Reason.INVALID_DISPLAY_QUANTITY],
  ["minimum", terms({ minQuantity: 1 }), 1, Reason.INVALID_MIN_QUANTITY],
  ["replace", { ...REPLACE, symbol: 2 }, 3, Reason.UNKNOWN_INSTRUMENT],
  ["replace", { ...REPLACE, side: 6 }, 3, Reason.INVALID_SIDE],
  ["replace", { ...REPLACE, reference: 0 }, 3, Reason.UNKNOWN_ORDER],
  ["replace", { ...REPLACE, reference: 2 ** 32 }, 3, Reason.UNKNOWN_ORDER],
  ["replace", { ...REPLACE, quantity: 0 }, 3, Reason.INVALID_QUANTITY],
  ["replace", { ...REPLACE, price: 1 }, 3, Reason.PRICE_OFF_TICK],
  ["replace", change({ ordType: 2 }), 3, Reason.INVALID_COMBINATION],
  ["replace", change({ timeInForce: 1 }), 3, Reason.INVALID_COMBINATION],
  ["replace", change({ stp: 1 }), 3, Reason.INVALID_COMBINATION],
  ["replace", change({ flags: 1 }), 3, Reason.INVALID_COMBINATION],
  ["replace", change({ flags: 0x40 }), 3, Reason.INVALID_COMBINATION],
  ["replace", change({ displayQuantity: E8 }), 3, Reason.INVALID_COMBINATION],
  ["replace", change({ displayRange: E8 }), 3, Reason.INVALID_COMBINATION],
  ["replace", change({ account: 1 }), 3, Reason.INVALID_COMBINATION],
  ["replace", change({ minQuantity: E8 }), 3, Reason.INVALID_COMBINATION],
  ["replace", change({ expireTimeNs: 1 }), 3, Reason.INVALID_COMBINATION],
  ["replace", change({ linkReference: 1 }), 3, Reason.INVALID_COMBINATION],
  ["replace", change({ offset: -1 }), 3, Reason.INVALID_COMBINATION],
  ["replace", change({ stopPrice: 1 }), 3, Reason.PRICE_OFF_TICK],
  [
    "plain replace",
    { ...replaceMessage(OURS, E8, CENT), side: 0x0a },
    3,
    Reason.INVALID_SIDE,
  ],
  ["reduce", { ...REDUCE, symbol: 2 }, 3, Reason.UNKNOWN_INSTRUMENT],
  ["reduce", { ...REDUCE, side: 0 }, 3, Reason.INVALID_SIDE],
  ["reduce", { ...REDUCE, side: 5 }, 3, Reason.INVALID_SIDE],
  ["reduce", { ...REDUCE, reference: 0 }, 3, Reason.UNKNOWN_ORDER],
  ["reduce", { ...REDUCE, quantity: 0 }, 3, Reason.INVALID_QUANTITY],
  ["reduce", { ...REDUCE, quantity: 1 }, 3, Reason.QUANTITY_OFF_LOT],
  ["reduce", { ...REDUCE, price: CENT }, 3, Reason.INVALID_PRICE],
  ["mass", { ...MASS, symbol: 2 }, 7, Reason.UNKNOWN_INSTRUMENT],
  ["mass", { ...MASS, side: 3 }, 7, Reason.INVALID_SIDE],
  ["mass", { ...MASS, side: 0x40 }, 7, Reason.INVALID_SIDE],
  ["mass", { ...MASS, side: 0x04 }, 7, Reason.INVALID_SIDE],
  ["mass", { ...MASS, reference: 1 }, 7, Reason.UNKNOWN_ACCOUNT],
  [
    "mass",
    { ...MASS, side: 0x30, reference: 2 ** 32 },
    7,
    Reason.UNKNOWN_ACCOUNT,
  ],
  ["mass", { ...MASS, symbol: ANY }, 7, Reason.INVALID_COMBINATION],
  ["mass", { ...MASS, side: 0, price: 1 }, 7, Reason.INVALID_PRICE],
  ["mass", { ...MASS, side: 0, quantity: 1 }, 7, Reason.INVALID_PRICE],
  ["mass", { ...MASS, price: CENT }, 7, Reason.INVALID_PRICE],
  ["mass", { ...MASS, quantity: 1 }, 7, Reason.PRICE_OFF_TICK],
  ["mass", { ...MASS, quantity: 2 ** 31 * CENT }, 7, Reason.INVALID_PRICE],
  ["mass", { ...MASS, quantity: 2n ** 64n - 1n }, 7, Reason.INVALID_PRICE],
  ["block", { ...BLOCK, symbol: 0 }, 8, Reason.UNKNOWN_INSTRUMENT],
  ["block", { ...BLOCK, side: 1 }, 8, Reason.INVALID_SIDE],
  ["block", { ...BLOCK, side: 0x20 }, 8, Reason.INVALID_SIDE],
  ["block", { ...BLOCK, reference: 1 }, 8, Reason.UNKNOWN_ACCOUNT],
  ["block", { ...BLOCK, quantity: 1 }, 8, Reason.INVALID_QUANTITY],
  ["block", { ...BLOCK, price: 1 }, 8, Reason.INVALID_PRICE],
];

Deno.test("decodeMessage() refuses what is no such request, each with its reason", () => {
  for (const [name, message, detail, reason] of REFUSALS) {
    const found = decoded(message);
    const what = `${name} ${
      JSON.stringify(message, (_, value) =>
        typeof value === "bigint" ? String(value) : value)
    }`;
    assertEquals(found.reason, reason, what);
    const { fields } = found;
    assertEquals(
      [fields.kind, fields.detail, fields.reason, fields.length],
      [r.CommandKind.REFUSED, detail, reason, 64],
      what,
    );
    const own = detail === 1 || detail > 4;
    if (own) assertEquals(fields.reference, NUMBER, what);
  }
});

Deno.test("decodeMessage() refuses terms that are announced and missing", () => {
  for (const cut of [1, 2]) {
    const order = decoded(ORDER, cut);
    assertEquals([order.reason, order.fields.detail], [Reason.MALFORMED, 1]);
    assertEquals(order.fields.reference, NUMBER);
    const replace = decoded(REPLACE, cut);
    assertEquals(
      [replace.reason, replace.fields.detail, replace.fields.reference],
      [Reason.MALFORMED, 3, 3],
    );
  }
});

Deno.test("decodeMessage() wants the reserved byte of terms to be 0", () => {
  for (const message of [ORDER, LIMIT_ORDER, REPLACE]) {
    const found = decoded(message, 3, (packet) => {
      packet[HEADER_BYTES + 2 * 34 + 5] = 0x80;
    });
    assertEquals(found.reason, Reason.INVALID_COMBINATION);
  }
});

Deno.test("blocksAt() counts three blocks only where all of them are", () => {
  const packet = encodeClientPacket(1, 1, [ORDER], BINARY_VERSION_2);
  const view = new DataView(packet.buffer);
  assertEquals([1, 2, 3, 4].map((left) => blocksAt(view, HEADER_BYTES, left)), [
    1,
    1,
    3,
    3,
  ]);
  for (const block of [1, 2]) {
    const at = HEADER_BYTES + block * 34;
    const type = view.getUint8(at);
    for (const other of [0, ClientType.NEW_ORDER, 0x33 - block, 0x33]) {
      if (other === type) continue;
      view.setUint8(at, other);
      assertEquals(blocksAt(view, HEADER_BYTES, 3), 1, `block ${block}`);
    }
    view.setUint8(at, type);
  }
  assertEquals(blocksAt(view, HEADER_BYTES + 34, 2), 1);
});
