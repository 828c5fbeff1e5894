// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes the first real order as fast as the rest: before anything is
 * recovered, a flow of orders runs through the exchange, so that V8 has compiled
 * what every order runs through; then the exchange forgets it.
 *
 * It must be the exchange that is used afterwards: a second one in the thread
 * would take from V8 what it knows about the first. Events are dropped before
 * anybody sees them. Belongs to the exchange's thread; takes about 0.1 s.
 *
 * @module
 */
import type { Exchange } from "../exchange/mod.ts";
import {
  CMD_CL_ORD_ID_U8,
  CMD_FLAG_TEXT,
  CMD_FLAGS_U8,
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
  CMD_TIME_IN_FORCE_U8,
  COMMAND_BASE_BYTES,
  COMMAND_SLOT_BYTES,
  COMMAND_TEXT_BYTES,
  CommandKind,
  OrdType,
  TimeInForce,
} from "../record/mod.ts";
import { SpscRing } from "../ring/mod.ts";

const COMMANDS = 150_000;
/** Orders that a cancel or a replace picks from. */
const RECENT = 4096;
const MID = 10_000;
const SEED = 2463534242;

/** One command after the other, in a slot of a ring as the exchange sees it. */
class Flow {
  readonly ring: SpscRing;
  #state = SEED;
  #sequence = 0;
  #references = 0;

  constructor() {
    const bytes = SpscRing.bytes(COMMAND_SLOT_BYTES, 2);
    this.ring = new SpscRing(
      new ArrayBuffer(bytes),
      0,
      COMMAND_SLOT_BYTES,
      2,
      "producer",
    );
  }

  /** Writes the definition of the only instrument. */
  define(): void {
    this.#begin(CommandKind.DEFINE_INSTRUMENT, 0, COMMAND_TEXT_BYTES);
  }

  /** Writes the next order, cancel or replace. */
  next(session: number): void {
    const { u8, u16, i32, f64 } = this.ring;
    const draw = this.#draw(100);
    const side = 1 + this.#draw(2);
    const isNew = draw < 55;
    const kind = isNew
      ? CommandKind.NEW_ORDER
      : draw < 92
      ? CommandKind.CANCEL_ORDER
      : CommandKind.REPLACE_ORDER;
    const texts = this.#draw(4) === 0;
    this.#begin(kind, session, texts ? COMMAND_TEXT_BYTES : COMMAND_BASE_BYTES);
    if (texts) {
      u8[CMD_FLAGS_U8] = CMD_FLAG_TEXT;
      u8[CMD_CL_ORD_ID_U8] = 65 + this.#draw(26);
    }
    const away = this.#draw(60) - 8;
    i32[CMD_PRICE_I32] = side === 1 ? MID - away : MID + away;
    f64[CMD_QUANTITY_F64] = 1 + this.#draw(100);
    f64[CMD_REFERENCE_F64] = isNew
      ? ++this.#references
      : Math.max(1, this.#references - this.#draw(RECENT));
    u16[CMD_INSTRUMENT_U16] = isNew ? 0 : 0xffff;
    if (!isNew) return;
    u8[CMD_SIDE_U8] = side;
    u8[CMD_ORD_TYPE_U8] = OrdType.LIMIT;
    u8[CMD_TIME_IN_FORCE_U8] = this.#draw(10) === 0
      ? TimeInForce.IOC
      : TimeInForce.GTC;
  }

  #begin(kind: number, session: number, length: number): void {
    const { u8, u16, u32, f64 } = this.ring;
    u8.fill(0, 0, COMMAND_TEXT_BYTES);
    u16[CMD_LENGTH_U16] = length;
    u8[CMD_KIND_U8] = kind;
    u32[CMD_SESSION_U32] = session;
    f64[CMD_SEQUENCE_F64] = ++this.#sequence;
  }

  #draw(below: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state % below;
  }
}

/**
 * Runs the flow through an exchange that is as new, and leaves it as new.
 *
 * @param sessions How many session indexes it has; one is not enough for a flow.
 * @returns Commands that ran.
 */
export function warmUp(exchange: Exchange, sessions: number): number {
  if (sessions < 2) return 0;
  const flow = new Flow();
  flow.define();
  exchange.apply(flow.ring, 0);
  for (let i = 0; i < COMMANDS; i++) {
    flow.next(sessions > 2 ? 1 + i % 2 : 1);
    exchange.apply(flow.ring, 0);
    exchange.discard();
  }
  exchange.reset();
  return COMMANDS;
}
