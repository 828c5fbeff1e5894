// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Which client of the binary protocol is where: connections, the sessions that
 * are bound to them, what still has to be sent to each, and the timers that
 * cut off the silent and the slow. Owned by the gateway's thread; allocates
 * for a connection, never for an order. It reads no packet.
 *
 * @module
 */
import { assert } from "../../assert.ts";
import { CommandKind, Reason, REASON_TEXT } from "../../record/mod.ts";
import { RING_FULL } from "../../ring/mod.ts";
import { COUNTER } from "../../telemetry/mod.ts";
import { ServerType } from "../../wire/binary/mod.ts";
import type { GatewayContext } from "../protocol.ts";
import { beginCommand } from "./decode_order.ts";
import type { PacketSender } from "./packet_sender.ts";
import { type BinarySession, Link } from "./session.ts";

/** How long clients are waited for, milliseconds. */
export interface LinkTimeouts {
  /** A heartbeat goes out after so long without anything else. */
  readonly heartbeatMs: number;
  /** A client that sends nothing for so long is cut off. */
  readonly silenceMs: number;
  /** A connection that does not log on for so long is cut off. */
  readonly logonTimeoutMs: number;
  /** A client that takes nothing for so long is cut off. */
  readonly slowMs: number;
}

/** Where a packet came from: answers go there. One object, written anew for each packet. */
export interface Origin {
  stream: boolean;
  connection: number;
  listener: number;
  address: number;
  port: number;
  /** Of the datagram. */
  bytes: number;
}

/** One TCP connection. */
export interface Connection {
  readonly id: number;
  readonly acceptedMs: number;
  session: BinarySession | null;
  /** `close()` was called; what still comes is ignored. */
  closing: boolean;
}

const TIMER_MS = 50;
/** Packets for one session in one round, so that others get their turn. */
const PACKETS_PER_ROUND_MAX = 64;

/** Clients and their sessions; see the module's text. */
export class ClientLinks {
  readonly connections = new Map<number, Connection>();
  /** Sessions with a client. */
  active = 0;
  /** Set once the appliance is stopping. */
  draining = false;
  readonly #context: GatewayContext;
  readonly #timeouts: LinkTimeouts;
  readonly #sender: PacketSender;
  readonly #sessions: BinarySession[] = [];
  /** Connections that have not logged on. */
  readonly #strangers: Connection[] = [];
  /** Sessions with something to send. */
  readonly #dirty: BinarySession[] = [];
  #timerMs = 0;
  #logoutsOwed = 0;

  constructor(
    context: GatewayContext,
    timeouts: LinkTimeouts,
    sender: PacketSender,
  ) {
    this.#context = context;
    this.#timeouts = timeouts;
    this.#sender = sender;
  }

  /** A session that clients can be bound to. */
  define(session: BinarySession): void {
    this.#sessions.push(session);
  }

  /** A client connected. */
  accept(connection: number): void {
    const entry: Connection = {
      id: connection,
      acceptedMs: this.#context.now.ms,
      session: null,
      closing: false,
    };
    this.connections.set(connection, entry);
    this.#strangers.push(entry);
    if (this.draining) {
      this.#context.telemetry.add(COUNTER.connections_refused_total, 1);
      this.drop(entry);
    }
  }

  /** A connection is gone, whoever closed it. */
  forget(connection: number): void {
    const entry = this.connections.get(connection);
    if (entry === undefined) return;
    this.connections.delete(connection);
    this.#forgetStranger(entry);
    const session = entry.session;
    if (session === null) return;
    entry.session = null;
    this.#unbind(session, "closed by the client");
  }

  /** Sends what there is, looks at the clock; returns messages sent. */
  round(): number {
    let work = 0;
    if (this.#logoutsOwed > 0) this.#payLogouts();
    if (this.#dirty.length > 0) work = this.#flushDirty();
    if (this.#context.now.ms >= this.#timerMs) {
      this.#timerMs = this.#context.now.ms + TIMER_MS;
      this.#lookAtTimers();
    }
    if (this.draining) this.#endAnswered();
    return work;
  }

  /** No new clients; those that have logged on end once they have every answer. */
  drain(): void {
    this.draining = true;
    while (this.#strangers.length > 0) this.drop(this.#strangers[0]!);
  }

  /** Nobody is left. */
  drained(): boolean {
    return this.draining && this.active === 0 && this.#logoutsOwed === 0 &&
      this.connections.size === 0;
  }

  /** Links a session to where the packet in hand came from. */
  bind(session: BinarySession, from: Origin): void {
    const same = from.stream
      ? session.link === Link.STREAM &&
        session.connection === from.connection
      : session.isAt(from.listener, from.address, from.port);
    if (same) return;
    if (session.link !== Link.NONE) {
      this.end(session, Reason.REPLACED_BY_LOGON);
    }
    if (from.stream) {
      const entry = this.connections.get(from.connection);
      assert(entry !== undefined, "a logon on a connection that is gone");
      entry.session = session;
      this.#forgetStranger(entry);
      session.link = Link.STREAM;
      session.connection = from.connection;
    } else {
      session.link = Link.DATAGRAM;
      session.listener = from.listener;
      session.address = from.address;
      session.port = from.port;
    }
    this.active++;
    this.#context.telemetry.add(COUNTER.binary_sessions_active, 1);
  }

  /** Sends a heartbeat with the session's numbers. */
  heartbeat(session: BinarySession): void {
    this.#notify(session, ServerType.HEARTBEAT, Reason.NONE);
    session.sentMs = this.#context.now.ms;
  }

  /** The session has something to send, at the next round. */
  markDirty(session: BinarySession): void {
    if (session.dirty) return;
    session.dirty = true;
    this.#dirty.push(session);
  }

  #flushDirty(): number {
    const dirty = this.#dirty;
    let work = 0;
    let kept = 0;
    for (let i = 0; i < dirty.length; i++) {
      const session = dirty[i]!;
      work += this.#flush(session);
      if (session.link !== Link.NONE && !session.flushed) {
        dirty[kept++] = session;
      } else session.dirty = false;
    }
    while (dirty.length > kept) dirty.pop();
    return work;
  }

  /** Sends what a session's client has not got; returns the number of messages. */
  #flush(session: BinarySession): number {
    if (session.last > 0) session.ring.seal();
    if (session.link === Link.NONE) return 0;
    const oldest = session.oldest;
    if (session.nextToSend < oldest) {
      if (session.link === Link.STREAM) {
        this.#cutSlow(session);
        return 0;
      }
      session.nextToSend = oldest;
    }
    if (session.repeatFrom < oldest) session.repeatFrom = oldest;
    let total = 0;
    for (let packets = 0; packets < PACKETS_PER_ROUND_MAX; packets++) {
      const repeats = session.repeatTo - session.repeatFrom;
      const from = repeats > 0 ? session.repeatFrom : session.nextToSend;
      const count = repeats > 0 ? repeats : session.last - from + 1;
      if (count <= 0) break;
      const sent = this.#sender.sendStored(
        session,
        from,
        count,
        session.times !== null && repeats <= 0,
      );
      if (sent < 0) break;
      if (repeats > 0) session.repeatFrom += sent;
      else session.nextToSend += sent;
      total += sent;
    }
    if (total > 0) {
      session.sentMs = this.#context.now.ms;
      session.progressMs = session.sentMs;
    }
    return total;
  }

  #lookAtTimers(): void {
    const { now, telemetry } = this.#context;
    const { heartbeatMs, silenceMs, logonTimeoutMs } = this.#timeouts;
    for (let i = this.#strangers.length - 1; i >= 0; i--) {
      const entry = this.#strangers[i]!;
      if (now.ms - entry.acceptedMs < logonTimeoutMs) continue;
      telemetry.add(COUNTER.connections_silent_total, 1);
      telemetry.log("warn", "binary connection cut: no logon", {
        connection: entry.id,
        timeoutMs: logonTimeoutMs,
      });
      this.drop(entry);
    }
    for (let i = 0; i < this.#sessions.length; i++) {
      const session = this.#sessions[i]!;
      if (session.link === Link.NONE) continue;
      if (now.ms - session.heardMs >= silenceMs) {
        telemetry.add(COUNTER.connections_silent_total, 1);
        this.end(session, Reason.SILENT);
      } else if (session.link === Link.STREAM && this.#isSlow(session)) {
        this.#cutSlow(session);
      } else if (now.ms - session.sentMs >= heartbeatMs) {
        this.heartbeat(session);
      }
    }
  }

  /** True if the client has taken nothing for too long although there is something. */
  #isSlow(session: BinarySession): boolean {
    const { transport, now } = this.#context;
    const pending = transport.pending(session.connection);
    if (pending !== session.pendingBytes || pending === 0) {
      session.pendingBytes = pending;
      session.progressMs = now.ms;
      return false;
    }
    return now.ms - session.progressMs >= this.#timeouts.slowMs;
  }

  #cutSlow(session: BinarySession): void {
    this.#context.telemetry.add(COUNTER.connections_slow_total, 1);
    this.end(session, Reason.TOO_SLOW);
  }

  /** Says goodbye and lets go of the client. */
  end(session: BinarySession, reason: number): void {
    this.#notify(session, ServerType.END, reason);
    const entry = session.link === Link.STREAM
      ? this.connections.get(session.connection)
      : undefined;
    const text = reason === Reason.NONE
      ? "logged out"
      : REASON_TEXT[reason] ?? `reason ${reason}`;
    this.#unbind(session, text);
    if (entry !== undefined) {
      entry.session = null;
      this.drop(entry);
    }
  }

  /** Sends an unnumbered message that tells nothing but the session's numbers. */
  #notify(session: BinarySession, type: number, reason: number): void {
    const { number, version } = session;
    this.#sender.makeNotice(type, reason, version, number, session, 0, 0, 0);
    this.#sender.sendNoticeTo(session);
  }

  #unbind(session: BinarySession, why: string): void {
    session.link = Link.NONE;
    this.active--;
    const { telemetry } = this.#context;
    telemetry.add(COUNTER.binary_sessions_active, -1);
    telemetry.log("info", "binary session ended", {
      session: session.number,
      why,
      taken: session.expected - 1,
    });
    this.writeSessionCommand(session, CommandKind.SESSION_LOGOUT);
  }

  /** Closes a connection of ours; its session, if any, ends without a word. */
  drop(entry: Connection): void {
    if (entry.closing) return;
    entry.closing = true;
    this.#forgetStranger(entry);
    const session = entry.session;
    entry.session = null;
    if (session !== null) this.#unbind(session, "connection cut");
    this.#context.transport.close(entry.id);
  }

  #forgetStranger(entry: Connection): void {
    const place = this.#strangers.indexOf(entry);
    if (place < 0) return;
    this.#strangers[place] = this.#strangers[this.#strangers.length - 1]!;
    this.#strangers.pop();
  }

  /** Puts a logon or logout on record; what finds no room is made good later. */
  writeSessionCommand(session: BinarySession, kind: number): void {
    const { commands } = this.#context;
    if (session.logoutOwed) {
      session.logoutOwed = false;
      this.#logoutsOwed--;
    }
    const slot = commands.claim();
    if (slot === RING_FULL) {
      assert(
        kind === CommandKind.SESSION_LOGOUT,
        "a logon was taken without room for its command",
      );
      session.logoutOwed = true;
      this.#logoutsOwed++;
      return;
    }
    beginCommand(commands, slot, kind, session.index, session.expected - 1);
  }

  #payLogouts(): void {
    for (let i = 0; i < this.#sessions.length; i++) {
      const session = this.#sessions[i]!;
      if (session.logoutOwed) {
        this.writeSessionCommand(session, CommandKind.SESSION_LOGOUT);
      }
    }
  }

  /** While stopping: ends each session that has got every answer. */
  #endAnswered(): void {
    if (this.active === 0 || this.#context.events.available() > 0) return;
    for (let i = 0; i < this.#sessions.length; i++) {
      const session = this.#sessions[i]!;
      if (session.link === Link.NONE || !session.flushed) continue;
      if (session.answered >= session.expected - 1) {
        this.end(session, Reason.SHUTTING_DOWN);
      }
    }
  }
}
