// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the exchange's thread shows of instruments, sessions and accounts: who
 * they are, what is set for them, what state they are in.
 *
 * ```
 *   words | instruments | sessions | accounts      in shared memory
 * ```
 *
 * The exchange's thread writes it from commands and from events to session 0.
 * The main thread reads it: to answer people, to count, and to turn names
 * into indexes. Depth is shown elsewhere (`engine/marketdata/`).
 *
 * @module
 */
import { assert } from "../assert.ts";
import { CommandKind, InstrumentSetting } from "../record/mod.ts";
import type { ReadCommand } from "./command_fields.ts";
import {
  AccountSlot,
  type AccountView,
  accountView,
  INSTRUMENT_SLOTS,
  InstrumentSlot,
  type InstrumentView,
  instrumentView,
  REGISTER_WORDS,
  type RegisterShape,
  registerTables,
  RegisterWord,
  scaled,
  SessionSlot,
  type SessionView,
  sessionView,
  WARNING_REASONS,
} from "./register_layout.ts";
import { SharedTable, tableBytes, tableText } from "./shared_table.ts";

/** Writes a slot if it changes. */
function change(
  table: SharedTable,
  entry: number,
  slot: number,
  value: number,
): boolean {
  if (table.get(entry, slot) === value) return false;
  table.begin(entry);
  table.set(slot, value);
  table.end();
  return true;
}

/** One end of the register; only the exchange's thread may use what writes. */
export class Register {
  readonly words: Float64Array;
  /** The same memory as `words`. */
  readonly #taken: Int32Array;
  readonly #instruments: SharedTable;
  readonly #sessions: SharedTable;
  readonly #accounts: SharedTable;

  /**
   * @param memory Zeroed memory that all threads see.
   * @param byteOffset Where it starts; a multiple of 64.
   */
  constructor(
    memory: ArrayBufferLike,
    byteOffset: number,
    shape: RegisterShape,
  ) {
    this.words = new Float64Array(memory, byteOffset, REGISTER_WORDS);
    this.#taken = new Int32Array(memory, byteOffset, REGISTER_WORDS * 2);
    let at = byteOffset + REGISTER_WORDS * 8;
    const [instruments, sessions, accounts] = registerTables(shape).map(
      (table) => {
        const start = at;
        at += tableBytes(table);
        return new SharedTable(memory, start, table);
      },
    );
    this.#instruments = instruments!;
    this.#sessions = sessions!;
    this.#accounts = accounts!;
  }

  /** Writer: all of it, but for what was asked in this run. */
  save(): Uint8Array {
    const words = this.words.slice();
    words[RegisterWord.TAKEN] = 0;
    words[RegisterWord.SEQUENCE] = 0;
    const parts = [
      words,
      this.#instruments.save(),
      this.#sessions.save(),
      this.#accounts.save(),
    ];
    const bytes = new Uint8Array(
      parts.reduce((sum, part) => sum + part.byteLength, 0),
    );
    let at = 0;
    for (const part of parts) {
      bytes.set(new Uint8Array(part.buffer), at);
      at += part.byteLength;
    }
    return bytes;
  }

  /** Writer: takes what was saved by a register of the same shape. */
  load(saved: Uint8Array<ArrayBuffer>): void {
    const slots = new Float64Array(saved.slice().buffer);
    const tables = [this.#instruments, this.#sessions, this.#accounts];
    const wanted = tables.reduce(
      (sum, table) => sum + table.slots,
      REGISTER_WORDS,
    );
    assert(
      slots.length === wanted,
      `a register of ${slots.length} slots is loaded into one of ${wanted}`,
    );
    this.words.set(slots.subarray(0, REGISTER_WORDS));
    let at = REGISTER_WORDS;
    for (const table of tables) {
      table.load(slots.subarray(at, at + table.slots));
      at += table.slots;
    }
  }

  /** Writer: takes note of a command that was applied. @param text Of a definition. */
  observe(command: ReadCommand, text: Uint8Array): void {
    switch (command.kind) {
      case CommandKind.DEFINE_INSTRUMENT:
        return this.#defineInstrument(command, text);
      case CommandKind.DEFINE_SESSION:
        this.#count(RegisterWord.SESSIONS, command.session);
        this.#sessions.begin(command.session);
        this.#sessions.text(SessionSlot.NAME, text);
        this.#sessions.set(SessionSlot.PROTOCOL, command.detail);
        return this.#sessions.end();
      case CommandKind.DEFINE_ACCOUNT:
        this.#count(RegisterWord.ACCOUNTS, command.reason);
        this.#accounts.begin(command.reason);
        this.#accounts.text(AccountSlot.NAME, text);
        this.#accounts.set(AccountSlot.GROUP, command.price);
        return this.#accounts.end();
      case CommandKind.SET_SESSION:
        return this.#setSession(command);
      case CommandKind.SET_ACCOUNT_LIMIT: {
        const slot = AccountSlot.LIMITS + 2 * command.detail;
        this.#accounts.begin(command.reason);
        this.#accounts.set(slot, command.quantity);
        this.#accounts.set(slot + 1, command.reference);
        return this.#accounts.end();
      }
      case CommandKind.DEFINE_LIMITS:
      case CommandKind.SET_INSTRUMENT:
        return this.#setInstrument(command);
      case CommandKind.SET_TICKS:
        return this.#setTicks(command);
    }
  }

  #count(word: number, index: number): void {
    const count = Math.max(this.words[word]!, index + 1);
    this.words[word] = count;
  }

  #defineInstrument(command: ReadCommand, text: Uint8Array): void {
    const { instrument, quantity, reference } = command;
    const table = this.#instruments;
    table.begin(instrument);
    table.text(InstrumentSlot.SYMBOL, text);
    table.set(InstrumentSlot.TICK_SIZE_E8, quantity);
    table.set(InstrumentSlot.LOT_SIZE_E8, reference);
    table.set(InstrumentSlot.LOT_STEP, 1);
    table.set(InstrumentSlot.QUANTITY_MAX, Number.MAX_SAFE_INTEGER);
    table.set(InstrumentSlot.NOTIONAL_MAX, Number.MAX_SAFE_INTEGER);
    table.end();
    this.#count(RegisterWord.INSTRUMENTS, instrument);
  }

  #setSession(command: ReadCommand): void {
    const table = this.#sessions;
    table.begin(command.session);
    table.set(SessionSlot.ACCOUNT, command.reason);
    table.set(SessionSlot.STP, command.detail);
    table.set(SessionSlot.GROUP, command.price);
    table.set(SessionSlot.MESSAGES_MAX, command.quantity);
    table.set(SessionSlot.INTERVAL_NS, command.reference);
    table.end();
  }

  #setInstrument(command: ReadCommand): void {
    const { kind, detail, price, quantity, reference } = command;
    const table = this.#instruments;
    const slot = InstrumentSlot;
    table.begin(command.instrument);
    if (kind === CommandKind.DEFINE_LIMITS) {
      table.set(slot.QUANTITY_MAX, quantity || Number.MAX_SAFE_INTEGER);
      table.set(slot.NOTIONAL_MAX, reference || Number.MAX_SAFE_INTEGER);
    } else if (detail === InstrumentSetting.REFERENCE_PRICE) {
      table.set(slot.REFERENCE_PRICE, price);
    } else if (detail === InstrumentSetting.PRICE_COLLAR) {
      table.set(slot.PRICE_COLLAR, quantity);
    } else if (detail === InstrumentSetting.MARKET_COLLAR) {
      table.set(slot.MARKET_COLLAR, quantity);
    } else if (detail === InstrumentSetting.PRICE_BAND) {
      table.set(slot.BAND_LOW, price);
      table.set(slot.BAND_HIGH, quantity);
    } else if (detail === InstrumentSetting.VOLATILITY) {
      table.set(slot.VOLATILITY_RANGE, quantity);
      table.set(slot.VOLATILITY_NS, reference);
    } else if (detail === InstrumentSetting.LOT_STEP) {
      table.set(slot.LOT_STEP, quantity || 1);
    } else if (detail === InstrumentSetting.GROUP) {
      table.set(slot.GROUP, quantity);
    }
    table.end();
  }

  #setTicks(command: ReadCommand): void {
    const { instrument, detail: band, price, reason: step } = command;
    const table = this.#instruments;
    const at = InstrumentSlot.TICKS + 2 * band;
    table.begin(instrument);
    if (step === 0) {
      for (let i = at; i < INSTRUMENT_SLOTS; i++) table.set(i, 0);
    } else {
      table.set(at, band === 0 ? 0 : price);
      table.set(at + 1, step);
    }
    table.end();
  }

  /** Writer: who blocks a session, as bits. @returns True if that is new. */
  setSessionBlocks(session: number, blocks: number): boolean {
    return change(this.#sessions, session, SessionSlot.BLOCKS, blocks);
  }

  /** Writer: who blocks an account, as bits. @returns True if that is new. */
  setAccountBlocks(account: number, blocks: number): boolean {
    return change(this.#accounts, account, AccountSlot.BLOCKS, blocks);
  }

  /** Writer: the state of an instrument. @param untilMs 0 = until told. */
  setState(
    instrument: number,
    state: number,
    untilMs: number,
    follows: number,
  ): void {
    const table = this.#instruments;
    table.begin(instrument);
    table.set(InstrumentSlot.STATE, state);
    table.set(InstrumentSlot.STATE_UNTIL_MS, untilMs);
    table.set(InstrumentSlot.STATE_FOLLOWS, follows);
    // What was told of a call that is over says nothing any more.
    table.set(InstrumentSlot.INDICATIVE_PRICE, 0);
    table.set(InstrumentSlot.INDICATIVE_VOLUME, 0);
    table.set(InstrumentSlot.IMBALANCE, 0);
    table.end();
  }

  /** Writer: where a call would end. */
  setIndicative(
    instrument: number,
    price: number,
    volume: number,
    imbalance: number,
  ): void {
    const table = this.#instruments;
    table.begin(instrument);
    table.set(InstrumentSlot.INDICATIVE_PRICE, price);
    table.set(InstrumentSlot.INDICATIVE_VOLUME, volume);
    table.set(InstrumentSlot.IMBALANCE, imbalance);
    table.end();
  }

  /** Writer: an auction ended; price 0 = nothing traded. */
  setUncrossed(instrument: number, price: number, volume: number): void {
    const table = this.#instruments;
    const auctions = table.get(instrument, InstrumentSlot.AUCTIONS) + 1;
    table.begin(instrument);
    table.set(InstrumentSlot.AUCTIONS, auctions);
    table.set(InstrumentSlot.AUCTION_PRICE, price);
    table.set(InstrumentSlot.AUCTION_VOLUME, volume);
    if (price !== 0) table.set(InstrumentSlot.REFERENCE_PRICE, price);
    table.end();
    this.words[RegisterWord.AUCTIONS]! += 1;
  }

  /** Writer: a soft limit was passed. */
  addWarning(reason: number): void {
    this.words[RegisterWord.WARNINGS + reason % WARNING_REASONS]! += 1;
  }

  /** Commands of the operator that were applied; modulo 2^32. */
  get taken(): number {
    return Atomics.load(this.#taken, RegisterWord.TAKEN * 2);
  }

  /** Writer: `count` more were applied, the last as `sequence`: what `words` says of them is there. */
  addTaken(count: number, sequence: number): void {
    this.words[RegisterWord.SEQUENCE] = sequence;
    Atomics.add(this.#taken, RegisterWord.TAKEN * 2, count);
  }

  /** Warnings of a reason so far. */
  warnings(reason: number): number {
    return this.words[RegisterWord.WARNINGS + reason % WARNING_REASONS]!;
  }

  /** Symbol of an instrument; "" = there is none. */
  symbolOf(instrument: number): string {
    return this.#nameIn(this.#instruments, instrument, InstrumentSlot.SYMBOL);
  }

  /** A price of an instrument for people. */
  priceOf(instrument: number, ticks: number): number {
    const slot = InstrumentSlot.TICK_SIZE_E8;
    return scaled(ticks, this.#instruments.get(instrument, slot));
  }

  /** A quantity of an instrument for people. */
  quantityOf(instrument: number, lots: number): number {
    const slot = InstrumentSlot.LOT_SIZE_E8;
    return scaled(lots, this.#instruments.get(instrument, slot));
  }

  /** Name of an account; "" = there is none. */
  accountName(account: number): string {
    return this.#nameIn(this.#accounts, account, AccountSlot.NAME);
  }

  /** Name of a session; "" = there is none. */
  sessionName(session: number): string {
    return this.#nameIn(this.#sessions, session, SessionSlot.NAME);
  }

  /** Slots of an account that is there. */
  accountEntry(account: number): Float64Array {
    const entry = this.#accounts.read(account);
    assert(entry !== undefined, `account ${account} is not there`);
    return entry;
  }

  #nameIn(table: SharedTable, index: number, slot: number): string {
    if (index >= table.entries) return "";
    const entry = table.read(index);
    return entry === undefined ? "" : tableText(entry, slot);
  }

  /** Slots of the instrument of that name, and its index; undefined if there is none. */
  findInstrument(
    symbol: string,
  ): { index: number; entry: Float64Array } | undefined {
    const count = this.words[RegisterWord.INSTRUMENTS]!;
    for (let index = 0; index < count; index++) {
      const entry = this.#instruments.read(index);
      if (entry === undefined) continue;
      if (tableText(entry, InstrumentSlot.SYMBOL) === symbol) {
        return { index, entry };
      }
    }
    return undefined;
  }

  /** The instrument of that index; undefined if there is none. */
  instrument(index: number): InstrumentView | undefined {
    const entry = this.#instruments.read(index);
    return entry === undefined ? undefined : instrumentView(entry, index);
  }

  /** State of each instrument, by symbol. */
  states(): { symbol: string; state: number; auctions: number }[] {
    return this.#all(this.#instruments, RegisterWord.INSTRUMENTS, (entry) => ({
      symbol: tableText(entry, InstrumentSlot.SYMBOL),
      state: entry[InstrumentSlot.STATE]!,
      auctions: entry[InstrumentSlot.AUCTIONS]!,
    }));
  }

  /** All instruments. */
  instruments(): InstrumentView[] {
    return this.#all(
      this.#instruments,
      RegisterWord.INSTRUMENTS,
      instrumentView,
    );
  }

  /** All accounts. */
  accounts(): AccountView[] {
    return this.#all(this.#accounts, RegisterWord.ACCOUNTS, accountView);
  }

  /** All sessions. */
  sessions(): SessionView[] {
    const accounts = new Map(
      this.accounts().map(({ index, name }) => [index, name]),
    );
    return this.#all(
      this.#sessions,
      RegisterWord.SESSIONS,
      (entry, index) => sessionView(entry, index, accounts),
    );
  }

  #all<View>(
    table: SharedTable,
    word: number,
    view: (entry: Float64Array, index: number) => View,
  ): View[] {
    const views: View[] = [];
    const count = this.words[word]!;
    for (let index = 0; index < count; index++) {
      const entry = table.read(index);
      if (entry !== undefined) views.push(view(entry, index));
    }
    return views;
  }
}
