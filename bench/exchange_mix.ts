// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The standard mix through the whole exchange.
 *
 * Orders that buy and orders that sell are of different sessions and accounts,
 * so that self-trade prevention looks at each pair of orders and never steps
 * in: trades and books must stay those of the mix.
 *
 * @module
 */
import * as record from "../engine/record/mod.ts";
import type { SpscRing } from "../engine/ring/mod.ts";
import { Commands } from "./commands.ts";
import type { Contender } from "./contender.ts";
import {
  ExchangeRig,
  FLOW_SEQUENCE,
  type Rules,
  sessionOf,
} from "./exchange_rig.ts";
import {
  MIX_HASH_START,
  MIX_RECORD_WORDS,
  type MixFacts,
  mixHash,
  MixType,
  MixWord,
  requireHashes,
} from "./standard_mix.ts";

/** Room for orders, and for pages of 256 prices: more than the mixes ever need. */
const ROOM = { ordersMax: 1 << 16, specialMax: 1 << 14, pagesMax: 256 };
const ROOM_MANY = { ordersMax: 1 << 17, specialMax: 1 << 14, pagesMax: 8192 };
/** The price around which the mixes move. */
const MIX_MID = 10_000;

/**
 * The mix as commands of 64 bytes, or of 128 with texts.
 *
 * @param texts With client order ids, as FIX clients have them.
 */
export function mixCommands(
  messages: Uint32Array,
  owners: number,
  texts = false,
): Commands {
  const count = messages.length / MIX_RECORD_WORDS;
  const commands = new Commands(
    count * (texts ? record.COMMAND_TEXT_BYTES : record.COMMAND_BASE_BYTES),
    FLOW_SEQUENCE,
  );
  for (let i = 0; i < count; i++) {
    const at = i * MIX_RECORD_WORDS;
    const what = messages[at + MixWord.WHAT]!;
    const id = messages[at + MixWord.ID]!;
    const bit = what >>> 8 & 1;
    const key = {
      session: sessionOf(bit, id, owners),
      reference: id,
      instrument: what >>> 16,
      side: bit + 1,
      ...(texts ? { text: `ORDER-${id}` } : {}),
    };
    if ((what & 0xff) === MixType.CANCEL) commands.cancel(key);
    else {
      commands.newOrder({
        ...key,
        price: messages[at + MixWord.PRICE]!,
        quantity: messages[at + MixWord.QUANTITY]!,
      });
    }
  }
  return commands;
}

/** Hashes trades out of events, as the mix prescribes. */
export class TapeHash {
  #hash = MIX_HASH_START;
  #maker = 0;

  take(ring: SpscRing, byte: number): void {
    if (ring.u8[byte + record.EVT_KIND_U8] !== record.EventKind.FILLED) return;
    const reference = ring.f64[(byte >> 3) + record.EVT_REFERENCE_F64]!;
    if (ring.u8[byte + record.EVT_AGGRESSOR_U8] === 0) {
      this.#maker = reference;
      return;
    }
    let hash = mixHash(this.#hash, this.#maker);
    hash = mixHash(hash, reference);
    hash = mixHash(hash, ring.i32[(byte >> 2) + record.EVT_LAST_PRICE_I32]!);
    this.#hash = mixHash(
      hash,
      ring.f64[(byte >> 3) + record.EVT_LAST_QUANTITY_F64]!,
    );
  }

  get value(): number {
    return this.#hash >>> 0;
  }
}

/** Hashes a book out of the fills that empty it, as the mix prescribes. */
export class BookHash {
  #hash = MIX_HASH_START;

  take(ring: SpscRing, byte: number): void {
    if (ring.u8[byte + record.EVT_KIND_U8] !== record.EventKind.FILLED) return;
    if (ring.u8[byte + record.EVT_AGGRESSOR_U8] !== 0) return;
    let hash = mixHash(
      this.#hash,
      ring.f64[(byte >> 3) + record.EVT_REFERENCE_F64]!,
    );
    hash = mixHash(hash, ring.i32[(byte >> 2) + record.EVT_LAST_PRICE_I32]!);
    this.#hash = mixHash(
      hash,
      ring.f64[(byte >> 3) + record.EVT_LAST_QUANTITY_F64]!,
    );
  }

  get value(): number {
    return this.#hash >>> 0;
  }
}

/** Commands in, events out. */
export class ExchangeMix implements Contender {
  readonly messages: number;
  readonly rig: ExchangeRig;
  readonly commands: Commands;
  readonly #facts: MixFacts;

  /**
   * @param commands Of `mixCommands()`; they may be shared.
   * @param more Owners as in `mixCommands()`; what is there before the mix.
   */
  constructor(
    commands: Commands,
    facts: MixFacts,
    rules: Rules,
    more: { readonly owners?: number; readonly prelude?: Commands } = {},
  ) {
    this.messages = facts.messages;
    this.commands = commands;
    this.#facts = facts;
    this.rig = new ExchangeRig({
      instruments: facts.symbols,
      ...(facts.symbols === 1 ? ROOM : ROOM_MANY),
      rules,
      ...more,
      reference: MIX_MID,
    });
  }

  get hugePages(): boolean {
    return this.rig.hugePages;
  }

  prepare(): void {
    this.rig.prepare();
  }

  run(): void {
    this.rig.run(this.commands);
  }

  prove(): void {
    const tape = new TapeHash();
    this.prepare();
    this.rig.listen((ring, byte) => tape.take(ring, byte));
    this.run();
    this.rig.settle();
    requireHashes("exchange", tape.value, this.finalBook(), this.#facts);
  }

  /** Hash of the books after a run; empties them. */
  finalBook(): number {
    const book = new BookHash();
    this.rig.sweep((ring, byte) => book.take(ring, byte));
    return book.value;
  }
}
