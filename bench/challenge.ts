// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The public challenge for matching engines: its workload files, and the
 * reports whose SHA-256 it publishes.
 *
 * ```
 * file     16-byte header (number of messages: u32 at 12), records of 40 bytes
 * record   type u8 (0 new, 1 cancel, 2 modify), side u8, ioc u8, quantity u32
 *          at 4, sequence u64 at 8, order id u64 at 16, price i64 at 24
 * report   0,seq,side,id,price,qty      accepted        4,seq,id  no such order
 *          1,seq,price,qty,maker,taker  trade           5,seq,id  likewise
 *          2,seq,side,id,price          canceled, also what an IOC leaves
 *          3,seq,side,id,price,qty      modified
 * ```
 *
 * Within one message reports stand in the order of their numbers, trades in
 * the order of their match; lines are joined by newlines. A modify gives the
 * order's new price and its new open quantity, and in these files it always
 * asks for more, so that it loses its place: our replace with OPEN_QUANTITY,
 * without any adapting.
 *
 * @module
 */
import { createHash } from "node:crypto";
import * as record from "../engine/record/mod.ts";
import type { SpscRing } from "../engine/ring/mod.ts";
import { COMMAND_TERMS_BYTES, Commands } from "./commands.ts";
import type { Contender } from "./contender.ts";
import {
  ExchangeRig,
  FLOW_SEQUENCE,
  type Rules,
  sessionOf,
} from "./exchange_rig.ts";

const { EventKind, Reason } = record;

/** SHA-256 of the reports of each workload, as published (seed 23, a million new orders). */
export const PUBLISHED: Readonly<Record<string, string>> = {
  "static": "9803843ee404fc29c9a0aa5614f8f0d5a58b5c44fcac9ef89067886fcaaa30d1",
  "normal": "e9b2e3926854410b01a035aeb25dd05f1e597c233be8263de9eb49b6713d367e",
  "swing-25":
    "61a84be9469661bd039e00dbc9a7c011e70b6ace37aadfe60045ea083b05f4df",
  "swing-40":
    "3cb0175e7982ff09ea220d1feaee3844cf9116a5ce455757879dea1d880b9b9f",
  "flash-crash":
    "cff8d3f94b709fc64a8b2058a6ca4fb6920364904796e46906895e362d2bb16b",
};

export const HEADER_BYTES = 16;
export const RECORD_BYTES = 40;
export const MessageType = { NEW: 0, CANCEL: 1, MODIFY: 2 } as const;

/** Room for orders, and for pages of 256 prices. */
const ORDERS_MAX = 1 << 16;
const PAGES_MAX = 4096;
const LINE_BYTES_MAX = 80;
/** Reports are hashed in pieces of about this size. */
const PIECE_BYTES = 1 << 20;

/** One message of a workload. Prices and ids must fit an int32, as the published ones do. */
export interface ChallengeMessage {
  readonly type: number;
  /** 0 buy, 1 sell. */
  readonly side: number;
  readonly ioc: boolean;
  readonly quantity: number;
  readonly id: number;
  readonly price: number;
}

/** Messages of a workload file. @throws {Error} If it is none. */
export function readChallenge(bytes: Uint8Array): ChallengeMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length < HEADER_BYTES ? 0 : view.getUint32(12, true);
  if (count === 0 || bytes.length !== HEADER_BYTES + count * RECORD_BYTES) {
    throw new Error(
      `${bytes.length} bytes are no workload of ${count} messages`,
    );
  }
  return Array.from({ length: count }, (_, i) => {
    const at = HEADER_BYTES + i * RECORD_BYTES;
    return {
      type: view.getUint8(at),
      side: view.getUint8(at + 1),
      ioc: view.getUint8(at + 2) !== 0,
      quantity: view.getUint32(at + 4, true),
      id: Number(view.getBigUint64(at + 16, true)),
      price: Number(view.getBigInt64(at + 24, true)),
    };
  });
}

/** A workload file of these messages. */
export function writeChallenge(
  messages: readonly ChallengeMessage[],
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + messages.length * RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  new TextEncoder().encodeInto("100_WBEM", bytes);
  view.setUint32(8, 1, true);
  view.setUint32(12, messages.length, true);
  messages.forEach((message, i) => {
    const at = HEADER_BYTES + i * RECORD_BYTES;
    view.setUint8(at, message.type);
    view.setUint8(at + 1, message.side);
    view.setUint8(at + 2, message.ioc ? 1 : 0);
    view.setUint32(at + 4, message.quantity, true);
    view.setBigUint64(at + 8, BigInt(i), true);
    view.setBigUint64(at + 16, BigInt(message.id), true);
    view.setBigInt64(at + 24, BigInt(message.price), true);
  });
  return bytes;
}

/** The messages as commands; message `i` has sequence `FLOW_SEQUENCE + i`. */
export function challengeCommands(
  messages: readonly ChallengeMessage[],
): Commands {
  const modifies =
    messages.filter(({ type }) => type === MessageType.MODIFY).length;
  const commands = new Commands(
    (messages.length - modifies) * record.COMMAND_BASE_BYTES +
      modifies * COMMAND_TERMS_BYTES,
    FLOW_SEQUENCE,
  );
  for (const { type, side, ioc, quantity, id, price } of messages) {
    const key = {
      session: sessionOf(side, id, 1),
      reference: id,
      side: side + 1,
    };
    if (type === MessageType.CANCEL) commands.cancel(key);
    else if (type === MessageType.MODIFY) {
      commands.replace(key, price, quantity, record.TermFlag.OPEN_QUANTITY);
    } else {
      const { IOC, GTC } = record.TimeInForce;
      commands.newOrder({
        ...key,
        price,
        quantity,
        timeInForce: ioc ? IOC : GTC,
      });
    }
  }
  return commands;
}

/** SHA-256 of report lines that come in the order of their messages. */
export class ReportHash {
  readonly #hash = createHash("sha256");
  #piece = "";
  /** Lines of the message that is being reported, by their number. */
  readonly #lines: string[][] = Array.from({ length: 6 }, () => []);
  #sequence = -1;
  #first = true;

  /** @param fields What follows number and sequence. */
  add(
    kind: number,
    sequence: number,
    ...fields: readonly number[]
  ): void {
    if (sequence !== this.#sequence) this.#close();
    this.#sequence = sequence;
    this.#lines[kind]!.push([kind, sequence, ...fields].join(","));
  }

  /** The digest, as hexadecimal digits; nothing can be added afterwards. */
  digest(): string {
    this.#close();
    return this.#hash.update(this.#piece).digest("hex");
  }

  #close(): void {
    for (const lines of this.#lines) {
      for (const line of lines) {
        this.#piece += this.#first ? line : `\n${line}`;
        this.#first = false;
      }
      lines.length = 0;
    }
    if (this.#piece.length < PIECE_BYTES - LINE_BYTES_MAX) return;
    this.#hash.update(this.#piece);
    this.#piece = "";
  }
}

/** Forms the challenge's reports out of our events. */
export class ChallengeReports {
  readonly hash = new ReportHash();
  #maker = 0;

  /** @throws {Error} If an event has no place in the challenge. */
  take(ring: SpscRing, byte: number): void {
    const { u8, i32, f64 } = ring;
    const word = byte >> 2;
    const half = byte >> 3;
    const sequence = f64[half + record.EVT_SEQUENCE_F64]! - FLOW_SEQUENCE;
    const id = f64[half + record.EVT_REFERENCE_F64]!;
    const side = u8[byte + record.EVT_SIDE_U8]! - 1;
    const price = i32[word + record.EVT_PRICE_I32]!;
    const reason = ring.u16[(byte >> 1) + record.EVT_REASON_U16]!;
    switch (u8[byte + record.EVT_KIND_U8]) {
      case EventKind.ACCEPTED: {
        const quantity = f64[half + record.EVT_QUANTITY_F64]!;
        return this.hash.add(0, sequence, side, id, price, quantity);
      }
      case EventKind.FILLED: {
        if (u8[byte + record.EVT_AGGRESSOR_U8] === 0) {
          this.#maker = id;
          return;
        }
        const at = i32[word + record.EVT_LAST_PRICE_I32]!;
        const lots = f64[half + record.EVT_LAST_QUANTITY_F64]!;
        return this.hash.add(1, sequence, at, lots, this.#maker, id);
      }
      case EventKind.CANCELED:
        return this.hash.add(2, sequence, side, id, price);
      case EventKind.REPLACED: {
        const open = f64[half + record.EVT_LEAVES_F64]!;
        return this.hash.add(3, sequence, side, id, price, open);
      }
      case EventKind.CANCEL_REJECTED: {
        if (reason !== Reason.UNKNOWN_ORDER) break;
        const modify = u8[byte + record.EVT_DETAIL_U8] === 3;
        return this.hash.add(modify ? 5 : 4, sequence, id);
      }
    }
    const text = record.REASON_TEXT[reason] ?? "";
    throw new Error(
      `Message ${sequence}: event of kind ${u8[byte + record.EVT_KIND_U8]}, ` +
        `reason ${reason} ${text}`,
    );
  }
}

/** A workload through the whole exchange. */
export class ExchangeChallenge implements Contender {
  readonly messages: number;
  /** SHA-256 of the reports; after `prove()`. */
  digest = "";
  readonly rig: ExchangeRig;
  readonly #commands: Commands;

  constructor(messages: readonly ChallengeMessage[], rules: Rules) {
    this.messages = messages.length;
    this.#commands = challengeCommands(messages);
    this.rig = new ExchangeRig({
      instruments: 1,
      ordersMax: ORDERS_MAX,
      specialMax: 1,
      pagesMax: PAGES_MAX,
      rules,
      reference: messages[0]!.price,
    });
  }

  get hugePages(): boolean {
    return this.rig.hugePages;
  }

  prepare(): void {
    this.rig.prepare();
  }

  run(): void {
    this.rig.run(this.#commands);
  }

  prove(): void {
    const reports = new ChallengeReports();
    this.prepare();
    this.rig.listen((ring, byte) => reports.take(ring, byte));
    this.run();
    this.rig.settle();
    this.digest = reports.hash.digest();
  }
}
