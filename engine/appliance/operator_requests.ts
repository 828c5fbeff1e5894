// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What an operator may ask of a running appliance, and the commands that do
 * it. Requests are JSON with the keys of the configuration file; names become
 * indexes by the register. Pure but for reading the register; main thread,
 * cold path.
 *
 * @module
 */
import * as v from "valibot";
import {
  ACCOUNT_LIMIT_NAMES,
  type AccountConfig,
  compId,
  ConfigError,
  decimal,
  decimalE8,
  decimalText,
  group,
  type InstrumentConfig,
  INT32_MAX,
  oneOf,
  problemsOf,
  readAccount,
  readInstrument,
  symbol,
  text,
  TRADING_STATES,
  whole,
} from "../config/mod.ts";
import {
  CMD_FLAG_OPERATOR,
  CommandKind,
  MassScope,
  Side,
} from "../record/mod.ts";
import { ANY_INSTRUMENT, type CommandFields } from "./command_fields.ts";
import type { Register } from "./register.ts";
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
const WEEK_MS = 604_800_000;

/** A request that names what is not there, or what can not be now. */
export class RequestError extends Error {
  override name = "RequestError";
  /** As in HTTP. */
  readonly status: 404 | 409;

  constructor(status: 404 | 409, message: string) {
    super(message);
    this.status = status;
  }
}

/** What requests are checked against. */
export interface RequestContext {
  readonly register: Register;
  /** Most that there may be. */
  readonly instruments: number;
  readonly accounts: number;
}

const yes = v.literal(true, "true, or left out");
const name = text(/^[\x21-\x7e]{1,64}$/, "a name");

const STATE = v.strictObject({
  instrument: v.optional(symbol),
  group: v.optional(group),
  all: v.optional(yes),
  state: oneOf(TRADING_STATES),
  duration_ms: v.optional(whole(1, WEEK_MS)),
  then: v.optional(oneOf(TRADING_STATES)),
}, "an object");
const UNCROSS = v.strictObject({
  instrument: v.optional(symbol),
  group: v.optional(group),
  all: v.optional(yes),
}, "an object");
const SWITCH = v.strictObject({
  session: v.optional(name),
  account: v.optional(compId),
}, "an object");
const CANCEL = v.strictObject({
  session: v.optional(name),
  account: v.optional(compId),
  all: v.optional(yes),
  instrument: v.optional(symbol),
  side: v.optional(oneOf(["buy", "sell"])),
  from: v.optional(decimal),
  to: v.optional(decimal),
}, "an object");

type Body = Readonly<Record<string, unknown>>;
type Translate = (body: Body, context: RequestContext) => CommandFields[];

const REQUESTS: Readonly<Record<string, Translate>> = {
  "state": setState,
  "uncross": (body, context) => {
    const to = read(UNCROSS, body);
    return setState({ ...to, state: "open" }, context);
  },
  "kill": (body, context) => [killSwitch(body, context, 0)],
  "unlock": (body, context) => [killSwitch(body, context, MassScope.UNLOCK)],
  "cancel": massCancel,
  "set-instrument": setInstrument,
  "set-account": setAccount,
  "define-instrument": defineInstrument,
  "define-account": defineAccount,
};

/** What may be asked. */
export const REQUEST_NAMES: readonly string[] = Object.keys(REQUESTS);

/**
 * The commands that do what is asked.
 *
 * @param request The body: `command` and its keys.
 * @throws {ConfigError} If it is malformed: with every problem there is.
 * @throws {RequestError} If it names what is not there.
 */
export function commandsOf(
  request: unknown,
  context: RequestContext,
): CommandFields[] {
  if (
    typeof request !== "object" || request === null || Array.isArray(request)
  ) {
    throw refused("", "", 'must be an object such as {"command": "state"}');
  }
  const { command, ...body } = request as Body;
  const translate =
    typeof command === "string" && Object.hasOwn(REQUESTS, command)
      ? REQUESTS[command]
      : undefined;
  if (translate === undefined) {
    const names = REQUEST_NAMES.map((known) => `"${known}"`).join(", ");
    throw refused(
      "command",
      command === undefined ? "" : JSON.stringify(command),
      `must be one of ${names}`,
    );
  }
  return translate(body, context);
}

function refused(key: string, value: string, text: string): ConfigError {
  return new ConfigError("request", [{ key, value, text }]);
}

function read<Schema extends v.GenericSchema>(
  schema: Schema,
  body: Body,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, body);
  if (result.success) return result.output;
  throw new ConfigError("request", problemsOf(schema, result.issues));
}

/** Exactly one of some keys must be given. */
function oneKey(body: Body, keys: readonly string[]): void {
  const given = keys.filter((key) => body[key] !== undefined);
  if (given.length === 1) return;
  throw refused(
    keys[0]!,
    "",
    `exactly one of ${keys.join(", ")} must be given, not ${given.length}`,
  );
}

function instrumentOf(
  wanted: string,
  { register }: RequestContext,
): { index: number; entry: Float64Array } {
  const found = register.findInstrument(wanted);
  if (found === undefined) {
    throw new RequestError(404, `There is no instrument ${wanted}`);
  }
  return found;
}

function accountOf(wanted: string, { register }: RequestContext): number {
  const found = register.accounts().find((account) => account.name === wanted);
  if (found === undefined) {
    throw new RequestError(404, `There is no account ${wanted}`);
  }
  return found.index;
}

/** A session by its name, or by `fix:NAME` or `binary:NUMBER`. */
function sessionOf(wanted: string, { register }: RequestContext): number {
  const found = register.sessions().filter((session) =>
    session.name === wanted || `${session.protocol}:${session.name}` === wanted
  );
  if (found.length === 0) {
    throw new RequestError(404, `There is no session ${wanted}`);
  }
  if (found.length > 1) {
    throw new RequestError(
      409,
      `There is more than one session ${wanted}: say fix:${wanted} or binary:${wanted}`,
    );
  }
  return found[0]!.index;
}

function setState(body: Body, context: RequestContext): CommandFields[] {
  const wanted = read(STATE, body);
  oneKey(wanted, ["instrument", "group", "all"]);
  if (wanted.group === 0) {
    throw refused(
      "group",
      "0",
      "must be above 0; all instruments are all: true",
    );
  }
  if (wanted.then !== undefined && wanted.duration_ms === undefined) {
    throw refused("then", wanted.then, "needs duration_ms");
  }
  if (wanted.group !== undefined) {
    const { register } = context;
    if (!register.instruments().some((one) => one.group === wanted.group)) {
      throw new RequestError(
        404,
        `There is no instrument in group ${wanted.group}`,
      );
    }
  }
  return [{
    kind: CommandKind.SET_STATE,
    flags: CMD_FLAG_OPERATOR,
    instrument: wanted.instrument === undefined
      ? ANY_INSTRUMENT
      : instrumentOf(wanted.instrument, context).index,
    reason: wanted.group ?? 0,
    detail: TRADING_STATES.indexOf(wanted.state),
    quantity: (wanted.duration_ms ?? 0) * NS_PER_MS,
    reference: TRADING_STATES.indexOf(wanted.then ?? "open"),
  }];
}

function killSwitch(
  body: Body,
  context: RequestContext,
  unlock: number,
): CommandFields {
  const wanted = read(SWITCH, body);
  oneKey(wanted, ["session", "account"]);
  const account = wanted.account !== undefined;
  return {
    kind: CommandKind.KILL,
    flags: CMD_FLAG_OPERATOR,
    detail: (account ? MassScope.ACCOUNT : MassScope.SESSION) | unlock,
    reason: account
      ? accountOf(wanted.account!, context)
      : sessionOf(wanted.session!, context),
  };
}

function massCancel(body: Body, context: RequestContext): CommandFields[] {
  const wanted = read(CANCEL, body);
  oneKey(wanted, ["session", "account", "all"]);
  const range = wanted.from !== undefined || wanted.to !== undefined;
  const found = wanted.instrument === undefined
    ? undefined
    : instrumentOf(wanted.instrument, context);
  if (range && found === undefined) {
    throw refused(
      wanted.from === undefined ? "to" : "from",
      "",
      "needs an instrument: prices count in its ticks",
    );
  }
  const low = ticksOf("from", wanted.from, found?.entry, 0);
  const high = ticksOf("to", wanted.to, found?.entry, INT32_MAX);
  if (range && low > high) {
    throw refused(
      "from",
      wanted.from ?? "",
      `must be at most to, ${wanted.to}`,
    );
  }
  const [scope, index] = wanted.session !== undefined
    ? [MassScope.SESSION, sessionOf(wanted.session, context)] as const
    : wanted.account !== undefined
    ? [MassScope.ACCOUNT, accountOf(wanted.account, context)] as const
    : [MassScope.ALL, 0] as const;
  return [{
    kind: CommandKind.MASS_CANCEL,
    flags: CMD_FLAG_OPERATOR,
    detail: scope | (range ? MassScope.PRICE_RANGE : 0),
    reason: index,
    instrument: found?.index ?? ANY_INSTRUMENT,
    side: wanted.side === undefined
      ? 0
      : wanted.side === "buy"
      ? Side.BUY
      : Side.SELL,
    price: range ? low : 0,
    quantity: range ? high : 0,
  }];
}

/** A price in ticks of an instrument. */
function ticksOf(
  key: string,
  value: string | undefined,
  entry: Float64Array | undefined,
  otherwise: number,
): number {
  if (value === undefined || entry === undefined) return otherwise;
  const tick = entry[InstrumentSlot.TICK_SIZE_E8]!;
  const e8 = Number(decimalE8(value) ?? 0n);
  if (e8 % tick !== 0 || e8 / tick > INT32_MAX) {
    throw refused(
      key,
      JSON.stringify(value),
      `must be a multiple of the tick size, ${
        decimalText(tick)
      }, that is not too large`,
    );
  }
  return e8 / tick;
}

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

function setInstrument(body: Body, context: RequestContext): CommandFields[] {
  const { instrument: wanted, ...settings } = body;
  const { instrument: known } = read(
    v.strictObject({ instrument: symbol }, "an object"),
    { instrument: wanted },
  );
  const { index, entry } = instrumentOf(known, context);
  for (const key of ["symbol", "tick_size", "lot_size", "state"]) {
    if (settings[key] === undefined) continue;
    throw refused(key, "", "can not be set for an instrument that is there");
  }
  const given = Object.keys(settings);
  needOne(given);
  const read1 = readInstrument({
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
    ...read1,
    quantityLotsMax: keep(
      "max_quantity",
      read1.quantityLotsMax,
      slot.QUANTITY_MAX,
    ),
    notionalMax: keep("max_notional", read1.notionalMax, slot.NOTIONAL_MAX),
    volatilityRangeTicks: keep(
      "volatility_range",
      read1.volatilityRangeTicks,
      slot.VOLATILITY_RANGE,
    ),
    volatilityAuctionMs: given.includes("volatility_auction_ms") ||
        entry[slot.VOLATILITY_RANGE] === 0
      ? read1.volatilityAuctionMs
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

function setAccount(body: Body, context: RequestContext): CommandFields[] {
  const { account: wanted, restrict, allow, ...limits } = body;
  const { account: known } = read(
    v.strictObject({ account: compId }, "an object"),
    { account: wanted },
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

function defineInstrument(
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

function defineAccount(body: Body, context: RequestContext): CommandFields[] {
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
