// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Which fields of a command or event mean something, by kind, and what.
 *
 * ```
 *   "price:ticks quantity:lots clOrdId?"
 *          └ meaning                  └ left out if 0 or empty
 * ```
 *
 * Names are those of `COMMAND_FIELDS` and `EVENT_FIELDS`; where a kind uses a
 * field for something of its own, `CommandKind` and `EventKind` say for what.
 * Plain data, read once.
 *
 * @module
 */
import { CommandKind, EventKind } from "../record/mod.ts";

/** What the number or bytes of a field stand for. */
export type Meaning =
  | "number"
  | "ticks"
  | "lots"
  | "sizeE8"
  | "text"
  | "time"
  | "instrument"
  | "account"
  | "session"
  | "target"
  | "side"
  | "ordType"
  | "timeInForce"
  | "ordStatus"
  | "reason"
  | "refused"
  | "scope"
  | "protocol"
  | "state"
  | "setting"
  | "limit"
  | "prevention"
  | "terms"
  | "character"
  | "digest";

/** One field of a kind. */
export interface ShownField {
  readonly name: string;
  readonly meaning: Meaning;
  /** Left out if 0 or empty. */
  readonly optional: boolean;
}

/** What a field stands for unless the kind says otherwise. */
const USUAL: Readonly<Record<string, Meaning>> = {
  instrument: "instrument",
  side: "side",
  ordType: "ordType",
  timeInForce: "timeInForce",
  ordStatus: "ordStatus",
  reason: "reason",
  account: "account",
  termFlags: "terms",
  clOrdId: "text",
  origClOrdId: "text",
  text: "text",
  expireTime: "time",
  stopPrice: "ticks",
  displayQuantity: "lots",
  displayRange: "lots",
  minQuantity: "lots",
};

const MEANING_OF = (name: string, given: string | undefined): Meaning =>
  (given as Meaning | undefined) ?? USUAL[name] ?? "number";

function fields(text: string): readonly ShownField[] {
  return text.split(" ").filter((word) => word !== "").map((word) => {
    const optional = word.endsWith("?");
    const [name, meaning] = word.replace("?", "").split(":");
    return { name: name!, meaning: MEANING_OF(name!, meaning), optional };
  });
}

function byKind(
  kinds: Readonly<Record<string, number>>,
  texts: Readonly<Record<string, string>>,
): ReadonlyMap<number, readonly ShownField[]> {
  return new Map(
    Object.entries(kinds).map(([name, kind]) => [kind, fields(texts[name]!)]),
  );
}

const TERMS = "account? termFlags? stopPrice? displayQuantity? " +
  "displayRange? minQuantity? expireTime? linkReference? offset?";
const REQUEST = "instrument side? reference clOrdId? origClOrdId?";
const MESSAGE = "detail:character price? reason:number? quantity? reference? " +
  "instrument:number? side? text?";

/** Fields of commands by `CommandKind`. */
export const COMMAND_SHOWN = byKind(CommandKind, {
  NEW_ORDER: "instrument side ordType timeInForce price:ticks? " +
    `quantity:lots reference clOrdId? ${TERMS}`,
  CANCEL_ORDER: REQUEST,
  REPLACE_ORDER: `${REQUEST} price:ticks quantity:lots newReference? ` +
    "termFlags? stopPrice?",
  ORDER_STATUS: `${REQUEST} detail?`,
  REFUSED: `detail:refused reason ${REQUEST} ordType? timeInForce? ` +
    "price:ticks? quantity:lots?",
  REDUCE_ORDER: `${REQUEST} quantity:lots`,
  MASS_CANCEL: "detail:scope reason:target instrument side? price:ticks? " +
    "quantity:ticks? reference clOrdId?",
  KILL: "detail:scope reason:target reference clOrdId?",
  DEFINE_INSTRUMENT: "instrument:number quantity:sizeE8 reference:sizeE8 text",
  DEFINE_SESSION: "detail:protocol text",
  DEFINE_LIMITS: "instrument quantity:lots reference",
  DEFINE_CAPACITY: "quantity reference",
  DEFINE_ACCOUNT: "reason:number price? text",
  SET_SESSION: "reason:account detail:prevention price? quantity? reference?",
  SET_ACCOUNT_LIMIT: "reason:account detail:limit quantity reference",
  SET_RESTRICTION: "reason:account instrument detail",
  SET_TICKS: "instrument detail price:ticks reason:number",
  SET_INSTRUMENT: "instrument detail:setting price:ticks? quantity? reference?",
  SESSION_LOGON: "detail reason:number?",
  SESSION_LOGOUT: "",
  SESSION_MESSAGE: MESSAGE,
  SET_STATE: "instrument reason:number? detail:state quantity? " +
    "reference:state?",
  TIME: "",
  CHECKPOINT: "price:digest quantity detail text?",
});

const ORDER = "instrument side ordType timeInForce price:ticks quantity:lots " +
  "orderId reference leaves:lots cum:lots notional? ordStatus account? " +
  "stopPrice? clOrdId? origClOrdId? reason?";
const ANSWER = "detail:scope quantity reason? reference instrument side? " +
  "price:ticks? clOrdId?";

/** Fields of events by `EventKind`. */
export const EVENT_SHOWN = byKind(EventKind, {
  ACCEPTED: ORDER,
  REJECTED: `detail:refused ${ORDER}`,
  FILLED: `${ORDER} lastPrice:ticks lastQuantity:lots match aggressor`,
  CANCELED: ORDER,
  REPLACED: ORDER,
  CANCEL_REJECTED: "detail:refused reason instrument side? orderId? " +
    "reference ordStatus? clOrdId? origClOrdId?",
  STATUS: ORDER,
  PREVENTED: `detail:prevention ${ORDER} lastPrice:ticks lastQuantity:lots ` +
    "match aggressor",
  TRIGGERED: ORDER,
  INSTRUMENT_DEFINED: "instrument:number quantity:sizeE8 reference:sizeE8 text",
  SESSION_DEFINED: "orderId detail:protocol text",
  MASS_CANCELED: ANSWER,
  RESTATED: ORDER,
  KILLED: ANSWER,
  UNLOCKED: ANSWER,
  ACCOUNT_DEFINED: "orderId text",
  LOGGED_ON: "detail reason:number?",
  SESSION_MESSAGE: MESSAGE,
  STATE_CHANGED: "instrument detail:state quantity? reference:state?",
  INDICATIVE: "instrument price:ticks quantity:lots leaves:lots",
  UNCROSSED: "instrument price:ticks quantity:lots",
  WARNING: "reason orderId:account reference:session quantity leaves " +
    "instrument",
});
