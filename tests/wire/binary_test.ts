// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The specification against the code: byte tables, limits and worked examples
 * of `docs/protocols/binary_order.md`, and numbers at their boundaries.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  EVENT_SLOT_BYTES,
  EventKind,
  MassScope,
  OrdType,
  Reason,
  Side,
  StpMode,
  TimeInForce,
} from "../../engine/record/mod.ts";
import * as event from "../../engine/record/event.ts";
import { crc32c } from "../../engine/wire/crc32c.ts";
import * as wire from "../../engine/wire/binary/mod.ts";

const PAGE = Deno.readTextFileSync(
  new URL("../../docs/protocols/binary_order.md", import.meta.url),
);
const E8 = 100_000_000;
const TIME_NS = 1_767_225_600_123_456_789n;
const KEY = 1869440356n;

/** Bytes of a hex block of the page. */
function example(name: string): Uint8Array {
  const match = new RegExp("```hex " + name + "\n([\\s\\S]*?)```").exec(PAGE);
  if (match === null) throw new Error(`the page has no example ${name}`);
  const digits = match[1]!.replace(/\s+/g, "");
  assert(/^([0-9a-f]{2})+$/.test(digits), `example ${name} is not hex`);
  return Uint8Array.from(
    digits.match(/../g)!,
    (pair) => Number.parseInt(pair, 16),
  );
}

const { ClientType, ServerType, sideByte } = wire;
const GTC = TimeInForce.GTC;

const CLIENT_EXAMPLES: Record<
  string,
  [sequence: number, messages: wire.ClientMessage[], version?: number]
> = {
  "logon": [0, [{ type: ClientType.LOGON, quantity: KEY }]],
  "orders": [1, [
    {
      type: ClientType.NEW_ORDER,
      symbol: 0,
      side: sideByte(Side.BUY, GTC),
      quantity: 100 * E8,
      price: 150.25 * E8,
      reference: TIME_NS - 1_000_000n,
    },
    {
      type: ClientType.NEW_ORDER,
      symbol: 2,
      side: sideByte(Side.SELL, TimeInForce.IOC, OrdType.MARKET),
      quantity: 1,
      reference: TIME_NS - 1_000_000n,
    },
  ]],
  "replace": [3, [{
    type: ClientType.REPLACE,
    side: Side.BUY,
    quantity: 50 * E8,
    price: 15_030_000_000,
    reference: 1,
  }]],
  "cancel": [4, [{ type: ClientType.CANCEL, side: Side.BUY, reference: 1 }]],
  "status": [6, [{ type: ClientType.STATUS, side: Side.BUY, reference: 1 }]],
  "retransmit": [0, [
    { type: ClientType.RETRANSMIT, quantity: 3, price: 2 },
  ]],
  "heartbeat": [0, [{ type: ClientType.HEARTBEAT }]],
  "logout": [0, [{ type: ClientType.LOGOUT }]],
  "logon-times": [0, [
    { type: ClientType.LOGON, side: wire.SIDE_TIMES, quantity: KEY },
  ], 2],
  "logon-2": [0, [{ type: ClientType.LOGON, quantity: KEY }], 2],
  "terms": [7, [
    {
      type: ClientType.NEW_ORDER_WITH_TERMS,
      side: Side.SELL,
      quantity: 500 * E8,
      price: 151 * E8,
      reference: TIME_NS - 1_000_000n,
      terms: {
        ordType: OrdType.LIMIT,
        timeInForce: TimeInForce.GTD,
        stp: StpMode.CANCEL_OLDEST,
        displayQuantity: 100 * E8,
        displayRange: 20 * E8,
        expireTimeNs: 1_767_283_200_000_000_000n,
      },
    },
    {
      type: ClientType.NEW_ORDER,
      side: sideByte(Side.BUY, GTC) | wire.SIDE_POST_ONLY,
      quantity: 10 * E8,
      price: 149 * E8,
      reference: TIME_NS - 1_000_000n,
    },
  ], 2],
  "trailing-stop": [9, [{
    type: ClientType.NEW_ORDER_WITH_TERMS,
    side: Side.SELL,
    quantity: 100 * E8,
    reference: TIME_NS - 1_000_000n,
    terms: {
      ordType: OrdType.TRAILING_STOP,
      timeInForce: GTC,
      stopPrice: 149.5 * E8,
      offset: 25,
    },
  }], 2],
  "replace-open": [11, [{
    type: ClientType.REPLACE,
    side: Side.SELL | wire.SIDE_OPEN_QUANTITY,
    quantity: 300 * E8,
    price: 151 * E8,
    reference: 7,
  }], 2],
  "replace-stop": [10, [{
    type: ClientType.REPLACE_WITH_TERMS,
    side: Side.SELL,
    quantity: 100 * E8,
    reference: 9,
    terms: { stopPrice: 149.6 * E8 },
  }], 2],
  "reduce": [12, [{
    type: ClientType.REDUCE,
    side: Side.SELL,
    quantity: 50 * E8,
    reference: 7,
  }], 2],
  "mass-cancel": [13, [{
    type: ClientType.MASS_CANCEL,
    side: Side.BUY | wire.SIDE_PRICE_RANGE,
    quantity: 149.5 * E8,
    price: 148 * E8,
  }], 2],
  "block": [14, [
    { type: ClientType.BLOCK, symbol: wire.SYMBOL_UNKNOWN },
  ], 2],
  "unlock": [15, [
    { type: ClientType.UNLOCK, symbol: wire.SYMBOL_UNKNOWN },
  ], 2],
};

const SERVER_EXAMPLES: Record<string, Partial<wire.ServerMessage>> = {
  "logon-accepted": {
    type: ServerType.LOGON_ACCEPTED,
    reference: 1,
    leaves: 1n,
    quantity: 1n,
  },
  "accepted": {
    sequence: 1,
    type: ServerType.ACCEPTED,
    side: 0x11,
    orderId: 17,
    reference: 1,
    quantity: 10_000_000_000n,
    price: 15_025_000_000n,
    leaves: 10_000_000_000n,
    cause: 1,
  },
  "canceled": {
    sequence: 3,
    type: ServerType.CANCELED,
    side: 0xb2,
    reason: Reason.NO_LIQUIDITY,
    symbol: 2,
    orderId: 18,
    reference: 2,
    quantity: 1n,
    cause: 2,
  },
  "replaced": {
    sequence: 4,
    type: ServerType.REPLACED,
    side: 0x11,
    orderId: 17,
    reference: 1,
    quantity: 5_000_000_000n,
    price: 15_030_000_000n,
    leaves: 5_000_000_000n,
    cause: 3,
  },
  "filled": {
    sequence: 5,
    type: ServerType.FILLED,
    side: 0x01,
    orderId: 17,
    reference: 1,
    quantity: 2_000_000_000n,
    price: 15_030_000_000n,
    leaves: 3_000_000_000n,
    cause: 42,
  },
  "cancel-rejected": {
    sequence: 6,
    type: ServerType.CANCEL_REJECTED,
    side: 0x21,
    reason: Reason.INSTRUMENT_MISMATCH,
    symbol: 1,
    orderId: 17,
    reference: 1,
    cause: 4,
  },
  "rejected": {
    sequence: 7,
    type: ServerType.REJECTED,
    side: 0x01,
    reason: Reason.PRICE_OFF_TICK,
    reference: 5,
    quantity: 10_000_000_000n,
    cause: 5,
  },
  "status-answer": {
    sequence: 8,
    type: ServerType.STATUS,
    side: 0x11,
    orderId: 17,
    reference: 1,
    quantity: 5_000_000_000n,
    price: 15_030_000_000n,
    leaves: 3_000_000_000n,
    cause: 6,
  },
  "gap": {
    type: ServerType.PACKET_REFUSED,
    reason: Reason.SEQUENCE_GAP,
    orderId: 1,
    reference: 7,
    quantity: 9n,
    leaves: 9n,
  },
  "end": { type: ServerType.END, orderId: 1, reference: 7, leaves: 9n },
  "logon-2-accepted": {
    type: ServerType.LOGON_ACCEPTED,
    orderId: 1,
    reference: 7,
    leaves: 9n,
    quantity: 9n,
  },
  "times": {
    type: ServerType.TIMES,
    reference: 9,
    quantity: TIME_NS - 2_100n,
    price: TIME_NS + 900n,
    leaves: TIME_NS + 25_500n,
    cause: 7,
  },
  "accepted-iceberg": {
    sequence: 9,
    type: ServerType.ACCEPTED,
    side: 0x62,
    orderId: 25,
    reference: 7,
    quantity: 50_000_000_000n,
    price: 15_100_000_000n,
    leaves: 50_000_000_000n,
    cause: 7,
  },
  "accepted-stop": {
    sequence: 11,
    type: ServerType.ACCEPTED,
    side: 0x96,
    orderId: 27,
    reference: 9,
    quantity: 10_000_000_000n,
    price: 14_950_000_000n,
    leaves: 10_000_000_000n,
    cause: 9,
  },
  "triggered": {
    sequence: 13,
    type: ServerType.TRIGGERED,
    side: 0x96,
    orderId: 27,
    reference: 9,
    quantity: 10_000_000_000n,
    price: 14_975_000_000n,
    leaves: 10_000_000_000n,
  },
  "prevented": {
    sequence: 15,
    type: ServerType.PREVENTED,
    side: 0x02,
    orderId: 25,
    reference: 7,
    quantity: 3_000_000_000n,
    price: 15_100_000_000n,
    leaves: 50_000_000_000n,
    cause: 5,
  },
  "mass-canceled": {
    sequence: 20,
    type: ServerType.MASS_CANCELED,
    side: 0x21,
    reference: 13,
    quantity: 1n,
    price: 14_800_000_000n,
    cause: 13,
  },
  "blocked": {
    sequence: 22,
    type: ServerType.BLOCKED,
    symbol: wire.SYMBOL_UNKNOWN,
    reference: 14,
    quantity: 2n,
    cause: 14,
  },
  "unlocked": {
    sequence: 25,
    type: ServerType.UNLOCKED,
    symbol: wire.SYMBOL_UNKNOWN,
    reference: 15,
    cause: 15,
  },
};

Deno.test("binary_order.md client examples are what the codec writes", () => {
  for (
    const [name, [sequence, messages, version]] of Object.entries(
      CLIENT_EXAMPLES,
    )
  ) {
    const bytes = wire.encodeClientPacket(1, sequence, messages, version);
    assertEquals(bytes, example(name), name);
  }
});

Deno.test("binary_order.md answers are what the codec reads", () => {
  for (const [name, expected] of Object.entries(SERVER_EXAMPLES)) {
    const bytes = example(name);
    assertEquals(wire.decodeServerHeader(bytes).session, 1, name);
    const messages = wire.decodeServerPacket(bytes);
    assertEquals(messages, [{
      sequence: 0,
      side: 0,
      reason: 0,
      symbol: 0,
      orderId: 0,
      reference: 0,
      quantity: 0n,
      price: 0n,
      leaves: 0n,
      timeNs: TIME_NS,
      cause: 0,
      type: 0,
      ...expected,
    }], name);
  }
});

Deno.test("binary_order.md has no example that is not tested", () => {
  const names = [...PAGE.matchAll(/```hex (\S+)/g)].map((match) => match[1]!);
  const tested = [
    ...Object.keys(CLIENT_EXAMPLES),
    ...Object.keys(SERVER_EXAMPLES),
  ];
  assertEquals(names.toSorted(), tested.toSorted());
});

Deno.test("encodeEvent() writes the numbered answers of binary_order.md", () => {
  const views = eventViews();
  const cases: Record<string, Record<string, number>> = {
    "accepted": {
      kind: EventKind.ACCEPTED,
      side: 1,
      timeInForce: GTC,
      reference: 1,
      orderId: 17,
      quantity: 100,
      price: 15025,
      leaves: 100,
      inSequence: 1,
    },
    "canceled": {
      kind: EventKind.CANCELED,
      side: 2,
      timeInForce: 3,
      ordType: 1,
      reference: 2,
      orderId: 18,
      instrument: 2,
      quantity: 1,
      reason: 200,
      inSequence: 2,
      leaves: 5,
    },
    "replaced": {
      kind: EventKind.REPLACED,
      side: 1,
      timeInForce: GTC,
      reference: 1,
      orderId: 17,
      quantity: 50,
      price: 15030,
      leaves: 50,
      inSequence: 3,
    },
    "filled": {
      kind: EventKind.FILLED,
      side: 1,
      timeInForce: GTC,
      reference: 1,
      orderId: 17,
      quantity: 50,
      price: 15030,
      leaves: 30,
      cum: 20,
      lastQuantity: 20,
      lastPrice: 15030,
      match: 42 + 2 ** 32,
      inSequence: 0,
    },
    "cancel-rejected": {
      kind: EventKind.CANCEL_REJECTED,
      detail: 2,
      side: 1,
      instrument: 1,
      reference: 1,
      orderId: 17,
      reason: 18,
      inSequence: 4,
      quantity: 7,
      price: 7,
      leaves: 7,
    },
    "rejected": {
      kind: EventKind.REJECTED,
      detail: 1,
      side: 1,
      timeInForce: GTC,
      reference: 5,
      reason: 6,
      quantity: 100,
      inSequence: 5,
      leaves: 7,
    },
    "status-answer": {
      kind: EventKind.STATUS,
      side: 1,
      timeInForce: GTC,
      reference: 1,
      orderId: 17,
      quantity: 50,
      price: 15030,
      leaves: 30,
      cum: 20,
      inSequence: 6,
    },
    "accepted-iceberg": {
      kind: EventKind.ACCEPTED,
      side: 2,
      timeInForce: TimeInForce.GTD,
      reference: 7,
      orderId: 25,
      quantity: 500,
      price: 15100,
      leaves: 500,
      inSequence: 7,
    },
    "accepted-stop": {
      kind: EventKind.ACCEPTED,
      side: 2,
      ordType: OrdType.TRAILING_STOP,
      timeInForce: GTC,
      reference: 9,
      orderId: 27,
      quantity: 100,
      stopPrice: 14950,
      leaves: 100,
      inSequence: 9,
    },
    "triggered": {
      kind: EventKind.TRIGGERED,
      side: 2,
      ordType: OrdType.TRAILING_STOP,
      timeInForce: GTC,
      reference: 9,
      orderId: 27,
      quantity: 100,
      price: 7,
      stopPrice: 14975,
      leaves: 100,
    },
    "prevented": {
      kind: EventKind.PREVENTED,
      side: 2,
      timeInForce: TimeInForce.GTD,
      reference: 7,
      orderId: 25,
      quantity: 500,
      price: 15100,
      leaves: 500,
      lastQuantity: 30,
      lastPrice: 15100,
      match: 5,
    },
    "mass-canceled": {
      kind: EventKind.MASS_CANCELED,
      detail: MassScope.SESSION | MassScope.PRICE_RANGE,
      side: 1,
      reference: 13,
      quantity: 1,
      price: 14800,
      inSequence: 13,
    },
    "blocked": {
      kind: EventKind.KILLED,
      detail: MassScope.SESSION,
      instrument: 0xffff,
      reference: 14,
      quantity: 2,
      inSequence: 14,
    },
    "unlocked": {
      kind: EventKind.UNLOCKED,
      detail: MassScope.SESSION | MassScope.UNLOCK,
      instrument: 0xffff,
      reference: 15,
      inSequence: 15,
    },
  };
  for (const [name, fields] of Object.entries(cases)) {
    const bytes = encoded(
      views,
      fields,
      1_000_000,
      fields.instrument === 2 ? 1 : E8,
    );
    assertEquals(bytes, example(name).subarray(wire.HEADER_BYTES), name);
  }
});

Deno.test("encodeEvent() tells kind and time in force of every order", () => {
  const views = eventViews();
  const bits: Record<number, number> = {
    [OrdType.MARKET]: 0x80,
    [OrdType.LIMIT]: 0,
    [OrdType.STOP]: 0x84,
    [OrdType.STOP_LIMIT]: 0x04,
    [OrdType.MARKET_TO_LIMIT]: 0x0c,
    [OrdType.TRAILING_STOP]: 0x84,
    [OrdType.PEG_PRIMARY]: 0x08,
    [OrdType.PEG_MARKET]: 0x08,
    [OrdType.PEG_MIDPOINT]: 0x08,
  };
  const times: Record<number, number> = {
    [TimeInForce.DAY]: 0,
    [TimeInForce.GTC]: 0x10,
    [TimeInForce.AT_OPEN]: 0x20,
    [TimeInForce.IOC]: 0x30,
    [TimeInForce.FOK]: 0x40,
    [TimeInForce.GOOD_FOR_AUCTION]: 0x50,
    [TimeInForce.GTD]: 0x60,
    [TimeInForce.AT_CLOSE]: 0x70,
  };
  const { ACCEPTED, CANCELED, REPLACED, STATUS, TRIGGERED, RESTATED } =
    EventKind;
  for (const ordType of Object.values(OrdType)) {
    for (const timeInForce of Object.values(TimeInForce)) {
      for (
        const kind of [
          ACCEPTED,
          CANCELED,
          REPLACED,
          STATUS,
          TRIGGERED,
          RESTATED,
        ]
      ) {
        const order = { side: 2, price: 5, stopPrice: 9 };
        const bytes = encoded(
          views,
          { kind, ordType, timeInForce, ...order },
          1,
          1,
        );
        const what = `kind ${kind}, type ${ordType}, time ${timeInForce}`;
        const side = 2 | bits[ordType]! | times[timeInForce]!;
        assertEquals(bytes[wire.SERVER_SIDE], side, what);
        const stop = bits[ordType] === 0x84 || kind === TRIGGERED;
        assertEquals(bytes[wire.SERVER_PRICE], stop ? 9 : 5, what);
        assertEquals(wire.sideByte(2, timeInForce) & 0x70, times[timeInForce]);
      }
    }
  }
});

Deno.test("encodeEvent() tells answers to requests about many orders", () => {
  const views = eventViews();
  const kinds = {
    [EventKind.MASS_CANCELED]: ServerType.MASS_CANCELED,
    [EventKind.KILLED]: ServerType.BLOCKED,
    [EventKind.UNLOCKED]: ServerType.UNLOCKED,
  };
  const scopes: [number, number][] = [
    [MassScope.SESSION, 0],
    [MassScope.ACCOUNT, wire.SIDE_ACCOUNT],
    [MassScope.ALL, 0],
    [MassScope.SESSION | MassScope.PRICE_RANGE, wire.SIDE_PRICE_RANGE],
    [MassScope.ACCOUNT | MassScope.UNLOCK, wire.SIDE_ACCOUNT],
  ];
  for (const [kind, type] of Object.entries(kinds)) {
    for (const [detail, bits] of scopes) {
      const fields = { kind: Number(kind), detail, side: 1, reason: 37 };
      const count = { quantity: 2 ** 40, price: 3, leaves: 7, orderId: 7 };
      const more = { reference: 9, inSequence: 9, instrument: 2 };
      const message = wire.decodeServerMessage(
        encoded(views, { ...fields, ...count, ...more }, 10, 1000),
        1,
      );
      assertEquals(message, {
        sequence: 1,
        type,
        side: 1 | bits,
        reason: 37,
        symbol: 2,
        orderId: 0,
        reference: 9,
        quantity: 2n ** 40n,
        price: 30n,
        leaves: 0n,
        timeNs: TIME_NS,
        cause: 9,
      });
    }
  }
});

Deno.test("encodeEvent() tells who was about to take in a prevented match", () => {
  const views = eventViews();
  for (const aggressor of [0, 1]) {
    const bytes = encoded(
      views,
      {
        kind: EventKind.PREVENTED,
        side: 1,
        aggressor,
        lastQuantity: 4,
        lastPrice: 6,
        match: 2 ** 32 + 8,
        ordType: OrdType.STOP,
        inSequence: 3,
        leaves: 2,
      },
      1,
      1,
    );
    const message = wire.decodeServerMessage(bytes, 1);
    assertEquals(message.type, ServerType.PREVENTED);
    assertEquals(message.side, 1 | aggressor << 4);
    assertEquals([message.quantity, message.price, message.leaves], [
      4n,
      6n,
      2n,
    ]);
    assertEquals(message.cause, 8);
  }
});

Deno.test("encodeEvent() marks takers and unknown symbols, and refuses other kinds", () => {
  const views = eventViews();
  const taker = encoded(
    views,
    { kind: EventKind.FILLED, side: 2, aggressor: 1 },
    1,
    1,
  );
  assertEquals(taker[wire.SERVER_SIDE], 0x12);
  const unknown = encoded(
    views,
    { kind: EventKind.REJECTED, instrument: 0xffff },
    0,
    0,
  );
  assertEquals([...unknown.subarray(4, 8)], [255, 255, 255, 255]);
  for (const kind of [0, EventKind.LOGGED_ON, EventKind.SESSION_MESSAGE, 99]) {
    assertThrows(() => encoded(views, { kind }, 1, 1), Error, `kind ${kind}`);
  }
});

Deno.test("the layout is that of the tables in binary_order.md", () => {
  const rows = [...PAGE.matchAll(/^\| (\d+) \| (\d+) \| ([^|]+?) \|/gm)]
    .map((match) => [Number(match[1]), Number(match[2])]);
  const header = [[0, 1], [1, 1], [2, 2], [4, 4], [8, 8]];
  const client = [[0, 1], [1, 4], [5, 1], [6, 8], [14, 8], [22, 8], [30, 4]];
  const server = [
    [0, 1],
    [1, 1],
    [2, 2],
    [4, 4],
    [8, 8],
    [16, 8],
    [24, 8],
    [32, 8],
    [40, 8],
    [48, 8],
    [56, 4],
    [60, 4],
  ];
  const terms = [[0, 1], [1, 1], [2, 1], [3, 2], [5, 1], [6, 8], [14, 8]];
  const more = [[0, 1], [1, 4], [5, 1], [6, 8], [14, 8], [22, 4], [26, 4]];
  terms.push([22, 8], [30, 4]);
  more.push([30, 4]);
  const times = [[16, 8], [24, 8], [32, 8], [40, 8], [48, 8], [56, 4]];
  assertEquals(rows, [
    ...[header, client, terms, more, server, times].flat(),
  ]);
  assertEquals(times.map(([at]) => at), [
    wire.TIMES_ANSWER,
    wire.TIMES_RECEIVED,
    wire.TIMES_MATCHED,
    wire.TIMES_SENT,
    wire.TIMES_SEQUENCED,
    wire.TIMES_CAUSE,
  ]);
  assertEquals(terms.map(([at]) => at), [
    wire.CLIENT_TYPE,
    wire.TERMS_ORD_TYPE,
    wire.TERMS_TIME_IN_FORCE,
    wire.TERMS_FLAGS,
    wire.TERMS_STP,
    wire.TERMS_STOP_PRICE,
    wire.TERMS_DISPLAY_QUANTITY,
    wire.TERMS_DISPLAY_RANGE,
    wire.CLIENT_CHECKSUM,
  ]);
  assertEquals(more.map(([at]) => at), [
    wire.CLIENT_TYPE,
    wire.MORE_ACCOUNT,
    wire.MORE_RESERVED,
    wire.MORE_MIN_QUANTITY,
    wire.MORE_EXPIRE_TIME,
    wire.MORE_LINK,
    wire.MORE_OFFSET,
    wire.CLIENT_CHECKSUM,
  ]);
  assertEquals(header.map(([at]) => at), [
    wire.HEADER_VERSION,
    wire.HEADER_DIRECTION,
    wire.HEADER_COUNT,
    wire.HEADER_SESSION,
    wire.HEADER_SEQUENCE,
  ]);
  assertEquals(client.map(([at]) => at), [
    wire.CLIENT_TYPE,
    wire.CLIENT_SYMBOL,
    wire.CLIENT_SIDE,
    wire.CLIENT_QUANTITY,
    wire.CLIENT_PRICE,
    wire.CLIENT_REFERENCE,
    wire.CLIENT_CHECKSUM,
  ]);
  assertEquals(server.map(([at]) => at), [
    wire.SERVER_TYPE,
    wire.SERVER_SIDE,
    wire.SERVER_REASON,
    wire.SERVER_SYMBOL,
    wire.SERVER_ORDER_ID,
    wire.SERVER_REFERENCE,
    wire.SERVER_QUANTITY,
    wire.SERVER_PRICE,
    wire.SERVER_LEAVES,
    wire.SERVER_TIME,
    wire.SERVER_CAUSE,
    wire.SERVER_CHECKSUM,
  ]);
  assertEquals(wire.CLIENT_MESSAGE_BYTES, 34);
  assertEquals(wire.SERVER_MESSAGE_BYTES, 64);
  assert(
    PAGE.includes(
      `| blocks in a packet, TCP | ${wire.CLIENT_COUNT_TCP_MAX} | ${wire.SERVER_COUNT_TCP_MAX} |`,
    ),
  );
  assert(
    PAGE.includes(
      `UDP | ${wire.CLIENT_COUNT_UDP_MAX} (1,444 bytes) | ${wire.SERVER_COUNT_UDP_MAX} (1,424 bytes) |`,
    ),
  );
  for (
    const [name, code] of [
      ...Object.entries(ClientType),
      ...Object.entries(ServerType),
    ]
  ) {
    const cell = `\`${String.fromCharCode(code)}\` 0x${
      code.toString(16).toUpperCase()
    }`;
    assert(
      PAGE.includes(`| ${cell} |`) || PAGE.includes(`of block ${cell} |`),
      `${name} is not on the page as ${cell}`,
    );
  }
});

Deno.test("binary_order.md names every reason", () => {
  const table = PAGE.slice(PAGE.indexOf("## Reasons"));
  const named = [...table.matchAll(/\| (\d+) \| [^|]+ (?=\|)/g)]
    .map((match) => Number(match[1])).toSorted((a, b) => a - b);
  const codes: number[] = Object.values(Reason).filter((code) => code > 0);
  assertEquals(named, codes.toSorted((a, b) => a - b));
});

Deno.test("client messages keep u64 values at their boundaries", () => {
  const values = [
    0n,
    1n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 64n - 1n,
  ];
  for (const value of values) {
    const bytes = wire.encodeClientPacket(0xffffffff, value, [{
      type: ClientType.NEW_ORDER,
      symbol: 0xffffffff,
      side: 255,
      quantity: value,
      price: value,
      reference: value,
    }]);
    const view = new DataView(bytes.buffer);
    assertEquals(view.getBigUint64(8, true), value);
    for (const at of [6, 14, 22]) {
      assertEquals(view.getBigUint64(wire.HEADER_BYTES + at, true), value);
    }
    const message = bytes.subarray(wire.HEADER_BYTES);
    assertEquals(
      view.getUint32(wire.HEADER_BYTES + 30, true),
      crc32c(message.subarray(0, 30)),
    );
  }
});

Deno.test("toUnits() is exact at the boundaries of 32, 53 and 64 bits", () => {
  const units = [
    1,
    2,
    3,
    7,
    1_000_000,
    99_999_999,
    E8,
    2 ** 31,
    2 ** 32,
    2 ** 53 - 1,
  ];
  const edges = [
    0n,
    1n,
    2n ** 32n,
    2n ** 52n,
    2n ** 53n,
    2n ** 63n,
    2n ** 64n - 1n,
  ];
  for (const unit of units) {
    for (const edge of edges) {
      for (let step = -2n; step <= 2n; step++) {
        for (
          const value of [
            edge + step,
            (edge / BigInt(unit)) * BigInt(unit) + step,
          ]
        ) {
          if (value < 0n || value >= 2n ** 64n) continue;
          const found = wire.toUnits(
            Number(value & 0xffffffffn),
            Number(value >> 32n),
            unit,
          );
          const expected = value >= 2n ** 53n
            ? wire.TOO_LARGE
            : value % BigInt(unit) !== 0n
            ? wire.NOT_MULTIPLE
            : Number(value / BigInt(unit));
          assertEquals(found, expected, `${value} in units of ${unit}`);
        }
      }
    }
  }
});

Deno.test("toUnits() and writeUnits() agree with BigInt on random values (seed 20260101)", () => {
  let state = 20260101;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
  const words = new Uint32Array(2);
  for (let i = 0; i < 100_000; i++) {
    const unit = Math.max(1, random() >>> (random() % 32));
    const shift = random() % 32;
    const low = random();
    const high = random() >>> shift;
    const value = BigInt(high) * 2n ** 32n + BigInt(low);
    const expected = value >= 2n ** 53n
      ? wire.TOO_LARGE
      : value % BigInt(unit) !== 0n
      ? wire.NOT_MULTIPLE
      : Number(value / BigInt(unit));
    assertEquals(wire.toUnits(low, high, unit), expected, `${value} / ${unit}`);
    const factor = (high % 0x200000) * 2 ** 32 + low;
    wire.writeUnits(words, 0, factor, unit);
    const product = BigInt(factor) * BigInt(unit);
    const capped = product < 2n ** 64n ? product : 2n ** 64n - 1n;
    assertEquals(
      BigInt(words[1]!) * 2n ** 32n + BigInt(words[0]!),
      capped,
      `${factor} x ${unit}`,
    );
  }
});

Deno.test("writeUnits() and writeWhole() write the boundaries", () => {
  const words = new Uint32Array(2);
  const read = () => BigInt(words[1]!) * 2n ** 32n + BigInt(words[0]!);
  for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
    wire.writeWhole(words, 0, value);
    assertEquals(read(), BigInt(value));
    wire.writeUnits(words, 0, value, 1);
    assertEquals(read(), BigInt(value));
    wire.writeUnits(words, 0, 1, value);
    assertEquals(read(), BigInt(value));
  }
  wire.writeUnits(words, 0, 2 ** 32, 2 ** 31);
  assertEquals(read(), 2n ** 63n);
  wire.writeUnits(words, 0, 2 ** 32, 2 ** 32);
  assertEquals(read(), 2n ** 64n - 1n);
  wire.writeUnits(words, 0, 2 ** 53 - 1, 2 ** 53 - 1);
  assertEquals(read(), 2n ** 64n - 1n);
});

Deno.test("decodeServerPacket() refuses what is no answer", () => {
  const good = example("accepted");
  const broken = (at: number, value: number) => {
    const copy = good.slice();
    copy[at] = value;
    return copy;
  };
  const refuse = (bytes: Uint8Array) =>
    assertThrows(() => wire.decodeServerPacket(bytes), wire.BinaryFormatError);
  for (const version of [0, 3, 255]) refuse(broken(0, version));
  assertEquals(
    wire.decodeServerPacket(broken(0, 2)),
    wire.decodeServerPacket(good),
  );
  refuse(broken(1, 0));
  refuse(broken(2, 0));
  refuse(broken(3, 2));
  refuse(broken(2, 2));
  for (let at = 16; at < good.length; at++) refuse(broken(at, good[at]! ^ 1));
  for (let length = 0; length < good.length; length++) {
    refuse(good.subarray(0, length));
  }
});

interface Views {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
}

function eventViews(): Views {
  const buffer = new ArrayBuffer(EVENT_SLOT_BYTES * 3);
  return {
    u8: new Uint8Array(buffer),
    u16: new Uint16Array(buffer),
    u32: new Uint32Array(buffer),
    i32: new Int32Array(buffer),
    f64: new Float64Array(buffer),
  };
}

/** The message of an event in slot 2, with its checksum. */
function encoded(
  views: Views,
  fields: Record<string, number>,
  tickSizeE8: number,
  lotSizeE8: number,
): Uint8Array {
  const slot = 2;
  const start = slot * EVENT_SLOT_BYTES;
  views.u8.fill(0xcc);
  views.u8.fill(0, start, start + 128);
  const all: Record<string, number> = {
    ordType: OrdType.LIMIT,
    timeLo: Number(TIME_NS & 0xffffffffn),
    timeHi: Number(TIME_NS >> 32n),
    ...fields,
  };
  const doubles = [
    "quantity",
    "orderId",
    "reference",
    "leaves",
    "cum",
    "lastQuantity",
    "match",
  ];
  for (const [name, at, size] of event.EVENT_FIELDS) {
    const value = all[name] ?? 0;
    const byte = start + at;
    if (doubles.includes(name)) views.f64[byte / 8] = value;
    else if (size === 4) views.u32[byte / 4] = value;
    else if (size === 2) views.u16[byte / 2] = value;
    else if (size === 1) views.u8[byte] = value;
  }
  const words = new Uint32Array(32);
  wire.encodeEvent(views, slot, tickSizeE8, lotSizeE8, words, 8);
  const bytes = new Uint8Array(words.buffer, 32, 64);
  words[8 + 15] = crc32c(bytes.subarray(0, 60));
  return bytes.slice();
}
