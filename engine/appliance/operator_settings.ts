// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Requests of an operator that set or define something: instruments and
 * accounts, with the keys of the configuration file. What is not given stays
 * as it is; null asks for what holds if nothing is said.
 *
 * @module
 */
import * as v from "valibot";
import {
  ACCOUNT_LIMIT_NAMES,
  type AccountConfig,
  compId,
  decimalText,
  type InstrumentConfig,
  readAccount,
  readInstrument,
  symbol,
  text,
  TRADING_STATES,
} from "../config/mod.ts";
import { CMD_FLAG_OPERATOR, CommandKind } from "../record/mod.ts";
import { ANY_INSTRUMENT, type CommandFields } from "./command_fields.ts";
import {
  accountOf,
  type Body,
  instrumentOf,
  read,
  refused,
  type RequestContext,
  RequestError,
} from "./operator_context.ts";
import {
  AccountSlot,
  InstrumentSlot,
  RegisterWord,
} from "./register_layout.ts";
import {
  accountSettings,
  instrumentSettings,
  referenceSetting,
  restrictionSetting,
  type Setting,
} from "./settings.ts";

const NS_PER_MS = 1e6;
const name = text(/^[\x21-\x7e]{1,64}$/, "a name");

/** Commands of those settings of which a key was given. */
function givenCommands(
  settings: readonly Setting[],
  given: readonly string[],
): CommandFields[] {
  return settings
    .filter(({ keys }) => keys.some((key) => given.includes(key)))
    .flatMap(({ commands }) => commands)
    .map((command) => ({ ...command, flags: CMD_FLAG_OPERATOR }));
}

/** The keys that have a value: null asks for what holds if nothing is said. */
function withoutNull(body: Body): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(body).filter(([, value]) => value !== null),
  );
}

function needOne(given: readonly string[]): void {
  if (given.length > 0) return;
  throw refused("", "", "at least one setting must be given");
}

/** Changes settings of an instrument. */
export function setInstrument(
  body: Body,
  context: RequestContext,
): CommandFields[] {
  const { instrument: wanted, ...settings } = body;
  const { instrument: known } = read(
    v.strictObject({ instrument: symbol }, "an object"),
    wanted === undefined ? {} : { instrument: wanted },
  );
  const { index, entry } = instrumentOf(known, context);
  for (const key of ["symbol", "tick_size", "lot_size", "state"]) {
    if (settings[key] === undefined) continue;
    throw refused(key, "", "can not be set for an instrument that is there");
  }
  const given = Object.keys(settings);
  needOne(given);
  const asked = readInstrument({
    ...withoutNull(settings),
    symbol: known,
    tick_size: decimalText(entry[InstrumentSlot.TICK_SIZE_E8]!),
    lot_size: decimalText(entry[InstrumentSlot.LOT_SIZE_E8]!),
  }, "request");
  // One command sets two keys: the other one of them stays as it is.
  const keep = <T>(key: string, value: T, slot: number): T | number =>
    given.includes(key) ? value : entry[slot]!;
  const slot = InstrumentSlot;
  const wholeWanted: InstrumentConfig = {
    ...asked,
    quantityLotsMax: keep(
      "max_quantity",
      asked.quantityLotsMax,
      slot.QUANTITY_MAX,
    ),
    notionalMax: keep("max_notional", asked.notionalMax, slot.NOTIONAL_MAX),
    volatilityRangeTicks: keep(
      "volatility_range",
      asked.volatilityRangeTicks,
      slot.VOLATILITY_RANGE,
    ),
    volatilityAuctionMs: given.includes("volatility_auction_ms") ||
        entry[slot.VOLATILITY_RANGE] === 0
      ? asked.volatilityAuctionMs
      : entry[slot.VOLATILITY_NS]! / NS_PER_MS,
  };
  return givenCommands([
    ...instrumentSettings(index, wholeWanted),
    referenceSetting(index, wholeWanted.referencePriceTicks),
  ], given);
}

const LISTS = v.object({
  restrict: v.optional(v.array(name, 'a list such as ["AAPL"]'), []),
  allow: v.optional(v.array(name, 'a list such as ["AAPL"]'), []),
});

/** Changes limits, group and restrictions of an account. */
export function setAccount(
  body: Body,
  context: RequestContext,
): CommandFields[] {
  const { account: wanted, restrict, allow, ...limits } = body;
  const { account: known } = read(
    v.strictObject({ account: compId }, "an object"),
    wanted === undefined ? {} : { account: wanted },
  );
  const account = accountOf(known, context);
  const lists = read(LISTS, {
    ...(restrict === undefined ? {} : { restrict }),
    ...(allow === undefined ? {} : { allow }),
  });
  for (const key of ["name", "restricted"]) {
    if (limits[key] === undefined) continue;
    throw refused(key, "", "can not be set; restrict and allow take symbols");
  }
  const given = Object.keys(limits);
  needOne([...given, ...lists.restrict, ...lists.allow]);
  const entry = context.register.accountEntry(account);
  const merged: Record<string, unknown> = { ...withoutNull(limits) };
  ACCOUNT_LIMIT_NAMES.forEach((limit, i) => {
    // One command sets both: the other one of them stays as it is.
    [limit, `soft_${limit}`].forEach((key, soft) => {
      const value = entry[AccountSlot.LIMITS + 2 * i + soft]!;
      if (!given.includes(key) && value !== 0) merged[key] = value;
    });
  });
  if (!given.includes("group")) merged.group = entry[AccountSlot.GROUP]!;
  const config = readAccount({ ...merged, name: known }, "request");
  return [
    ...givenCommands(accountSettings(account, config), given),
    ...restrictions(account, lists.restrict, true, context),
    ...restrictions(account, lists.allow, false, context),
  ];
}

/** Restrictions for symbols, or "*" for all. */
function restrictions(
  account: number,
  symbols: readonly string[],
  restricted: boolean,
  context: RequestContext,
): CommandFields[] {
  const settings = symbols.map((one) =>
    restrictionSetting(
      account,
      one === "*" ? ANY_INSTRUMENT : instrumentOf(one, context).index,
      restricted,
    )
  );
  return givenCommands(settings, ["restricted"]);
}

/** A new instrument, with its settings. */
export function defineInstrument(
  body: Body,
  context: RequestContext,
): CommandFields[] {
  const config = readInstrument(withoutNull(body), "request");
  const { register, instruments } = context;
  if (register.findInstrument(config.symbol) !== undefined) {
    throw new RequestError(409, `Instrument ${config.symbol} is there already`);
  }
  const index = register.words[RegisterWord.INSTRUMENTS]!;
  if (index >= instruments) {
    throw new RequestError(
      409,
      `There is room for ${instruments} instruments: raise [capacity] instruments and start again`,
    );
  }
  const flags = CMD_FLAG_OPERATOR;
  const given = Object.keys(body);
  return [
    {
      kind: CommandKind.DEFINE_INSTRUMENT,
      flags,
      instrument: index,
      quantity: config.tickSizeE8,
      reference: config.lotSizeE8,
      text: config.symbol,
    },
    ...config.state === "open" ? [] : [{
      kind: CommandKind.SET_STATE,
      flags,
      instrument: index,
      detail: TRADING_STATES.indexOf(config.state),
    }],
    ...givenCommands([
      ...instrumentSettings(index, config),
      referenceSetting(index, config.referencePriceTicks),
    ], given),
  ];
}

/** A new account, with its limits. */
export function defineAccount(
  body: Body,
  context: RequestContext,
): CommandFields[] {
  const config: AccountConfig = readAccount(withoutNull(body), "request");
  const { register, accounts } = context;
  if (register.accounts().some((account) => account.name === config.name)) {
    throw new RequestError(409, `Account ${config.name} is there already`);
  }
  // Account 0 is none.
  const index = Math.max(1, register.words[RegisterWord.ACCOUNTS]!);
  if (index > accounts) {
    throw new RequestError(
      409,
      `There is room for ${accounts} accounts: raise [capacity] accounts and start again`,
    );
  }
  return [
    ...givenCommands(accountSettings(index, config), [
      "group",
      ...Object.keys(body),
    ]),
    ...restrictions(index, config.restricted, true, context),
  ];
}
