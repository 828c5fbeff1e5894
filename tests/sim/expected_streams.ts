// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What a journal says that clients were told, by the oracle of the matching
 * tests, and the checker that holds a client's messages against it.
 *
 * ```
 *   commands of the journal ─▶ oracle ─▶ events by session and number ─┐
 *   messages that a client received ───────────────────────────────────┴─▶ equal
 * ```
 *
 * The engine takes no part: neither its exchange nor its encoders.
 *
 * @module
 */
import { CommandKind, EventKind } from "../../engine/record/mod.ts";
import {
  decodeServerMessage,
  ServerType,
} from "../../engine/wire/binary/mod.ts";
import type { TestEvent } from "../exchange/support.ts";
import { NaiveExchange } from "../oracle/naive_exchange.ts";
import { commandOf, type Record as JournalRecord } from "./journal_image.ts";
import type { Received, ReceivedMessage } from "./received.ts";
import { type Checker, Violation } from "./violation.ts";

interface Sizes {
  readonly symbol: string;
  readonly tickE8: number;
  readonly lotE8: number;
}

/** One session in the journal. */
interface Stream {
  /** Of the newest generation, by number. */
  events: Map<number, TestEvent>;
  resets: number;
}

/** How much the oracle holds. */
export interface OracleCapacity {
  readonly ordersMax: number;
  readonly specialMax: number;
  readonly accountsMax: number;
}

/** Events that a journal's commands must have made. */
export class ExpectedStreams {
  readonly oracle: NaiveExchange;
  /** Events by command, in order. */
  readonly byCommand: (readonly TestEvent[])[] = [];
  readonly #streams = new Map<number, Stream>();
  readonly #indexes = new Map<string, number>();
  readonly #sizes: Sizes[] = [];

  constructor(records: readonly JournalRecord[], capacity: OracleCapacity) {
    this.oracle = new NaiveExchange(capacity);
    records.forEach((record, at) => this.#apply(record, at + 1));
  }

  /** Numbers that a session was given in its newest generation. */
  last(received: Received): number {
    const index = this.#indexes.get(sessionName(received)) ?? -1;
    const stream = this.#streams.get(index);
    return stream === undefined ? 0 : stream.events.size;
  }

  /** Everything that a client received must be there, as it was said. */
  check(received: Received, checker: Checker, when: string): void {
    // A start at 1 that was not confirmed may have happened or not.
    if (received.resetPending) return;
    const name = sessionName(received);
    const stream = this.#streams.get(this.#indexes.get(name) ?? -1);
    for (const message of received.messages.values()) {
      const event = stream?.events.get(message.number);
      if (event === undefined) {
        throw new Violation(
          checker,
          `${when}: ${received.name} was told number ${message.number}, which no command of the journal makes:\n  ${
            shown(received, message)
          }`,
        );
      }
      const wrong = received.protocol === "fix"
        ? this.#fixDifference(message, event)
        : this.#binaryDifference(message, event);
      if (wrong === "") continue;
      throw new Violation(
        checker,
        `${when}: ${received.name}, number ${message.number}: ${wrong}\n  ${
          shown(received, message)
        }\n  ${JSON.stringify(event)}`,
      );
    }
  }

  #apply(record: JournalRecord, sequence: number): void {
    const command = commandOf(record);
    if (command.kind === CommandKind.DEFINE_SESSION) {
      this.#indexes.set(command.text!, command.session!);
    } else if (command.kind === CommandKind.DEFINE_INSTRUMENT) {
      this.#sizes[command.instrument!] ??= {
        symbol: command.text!,
        tickE8: command.quantity!,
        lotE8: command.reference!,
      };
    }
    const events = this.oracle.apply(command, sequence);
    this.byCommand.push(events);
    for (const event of events) this.#keep(event);
  }

  #keep(event: TestEvent): void {
    let stream = this.#streams.get(event.session);
    if (stream === undefined) {
      stream = { events: new Map(), resets: 0 };
      this.#streams.set(event.session, stream);
    }
    if (event.kind === EventKind.LOGGED_ON) {
      if (event.detail !== 1) return;
      stream.resets++;
      stream.events = new Map();
      return;
    }
    stream.events.set(event.outSequence, event);
  }

  #fixDifference(message: ReceivedMessage, event: TestEvent): string {
    const administrative = event.kind === EventKind.SESSION_MESSAGE;
    if (message.session) {
      return administrative
        ? ""
        : "a session message, the journal has an order's";
    }
    const tags = new Map(
      message.content.split("|").map((field) => {
        const at = field.indexOf("=");
        return [field.slice(0, at), field.slice(at + 1)] as const;
      }),
    );
    const type = tags.get("35");
    if (administrative) {
      const expected = String.fromCharCode(event.detail);
      return type === expected ? "" : `type ${type}, expected ${expected}`;
    }
    if (type !== "8") return "";
    const lot = (this.#sizes[event.instrument]?.lotE8 ?? 1e8) / 1e8;
    const tick = (this.#sizes[event.instrument]?.tickE8 ?? 1e8) / 1e8;
    const fill = event.kind === EventKind.FILLED;
    const refused = event.orderId === 0;
    const expected: [string, number][] = [
      ["14", event.cum * lot],
      ["151", event.leaves * lot],
      ...(refused ? [] : [["37", event.orderId] as [string, number]]),
      ...(refused || event.kind === EventKind.CANCEL_REJECTED
        ? []
        : [["38", event.quantity * lot] as [string, number]]),
      ...(fill
        ? [
          ["32", event.lastQuantity * lot] as [string, number],
          ["31", event.lastPrice * tick] as [string, number],
        ]
        : []),
    ];
    for (const [tag, value] of expected) {
      if (!tags.has(tag) && refused) continue;
      const found = Number(tags.get(tag));
      if (Math.abs(found - value) > 1e-9) {
        return `${tag}=${tags.get(tag)}, expected ${value}`;
      }
    }
    return "";
  }

  #binaryDifference(message: ReceivedMessage, event: TestEvent): string {
    const bytes = Uint8Array.from(message.content, (c) => c.charCodeAt(0));
    const told = decodeServerMessage(bytes, message.number);
    const { tickE8, lotE8 } = this.#sizes[event.instrument] ??
      { tickE8: 0, lotE8: 0 };
    const type = told.type;
    const expected: [string, number, number][] = [
      ["order", told.orderId, event.orderId],
      ["reference", told.reference, event.reference],
      ["reason", told.reason, event.reason],
      ["time", Number(told.timeNs), event.time],
    ];
    if (type === ServerType.FILLED) {
      expected.push(
        ["quantity", Number(told.quantity), event.lastQuantity * lotE8],
        ["price", Number(told.price), event.lastPrice * tickE8],
        ["leaves", Number(told.leaves), event.leaves * lotE8],
        ["match", told.cause, event.match % 2 ** 32],
      );
    } else if (
      type === ServerType.ACCEPTED || type === ServerType.REPLACED
    ) {
      expected.push(
        ["quantity", Number(told.quantity), event.quantity * lotE8],
        ["leaves", Number(told.leaves), event.leaves * lotE8],
        ["cause", told.cause, event.inSequence],
      );
    }
    for (const [what, found, value] of expected) {
      if (found !== value) return `${what} ${found}, expected ${value}`;
    }
    const kind = KIND_OF_TYPE[type];
    return kind === undefined || kind === event.kind
      ? ""
      : `type ${String.fromCharCode(type)}, expected kind ${event.kind}`;
  }
}

const KIND_OF_TYPE: Readonly<Record<number, number>> = {
  [ServerType.ACCEPTED]: EventKind.ACCEPTED,
  [ServerType.REJECTED]: EventKind.REJECTED,
  [ServerType.FILLED]: EventKind.FILLED,
  [ServerType.CANCELED]: EventKind.CANCELED,
  [ServerType.REPLACED]: EventKind.REPLACED,
  [ServerType.PREVENTED]: EventKind.PREVENTED,
  [ServerType.TRIGGERED]: EventKind.TRIGGERED,
};

/** The name that the journal has of a client's session. */
function sessionName(received: Received): string {
  return received.protocol === "fix"
    ? received.name
    : received.name.replaceAll(/\D/g, "");
}

function shown(received: Received, message: ReceivedMessage): string {
  if (received.protocol === "fix") return message.content;
  const bytes = Uint8Array.from(message.content, (c) => c.charCodeAt(0));
  const told = decodeServerMessage(bytes, message.number);
  return `${String.fromCharCode(told.type)} ${
    JSON.stringify(told, (_, value) => {
      return typeof value === "bigint" ? Number(value) : value;
    })
  }`;
}
