// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What `inspect` can show, each by its name: a walk through a history, and
 * what it found, given to an output.
 *
 * Cold path; allocates.
 *
 * @module
 */
import type { InstrumentView } from "../appliance/register_layout.ts";
import type { Exchange } from "../exchange/mod.ts";
import { SESSION_BLOCKED, SESSION_LOGGED_ON } from "../matching/mod.ts";
import {
  EVENT_SLOT_BYTES,
  EventKind,
  EVT_KIND_U8,
  EVT_SEQUENCE_F64,
} from "../record/mod.ts";
import { PrunedError, segmentsOf } from "./archive.ts";
import { bookOrders } from "./book_view.ts";
import type { History, Moment } from "./history.ts";
import type { Message } from "./messages.ts";
import { type NamedSession, Names } from "./names.ts";
import { type Output, protocolName } from "./output.ts";
import {
  commandObject,
  eventObject,
  type RecordObject,
} from "./record_text.ts";
import { segmentObjects } from "./segments.ts";
import { snapshotFiles, snapshotObject } from "./snapshots.ts";
import { isoTime, type Point, type Range } from "./units.ts";

/** What there is to show is not there. */
export class NotThereError extends Error {
  override name = "NotThereError";
}

/** A question and where its answer goes. */
export interface Question {
  readonly history: History;
  readonly point: Point;
  readonly output: Output;
  /** Prices a side at most. */
  readonly levels?: number;
}

/** Says at the end what is not whole there. */
function tellTail(question: Question, moment: Pick<Moment, "tail">): void {
  const { tail } = moment;
  if (tail === undefined) return;
  question.history.note(
    `the newest segment ends in ${tail.bytesDropped} bytes that are no whole ` +
      `group: ${tail.segment}, offset ${tail.offset}. A running appliance is ` +
      "writing there; of a stopped one the next start cuts them",
  );
}

/** Runs with the state at the question's point. */
function withMoment(
  question: Question,
  show: (moment: Moment) => void,
): void {
  const moment = question.history.at(question.point);
  try {
    show(moment);
    tellTail(question, moment);
  } finally {
    moment.replica.dispose();
  }
}

/** Sequence, time, counts, hash. */
export function showSummary(question: Question): void {
  withMoment(question, (moment) => {
    const { replica, names, sequence, timeNs } = moment;
    const { exchange } = replica;
    const sessions = [...names.sessions.keys()];
    const on = sessions.filter((index) =>
      exchange.sessionWord(index, SESSION_LOGGED_ON) !== 0
    );
    const segments = segmentsOf(question.history.archive);
    question.output.facts({
      record: "summary",
      sequence,
      time: sequence === 0 ? null : isoTime(timeNs),
      orders: exchange.ordersOpen,
      trades: exchange.trades,
      events: exchange.events,
      sessions: sessions.length,
      sessionsLoggedOn: on.length,
      instruments: names.instruments.size,
      accounts: names.accounts.size,
      stateHash: replica.stateHash(),
      snapshot: moment.snapshot === 0 ? null : moment.snapshot,
      replayed: moment.commands,
      segments: segments.length,
      firstSequence: segments[0] ?? null,
    });
  });
}

/** A book order by order. */
export function showBook(question: Question, symbol: string): void {
  withMoment(question, ({ replica, names, sequence }) => {
    const { output, levels } = question;
    const index = names.findInstrument(symbol);
    if (index === undefined) {
      const known = [...names.instruments.values()].map((one) => one.symbol);
      throw new NotThereError(
        `No instrument "${symbol}" at sequence ${sequence}: there are ${
          known.join(", ") || "none"
        }`,
      );
    }
    const { state } = replica.register.instruments().find((one) =>
      one.index === index
    )!;
    output.title(`${symbol}: ${state}, after sequence ${sequence}`);
    output.table(
      bookOrders(replica.exchange, names, index, {
        ...(levels === undefined ? {} : { levels }),
      }),
      "no orders",
    );
  });
}

/** One line about a session. */
function sessionObject(
  { replica }: Moment,
  session: NamedSession,
): RecordObject {
  const { exchange, register } = replica;
  const { index, name } = session;
  const view = register.sessions().find((one) => one.index === index);
  return {
    record: "session",
    session: name,
    sessionRaw: index,
    protocol: protocolName(session),
    loggedOn: exchange.sessionWord(index, SESSION_LOGGED_ON) !== 0,
    outSequence: exchange.outSequence(index),
    inSequence: exchange.inSequence(index),
    orders: exchange.ordersOf(index),
    account: view?.account ?? null,
    group: view?.group ?? 0,
    blocked: exchange.sessionWord(index, SESSION_BLOCKED) !== 0,
  };
}

/** All sessions. */
export function showSessions(question: Question): void {
  withMoment(question, (moment) => {
    const sessions = [...moment.names.sessions.values()];
    question.output.table(
      sessions.map((session) => sessionObject(moment, session)),
      "no sessions",
    );
  });
}

/** Whether a session is called so: NAME, fix:NAME or binary:NAME. */
function isCalled(name: string): (session: NamedSession) => boolean {
  return (session) =>
    session.name === name ||
    `${protocolName(session)}:${session.name}` === name;
}

/** The one session of a name. */
function findSession(names: Names, name: string): NamedSession {
  const found = [...names.sessions.values()].filter(isCalled(name));
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    throw new NotThereError(
      `Two sessions are called "${name}": say fix:${name} or binary:${name}`,
    );
  }
  const known = [...names.sessions.values()].map((one) => one.name);
  throw new NotThereError(
    `No session "${name}": there are ${known.join(", ") || "none"}`,
  );
}

/** How many of a session's newest messages `session` shows. */
const MESSAGES_SHOWN = 10;

/** A session: numbers, open orders, what was said to it last. */
export function showSession(question: Question, name: string): void {
  const { history, point, output } = question;
  const newest: Message[] = [];
  const moment = history.messages(
    point,
    isCalled(name),
    (message) => {
      newest.push(message);
      if (newest.length > MESSAGES_SHOWN) newest.shift();
    },
  );
  try {
    const session = findSession(moment.names, name);
    const { replica, names } = moment;
    output.facts(sessionObject(moment, session));
    const orders = [...names.instruments.keys()].flatMap((instrument) =>
      bookOrders(replica.exchange, names, instrument, {
        session: session.index,
      })
    );
    output.title("\nopen orders");
    output.table(orders, "none");
    output.title(
      `\nthe newest ${newest.length} messages to it (all: inspect messages)`,
    );
    for (const message of newest) output.message(message);
    tellTail(question, moment);
  } finally {
    moment.replica.dispose();
  }
}

/** Throws if a range begins before the oldest message that can be made. */
function checkOldest(
  { archive, firstSequence }: History,
  name: string,
  range: Range,
  oldest: number,
): void {
  const isWhole = firstSequence === 1 || firstSequence === Infinity;
  if (isWhole || range.first === 0 || range.first >= oldest) return;
  throw new PrunedError(
    `The journal in '${archive.journal}' starts at sequence ${firstSequence}: ` +
      `it gives the messages to ${name} from number ${oldest} on, ` +
      `${range.first} is asked for`,
    archive,
  );
}

/** Every message to a session, by its number. */
export function showMessages(
  question: Question,
  name: string,
  range: Range,
): void {
  const { history, point, output } = question;
  let count = 0;
  let oldest = 0;
  const moment = history.messages(
    point,
    isCalled(name),
    (message) => {
      if (oldest === 0) {
        oldest = message.number;
        checkOldest(history, name, range, oldest);
      }
      if (message.number < range.first || message.number > range.last) return;
      output.message(message);
      count++;
    },
  );
  try {
    const { index } = findSession(moment.names, name);
    if (oldest === 0) {
      const last = moment.replica.exchange.outSequence(index);
      checkOldest(history, name, range, last + 1);
    }
    if (count === 0) output.title("no messages");
    tellTail(question, moment);
  } finally {
    moment.replica.dispose();
  }
}

function accountRow({ replica, names }: Moment): RecordObject[] {
  const { accounts } = replica.exchange;
  return replica.register.accounts().map((view) => {
    const row: RecordObject = {
      record: "account",
      account: view.name,
      accountRaw: view.index,
      group: view.group,
      orders: accounts.openOrdersOf(view.index),
      blockedBy: view.blockedBy,
    };
    for (const [limit, { hard, soft }] of Object.entries(view.limits)) {
      row[limit] = hard === 0 && soft === 0 ? null : `${hard}/${soft}`;
    }
    const positions = [...names.instruments].flatMap(([index, known]) => {
      const net = accounts.netOf(view.index, index);
      return net === 0 ? [] : [`${known.symbol} ${net}`];
    });
    row.positions = positions;
    return row;
  });
}

/** All accounts: limits as hard/soft, positions in lots. */
export function showAccounts(question: Question): void {
  withMoment(
    question,
    (moment) => question.output.table(accountRow(moment), "no accounts"),
  );
}

/** Columns of the table of instruments; JSON has all. */
const INSTRUMENT_COLUMNS: readonly (keyof InstrumentView)[] = [
  "symbol",
  "index",
  "state",
  "stateUntil",
  "tickSize",
  "lotSize",
  "referencePrice",
  "priceCollar",
  "bandLow",
  "bandHigh",
  "auctions",
];

function countOrders(exchange: Exchange, instrument: number): number {
  return bookOrders(exchange, new Names(), instrument).length;
}

/** All instruments and what is set for them. */
export function showInstruments(question: Question): void {
  withMoment(question, ({ replica }) => {
    const { output } = question;
    const rows = replica.register.instruments().map((view) => {
      const { tickTable, ...rest } = view;
      const all: RecordObject = {
        record: "instrument",
        ...rest,
        orders: countOrders(replica.exchange, view.index),
        tickTable: tickTable.map(({ from, step }) => `${from}:${step}`),
      };
      if (output.json) return all;
      return Object.fromEntries(
        [...INSTRUMENT_COLUMNS, "orders"].map((key) => [key, all[key]!]),
      );
    });
    output.table(rows, "no instruments");
  });
}

/** Commands of a range. */
export function showCommands(question: Question, range: Range): void {
  const { history, point, output } = question;
  const names = new Names();
  const tail = history.scan(range, point, names, ({ u8 }, at) => {
    output.record(commandObject(u8, at, names));
  });
  tellTail(question, { tail });
}

/** Events that go to every gateway. */
const DEFINED: readonly number[] = [
  EventKind.INSTRUMENT_DEFINED,
  EventKind.SESSION_DEFINED,
  EventKind.ACCOUNT_DEFINED,
];

/** What commands of a range caused. */
export function showEvents(question: Question, range: Range): void {
  const { history, output } = question;
  const sequence = Math.min(question.point.sequence, range.last);
  const names = new Names();
  const moment = history.at({ ...question.point, sequence }, {
    names,
    beforeSequence: range.first,
    mustReach: range.first,
    onEvent: (ring, slot, place) => {
      const at = slot * EVENT_SLOT_BYTES;
      if (ring.f64[(at >>> 3) + EVT_SEQUENCE_F64]! < range.first) return;
      // Every gateway is told; once is enough here.
      if (place > 0 && DEFINED.includes(ring.u8[at + EVT_KIND_U8]!)) return;
      output.record(eventObject(ring.u8, at, names));
    },
  });
  moment.replica.dispose();
  tellTail(question, moment);
}

/** Snapshots of the folder, or one of any place. */
export function showSnapshot(question: Question, path?: string): void {
  const { output, history } = question;
  if (path !== undefined) return output.facts(snapshotObject(path));
  const files = snapshotFiles(history.archive.snapshots);
  output.table(files.map((file) => snapshotObject(file.path)), "no snapshots");
}

/** Files of the journal and its archive. */
export function showSegments(question: Question): void {
  const { archive } = question.history;
  question.output.table(segmentObjects(archive), "no segments");
}
