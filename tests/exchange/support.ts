// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * An exchange with one event ring, driven by plain objects: for tests.
 *
 * @module
 */
import { EventRing, Exchange } from "../../engine/exchange/mod.ts";
import * as r from "../../engine/record/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";

/** A command as a test writes it; what is left out is 0. */
export interface TestCommand {
  kind: number;
  flags?: number;
  session?: number;
  inSequence?: number;
  instrument?: number;
  side?: number;
  ordType?: number;
  timeInForce?: number;
  detail?: number;
  price?: number;
  reason?: number;
  quantity?: number;
  reference?: number;
  newReference?: number;
  clOrdId?: string;
  origClOrdId?: string;
  text?: string;
  /** Nanoseconds since 1970, below 2^53; left out: a thousand for each command. */
  time?: number;
  /** Terms, from here on: one that is given makes the command 192 bytes long. */
  termFlags?: number;
  stopPrice?: number;
  displayQuantity?: number;
  displayRange?: number;
  minQuantity?: number;
  /** Nanoseconds since 1970, below 2^53. */
  expireTime?: number;
  linkReference?: number;
  offset?: number;
  account?: number;
}

/** Fields of a command that are terms. */
export const TERM_FIELDS = [
  "termFlags",
  "stopPrice",
  "displayQuantity",
  "displayRange",
  "minQuantity",
  "expireTime",
  "linkReference",
  "offset",
  "account",
] as const;

/** True if the command is as long as its terms need. */
export function hasTerms(command: TestCommand): boolean {
  return TERM_FIELDS.some((field) => command[field] !== undefined);
}

/** Nanoseconds that a command without a time of its own says. */
export function timeOf(command: TestCommand, sequence: number): number {
  return command.time ?? 7 * 2 ** 32 + (sequence * 1000) % 2 ** 32;
}

/** An event as a test reads it. */
export interface TestEvent {
  index: number;
  kind: number;
  flags: number;
  sequence: number;
  time: number;
  session: number;
  outSequence: number;
  instrument: number;
  side: number;
  ordType: number;
  timeInForce: number;
  detail: number;
  reason: number;
  price: number;
  lastPrice: number;
  quantity: number;
  orderId: number;
  reference: number;
  leaves: number;
  cum: number;
  lastQuantity: number;
  notional: number;
  inSequence: number;
  ordStatus: number;
  aggressor: number;
  match: number;
  stopPrice: number;
  account: number;
  clOrdId: string;
  origClOrdId: string;
  text: string;
}

/** Memory of one command slot with all views. */
export class CommandBuffer {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;

  constructor(slots = 1) {
    this.u8 = new Uint8Array(r.COMMAND_SLOT_BYTES * slots);
    this.u16 = new Uint16Array(this.u8.buffer);
    this.u32 = new Uint32Array(this.u8.buffer);
    this.i32 = new Int32Array(this.u8.buffer);
    this.f64 = new Float64Array(this.u8.buffer);
  }

  /** Writes a command with this sequence at the start of the buffer. */
  write(command: TestCommand, sequence: number): void {
    const { u8, u16, u32, i32, f64 } = this;
    const long = command.clOrdId !== undefined || command.text !== undefined ||
      command.newReference !== undefined || command.origClOrdId !== undefined;
    const terms = hasTerms(command);
    const time = timeOf(command, sequence);
    const bytes = terms
      ? r.COMMAND_SLOT_BYTES
      : long
      ? r.COMMAND_TEXT_BYTES
      : r.COMMAND_BASE_BYTES;
    u8.fill(0);
    u16[r.CMD_LENGTH_U16] = bytes;
    u8[r.CMD_KIND_U8] = command.kind;
    u8[r.CMD_FLAGS_U8] = (command.flags ?? 0) |
      (command.clOrdId === undefined ? 0 : r.CMD_FLAG_TEXT);
    f64[r.CMD_SEQUENCE_F64] = sequence;
    u32[r.CMD_TIME_LO_U32] = time % 2 ** 32;
    u32[r.CMD_TIME_HI_U32] = Math.floor(time / 2 ** 32);
    u32[r.CMD_SESSION_U32] = command.session ?? 1;
    u32[r.CMD_IN_SEQUENCE_U32] = command.inSequence ?? 0;
    u16[r.CMD_INSTRUMENT_U16] = command.instrument ?? 0;
    u8[r.CMD_SIDE_U8] = command.side ?? 0;
    u8[r.CMD_ORD_TYPE_U8] = command.ordType ?? 0;
    u8[r.CMD_TIME_IN_FORCE_U8] = command.timeInForce ?? 0;
    u8[r.CMD_DETAIL_U8] = command.detail ?? 0;
    i32[r.CMD_PRICE_I32] = command.price ?? 0;
    u32[r.CMD_REASON_U32] = command.reason ?? 0;
    f64[r.CMD_QUANTITY_F64] = command.quantity ?? 0;
    f64[r.CMD_REFERENCE_F64] = command.reference ?? 0;
    if (terms) this.#terms(command);
    // What lies behind a short command is not part of it.
    u8.fill(0xee, bytes);
    if (!long) return;
    if (command.text !== undefined) {
      this.#ascii(r.CMD_TEXT_U8, command.text);
      return;
    }
    this.#ascii(r.CMD_CL_ORD_ID_U8, command.clOrdId ?? "");
    this.#ascii(r.CMD_ORIG_CL_ORD_ID_U8, command.origClOrdId ?? "");
    f64[r.CMD_NEW_REFERENCE_F64] = command.newReference ?? 0;
  }

  #terms(command: TestCommand): void {
    const { u32, i32, f64 } = this;
    const expires = command.expireTime ?? 0;
    u32[r.CMD_TERM_FLAGS_U32] = command.termFlags ?? 0;
    i32[r.CMD_STOP_PRICE_I32] = command.stopPrice ?? 0;
    f64[r.CMD_DISPLAY_QUANTITY_F64] = command.displayQuantity ?? 0;
    f64[r.CMD_DISPLAY_RANGE_F64] = command.displayRange ?? 0;
    f64[r.CMD_MIN_QUANTITY_F64] = command.minQuantity ?? 0;
    u32[r.CMD_EXPIRE_TIME_LO_U32] = expires % 2 ** 32;
    u32[r.CMD_EXPIRE_TIME_HI_U32] = Math.floor(expires / 2 ** 32);
    f64[r.CMD_LINK_REFERENCE_F64] = command.linkReference ?? 0;
    i32[r.CMD_OFFSET_I32] = command.offset ?? 0;
    u32[r.CMD_ACCOUNT_U32] = command.account ?? 0;
  }

  #ascii(at: number, text: string): void {
    for (let i = 0; i < text.length; i++) this.u8[at + i] = text.charCodeAt(i);
  }
}

function ascii(u8: Uint8Array, at: number, bytes: number): string {
  let text = "";
  for (let i = 0; i < bytes && u8[at + i] !== 0; i++) {
    text += String.fromCharCode(u8[at + i]!);
  }
  return text;
}

/** Reads the event in a slot of a ring. */
export function readEvent(ring: SpscRing, slot: number): TestEvent {
  const u8 = ring.u8.subarray(slot * 192, slot * 192 + 192);
  const view = new DataView(u8.buffer, u8.byteOffset, 192);
  const text = (u8[r.EVT_FLAGS_U8]! & r.EVT_FLAG_TEXT) !== 0;
  return {
    index: view.getUint32(0, true),
    kind: u8[6]!,
    flags: u8[7]!,
    sequence: view.getFloat64(8, true),
    time: view.getUint32(20, true) * 2 ** 32 + view.getUint32(16, true),
    session: view.getUint32(24, true),
    outSequence: view.getUint32(28, true),
    instrument: view.getUint16(32, true),
    side: u8[34]!,
    ordType: u8[35]!,
    timeInForce: u8[36]!,
    detail: u8[37]!,
    reason: view.getUint16(38, true),
    price: view.getInt32(40, true),
    lastPrice: view.getInt32(44, true),
    quantity: view.getFloat64(48, true),
    orderId: view.getFloat64(56, true),
    reference: view.getFloat64(64, true),
    leaves: view.getFloat64(72, true),
    cum: view.getFloat64(80, true),
    lastQuantity: view.getFloat64(88, true),
    notional: view.getFloat64(96, true),
    inSequence: view.getUint32(104, true),
    ordStatus: u8[108]!,
    aggressor: u8[109]!,
    match: view.getFloat64(112, true),
    stopPrice: view.getInt32(120, true),
    account: view.getUint32(124, true),
    clOrdId: text ? ascii(u8, 128, 20) : "",
    origClOrdId: text ? ascii(u8, 148, 20) : "",
    text: text ? ascii(u8, 128, 60) : "",
  };
}

/** How a test wants its exchange. */
export interface TestExchangeOptions {
  ordersMax?: number;
  instrumentsMax?: number;
  sessionsMax?: number;
  pagesMax?: number;
  tablesMax?: number;
  /** Accounts have indexes below this; 64 if left out. */
  accountsMax?: number;
  /** Orders with terms that may live; as many as orders if left out. */
  specialMax?: number;
  slots?: number;
  /** Instruments to define at once. */
  instruments?: number;
}

/** An exchange whose one gateway is the test. */
export class TestExchange {
  readonly exchange: Exchange;
  readonly commands = new CommandBuffer();
  readonly #consumer: SpscRing;
  /** Bytes of every event so far, if `record` was set. */
  readonly recorded: Uint8Array[] = [];
  record = false;
  /** Let events go unread. */
  discard = false;
  sequence = 0;
  #waiting: TestEvent[] = [];

  constructor(options: TestExchangeOptions = {}) {
    const slots = options.slots ?? 256;
    const ring = new ArrayBuffer(SpscRing.bytes(r.EVENT_SLOT_BYTES, slots));
    // What was there before must not show in any event.
    new Uint8Array(ring, 256).fill(0xaa);
    const producer = new SpscRing(ring, 0, 192, slots, "producer");
    this.#consumer = new SpscRing(ring, 0, 192, slots, "consumer");
    const capacity = {
      ordersMax: options.ordersMax ?? 1000,
      instrumentsMax: options.instrumentsMax ?? 4,
      sessionsMax: options.sessionsMax ?? 8,
      pagesMax: options.pagesMax ?? 256,
      accountsMax: options.accountsMax ?? 64,
      specialMax: options.specialMax ?? options.ordersMax ?? 1000,
      ...(options.tablesMax === undefined
        ? {}
        : { tablesMax: options.tablesMax }),
    };
    const offset = 128;
    this.exchange = new Exchange({
      ...capacity,
      memory: new ArrayBuffer(offset + Exchange.bytes(capacity)),
      byteOffset: offset,
      events: [new EventRing(producer, () => this.#drain())],
      routes: new Uint8Array(capacity.sessionsMax),
    });
    this.publish = () => producer.publish();
    const instruments = options.instruments ?? capacity.instrumentsMax;
    for (let i = 0; i < instruments; i++) {
      this.send({
        kind: r.CommandKind.DEFINE_INSTRUMENT,
        session: 0,
        instrument: i,
        quantity: 1e6,
        reference: 1e8,
        text: `SYM${i}`,
      });
    }
  }

  readonly publish: () => void;

  /** Applies a command; returns its events. */
  send(command: TestCommand): TestEvent[] {
    this.commands.write(command, ++this.sequence);
    this.exchange.apply(this.commands, 0);
    this.publish();
    this.#drain();
    const events = this.#waiting;
    this.#waiting = [];
    return events;
  }

  #drain(): void {
    const ring = this.#consumer;
    const count = ring.available();
    for (let i = 0; !this.discard && i < count; i++) {
      const slot = ring.peek(i);
      if (this.record) {
        const bytes = ring.u16[slot * 96 + r.EVT_LENGTH_U16]!;
        this.recorded.push(ring.u8.slice(slot * 192, slot * 192 + bytes));
      }
      this.#waiting.push(readEvent(ring, slot));
    }
    ring.release(count);
  }
}
