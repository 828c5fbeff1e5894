// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Brings the configuration and the journal together: which instruments and
 * sessions are defined, which have to be, and which disagree.
 *
 * Indexes are given once, by the first definition in the journal, and kept for
 * ever: records name instruments and sessions by them. Each definition is told
 * to every gateway. Cold path; belongs to the exchange's thread.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { EventRing, Exchange } from "../exchange/mod.ts";
import type { DepthPublisher } from "../marketdata/mod.ts";
import {
  CMD_DETAIL_U8,
  CMD_INSTRUMENT_U16,
  CMD_KIND_U8,
  CMD_LENGTH_U16,
  CMD_QUANTITY_F64,
  CMD_REFERENCE_F64,
  CMD_SEQUENCE_F64,
  CMD_SESSION_U32,
  CMD_TEXT_U8,
  COMMAND_SLOT_BYTES,
  COMMAND_TEXT_BYTES,
  CommandKind,
  EVENT_SLOT_BYTES,
  EventKind,
  EVT_DETAIL_U8,
  EVT_FLAG_TEXT,
  EVT_FLAGS_U8,
  EVT_INSTRUMENT_U16,
  EVT_KIND_U8,
  EVT_LENGTH_U16,
  EVT_ORDER_ID_F64,
  EVT_QUANTITY_F64,
  EVT_REFERENCE_F64,
  EVT_SEQUENCE_F64,
  EVT_TEXT_U8,
  TEXT_BYTES,
} from "../record/mod.ts";
import { RING_FULL, type SpscRing } from "../ring/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import type { InstrumentWanted, SessionWanted } from "./exchange_agent.ts";

/** What a definition is made from. */
export interface DefinitionsOptions {
  readonly exchange: Exchange;
  readonly events: readonly EventRing[];
  readonly depth: DepthPublisher;
  readonly routes: Uint8Array;
  readonly instruments: readonly InstrumentWanted[];
  readonly sessions: readonly SessionWanted[];
  readonly log: Log;
}

interface KnownInstrument {
  readonly index: number;
  readonly tickSizeE8: number;
  readonly lotSizeE8: number;
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** The definitions of one shard. */
export class Definitions {
  /** Byte offset of the command that `writeNext` wrote. */
  writtenAt = 0;
  readonly #options: DefinitionsOptions;
  readonly #instruments = new Map<string, KnownInstrument>();
  readonly #sessions = new Map<string, number>();
  #capacityKnown = false;

  constructor(options: DefinitionsOptions) {
    this.#options = options;
  }

  /** Takes note of a definition that was applied, and tells the gateways. */
  observe(commands: SpscRing, at: number): void {
    const { u8, u16, u32, f64 } = commands;
    const kind = u8[at + CMD_KIND_U8]!;
    const text = u8.slice(at + CMD_TEXT_U8, at + CMD_TEXT_U8 + TEXT_BYTES);
    const end = text.indexOf(0);
    const name = DECODER.decode(end < 0 ? text : text.subarray(0, end));
    const sequence = f64[(at >>> 3) + CMD_SEQUENCE_F64]!;
    if (kind === CommandKind.DEFINE_CAPACITY) this.#capacityKnown = true;
    else if (kind === CommandKind.DEFINE_INSTRUMENT) {
      const known: KnownInstrument = {
        index: u16[(at >>> 1) + CMD_INSTRUMENT_U16]!,
        tickSizeE8: f64[(at >>> 3) + CMD_QUANTITY_F64]!,
        lotSizeE8: f64[(at >>> 3) + CMD_REFERENCE_F64]!,
      };
      this.#instruments.set(name, known);
      const { index, tickSizeE8, lotSizeE8 } = known;
      this.#options.depth.define(index, text, tickSizeE8, lotSizeE8);
      this.#tell(
        EventKind.INSTRUMENT_DEFINED,
        sequence,
        known.index,
        0,
        text,
        known,
      );
    } else if (kind === CommandKind.DEFINE_SESSION) {
      const index = u32[(at >>> 2) + CMD_SESSION_U32]!;
      const code = u8[at + CMD_DETAIL_U8]!;
      this.#sessions.set(sessionKey(code, name), index);
      const wanted = this.#options.sessions.find((session) =>
        session.protocolCode === code && session.name === name
      );
      this.#options.routes[index] = wanted?.gateway ?? 0;
      this.#tell(EventKind.SESSION_DEFINED, sequence, index, code, text);
    }
  }

  /**
   * Compares what the configuration wants with what the journal has.
   *
   * @throws {Error} If an instrument's sizes differ.
   */
  check(): void {
    for (const wanted of this.#options.instruments) {
      const known = this.#instruments.get(wanted.symbol);
      if (known === undefined) continue;
      if (
        known.tickSizeE8 === wanted.tickSizeE8 &&
        known.lotSizeE8 === wanted.lotSizeE8
      ) continue;
      throw new Error(
        `Instrument ${wanted.symbol} is configured with tick ${
          wanted.tickSizeE8 / 1e8
        } and lot ${wanted.lotSizeE8 / 1e8}, but the journal has tick ${
          known.tickSizeE8 / 1e8
        } and lot ${known.lotSizeE8 / 1e8}. Orders in the book count in ` +
          "those: give the old sizes back, or define an instrument of another name",
      );
    }
  }

  /**
   * Looks at a recorded capacity before it is applied.
   *
   * @throws {Error} If there is less room now than there was.
   */
  checkCapacity(commands: SpscRing, at: number): void {
    const recorded = commands.f64[(at >>> 3) + CMD_QUANTITY_F64]!;
    const { ordersMax } = this.#options.exchange.book;
    if (recorded <= ordersMax) return;
    throw new Error(
      `The journal was written with [capacity] orders = ${recorded}, now it is ` +
        `${ordersMax}: its orders may not fit. Give at least the old value`,
    );
  }

  /**
   * Writes the next command that the configuration needs into the ring
   * (claimed, not published; sequence and time are the caller's).
   *
   * @returns False if nothing is left to define.
   */
  writeNext(journal: SpscRing): boolean {
    const { instruments, sessions, exchange, log } = this.#options;
    const { ordersMax } = exchange.book;
    if (!this.#capacityKnown || exchange.ordersLimit !== ordersMax) {
      const at = this.#begin(journal, CommandKind.DEFINE_CAPACITY, "");
      journal.f64[(at >>> 3) + CMD_QUANTITY_F64] = ordersMax;
      log.info("capacity defined", { orders: ordersMax });
      return true;
    }
    for (const wanted of instruments) {
      const known = this.#instruments.get(wanted.symbol);
      if (known === undefined) {
        const index = this.#instruments.size;
        const at = this.#begin(
          journal,
          CommandKind.DEFINE_INSTRUMENT,
          wanted.symbol,
        );
        journal.u16[(at >>> 1) + CMD_INSTRUMENT_U16] = index;
        journal.f64[(at >>> 3) + CMD_QUANTITY_F64] = wanted.tickSizeE8;
        journal.f64[(at >>> 3) + CMD_REFERENCE_F64] = wanted.lotSizeE8;
        log.info("instrument defined", { symbol: wanted.symbol, index });
        return true;
      }
      const { limits } = exchange;
      if (
        limits.quantityMax[known.index] !== wanted.quantityLotsMax ||
        limits.notionalMax[known.index] !== wanted.notionalMax
      ) {
        const at = this.#begin(journal, CommandKind.DEFINE_LIMITS, "");
        journal.u16[(at >>> 1) + CMD_INSTRUMENT_U16] = known.index;
        journal.f64[(at >>> 3) + CMD_QUANTITY_F64] = wanted.quantityLotsMax;
        journal.f64[(at >>> 3) + CMD_REFERENCE_F64] = wanted.notionalMax;
        log.info("limits defined", {
          symbol: wanted.symbol,
          quantityLotsMax: wanted.quantityLotsMax,
          notionalMax: wanted.notionalMax,
        });
        return true;
      }
    }
    for (const { protocolCode, name } of sessions) {
      if (this.#sessions.has(sessionKey(protocolCode, name))) continue;
      const index = this.#sessions.size + 1;
      const at = this.#begin(journal, CommandKind.DEFINE_SESSION, name);
      journal.u32[(at >>> 2) + CMD_SESSION_U32] = index;
      journal.u8[at + CMD_DETAIL_U8] = protocolCode;
      log.info("session defined", { name, index });
      return true;
    }
    return false;
  }

  #begin(journal: SpscRing, kind: number, text: string): number {
    const slot = journal.claim();
    assert(slot !== RING_FULL, "the journal ring is full while starting");
    const at = slot * COMMAND_SLOT_BYTES;
    journal.u8.fill(0, at, at + COMMAND_TEXT_BYTES);
    journal.u16[(at >>> 1) + CMD_LENGTH_U16] = COMMAND_TEXT_BYTES;
    journal.u8[at + CMD_KIND_U8] = kind;
    journal.u8.set(
      ENCODER.encode(text).subarray(0, TEXT_BYTES),
      at + CMD_TEXT_U8,
    );
    this.writtenAt = at;
    return at;
  }

  /** One event to each gateway. */
  #tell(
    kind: number,
    sequence: number,
    index: number,
    detail: number,
    text: Uint8Array,
    sizes?: KnownInstrument,
  ): void {
    for (const ring of this.#options.events) {
      const slot = ring.claim();
      const { i32, f64 } = ring;
      const u8 = new Uint8Array(i32.buffer, i32.byteOffset, i32.byteLength);
      const u16 = new Uint16Array(
        i32.buffer,
        i32.byteOffset,
        i32.byteLength >>> 1,
      );
      const at = slot * EVENT_SLOT_BYTES;
      u8.fill(0, at, at + EVENT_SLOT_BYTES);
      u16[(at >>> 1) + EVT_LENGTH_U16] = EVENT_SLOT_BYTES;
      u8[at + EVT_KIND_U8] = kind;
      u8[at + EVT_FLAGS_U8] = EVT_FLAG_TEXT;
      u8[at + EVT_DETAIL_U8] = detail;
      u16[(at >>> 1) + EVT_INSTRUMENT_U16] = sizes === undefined ? 0 : index;
      f64[(at >>> 3) + EVT_SEQUENCE_F64] = sequence;
      f64[(at >>> 3) + EVT_ORDER_ID_F64] = index;
      f64[(at >>> 3) + EVT_QUANTITY_F64] = sizes?.tickSizeE8 ?? 0;
      f64[(at >>> 3) + EVT_REFERENCE_F64] = sizes?.lotSizeE8 ?? 0;
      u8.set(text, at + EVT_TEXT_U8);
    }
  }
}

function sessionKey(protocolCode: number, name: string): string {
  return `${protocolCode}/${name}`;
}
