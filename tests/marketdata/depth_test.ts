// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
import { assertEquals } from "@std/assert";
import { Exchange } from "../../engine/exchange/mod.ts";
import {
  depthBytes,
  DepthPublisher,
  DepthReader,
} from "../../engine/marketdata/mod.ts";
import {
  CMD_INSTRUMENT_U16,
  CMD_KIND_U8,
  CMD_LENGTH_U16,
  CMD_ORD_TYPE_U8,
  CMD_PRICE_I32,
  CMD_QUANTITY_F64,
  CMD_REFERENCE_F64,
  CMD_SEQUENCE_F64,
  CMD_SESSION_U32,
  CMD_SIDE_U8,
  COMMAND_SLOT_BYTES,
  CommandKind,
  OrdType,
} from "../../engine/record/mod.ts";

const SHAPE = { instrumentsMax: 4, levels: 3 };
const CAPACITY = { ordersMax: 64, instrumentsMax: 4, sessionsMax: 4 };

/** An exchange with one instrument, and a function that places limit orders. */
function market() {
  const exchange = new Exchange({
    ...CAPACITY,
    memory: new ArrayBuffer(Exchange.bytes(CAPACITY)),
    events: [],
    routes: new Uint8Array(CAPACITY.sessionsMax),
  });
  const buffer = new ArrayBuffer(COMMAND_SLOT_BYTES);
  const u8 = new Uint8Array(buffer);
  const u16 = new Uint16Array(buffer);
  const i32 = new Int32Array(buffer);
  const f64 = new Float64Array(buffer);
  let sequence = 0;
  const apply = (
    kind: number,
    side: number,
    price: number,
    quantity: number,
  ) => {
    u8.fill(0);
    u16[CMD_LENGTH_U16] = COMMAND_SLOT_BYTES;
    u8[CMD_KIND_U8] = kind;
    f64[CMD_SEQUENCE_F64] = ++sequence;
    i32[CMD_SESSION_U32] = 1;
    u16[CMD_INSTRUMENT_U16] = 0;
    u8[CMD_SIDE_U8] = side;
    u8[CMD_ORD_TYPE_U8] = OrdType.LIMIT;
    i32[CMD_PRICE_I32] = price;
    f64[CMD_QUANTITY_F64] = quantity;
    f64[CMD_REFERENCE_F64] = sequence;
    exchange.apply({ i32, f64 }, 0);
  };
  apply(CommandKind.DEFINE_INSTRUMENT, 0, 0, 1_000_000);
  const place = (side: number, price: number, quantity: number): void =>
    apply(CommandKind.NEW_ORDER, side, price, quantity);
  const memory = new ArrayBuffer(64 + depthBytes(SHAPE));
  return {
    place,
    memory,
    publisher: new DepthPublisher(exchange, memory, 64, SHAPE),
    reader: new DepthReader(memory, 64, SHAPE),
  };
}

Deno.test("DepthReader.read() knows no instrument before it is defined", () => {
  const { reader, publisher } = market();
  assertEquals(reader.read("AAPL"), undefined);
  publisher.publishSome(4);
  assertEquals(reader.read("AAPL"), undefined);
});

Deno.test("DepthPublisher.publishSome() shows levels, last trade and volume", () => {
  const { place, publisher, reader } = market();
  publisher.define(0, new TextEncoder().encode("AAPL"), 1_000_000, 100_000_000);
  place(1, 18_750, 10);
  place(1, 18_750, 5);
  place(1, 18_749, 7);
  for (let price = 18_760; price < 18_765; price++) place(2, price, 1);
  place(1, 18_760, 1);
  publisher.publishSome(1);
  assertEquals(reader.read("AAPL"), {
    symbol: "AAPL",
    bids: [
      { price: 187.5, quantity: 15, orders: 2 },
      { price: 187.49, quantity: 7, orders: 1 },
    ],
    asks: [
      { price: 187.61, quantity: 1, orders: 1 },
      { price: 187.62, quantity: 1, orders: 1 },
      { price: 187.63, quantity: 1, orders: 1 },
    ],
    lastPrice: 187.6,
    lastQuantity: 1,
    trades: 1,
    volume: 1,
  });
  assertEquals(reader.read("MSFT"), undefined);
});

Deno.test("DepthReader.readIndex() does not take a block that is being written", () => {
  const { publisher, reader, memory } = market();
  publisher.define(0, new TextEncoder().encode("AAPL"), 1_000_000, 1);
  const version = new Int32Array(memory, 64, 1);
  version[0]! += 1;
  let message = "";
  try {
    reader.readIndex(0);
  } catch (error) {
    message = String(error);
  }
  assertEquals(message, "Error: Depth of instrument 0 changes all the time");
});
