// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Numbered packets of clients: which of their messages are new, whether their
 * bytes are whole, and one command for each. Owned by the gateway's thread;
 * allocates nothing.
 *
 * @module
 */
import { addressOf, crc32cVerifyBatch } from "../../../ffi/mod.ts";
import { assert } from "../../assert.ts";
import { RING_FULL } from "../../ring/mod.ts";
import { COUNTER } from "../../telemetry/mod.ts";
import type { GatewayContext } from "../protocol.ts";
import type { ClientLinks, Origin } from "./client_links.ts";
import { blocksAt, decodeMessage, hasTerms } from "./decode_message.ts";
import { decodeOrder } from "./decode_order.ts";
import type { Refusals } from "./refusals.ts";
import type { BinarySession } from "./session.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  HEADER_BYTES = 16,
  CLIENT_MESSAGE_BYTES = 34,
  Reason_NONE = 0,
  Reason_BAD_CHECKSUM = 13,
  TERMS_MESSAGE_BLOCKS = 3,
  Reason_SHUTTING_DOWN = 302,
  SEQUENCE_MAX = 0xffffffff,
  Reason_SEQUENCE_EXHAUSTED = 25,
  Reason_SEQUENCE_GAP = 16,
  CLIENT_CHECKSUM = 30,
}

/** What became of a packet. */
export const Taken = { DONE: 0, STALL: 1, MALFORMED: 2 } as const;

/** Takes numbered packets; see the module's text. */
export class NumberedPackets {
  readonly #context: GatewayContext;
  readonly #view: DataView;
  readonly #address: number;
  readonly #links: ClientLinks;
  readonly #refusals: Refusals;
  readonly #from: Origin;

  /**
   * @param view All receive memory.
   * @param from Where the packet in hand came from.
   */
  constructor(
    context: GatewayContext,
    view: DataView,
    links: ClientLinks,
    refusals: Refusals,
    from: Origin,
  ) {
    this.#context = context;
    this.#view = view;
    this.#address = addressOf(
      context.transport.bytes as Uint8Array<ArrayBuffer>,
    );
    this.#links = links;
    this.#refusals = refusals;
    this.#from = from;
  }

  /** Orders of version 1; see "Numbers" in the specification. */
  take(
    session: BinarySession,
    at: number,
    count: number,
    low: number,
    high: number,
  ): number {
    const { commands, telemetry, instruments } = this.#context;
    const skip = this.#skipped(session, at, count, low, high);
    if (skip >= count) return Taken.DONE;
    if (commands.free() < count - skip) return Taken.STALL;
    const wrong = this.firstWrong(at, count);
    const good = wrong < 0 ? count : wrong;
    for (let i = skip; i < good; i++) {
      const slot = commands.claim();
      assert(slot !== RING_FULL, "a free slot of the command ring is gone");
      const reason = decodeOrder(
        this.#view,
        at + Fixed.HEADER_BYTES + i * Fixed.CLIENT_MESSAGE_BYTES,
        commands,
        slot,
        session.index,
        low + i,
        instruments,
      );
      if (reason !== Fixed.Reason_NONE) telemetry.refused(reason);
    }
    if (good > skip) session.expected = low + good;
    if (wrong >= 0) {
      this.#refusals.packet(session, Fixed.Reason_BAD_CHECKSUM, at, wrong);
    }
    return Taken.DONE;
  }

  /** Orders of version 2: a message is one block, or three. */
  takeBlocks(
    session: BinarySession,
    at: number,
    count: number,
    low: number,
    high: number,
  ): number {
    const { commands, telemetry, instruments } = this.#context;
    const wrong = this.firstWrong(at, count);
    const good = wrong < 0 ? count : this.#wholeBlocks(at, wrong);
    const whole = this.#countMessages(at, good);
    // Behind a wrong checksum nobody knows how many there are.
    const messages = wrong < 0 ? whole : count;
    const skip = this.#skipped(session, at, messages, low, high);
    if (skip < messages && commands.free() < whole - skip) return Taken.STALL;
    telemetry.add(COUNTER.binary_messages_received_total, whole);
    if (skip >= messages) return Taken.DONE;
    let block = 0;
    for (let i = 0; i < whole; i++) {
      const message = at + Fixed.HEADER_BYTES +
        block * Fixed.CLIENT_MESSAGE_BYTES;
      const blocks = blocksAt(this.#view, message, good - block);
      block += blocks;
      if (i < skip) continue;
      const slot = commands.claim();
      assert(slot !== RING_FULL, "a free slot of the command ring is gone");
      const reason = decodeMessage(
        this.#view,
        message,
        blocks,
        commands,
        slot,
        session.index,
        low + i,
        instruments,
      );
      if (reason !== Fixed.Reason_NONE) telemetry.refused(reason);
    }
    if (whole > skip) session.expected = low + whole;
    if (wrong >= 0) {
      this.#refusals.packet(session, Fixed.Reason_BAD_CHECKSUM, at, whole);
    }
    return Taken.DONE;
  }

  /** Blocks of whole messages before the block `wrong`, whose bytes mean nothing. */
  #wholeBlocks(at: number, wrong: number): number {
    for (
      let back = 1;
      back < Fixed.TERMS_MESSAGE_BLOCKS && back <= wrong;
      back++
    ) {
      const block = wrong - back;
      const message = at + Fixed.HEADER_BYTES +
        block * Fixed.CLIENT_MESSAGE_BYTES;
      if (hasTerms(this.#view, message)) return block;
    }
    return wrong;
  }

  /** Messages in the first `count` blocks of a packet of version 2. */
  #countMessages(at: number, count: number): number {
    let messages = 0;
    for (let block = 0; block < count; messages++) {
      const message = at + Fixed.HEADER_BYTES +
        block * Fixed.CLIENT_MESSAGE_BYTES;
      block += blocksAt(this.#view, message, count - block);
    }
    return messages;
  }

  /**
   * Messages of a numbered packet that were taken before; all of them if the
   * packet is answered and there is nothing more to do.
   */
  #skipped(
    session: BinarySession,
    at: number,
    messages: number,
    low: number,
    high: number,
  ): number {
    const { telemetry } = this.#context;
    const skip = session.expected - low;
    let reason: number = Fixed.Reason_NONE;
    if (this.#links.draining) reason = Fixed.Reason_SHUTTING_DOWN;
    else if (high !== 0 || low + messages - 1 > Fixed.SEQUENCE_MAX) {
      reason = Fixed.Reason_SEQUENCE_EXHAUSTED;
    } else if (skip < 0) {
      telemetry.add(COUNTER.binary_gaps_total, 1);
      reason = Fixed.Reason_SEQUENCE_GAP;
    }
    if (reason !== Fixed.Reason_NONE) {
      this.#refusals.packet(session, reason, at, 0);
      return messages;
    }
    if (skip > 0) {
      const repeated = skip < messages ? skip : messages;
      telemetry.add(COUNTER.binary_duplicates_total, repeated);
      if (skip >= messages && !this.#from.stream) {
        this.#links.heartbeat(session);
      }
    }
    return skip;
  }

  /** Index of the first block with a wrong checksum, or -1. */
  firstWrong(at: number, count: number): number {
    return crc32cVerifyBatch(
      this.#address + at + Fixed.HEADER_BYTES,
      Fixed.CLIENT_MESSAGE_BYTES,
      count,
      0,
      Fixed.CLIENT_CHECKSUM,
      Fixed.CLIENT_CHECKSUM,
    );
  }
}
