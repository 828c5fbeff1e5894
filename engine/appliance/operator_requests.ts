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
  compId,
  decimal,
  decimalE8,
  decimalText,
  group,
  INT32_MAX,
  oneOf,
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
import {
  accountOf,
  type Body,
  instrumentOf,
  read,
  refused,
  type RequestContext,
  RequestError,
  sessionOf,
  type Translate,
} from "./operator_context.ts";
import {
  defineAccount,
  defineInstrument,
  setAccount,
  setInstrument,
} from "./operator_settings.ts";
import { InstrumentSlot } from "./register_layout.ts";

const NS_PER_MS = 1e6;
const WEEK_MS = 604_800_000;

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
