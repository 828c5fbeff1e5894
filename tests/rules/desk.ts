// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A desk that trades in short lines and hears short answers. The rule book's
 * data and the edge cases are written in them. A line is a command:
 *
 * ```
 * 1 buy 10@100                      new order, LIMIT, GTC; 1 is its reference
 * 2 sell 10@M IOC                   MARKET
 * 3 buy 10@101 STOP_LIMIT DAY stop=105 display=3 HIDDEN link=1
 * cancel 1
 * reduce 1 4
 * replace 1 12@100 [OPEN_QUANTITY] [stop=106] [as 9]
 * status 1
 * 2:cancel 1                        the same of session 2; else it is session 1
 * ```
 *
 * and what it answers, in the order of the events:
 *
 * ```
 * +1  +1@99      accepted; with another price than was asked
 * 1<2 5@100      the maker 1 and the taker 2 trade
 * 1x2 5@100      1 buys from 2 in an auction
 * 1#2 5@100      a trade of both was prevented
 * -1 REASON      canceled
 * =1 12/8@100    replaced: quantity / leaves @ price
 * !1 REASON      refused
 * *1   ~1@100    triggered; restated
 * ?1 12/8@100    status
 * ```
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  CommandKind,
  EventKind,
  OrdType,
  Reason,
  Side,
  StpMode,
  TermFlag,
  TimeInForce,
  TradingState,
} from "../../engine/record/mod.ts";
import {
  type TestCommand,
  type TestEvent,
  TestExchange,
  type TestExchangeOptions,
} from "../exchange/support.ts";

/** Names by code. */
function namesOf(codes: Readonly<Record<string, number>>): Map<number, string> {
  return new Map(Object.entries(codes).map(([name, code]) => [code, name]));
}

const REASONS = namesOf(Reason);
const STATES = namesOf(TradingState);
const TERM_FLAGS = [
  "POST_ONLY",
  "POST_SLIDE",
  "HIDDEN",
  "ALL_OR_NONE",
  "BASIS_POINTS",
  "OPEN_QUANTITY",
  "REPLACE_STOP",
] as const;

/** The session that only looks: it owns no order that a test is about. */
export const PROBE = 7;
const PROBE_LOTS = 1e9;

/** Name of a reason code. */
export function reasonName(code: number): string {
  return REASONS.get(code) ?? `reason ${code}`;
}

/** Code of a name in one of the tables of codes. */
export function codeOf(
  codes: Readonly<Record<string, number>>,
  name: string,
): number {
  const code = codes[name];
  if (code === undefined) throw new Error(`no code has the name ${name}`);
  return code;
}

function applyTerm(command: TestCommand, word: string): void {
  const [name, text] = word.split("=") as [string, string | undefined];
  const value = Number(text);
  if (name in OrdType) command.ordType = codeOf(OrdType, name);
  else if (name in TimeInForce) command.timeInForce = codeOf(TimeInForce, name);
  else if ((TERM_FLAGS as readonly string[]).includes(name)) {
    command.termFlags = (command.termFlags ?? 0) | codeOf(TermFlag, name);
  } else if (name === "stop") command.stopPrice = value;
  else if (name === "display") command.displayQuantity = value;
  else if (name === "range") command.displayRange = value;
  else if (name === "min") command.minQuantity = value;
  else if (name === "offset") command.offset = value;
  else if (name === "link") command.linkReference = value;
  else if (name === "account") command.account = value;
  else if (name === "expire") command.expireTime = value;
  else if (name === "instrument") command.instrument = value;
  else if (name === "stp") {
    command.termFlags = (command.termFlags ?? 0) |
      (text === "OFF" ? 7 : codeOf(StpMode, text!)) << TermFlag.STP_SHIFT;
  } else throw new Error(`not a word of the desk: ${word}`);
}

function lotsAndPrice(command: TestCommand, text: string): void {
  const [lots, price] = text.split("@");
  command.quantity = Number(lots);
  if (price === "M") command.ordType = OrdType.MARKET;
  else if (price !== undefined) command.price = Number(price);
}

function parseRequest(words: string[]): TestCommand {
  const [verb, reference] = words;
  const command: TestCommand = {
    kind: CommandKind.CANCEL_ORDER,
    reference: Number(reference),
    instrument: 0xffff,
  };
  if (verb === "status") command.kind = CommandKind.ORDER_STATUS;
  if (verb === "reduce") {
    command.kind = CommandKind.REDUCE_ORDER;
    command.quantity = Number(words[2]);
  }
  if (verb !== "replace") return command;
  command.kind = CommandKind.REPLACE_ORDER;
  lotsAndPrice(command, words[2]!);
  const rest = words.slice(3);
  const as = rest.indexOf("as");
  if (as >= 0) command.newReference = Number(rest.splice(as, 2)[1]);
  for (const word of rest) applyTerm(command, word);
  if (command.stopPrice !== undefined) {
    command.termFlags = (command.termFlags ?? 0) | TermFlag.REPLACE_STOP;
  }
  return command;
}

/** The command that a line means. */
export function parseLine(line: string): TestCommand {
  const [, session, text] = /^(?:(\d+):)?(.*)$/.exec(line)!;
  const words = text!.split(" ");
  const owner = session === undefined ? {} : { session: Number(session) };
  if (/^[a-z]/.test(text!)) return { ...parseRequest(words), ...owner };
  const command: TestCommand = {
    kind: CommandKind.NEW_ORDER,
    ...owner,
    instrument: 0,
    reference: Number(words[0]),
    side: codeOf(Side, words[1]!.toUpperCase()),
    ordType: OrdType.LIMIT,
    timeInForce: TimeInForce.GTC,
  };
  lotsAndPrice(command, words[2]!);
  for (const word of words.slice(3)) applyTerm(command, word);
  return command;
}

function tellPair(events: readonly TestEvent[], at: number): string {
  const [first, second] = [events[at]!, events[at + 1]!];
  assertEquals(
    [second.kind, second.match, second.lastQuantity, second.lastPrice],
    [first.kind, first.match, first.lastQuantity, first.lastPrice],
    "both sides of a match are told alike",
  );
  assert(first.lastQuantity > 0, "a match of nothing");
  assertEquals(first.aggressor, 0, "the first of a pair rested");
  const sign = first.kind === EventKind.PREVENTED
    ? "#"
    : second.aggressor === 1
    ? "<"
    : "x";
  return `${first.reference}${sign}${second.reference} ` +
    `${first.lastQuantity}@${first.lastPrice}`;
}

function tellOne(event: TestEvent, asked: TestCommand): string {
  const { kind, reference, price, quantity, leaves } = event;
  const reason = event.reason === 0 ? "" : ` ${reasonName(event.reason)}`;
  switch (kind) {
    case EventKind.ACCEPTED:
      return `+${reference}` +
        (price === (asked.price ?? 0) ? "" : `@${price}`);
    case EventKind.REJECTED:
    case EventKind.CANCEL_REJECTED:
      return `!${reference}${reason}`;
    case EventKind.CANCELED:
      return `-${reference}${reason}`;
    case EventKind.REPLACED:
      return `=${reference} ${quantity}/${leaves}@${price}`;
    case EventKind.STATUS:
      return `?${reference} ${quantity}/${leaves}@${price}${reason}`;
    case EventKind.TRIGGERED:
      return `*${reference}`;
    case EventKind.RESTATED:
      return `~${reference}@${price}`;
    case EventKind.MASS_CANCELED:
      return `mass ${quantity}${reason}`;
    case EventKind.KILLED:
      return `killed ${quantity}${reason}`;
    case EventKind.UNLOCKED:
      return `unlocked${reason}`;
    case EventKind.STATE_CHANGED:
      return `state ${STATES.get(event.detail)}`;
    case EventKind.INDICATIVE:
      return `indicative ${quantity}@${price} ${leaves}`;
    case EventKind.UNCROSSED:
      return `uncrossed ${quantity}@${price}`;
    case EventKind.WARNING:
      return `warning${reason}`;
    default:
      return `event ${kind}`;
  }
}

/** What events say, in short; checks what holds for each of them. */
export function tell(
  events: readonly TestEvent[],
  asked: TestCommand,
): string {
  const told: string[] = [];
  for (let i = 0; i < events.length; i++) {
    const event = events[i]!;
    if (event.kind === EventKind.FILLED || event.kind === EventKind.PREVENTED) {
      told.push(tellPair(events, i++));
    } else told.push(tellOne(event, asked));
  }
  return told.join(", ");
}

/** An exchange with one instrument, spoken to in lines. */
export class Desk extends TestExchange {
  /** Events of the last line. */
  events: TestEvent[] = [];
  /** Nanoseconds that the next command says; set it to let time pass. */
  now = 30e9;
  #step = 1000;

  constructor(options: TestExchangeOptions = {}) {
    super({ instruments: 1, ...options });
  }

  /** Sends a line or a command; returns what it answers. */
  say(asked: string | TestCommand): string {
    const command = typeof asked === "string" ? parseLine(asked) : asked;
    this.events = this.send({ time: this.now, ...command });
    this.now += this.#step;
    return tell(this.events, command);
  }

  /** Lets all commands say the same time from now on, until `now` is set. */
  stopClock(): void {
    this.#step = 0;
  }

  /** Sends lines of which each must be accepted. */
  setUp(...lines: string[]): void {
    for (const line of lines) {
      const told = this.say(line);
      assert(!told.includes("!"), `${line}: ${told}`);
    }
  }

  /** Brings the instrument to a state. */
  state(name: string): string {
    return this.say({
      kind: CommandKind.SET_STATE,
      session: 0,
      instrument: 0,
      detail: codeOf(TradingState, name),
    });
  }

  /** Displayed levels, best first: `lots@price(orders) ... | ...`, bids first. */
  book(): string {
    const out = new Float64Array(60);
    const side = (bit: number) =>
      Array.from(
        { length: this.exchange.depth(0, bit, 20, out) },
        (_, i) => `${out[i * 3 + 1]}@${out[i * 3]}(${out[i * 3 + 2]})`,
      ).join(" ");
    return `${side(0)} | ${side(1)}`.trim();
  }

  /**
   * Takes all that a side holds, in OPEN, and so learns its queue: references
   * with lots and price, in the order in which they trade.
   */
  takeAll(side: "buy" | "sell"): string[] {
    const buys = side === "buy";
    this.say({
      kind: CommandKind.NEW_ORDER,
      session: PROBE,
      reference: this.sequence + 1e6,
      side: buys ? Side.SELL : Side.BUY,
      ordType: OrdType.LIMIT,
      timeInForce: TimeInForce.IOC,
      price: buys ? 1 : 1e6,
      quantity: PROBE_LOTS,
    });
    return this.events
      .filter((e) => e.kind === EventKind.FILLED && e.aggressor === 0)
      .map((e) => `${e.reference} ${e.lastQuantity}@${e.lastPrice}`);
  }
}
