// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Brings the configuration and the journal together: which instruments,
 * accounts and sessions are defined, what is set for them, what has to be, and
 * what disagrees.
 *
 * Indexes are given once, by the first definition in the journal, and kept for
 * ever: records name instruments, accounts and sessions by them. Each
 * definition is told to every gateway. A setting is written if the
 * configuration says something else than it said at the start before; what an
 * operator changed in between stays. Cold path; belongs to the exchange's
 * thread.
 *
 * @module
 */
import { assert } from "../assert.ts";
import {
  type AccountConfig,
  type InstrumentConfig,
  type SessionRulesConfig,
  TRADING_STATES,
} from "../config/mod.ts";
import type { EventRing } from "../exchange/mod.ts";
import type { DepthPublisher } from "../marketdata/mod.ts";
import {
  CMD_FLAG_OPERATOR,
  CMD_SEQUENCE_F64,
  COMMAND_SLOT_BYTES,
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
} from "../record/mod.ts";
import { RING_FULL, type SpscRing } from "../ring/mod.ts";
import type { Log, LogFields } from "../telemetry/mod.ts";
import {
  type CommandFields,
  type CommandSlots,
  type ReadCommand,
  readCommand,
  textBytes,
  writeCommand,
} from "./command_fields.ts";
import type { Register } from "./register.ts";
import {
  accountSettings,
  capacitySetting,
  instrumentSettings,
  referenceSetting,
  restrictionSetting,
  type SavedSettings,
  sessionSetting,
  type Setting,
  Settings,
} from "./settings.ts";

/** A session that is defined if the journal has none of that protocol and name. */
export interface SessionWanted {
  readonly protocolCode: number;
  readonly name: string;
  /** Place of its gateway. */
  readonly gateway: number;
  readonly rules: SessionRulesConfig;
}

/** How many of each there may be. */
export interface DefinitionsCapacity {
  readonly orders: number;
  readonly specialOrders: number;
  readonly instruments: number;
  readonly sessions: number;
  readonly accounts: number;
}

/** What the configuration wants to be there. */
export interface DefinitionsWanted {
  readonly instruments: readonly InstrumentConfig[];
  readonly accounts: readonly AccountConfig[];
  readonly sessions: readonly SessionWanted[];
}

/** What definitions are made from. */
export interface DefinitionsOptions extends DefinitionsWanted {
  readonly capacity: DefinitionsCapacity;
  /** Live orders of a session. */
  readonly ordersOf: (session: number) => number;
  /** Of the gateways. */
  readonly gatewayEvents: readonly EventRing[];
  readonly depth: DepthPublisher;
  readonly register: Register;
  readonly routes: Uint8Array;
  readonly log: Log;
}

interface KnownInstrument {
  readonly index: number;
  readonly tickSizeE8: number;
  readonly lotSizeE8: number;
}

/** What `Definitions.save()` gives. */
export interface SavedDefinitions {
  readonly settings: SavedSettings;
  readonly instruments: readonly (readonly [string, KnownInstrument])[];
  readonly accounts: readonly (readonly [string, number])[];
  readonly sessions: readonly (readonly [string, number])[];
  readonly sessionAccounts: readonly (readonly [number, number])[];
  readonly fresh: readonly number[];
}

/** A command that the configuration needs, and the line that tells of it. */
interface Missing {
  readonly command: CommandFields;
  readonly message?: string;
  readonly fields?: LogFields;
}

/** The definitions of one shard. */
export class Definitions {
  /** Byte offset of the command that `writeNext` wrote. */
  writtenAt = 0;
  readonly #options: DefinitionsOptions;
  readonly #settings = new Settings();
  readonly #instruments = new Map<string, KnownInstrument>();
  readonly #accounts = new Map<string, number>();
  readonly #sessions = new Map<string, number>();
  /** Account of each session that has one. */
  readonly #sessionAccounts = new Map<number, number>();
  /** Instruments that were defined by a start that is not known to be over. */
  readonly #fresh = new Set<number>();
  #missing: Iterator<Missing>;
  #wanted: DefinitionsWanted;

  constructor(options: DefinitionsOptions) {
    this.#options = options;
    this.#wanted = options;
    this.#missing = this.#everythingMissing();
  }

  /** Sessions that are defined, by `sessionKey()`. */
  sessionKeys(): string[] {
    return [...this.#sessions.keys()];
  }

  /** All that commands have defined and set. */
  save(): SavedDefinitions {
    return {
      settings: this.#settings.save(),
      instruments: [...this.#instruments],
      accounts: [...this.#accounts],
      sessions: [...this.#sessions],
      sessionAccounts: [...this.#sessionAccounts],
      fresh: [...this.#fresh],
    };
  }

  /** Takes what was saved; gateways know it from their own part. */
  load(saved: SavedDefinitions): void {
    this.#settings.load(saved.settings);
    for (const [symbol, known] of saved.instruments) {
      this.#instruments.set(symbol, known);
      const { index, tickSizeE8, lotSizeE8 } = known;
      const text = new TextEncoder().encode(symbol);
      this.#options.depth.define(index, text, tickSizeE8, lotSizeE8);
    }
    for (const [name, index] of saved.accounts) this.#accounts.set(name, index);
    for (const [key, index] of saved.sessions) {
      this.#sessions.set(key, index);
      this.#options.routes[index] = this.#gatewayOf(key);
    }
    for (const [session, account] of saved.sessionAccounts) {
      this.#sessionAccounts.set(session, account);
    }
    for (const instrument of saved.fresh) this.#fresh.add(instrument);
  }

  /** Takes note of a command that was applied, and tells the gateways of definitions. */
  observe(commands: CommandSlots, at: number): void {
    const command = readCommand(commands, at);
    const text = textBytes(commands, at);
    const sequence = commands.f64[(at >>> 3) + CMD_SEQUENCE_F64]!;
    // An operator asks when the start is over.
    if ((command.flags & CMD_FLAG_OPERATOR) !== 0) this.inUse();
    this.#settings.observe(command);
    this.#options.register.observe(command, text);
    switch (command.kind) {
      case CommandKind.DEFINE_INSTRUMENT:
        return this.#instrumentDefined(command, text, sequence);
      case CommandKind.DEFINE_ACCOUNT:
        this.#accounts.set(command.text, command.reason);
        return this.#tell(EventKind.ACCOUNT_DEFINED, sequence, command.reason, {
          text,
        });
      case CommandKind.DEFINE_SESSION:
        return this.#sessionDefined(command, text, sequence);
      case CommandKind.SET_SESSION:
        this.#sessionAccounts.set(command.session, command.reason);
        return;
      case CommandKind.SET_STATE:
        this.#fresh.delete(command.instrument);
    }
  }

  /** The start that defined them is over: instruments are in use. */
  inUse(): void {
    if (this.#fresh.size > 0) this.#fresh.clear();
  }

  #instrumentDefined(
    command: ReadCommand,
    text: Uint8Array,
    sequence: number,
  ): void {
    const known: KnownInstrument = {
      index: command.instrument,
      tickSizeE8: command.quantity,
      lotSizeE8: command.reference,
    };
    this.#instruments.set(command.text, known);
    if ((command.flags & CMD_FLAG_OPERATOR) === 0) this.#fresh.add(known.index);
    const { index, tickSizeE8, lotSizeE8 } = known;
    this.#options.depth.define(index, text, tickSizeE8, lotSizeE8);
    this.#tell(EventKind.INSTRUMENT_DEFINED, sequence, index, {
      text,
      instrument: index,
      quantity: tickSizeE8,
      reference: lotSizeE8,
    });
  }

  #sessionDefined(
    command: ReadCommand,
    text: Uint8Array,
    sequence: number,
  ): void {
    const { session: index, detail: code, text: name } = command;
    const key = sessionKey(code, name);
    this.#sessions.set(key, index);
    this.#options.routes[index] = this.#gatewayOf(key);
    this.#tell(EventKind.SESSION_DEFINED, sequence, index, {
      text,
      detail: code,
    });
  }

  /** Place of the gateway that serves a session; 0 if none does. */
  #gatewayOf(key: string): number {
    const wanted = this.#wanted.sessions.find((session) =>
      sessionKey(session.protocolCode, session.name) === key
    );
    return wanted?.gateway ?? 0;
  }

  /**
   * Compares what the configuration wants with what the journal has.
   *
   * @throws {Error} If an instrument's sizes differ, or a session with open
   *   orders shall have another account.
   */
  check(): void {
    for (const wanted of this.#wanted.instruments) {
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
    for (const wanted of this.#wanted.sessions) this.#checkAccount(wanted);
  }

  /**
   * Takes another configuration while it runs: `writeNext()` goes on with what
   * it says anew.
   *
   * @throws {Error} If it does not go with what is there; then nothing is taken.
   */
  reconfigure(wanted: DefinitionsWanted): void {
    const before = this.#wanted;
    this.#wanted = wanted;
    try {
      this.check();
      this.#checkCapacity();
    } catch (error) {
      this.#wanted = before;
      throw error;
    }
    // What was defined before is in use, whoever defined it.
    this.inUse();
    this.#missing = this.#everythingMissing();
  }

  /** Takes another configuration whose commands come from elsewhere, or later. */
  expect(wanted: DefinitionsWanted): void {
    this.#wanted = wanted;
    this.#missing = this.#everythingMissing();
  }

  /** What is there and not in the file takes room too. */
  #checkCapacity(): void {
    const { capacity } = this.#options;
    const { instruments, accounts, sessions } = this.#wanted;
    const check = (key: string, has: number, more: number, most: number) => {
      if (more === 0 || has + more <= most) return;
      throw new Error(
        `There are ${has} ${key} and ${more} more are configured, but there is ` +
          `room for ${most}: raise [capacity] ${key} and restart`,
      );
    };
    const { size } = this.#instruments;
    const newInstruments = instruments.filter(({ symbol }) =>
      !this.#instruments.has(symbol)
    );
    check("instruments", size, newInstruments.length, capacity.instruments);
    const newAccounts = accounts.filter(({ name }) =>
      !this.#accounts.has(name)
    );
    check(
      "accounts",
      this.#accounts.size,
      newAccounts.length,
      capacity.accounts,
    );
    const newSessions = sessions.filter(({ protocolCode, name }) =>
      !this.#sessions.has(sessionKey(protocolCode, name))
    );
    // One is the appliance's own.
    check(
      "sessions",
      this.#sessions.size,
      newSessions.length,
      capacity.sessions - 1,
    );
  }

  /** Open orders count for the account of their session: it can not change under them. */
  #checkAccount({ protocolCode, name, rules }: SessionWanted): void {
    const session = this.#sessions.get(sessionKey(protocolCode, name));
    if (session === undefined) return;
    const before = this.#sessionAccounts.get(session) ?? 0;
    // A new account has no index yet, and is not the old one.
    const account = rules.account === ""
      ? 0
      : this.#accounts.get(rules.account) ?? -1;
    const orders = this.#options.ordersOf(session);
    if (account === before || orders === 0) return;
    const named = [...this.#accounts].find(([, index]) => index === before);
    const text = (account: string): string =>
      account === "" ? "no account" : `account ${account}`;
    throw new Error(
      `Session ${name} is configured with ${text(rules.account)}, but has ` +
        `${orders} open orders for ${
          text(named?.[0] ?? "")
        }: they would count ` +
        "for neither. Start with the old account, cancel the orders, and start again",
    );
  }

  /**
   * Looks at a recorded definition before it is applied.
   *
   * @throws {Error} If there is less room now than there was.
   */
  checkRoom(commands: CommandSlots, at: number): void {
    const command = readCommand(commands, at);
    const { capacity } = this.#options;
    const { kind, quantity, reference } = command;
    const need = (key: string, wanted: number, has: number): void => {
      if (wanted <= has) return;
      throw new Error(
        `The journal was written with [capacity] ${key} = ${wanted} or more, ` +
          `now it is ${has}: what it holds may not fit. Give at least the old value`,
      );
    };
    if (kind === CommandKind.DEFINE_CAPACITY) {
      need("orders", quantity, capacity.orders);
      need("special_orders", reference, capacity.specialOrders);
    } else if (kind === CommandKind.DEFINE_INSTRUMENT) {
      need("instruments", command.instrument + 1, capacity.instruments);
    } else if (kind === CommandKind.DEFINE_SESSION) {
      need("sessions", command.session + 1, capacity.sessions);
    } else if (kind === CommandKind.DEFINE_ACCOUNT) {
      need("accounts", command.reason, capacity.accounts);
    }
  }

  /**
   * Writes the next command that the configuration needs into the ring
   * (claimed, not published; sequence and time are the caller's). The caller
   * applies and observes it before it asks again.
   *
   * @returns False if nothing is left to define.
   */
  writeNext(journal: SpscRing): boolean {
    const next = this.#missing.next();
    if (next.done === true) return false;
    const { command, message, fields } = next.value;
    const slot = journal.claim();
    assert(slot !== RING_FULL, "the journal ring is full while starting");
    const at = slot * COMMAND_SLOT_BYTES;
    writeCommand(journal, at, command);
    this.writtenAt = at;
    if (message !== undefined) this.#options.log.info(message, fields);
    return true;
  }

  *#everythingMissing(): Generator<Missing> {
    const { capacity } = this.#options;
    yield* this.#set(
      capacitySetting(capacity.orders, capacity.specialOrders),
      { orders: capacity.orders, specialOrders: capacity.specialOrders },
    );
    for (const wanted of this.#wanted.accounts) {
      const known = this.#accounts.get(wanted.name);
      const account = known ?? this.#accounts.size + 1;
      for (const setting of accountSettings(account, wanted)) {
        yield* this.#set(setting, { account: wanted.name });
      }
      if (known === undefined) {
        this.#options.log.info("account defined", {
          name: wanted.name,
          index: account,
        });
      }
    }
    for (const wanted of this.#wanted.instruments) {
      yield* this.#missingOfInstrument(wanted);
    }
    for (const wanted of this.#wanted.accounts) {
      yield* this.#missingRestrictions(wanted);
    }
    for (const wanted of this.#wanted.sessions) {
      yield* this.#missingOfSession(wanted);
    }
    this.#tellDifferences();
  }

  *#missingOfInstrument(wanted: InstrumentConfig): Generator<Missing> {
    const { symbol, tickSizeE8, lotSizeE8 } = wanted;
    if (!this.#instruments.has(symbol)) {
      const index = this.#instruments.size;
      yield {
        command: {
          kind: CommandKind.DEFINE_INSTRUMENT,
          instrument: index,
          quantity: tickSizeE8,
          reference: lotSizeE8,
          text: symbol,
        },
        message: "instrument defined",
        fields: { symbol, index },
      };
    }
    const { index } = this.#instruments.get(symbol)!;
    if (this.#fresh.has(index) && wanted.state !== "open") {
      yield {
        command: {
          kind: CommandKind.SET_STATE,
          instrument: index,
          detail: TRADING_STATES.indexOf(wanted.state),
        },
        message: "set by the configuration",
        fields: { symbol, keys: "state", value: wanted.state },
      };
    }
    for (const setting of instrumentSettings(index, wanted)) {
      yield* this.#set(setting, { symbol });
    }
    const reference = referenceSetting(index, wanted.referencePriceTicks);
    if (wanted.referencePriceTicks !== 0 && !this.#settings.isSet(reference)) {
      yield* this.#set(reference, { symbol });
    }
  }

  *#missingRestrictions(wanted: AccountConfig): Generator<Missing> {
    for (const [symbol, setting] of this.#restrictions(wanted)) {
      yield* this.#set(setting, { account: wanted.name, symbol });
    }
  }

  /** What the configuration says of instruments that are, were, or shall be restricted. */
  #restrictions(wanted: AccountConfig): [string, Setting][] {
    const account = this.#accounts.get(wanted.name)!;
    const before = this.#settings.restrictionsOf(account);
    return [...this.#instruments]
      .filter(([symbol, { index }]) =>
        before.has(index) || wanted.restricted.includes(symbol)
      )
      .map(([symbol, { index }]) => [
        symbol,
        restrictionSetting(account, index, wanted.restricted.includes(symbol)),
      ]);
  }

  *#missingOfSession(
    { protocolCode, name, rules }: SessionWanted,
  ): Generator<Missing> {
    const key = sessionKey(protocolCode, name);
    if (!this.#sessions.has(key)) {
      const index = this.#sessions.size + 1;
      yield {
        command: {
          kind: CommandKind.DEFINE_SESSION,
          session: index,
          detail: protocolCode,
          text: name,
        },
        message: "session defined",
        fields: { name, index },
      };
    }
    const account = this.#accounts.get(rules.account) ?? 0;
    yield* this.#set(
      sessionSetting(this.#sessions.get(key)!, account, rules),
      { session: name },
    );
  }

  /** The commands of a setting that the configuration says anew. */
  *#set(setting: Setting, fields: LogFields): Generator<Missing> {
    if (this.#settings.isConfigured(setting)) return;
    for (const command of setting.commands) yield { command };
    this.#options.log.info("set by the configuration", {
      ...fields,
      keys: setting.keys.join(","),
      value: setting.value,
    });
  }

  /** What an operator set and the configuration does not say. */
  #tellDifferences(): void {
    const differing = (settings: readonly Setting[], fields: LogFields) => {
      for (const setting of settings) {
        if (this.#settings.holds(setting)) continue;
        this.#options.log.warn(
          "set by an operator otherwise than by the configuration",
          { ...fields, keys: setting.keys.join(",") },
        );
      }
    };
    for (const wanted of this.#wanted.accounts) {
      const account = this.#accounts.get(wanted.name)!;
      const fields = { account: wanted.name };
      differing(accountSettings(account, wanted), fields);
      for (const [symbol, setting] of this.#restrictions(wanted)) {
        differing([setting], { ...fields, symbol });
      }
    }
    for (const wanted of this.#wanted.instruments) {
      const { index } = this.#instruments.get(wanted.symbol)!;
      differing(instrumentSettings(index, wanted), { symbol: wanted.symbol });
    }
  }

  /** One event to each gateway. */
  #tell(
    kind: number,
    sequence: number,
    index: number,
    more: {
      readonly text: Uint8Array;
      readonly detail?: number;
      readonly instrument?: number;
      readonly quantity?: number;
      readonly reference?: number;
    },
  ): void {
    for (const ring of this.#options.gatewayEvents) {
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
      u8[at + EVT_DETAIL_U8] = more.detail ?? 0;
      u16[(at >>> 1) + EVT_INSTRUMENT_U16] = more.instrument ?? 0;
      f64[(at >>> 3) + EVT_SEQUENCE_F64] = sequence;
      f64[(at >>> 3) + EVT_ORDER_ID_F64] = index;
      f64[(at >>> 3) + EVT_QUANTITY_F64] = more.quantity ?? 0;
      f64[(at >>> 3) + EVT_REFERENCE_F64] = more.reference ?? 0;
      u8.set(more.text, at + EVT_TEXT_U8);
    }
  }
}

/** Names a session: the same number may be a session of each protocol. */
export function sessionKey(protocolCode: number, name: string): string {
  return `${protocolCode}/${name}`;
}
