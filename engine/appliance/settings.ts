// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Settings: what commands have set, by whom, and the commands that the
 * configuration wants.
 *
 * Each setting has two values: the one that holds, and the one that the
 * configuration gave last. A start writes a setting only if the configuration
 * says something new, so what an operator changed while it ran stays.
 * Belongs to the exchange's thread. Cold path; allocates.
 *
 * @module
 */
import {
  ACCOUNT_LIMIT_NAMES,
  type AccountConfig,
  type InstrumentConfig,
  SELF_TRADE_MODES,
  SELF_TRADE_SCOPES,
  type SessionRulesConfig,
} from "../config/mod.ts";
import {
  CMD_FLAG_OPERATOR,
  CommandKind,
  InstrumentSetting,
} from "../record/mod.ts";
import type { CommandFields, ReadCommand } from "./command_fields.ts";

const NS_PER_MS = 1e6;
const STP_SCOPE_SHIFT = 4;
const LIMIT_MAX = Number.MAX_SAFE_INTEGER;

/** One setting as it is wanted. */
export interface Setting {
  /** What is set, of what: the same for the same. */
  readonly id: string;
  /** To what: the same text for the same value. */
  readonly value: string;
  /** Keys of the configuration that say so. */
  readonly keys: readonly string[];
  /** What sets it. */
  readonly commands: readonly CommandFields[];
}

/** First price and step of each band, ticks. */
type TickTable = readonly (readonly [number, number])[];

/** What is set by a command, of what. */
function idOf(fields: CommandFields): string {
  const { kind, instrument = 0, detail = 0, reason = 0, session = 0 } = fields;
  switch (kind) {
    case CommandKind.DEFINE_LIMITS:
      return `limits ${instrument}`;
    case CommandKind.SET_INSTRUMENT:
      return `instrument ${instrument} ${detail}`;
    case CommandKind.SET_TICKS:
      return `ticks ${instrument}`;
    case CommandKind.DEFINE_ACCOUNT:
      return `account ${reason}`;
    case CommandKind.SET_ACCOUNT_LIMIT:
      return `limit ${reason} ${detail}`;
    case CommandKind.SET_RESTRICTION:
      return `restriction ${reason} ${instrument}`;
    case CommandKind.SET_SESSION:
      return `session ${session}`;
    case CommandKind.DEFINE_CAPACITY:
      return "capacity";
    default:
      return "";
  }
}

/** To what a command sets it; 0 and the engine's default are one. */
function valueOf(fields: CommandFields): string {
  const { kind, detail = 0, reason = 0, price = 0 } = fields;
  const { quantity = 0, reference = 0 } = fields;
  const two = `${quantity} ${reference}`;
  switch (kind) {
    case CommandKind.DEFINE_LIMITS:
      return `${quantity || LIMIT_MAX} ${reference || LIMIT_MAX}`;
    case CommandKind.SET_INSTRUMENT:
      if (detail === InstrumentSetting.LOT_STEP) return `${quantity || 1}`;
      return `${price} ${two}`;
    case CommandKind.DEFINE_ACCOUNT:
      return `${price}`;
    case CommandKind.SET_RESTRICTION:
      return `${detail}`;
    case CommandKind.SET_SESSION:
      return `${reason} ${detail} ${price} ${two}`;
    default:
      return two;
  }
}

/** What holds before the first command; undefined where a command must come. */
function defaultOf(setting: Setting): string | undefined {
  const [first] = setting.commands;
  const { kind, detail = 0 } = first!;
  if (kind === CommandKind.SET_TICKS) return tableText([]);
  if (
    kind === CommandKind.DEFINE_ACCOUNT || kind === CommandKind.DEFINE_CAPACITY
  ) return undefined;
  return valueOf({ kind, ...isPlace(kind) ? { detail } : {} });
}

/** Kinds of which `detail` says what is set, not to what. */
function isPlace(kind: number): boolean {
  return kind === CommandKind.SET_INSTRUMENT ||
    kind === CommandKind.SET_ACCOUNT_LIMIT;
}

function tableText(table: TickTable): string {
  return table.map(([from, step]) => `${from}:${step}`).join(" ");
}

function tableOf(text: string): TickTable {
  if (text === "") return [];
  return text.split(" ").map((band) => {
    const [from, step] = band.split(":");
    return [Number(from), Number(step)] as const;
  });
}

/** A table after one SET_TICKS. */
function withBand(table: TickTable, command: CommandFields): TickTable {
  const { detail: band = 0, price = 0, reason: step = 0 } = command;
  if (step === 0) return table.slice(0, band);
  const from = band === 0 ? 0 : price;
  if (band >= table.length) return [...table, [from, step]];
  return table.map((old, i) => i === band ? [from, step] : old);
}

/** A setting that one command makes. */
function single(keys: readonly string[], command: CommandFields): Setting {
  const id = idOf(command);
  return { id, value: valueOf(command), keys, commands: [command] };
}

function noteRestriction(
  byAccount: Map<number, Set<number>>,
  { kind, reason: account, instrument, detail }: ReadCommand,
): void {
  if (kind !== CommandKind.SET_RESTRICTION) return;
  const restricted = byAccount.get(account) ?? new Set<number>();
  if (detail === 1) restricted.add(instrument);
  else restricted.delete(instrument);
  byAccount.set(account, restricted);
}

/** Instruments of each account, as they are saved. */
type SavedRestrictions = readonly (readonly [number, readonly number[]])[];

/** What `Settings.save()` gives. */
export interface SavedSettings {
  readonly running: readonly (readonly [string, string])[];
  readonly configured: readonly (readonly [string, string])[];
  readonly runningRestrictions: SavedRestrictions;
  readonly configuredRestrictions: SavedRestrictions;
}

function savedRestrictions(
  byAccount: ReadonlyMap<number, ReadonlySet<number>>,
): SavedRestrictions {
  return [...byAccount].map(([account, set]) => [account, [...set]]);
}

function loadRestrictions(
  byAccount: Map<number, Set<number>>,
  saved: SavedRestrictions,
): void {
  for (const [account, instruments] of saved) {
    byAccount.set(account, new Set(instruments));
  }
}

/** What commands have set so far. */
export class Settings {
  /** By id: what holds, and what the configuration gave last. */
  readonly #running = new Map<string, string>();
  readonly #configured = new Map<string, string>();
  /** Instruments by account, likewise. */
  readonly #runningRestrictions = new Map<number, Set<number>>();
  readonly #configuredRestrictions = new Map<number, Set<number>>();

  /** All of it. */
  save(): SavedSettings {
    return {
      running: [...this.#running],
      configured: [...this.#configured],
      runningRestrictions: savedRestrictions(this.#runningRestrictions),
      configuredRestrictions: savedRestrictions(this.#configuredRestrictions),
    };
  }

  /** Takes what was saved; nothing was observed before. */
  load(saved: SavedSettings): void {
    for (const [id, value] of saved.running) this.#running.set(id, value);
    for (const [id, value] of saved.configured) {
      this.#configured.set(id, value);
    }
    loadRestrictions(this.#runningRestrictions, saved.runningRestrictions);
    loadRestrictions(
      this.#configuredRestrictions,
      saved.configuredRestrictions,
    );
  }

  /** Takes note of a command that was applied. */
  observe(command: ReadCommand): void {
    if (idOf(command) !== "") this.#note(command);
  }

  #note(command: ReadCommand): void {
    const id = idOf(command);
    const note = (values: Map<string, string>): void => {
      const value = command.kind === CommandKind.SET_TICKS
        ? tableText(withBand(tableOf(values.get(id) ?? ""), command))
        : valueOf(command);
      values.set(id, value);
    };
    note(this.#running);
    noteRestriction(this.#runningRestrictions, command);
    if ((command.flags & CMD_FLAG_OPERATOR) !== 0) return;
    note(this.#configured);
    noteRestriction(this.#configuredRestrictions, command);
  }

  /** True if the configuration said this at an earlier start already. */
  isConfigured(setting: Setting): boolean {
    const given = this.#configured.get(setting.id) ?? defaultOf(setting);
    return given === setting.value;
  }

  /** True if this is what holds. */
  holds(setting: Setting): boolean {
    const running = this.#running.get(setting.id) ?? defaultOf(setting);
    return running === setting.value;
  }

  /** Instruments that an account may not trade, or may not as the configuration said last. */
  restrictionsOf(account: number): ReadonlySet<number> {
    return new Set([
      ...this.#runningRestrictions.get(account) ?? [],
      ...this.#configuredRestrictions.get(account) ?? [],
    ]);
  }

  /** True if anyone ever set it. */
  isSet(setting: Setting): boolean {
    return this.#running.has(setting.id);
  }
}

/** How much may rest. */
export function capacitySetting(orders: number, special: number): Setting {
  return single(["orders", "special_orders"], {
    kind: CommandKind.DEFINE_CAPACITY,
    quantity: orders,
    reference: special,
  });
}

/** Reference price of an instrument; auctions change it too. */
export function referenceSetting(instrument: number, price: number): Setting {
  return single(["reference_price"], {
    kind: CommandKind.SET_INSTRUMENT,
    instrument,
    detail: InstrumentSetting.REFERENCE_PRICE,
    price,
  });
}

/** Settings of an instrument, but for its reference price and state. */
export function instrumentSettings(
  instrument: number,
  wanted: InstrumentConfig,
): Setting[] {
  const set = (
    keys: readonly string[],
    detail: number,
    quantity: number,
  ): Setting =>
    single(keys, {
      kind: CommandKind.SET_INSTRUMENT,
      instrument,
      detail,
      quantity,
    });
  const range = wanted.volatilityRangeTicks;
  return [
    single(["max_quantity", "max_notional"], {
      kind: CommandKind.DEFINE_LIMITS,
      instrument,
      quantity: wanted.quantityLotsMax,
      reference: wanted.notionalMax,
    }),
    tickSetting(instrument, wanted.tickTable),
    set(["lot_step"], InstrumentSetting.LOT_STEP, wanted.lotStepLots),
    set(
      ["price_collar"],
      InstrumentSetting.PRICE_COLLAR,
      wanted.priceCollarTicks,
    ),
    set(
      ["market_collar"],
      InstrumentSetting.MARKET_COLLAR,
      wanted.marketCollarTicks,
    ),
    single(["price_band"], {
      kind: CommandKind.SET_INSTRUMENT,
      instrument,
      detail: InstrumentSetting.PRICE_BAND,
      price: wanted.bandLowTicks,
      quantity: wanted.bandHighTicks,
    }),
    single(["volatility_range", "volatility_auction_ms"], {
      kind: CommandKind.SET_INSTRUMENT,
      instrument,
      detail: InstrumentSetting.VOLATILITY,
      quantity: range,
      reference: range === 0 ? 0 : wanted.volatilityAuctionMs * NS_PER_MS,
    }),
    set(["group"], InstrumentSetting.GROUP, wanted.group),
  ];
}

/** A whole tick table: the old one goes, then band by band. */
function tickSetting(
  instrument: number,
  table: InstrumentConfig["tickTable"],
): Setting {
  const kind = CommandKind.SET_TICKS;
  return {
    id: idOf({ kind, instrument }),
    value: tableText(
      table.map(({ fromTicks, stepTicks }) => [fromTicks, stepTicks]),
    ),
    keys: ["tick_table"],
    commands: [
      { kind, instrument, detail: 0, reason: 0 },
      ...table.map(({ fromTicks, stepTicks }, band) => ({
        kind,
        instrument,
        detail: band,
        price: fromTicks,
        reason: stepTicks,
      })),
    ],
  };
}

/** An account's group and limits. */
export function accountSettings(
  account: number,
  wanted: AccountConfig,
): Setting[] {
  return [
    single(["group"], {
      kind: CommandKind.DEFINE_ACCOUNT,
      reason: account,
      price: wanted.group,
      text: wanted.name,
    }),
    ...wanted.limits.map(({ hard, soft }, limit) =>
      single([
        ACCOUNT_LIMIT_NAMES[limit]!,
        `soft_${ACCOUNT_LIMIT_NAMES[limit]!}`,
      ], {
        kind: CommandKind.SET_ACCOUNT_LIMIT,
        reason: account,
        detail: limit,
        quantity: hard,
        reference: soft,
      })
    ),
  ];
}

/** Whether an account may not trade an instrument; `ANY_INSTRUMENT` = none at all. */
export function restrictionSetting(
  account: number,
  instrument: number,
  restricted: boolean,
): Setting {
  return single(["restricted"], {
    kind: CommandKind.SET_RESTRICTION,
    reason: account,
    instrument,
    detail: restricted ? 1 : 0,
  });
}

/** Rules of a session. @param account Index; 0 = none. */
export function sessionSetting(
  session: number,
  account: number,
  rules: SessionRulesConfig,
): Setting {
  const mode = SELF_TRADE_MODES.indexOf(rules.selfTradePrevention);
  const scope = SELF_TRADE_SCOPES.indexOf(rules.selfTradeScope);
  const { messagesMax, messagesIntervalMs } = rules;
  return single(["account", "group"], {
    kind: CommandKind.SET_SESSION,
    session,
    reason: account,
    // Orders may have a mode of their own, but not a scope.
    detail: mode | scope << STP_SCOPE_SHIFT,
    price: rules.group,
    quantity: messagesMax,
    reference: messagesMax === 0 ? 0 : messagesIntervalMs * NS_PER_MS,
  });
}
