// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Follows events about orders to keep `ClOrdIds` right: which ids are known,
 * which have ended, and which reference a session gives out next.
 *
 * After a restart this is how they come back. The gateway's thread owns it;
 * nothing allocates.
 *
 * @module
 */
import type { SpscRing } from "../../ring/mod.ts";
import type { ClOrdIds } from "./cl_ord_ids.ts";
import type { FixSession } from "./session.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  EVT_CL_ORD_ID_U8 = 128,
  EVT_DETAIL_U8 = 37,
  EVT_FLAG_TEXT = 1,
  EVT_FLAGS_U8 = 7,
  EVT_KIND_U8 = 6,
  EVT_LEAVES_F64 = 9,
  EVT_ORD_STATUS_U8 = 108,
  EVT_ORIG_CL_ORD_ID_U8 = 148,
  EVT_REFERENCE_F64 = 8,
  NO_ENTRY = -1,
  STATUS_REPLACED = 53,
  REFUSED_STATUS = 4,
  EventKind_CANCEL_REJECTED = 6,
  EventKind_ACCEPTED = 1,
  EventKind_FILLED = 3,
  EventKind_CANCELED = 4,
  EventKind_REPLACED = 5,
  EventKind_REJECTED = 2,
  OrdStatus_FILLED = 50,
  OrdStatus_REJECTED = 56,
}

/** Learns ids from events. One for each gateway. */
export class IdFollower {
  readonly #ids: ClOrdIds;

  constructor(ids: ClOrdIds) {
    this.#ids = ids;
  }

  /** Takes note of the event at `slot` of `ring`. */
  onEvent(session: FixSession, ring: SpscRing, slot: number): void {
    const at = slot * ring.slotBytes;
    const { u8, i32, f64 } = ring;
    const kind = u8[at + Fixed.EVT_KIND_U8]!;
    if (kind > Fixed.EventKind_CANCEL_REJECTED) return;
    if ((u8[at + Fixed.EVT_FLAGS_U8]! & Fixed.EVT_FLAG_TEXT) === 0) return;
    const reference = f64[(at >>> 3) + Fixed.EVT_REFERENCE_F64]!;
    switch (kind) {
      case Fixed.EventKind_ACCEPTED:
        this.#learn(session, i32, at, reference);
        break;
      case Fixed.EventKind_FILLED:
        if (f64[(at >>> 3) + Fixed.EVT_LEAVES_F64] === 0) {
          this.#end(
            session,
            i32,
            at + Fixed.EVT_CL_ORD_ID_U8,
            Fixed.OrdStatus_FILLED,
          );
        }
        break;
      case Fixed.EventKind_CANCELED:
        this.#canceled(session, i32, at, u8[at + Fixed.EVT_ORD_STATUS_U8]!);
        break;
      case Fixed.EventKind_REPLACED:
        this.#learn(session, i32, at, reference);
        this.#end(
          session,
          i32,
          at + Fixed.EVT_ORIG_CL_ORD_ID_U8,
          Fixed.STATUS_REPLACED,
        );
        break;
      case Fixed.EventKind_REJECTED:
        // What the gateway refused has no reference and uses up no id.
        if (reference === 0) break;
        this.#learn(session, i32, at, reference);
        this.#end(
          session,
          i32,
          at + Fixed.EVT_CL_ORD_ID_U8,
          Fixed.OrdStatus_REJECTED,
        );
        break;
      case Fixed.EventKind_CANCEL_REJECTED:
        if (
          reference === 0 ||
          u8[at + Fixed.EVT_DETAIL_U8] === Fixed.REFUSED_STATUS
        ) break;
        this.#stageText(session, i32, at + Fixed.EVT_CL_ORD_ID_U8);
        this.#ids.remember(Fixed.OrdStatus_REJECTED);
        break;
    }
  }

  /** An order's id that came with a reference we have not given out: from a journal. */
  #learn(
    session: FixSession,
    i32: Int32Array,
    at: number,
    reference: number,
  ): void {
    if (reference < session.nextReference) return;
    session.nextReference = reference + 1;
    this.#stageText(session, i32, at + Fixed.EVT_CL_ORD_ID_U8);
    if (this.#ids.find() === Fixed.NO_ENTRY) this.#ids.insert(reference);
  }

  #canceled(
    session: FixSession,
    i32: Int32Array,
    at: number,
    status: number,
  ): void {
    if ((i32[(at + Fixed.EVT_ORIG_CL_ORD_ID_U8) >>> 2]! & 0xff) === 0) {
      this.#end(session, i32, at + Fixed.EVT_CL_ORD_ID_U8, status);
      return;
    }
    this.#end(session, i32, at + Fixed.EVT_ORIG_CL_ORD_ID_U8, status);
    this.#stageText(session, i32, at + Fixed.EVT_CL_ORD_ID_U8);
    this.#ids.remember(status);
  }

  #end(
    session: FixSession,
    i32: Int32Array,
    text: number,
    status: number,
  ): void {
    this.#stageText(session, i32, text);
    const entry = this.#ids.find();
    if (entry !== Fixed.NO_ENTRY) this.#ids.close(entry, status);
  }

  /** @param text Where it lies, on a word, with zeros behind it. */
  #stageText(session: FixSession, i32: Int32Array, text: number): void {
    this.#ids.stageWords(session.index, i32, text >>> 2);
  }
}
