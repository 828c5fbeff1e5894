// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The FIX 4.4 acceptor: connections, sessions, and the rules between them.
 *
 * ```
 *   bytes ─▶ FixParser ─▶ session rules ─▶ OrderDesk ─▶ commands
 *   bytes ◀─ Sender ◀─ OutboundStore ◀─ events
 * ```
 *
 * The gateway agent's thread owns it. After a session is known and a client
 * has logged on, nothing allocates for an order. All that takes an outbound
 * number goes through the exchange; a client without credentials causes no
 * command at all: it is cut off, counted and logged.
 *
 * @module
 */
import { makeDirectory } from "../../../ffi/file.ts";
import {
  EventKind,
  EVT_DETAIL_U8,
  EVT_IN_SEQUENCE_U32,
  EVT_KIND_U8,
  EVT_OUT_SEQUENCE_U32,
  EVT_REFERENCE_F64,
  EVT_SEQUENCE_F64,
  EVT_SESSION_U32,
  Reason,
  REASON_TEXT,
} from "../../record/mod.ts";
import {
  COUNTER,
  type SessionBoard,
  SessionLink,
} from "../../telemetry/mod.ts";
import { FixParser, Parsed } from "../../wire/fix/mod.ts";
import {
  addJson,
  readerFor,
  readJson,
  type SectionReader,
  type SectionWriter,
  writerFor,
} from "../../snapshot/mod.ts";
import {
  OUTBOUND_RECORDS,
  OutboundStore,
  type SavedFile,
  type SavedStore,
  Spiller,
} from "../outbound_store.ts";
import {
  type AccountDefinition,
  type GatewayContext,
  type ProtocolGateway,
  type SessionDefinition,
  STALLED,
} from "../protocol.ts";
import { ClOrdIds } from "./cl_ord_ids.ts";
import { FixEncoder } from "./encoder.ts";
import { TYPE_LOGON, TYPE_LOGOUT } from "./message_types.ts";
import { IdFollower } from "./id_follower.ts";
import { Instruments } from "./instruments.ts";
import { MassDesk } from "./mass_desk.ts";
import { Names } from "./names.ts";
import { OrderDesk } from "./order_desk.ts";
import { OrderTerms } from "./order_terms.ts";
import { Replies } from "./replies.ts";
import { Sender } from "./sender.ts";
import {
  ConnectionState,
  FixConnection,
  FixSession,
  TIME_ACCEPTED,
  TIME_LOGOUT,
  TIME_PROGRESS,
  TIME_RECEIVED,
  TIME_SENT,
} from "./session.ts";
import { SessionLayer } from "./session_layer.ts";

/** How a `FixGateway` behaves. */
export interface FixGatewayOptions {
  /** Our CompID: TargetCompID of clients' messages. */
  readonly targetCompId: string;
  /** Range of HeartBtInt (108) in seconds; 0 = a client may do without. */
  readonly heartBtIntMinS: number;
  readonly heartBtIntMaxS: number;
  /** How long a connection may wait with its Logon. */
  readonly logonTimeoutMs: number;
  /** How far SendingTime (52) may be off. */
  readonly sendingTimeToleranceMs: number;
  /** Longest message of a client. */
  readonly messageBytesMax: number;
  /** Folder for sent records; none = only the newest in memory can be sent again. */
  readonly storeDirectory?: string;
  /** Folder of the files that a saved state names; none = it has none. */
  readonly baseDirectory?: string;
  /** Keep the files in `storeDirectory` for saved states that name them; false if left out. */
  readonly keepStores?: boolean;
  /** With `keepStores`: see `OutboundStoreOptions.onRefused`. */
  readonly onStoreRefused?: (errno: number) => void;
  /** Records in memory for each session. Default 4,096. */
  readonly outboundRecords?: number;
  /** How long a client that takes nothing is kept. Default 10,000. */
  readonly slowTimeoutMs?: number;
  /** How long we wait for the other side after a Logout. Default 2,000. */
  readonly logoutTimeoutMs?: number;
  /** Client order ids of open orders that have room. Default 1,048,576. */
  readonly openIdsMax?: number;
  /** Client order ids of closed orders that are remembered. Default 1,048,576. */
  readonly closedIdsMax?: number;
}

/** What of a session is saved. */
interface SavedSession {
  readonly index: number;
  readonly expected: number;
  readonly nextReference: number;
  readonly store: SavedStore;
}

const IDS_DEFAULT = 1 << 20;
const SLOW_DEFAULT_MS = 10000;
const LOGOUT_DEFAULT_MS = 2000;
/** How often timers are looked at. */
const TIMER_MS = 20;
/** So many rounds without anything to send, some ten microseconds: who was answered sends nothing right away. */
const QUIET_ROUNDS = 32;
/** Silence that calls for a TestRequest, and that ends a connection, in HeartBtInt. */
const TEST_AFTER = 1.2;
const CUT_AFTER = 2.4;
/** A client that has not taken this many messages is not read from. */
const LAG_MAX = 2048;

/** The acceptor. */
export class FixGateway implements ProtocolGateway {
  readonly #context: GatewayContext;
  readonly #options: FixGatewayOptions;
  readonly #parser: FixParser;
  readonly #replies: Replies;
  readonly #desk: OrderDesk;
  readonly #follower: IdFollower;
  readonly #ids: ClOrdIds;
  readonly #accounts = new Names();
  readonly #sender: Sender;
  readonly #layer: SessionLayer;
  /** By index of the session. */
  readonly #sessions: (FixSession | undefined)[] = [];
  readonly #byId = new Map<number, FixConnection>();
  readonly #connections: FixConnection[] = [];
  /** Those with something to send. */
  readonly #toSend: FixConnection[] = [];
  /** Sessions with records that are not in their file. */
  readonly #toSpill: FixSession[] = [];
  #spiller: Spiller | undefined;
  readonly #slowTimeoutMs: number;
  readonly #logoutTimeoutMs: number;
  #draining = false;
  #quietRounds = 0;
  #nonce = 0;
  readonly #timerMs = new Float64Array(1);

  /**
   * Opens nothing yet but makes the folder of the store.
   *
   * @throws {NativeError} If the folder can't be made.
   */
  constructor(context: GatewayContext, options: FixGatewayOptions) {
    this.#context = context;
    this.#options = options;
    this.#slowTimeoutMs = options.slowTimeoutMs ?? SLOW_DEFAULT_MS;
    this.#logoutTimeoutMs = options.logoutTimeoutMs ?? LOGOUT_DEFAULT_MS;
    if (options.storeDirectory !== undefined) {
      makeDirectory(options.storeDirectory);
      // Who keeps files has time: it follows.
      if (options.keepStores !== true) this.#spiller = new Spiller();
    }
    const bytes = context.transport.bytes;
    const instruments = new Instruments(context.instruments);
    const ids = this.#ids = new ClOrdIds(
      options.openIdsMax ?? IDS_DEFAULT,
      options.closedIdsMax ?? IDS_DEFAULT,
    );
    this.#parser = new FixParser(bytes, options.messageBytesMax);
    this.#follower = new IdFollower(ids);
    this.#replies = new Replies(context, this.#parser);
    const terms = new OrderTerms(
      bytes,
      this.#parser,
      instruments,
      ids,
      this.#accounts,
    );
    this.#desk = new OrderDesk(
      context,
      this.#parser,
      this.#replies,
      instruments,
      ids,
      terms,
    );
    this.#sender = new Sender(
      context,
      new FixEncoder(bytes, instruments, this.#accounts),
      (connection, reason) => this.#close(connection, reason),
    );
    this.#layer = new SessionLayer({
      context,
      options,
      parser: this.#parser,
      replies: this.#replies,
      desk: this.#desk,
      massDesk: new MassDesk(
        context,
        this.#parser,
        this.#replies,
        instruments,
        terms,
      ),
      sender: this.#sender,
      sessions: this.#sessions,
      close: (connection, reason) => this.#close(connection, reason),
    });
  }

  onSessionDefined(definition: SessionDefinition): void {
    if (this.#sessions[definition.index] !== undefined) return;
    const recordCount = this.#options.outboundRecords ?? OUTBOUND_RECORDS;
    const { storeDirectory, baseDirectory, keepStores, onStoreRefused } =
      this.#options;
    const name = encodeURIComponent(definition.name).replaceAll(".", "%2E");
    const store = new OutboundStore({
      recordCount,
      name,
      ...(storeDirectory === undefined ? {} : { directory: storeDirectory }),
      ...(baseDirectory === undefined ? {} : { baseDirectory }),
      keep: keepStores === true,
      ...(this.#spiller === undefined ? {} : { spiller: this.#spiller }),
      ...(onStoreRefused === undefined ? {} : { onRefused: onStoreRefused }),
    });
    while (this.#sessions.length < definition.index) {
      this.#sessions.push(undefined);
    }
    this.#sessions[definition.index] = new FixSession(
      definition,
      this.#options.targetCompId,
      store,
    );
  }

  onSessionChanged(definition: SessionDefinition): void {
    this.#sessions[definition.index]!.allow(definition);
  }

  /** Its client is logged out when timers are looked at next. */
  onSessionRemoved(index: number): void {
    this.#sessions[index]!.removed = true;
  }

  onAccountDefined({ index, name }: AccountDefinition): void {
    this.#accounts.set(index, name);
  }

  onAccepted(connection: number, address: number, port: number): void {
    const { telemetry, transport, now } = this.#context;
    if (this.#draining) {
      telemetry.add(COUNTER.connections_refused_total, 1);
      transport.close(connection);
      return;
    }
    const ip = [24, 16, 8, 0].map((bits) => (address >>> bits) & 255).join(".");
    const made = new FixConnection(
      connection,
      ++this.#nonce,
      `${ip}:${port}`,
      now.ms,
    );
    this.#byId.set(connection, made);
    this.#connections.push(made);
    telemetry.log("debug", "connected", { protocol: "fix", peer: made.peer });
  }

  onReceived(connection: number, offset: number, length: number): number {
    const c = this.#byId.get(connection);
    if (c === undefined) return length;
    this.#replies.refresh();
    const end = offset + length;
    let at = offset;
    while (true) {
      if (
        c.state === ConnectionState.CLOSED ||
        c.state === ConnectionState.CLOSING ||
        c.state === ConnectionState.LOGGED_OUT
      ) return length;
      if (at >= end) return length;
      if (!this.#replies.hasRoom() || this.#lags(c)) {
        return (at - offset) | STALLED;
      }
      const found = this.#parser.parse(at, end);
      if (found === Parsed.OK) {
        this.#layer.onMessage(c);
        // It may have asked for a resend.
        if (c.resendNext <= c.resendLast) this.#mark(c);
      } else if (found === Parsed.GARBLED) this.#garbled(c);
      else if (found === Parsed.TOO_LONG) this.#tooLong(c);
      else {
        const rest = end - at;
        if (
          rest > this.#options.messageBytesMax ||
          rest >= this.#context.transport.receiveWindowBytes
        ) {
          this.#tooLong(c);
          return length;
        }
        return at - offset;
      }
      at += this.#parser.length;
    }
  }

  onClosed(connection: number): void {
    const c = this.#byId.get(connection);
    if (c === undefined) return;
    this.#byId.delete(connection);
    const place = this.#connections.indexOf(c);
    const last = this.#connections.pop()!;
    if (last !== c) this.#connections[place] = last;
    c.state = ConnectionState.CLOSED;
    this.#detach(c);
  }

  onDatagram(): void {}

  onEvent(slot: number): void {
    const { events } = this.#context;
    const word = slot * (events.slotBytes >>> 2);
    const session = this.#sessions[events.u32[word + EVT_SESSION_U32]!];
    if (session === undefined) return;
    const kind = events.u8[slot * events.slotBytes + EVT_KIND_U8]!;
    const inSequence = events.u32[word + EVT_IN_SEQUENCE_U32]!;
    if (kind === EventKind.LOGGED_ON) {
      this.#onLoggedOn(session, slot, inSequence);
      return;
    }
    session.store.append(events, slot);
    if (!session.spills) {
      session.spills = true;
      this.#toSpill.push(session);
    }
    if (session.connection !== undefined) this.#mark(session.connection);
    // After a restart this is how the expected number comes back.
    if (session.resetsUnderWay === 0 && inSequence >= session.expected) {
      session.expected = inSequence + 1;
    }
    if (kind !== EventKind.SESSION_MESSAGE) {
      this.#follower.onEvent(session, events, slot);
      return;
    }
    const c = session.connection;
    if (c === undefined || c.nextToSend !== 0) return;
    const type = events.u8[slot * events.slotBytes + EVT_DETAIL_U8]!;
    const nonce = events.f64[(word >>> 1) + EVT_REFERENCE_F64]!;
    // The message that opens what this connection gets: earlier ones were
    // never its own, the client asks for them if it wants them.
    if ((type === TYPE_LOGON || type === TYPE_LOGOUT) && nonce === c.nonce) {
      c.nextToSend = events.u32[word + EVT_OUT_SEQUENCE_U32]!;
    }
  }

  onRound(): number {
    const connections = this.#connections;
    const work = this.#flushAll();
    const nowMs = this.#context.now.ms;
    const timers = nowMs - this.#timerMs[0]! >= TIMER_MS;
    this.#replies.refresh();
    const before = this.#replies.count;
    // What is left over can wait until nobody is about to answer us.
    if (work > 0) this.#quietRounds = 0;
    else if (this.#quietRounds < QUIET_ROUNDS) this.#quietRounds++;
    this.#spillAll(this.#quietRounds >= QUIET_ROUNDS, timers && work === 0);
    if (timers) {
      for (let i = 0; i < this.#sessions.length; i++) {
        const session = this.#sessions[i];
        if (session !== undefined) this.#lookAfter(session);
      }
      this.#timerMs[0] = nowMs;
      for (let i = connections.length - 1; i >= 0; i--) {
        this.#timers(connections[i]!);
      }
    }
    return this.#replies.count === before ? work : work + 1;
  }

  /** Sends to who has something to get. Who did not get all of it is asked again. */
  #flushAll(): number {
    const list = this.#toSend;
    let work = 0;
    let kept = 0;
    for (let i = 0; i < list.length; i++) {
      const c = list[i]!;
      if (c.session !== undefined) work += this.#sender.flush(c, c.session);
      if (this.#sender.owes(c)) list[kept++] = c;
      else c.listed = false;
    }
    while (list.length > kept) list.pop();
    return work;
  }

  /** Writes what stores have gathered, if it is enough; see `OutboundStore.spillSome()`. */
  #spillAll(quiet: boolean, all: boolean): void {
    const list = this.#toSpill;
    let kept = 0;
    for (let i = 0; i < list.length; i++) {
      const session = list[i]!;
      session.store.spillSome(quiet, all);
      if (session.store.unspilled > 0) list[kept++] = session;
      else session.spills = false;
    }
    while (list.length > kept) list.pop();
  }

  /** The connection has something to send, at the next round. */
  #mark(c: FixConnection): void {
    if (c.listed) return;
    c.listed = true;
    this.#toSend.push(c);
  }

  onDrain(): void {
    this.#draining = true;
    this.#desk.closed = true;
    this.#layer.closed = true;
    for (const c of [...this.#connections]) {
      if (c.session === undefined) this.#close(c, Reason.SHUTTING_DOWN);
    }
    this.#logOutAll();
  }

  drained(): boolean {
    this.#logOutAll();
    let owed = false;
    for (const session of this.#sessions) {
      if (session === undefined || !session.logoutOwed) continue;
      owed = true;
      this.#lookAfter(session);
    }
    return !owed && this.#connections.length === 0;
  }

  sessionsActive(): number {
    let count = 0;
    for (const session of this.#sessions) {
      if (session?.connection !== undefined) count++;
    }
    return count;
  }

  showSessions(board: SessionBoard): void {
    for (let i = 0; i < this.#sessions.length; i++) {
      const session = this.#sessions[i];
      if (session === undefined) continue;
      const c = session.connection;
      board.show(
        i,
        c === undefined ? SessionLink.NONE : SessionLink.TCP,
        session.expected - 1,
        session.store.last,
        c === undefined ? 0 : c.times[TIME_RECEIVED]!,
      );
    }
  }

  save(out: SectionWriter): void {
    const saved: SavedSession[] = [];
    for (const session of this.#sessions) {
      if (session === undefined) continue;
      const { index, expected, nextReference, store } = session;
      const part = writerFor(`session${index}`, out);
      saved.push({ index, expected, nextReference, store: store.save(part) });
    }
    addJson(out, "sessions", saved);
    this.#ids.save(writerFor("ids", out));
  }

  load(from: SectionReader): void {
    for (const saved of readJson<SavedSession[]>(from, "sessions")) {
      const session = this.#sessions[saved.index];
      // No longer configured: its events go nowhere, as after a replay.
      if (session === undefined) continue;
      session.expected = saved.expected;
      session.nextReference = saved.nextReference;
      session.store.load(saved.store, readerFor(`session${saved.index}`, from));
    }
    this.#ids.load(readerFor("ids", from));
  }

  savedFiles(): SavedFile[] {
    return this.#sessions.flatMap((session) => session?.store.savedFile ?? []);
  }

  /** Writes the stores' rest and closes their files. */
  dispose(): void {
    for (const session of this.#sessions) session?.store.dispose();
    this.#spiller?.dispose();
  }

  /** Logs out whoever is logged on, as far as there is room for commands. */
  #logOutAll(): void {
    this.#replies.refresh();
    for (const c of this.#connections) {
      if (
        c.session !== undefined && c.state === ConnectionState.ACTIVE &&
        this.#replies.hasRoom()
      ) {
        this.#layer.logout(
          c,
          c.session,
          REASON_TEXT[Reason.SHUTTING_DOWN]!,
          ConnectionState.LOGOUT_SENT,
        );
      }
    }
  }

  #onLoggedOn(session: FixSession, slot: number, inSequence: number): void {
    const { events } = this.#context;
    const reset = events.u8[slot * events.slotBytes + EVT_DETAIL_U8] === 1;
    if (!reset) {
      if (session.resetsUnderWay === 0 && inSequence >= session.expected) {
        session.expected = inSequence + 1;
      }
      return;
    }
    const c = session.connection;
    if (c !== undefined) {
      this.#sender.flush(c, session);
      c.nextToSend = 0;
      c.resendNext = 1;
      c.resendLast = 0;
      c.resendGap = 0;
    }
    session.store.reset(
      events.f64[slot * (events.slotBytes >>> 3) + EVT_SEQUENCE_F64]!,
    );
    if (session.resetsUnderWay > 0) session.resetsUnderWay--;
    else session.expected = inSequence + 1;
  }

  /** True if the client should take what we have before it says more. */
  #lags(c: FixConnection): boolean {
    const { transport } = this.#context;
    if (transport.pending(c.id) > transport.sendWindowBytes >>> 1) return true;
    return c.nextToSend > 0 &&
      c.session!.store.last - c.nextToSend >= LAG_MAX;
  }

  #garbled(c: FixConnection): void {
    const { telemetry } = this.#context;
    telemetry.add(COUNTER.fix_messages_garbled_total, 1);
    if (c.state !== ConnectionState.AWAITING_LOGON) return;
    telemetry.add(COUNTER.connections_garbled_total, 1);
    this.#close(c, Reason.MALFORMED);
  }

  #tooLong(c: FixConnection): void {
    const { telemetry } = this.#context;
    telemetry.add(COUNTER.fix_messages_garbled_total, 1);
    telemetry.add(COUNTER.connections_garbled_total, 1);
    telemetry.log("warn", "message too long", {
      protocol: "fix",
      peer: c.peer,
      bytesMax: this.#options.messageBytesMax,
    });
    this.#close(c, Reason.MALFORMED);
  }

  #lookAfter(session: FixSession): void {
    if (session.logoutOwed && this.#replies.hasRoom()) {
      session.logoutOwed = false;
      this.#replies.loggedOut(session);
    }
    const { fileError } = session.store;
    if (fileError === 0 || session.fileErrorLogged) return;
    session.fileErrorLogged = true;
    this.#context.telemetry.log(
      "error",
      "file of sent records failed, only the newest in memory can be sent again",
      { session: session.name, errno: -fileError },
    );
  }

  #timers(c: FixConnection): void {
    const { telemetry, now } = this.#context;
    const { times, state, session } = c;
    if (state === ConnectionState.CLOSED) return;
    if (state === ConnectionState.AWAITING_LOGON) {
      if (now.ms - times[TIME_ACCEPTED]! <= this.#options.logonTimeoutMs) {
        return;
      }
      telemetry.add(COUNTER.connections_silent_total, 1);
      this.#close(c, Reason.SILENT);
      return;
    }
    if (this.#isStuck(c)) {
      telemetry.add(COUNTER.connections_slow_total, 1);
      this.#close(c, Reason.TOO_SLOW);
      return;
    }
    if (state !== ConnectionState.ACTIVE) {
      if (now.ms - times[TIME_LOGOUT]! > this.#logoutTimeoutMs) {
        this.#close(c, Reason.NONE);
      }
      return;
    }
    if (session?.removed === true) {
      if (!this.#replies.hasRoom()) return;
      // Nothing more is read from it.
      const text = REASON_TEXT[Reason.UNKNOWN_SESSION]!;
      this.#layer.logout(c, session, text, ConnectionState.CLOSING);
      return;
    }
    if (c.heartBtIntMs === 0 || session === undefined) return;
    const silence = now.ms - times[TIME_RECEIVED]!;
    if (silence >= c.heartBtIntMs * CUT_AFTER) {
      telemetry.add(COUNTER.connections_silent_total, 1);
      this.#close(c, Reason.SILENT);
      return;
    }
    if (!this.#replies.hasRoom()) return;
    if (!c.testRequestSent && silence >= c.heartBtIntMs * TEST_AFTER) {
      c.testRequestSent = true;
      times[TIME_SENT] = now.ms;
      this.#replies.testRequest(session);
    } else if (now.ms - times[TIME_SENT]! >= c.heartBtIntMs) {
      times[TIME_SENT] = now.ms;
      this.#replies.heartbeat(session);
    }
  }

  /** True if there is something to take and nothing was taken for too long. */
  #isStuck(c: FixConnection): boolean {
    const { transport, now } = this.#context;
    const { committedBytes, times } = c;
    const pending = transport.pending(c.id);
    const taken = committedBytes[0]! - pending;
    const waiting = pending > 0 ||
      (c.nextToSend > 0 && c.nextToSend <= c.session!.store.last) ||
      c.resendNext <= c.resendLast;
    if (!waiting || taken > committedBytes[1]!) {
      committedBytes[1] = taken;
      times[TIME_PROGRESS] = now.ms;
      return false;
    }
    return now.ms - times[TIME_PROGRESS]! > this.#slowTimeoutMs;
  }

  /** Cuts a connection; what is committed still goes out. */
  #close(c: FixConnection, reason: number): void {
    if (c.state === ConnectionState.CLOSED) return;
    const { telemetry, transport } = this.#context;
    c.state = ConnectionState.CLOSED;
    if (reason !== Reason.NONE) {
      telemetry.log("warn", "connection cut", {
        protocol: "fix",
        peer: c.peer,
        session: c.session?.name ?? "",
        reason: REASON_TEXT[reason] ?? "",
      });
    }
    transport.close(c.id);
    this.#detach(c);
  }

  #detach(c: FixConnection): void {
    const session = c.session;
    if (session === undefined || session.connection !== c) return;
    session.connection = undefined;
    session.logoutOwed = true;
    const { telemetry } = this.#context;
    telemetry.add(COUNTER.fix_sessions_active, -1);
    telemetry.log("info", "session ended", {
      protocol: "fix",
      session: session.name,
      peer: c.peer,
    });
  }
}
