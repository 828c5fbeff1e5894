// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What a protocol's folder gives to the gateway agent, and what it gets.
 *
 * The agent owns the transport and the two rings. It hands completions to the
 * protocol that owns the listener and events to the protocol that owns the
 * session. Everything runs on the agent's thread; nothing here may block,
 * throw on bad input, or allocate for an order once warmed up.
 *
 * A protocol turns client messages into commands (`commands.claim()`, fill,
 * and the agent publishes after each batch). Whatever takes an outbound
 * sequence number goes through the exchange as a command, also heartbeats and
 * rejects (SESSION_MESSAGE, REFUSED): the exchange numbers it and it comes
 * back as an event. So the journal alone can rebuild what was sent. Repeats
 * (resent messages, gap fills) carry old numbers and are sent directly.
 *
 * @module
 */
import type { Clock } from "../../ffi/clock.ts";
import type { FlightRing, SpscRing } from "../ring/mod.ts";
import type { SectionReader, SectionWriter } from "../snapshot/mod.ts";
import type { SavedFile } from "./outbound_store.ts";
import type { SessionBoard } from "../telemetry/mod.ts";
import type { Transport } from "../transport/mod.ts";

/** `onReceive`: stop here and show the window again later (command ring is full). */
export const STALLED = 0x40000000;

/** A session that the configuration allows, and its index in records. */
export interface SessionDefinition {
  /** Index in records, 1 and up. */
  readonly index: number;
  /** FIX: SenderCompID of the client. Binary: the session number as text. */
  readonly name: string;
  /** FIX only. */
  readonly username: string;
  /** FIX: password. Binary: key, decimal digits of a u64. */
  readonly secret: string;
}

/** An account that clients name, and its index in records. */
export interface AccountDefinition {
  /** Index in records, 1 and up. */
  readonly index: number;
  readonly name: string;
}

/** An instrument as gateways need it. Prices and quantities on the wire are decimal, in records ticks and lots. */
export interface InstrumentDefinition {
  /** Index in records, 0 and up. */
  readonly index: number;
  readonly symbol: string;
  /** Tick size x 1e8, a whole number. */
  readonly tickSizeE8: number;
  /** Lot size x 1e8, a whole number. */
  readonly lotSizeE8: number;
}

/** Time of the current round of the agent, read once a round. Nanoseconds since 1970 = hi x 2^32 + lo. */
export interface RoundTime {
  lo: number;
  hi: number;
  /** The same in milliseconds (exact float64), for timers and text. */
  ms: number;
}

/** Counts and log lines that protocols share. */
export interface GatewayTelemetry {
  /** Adds to a counter by its id (see `engine/telemetry/counters.ts`). */
  add(counter: number, amount: number): void;
  /** Counts a refusal by `Reason`. */
  refused(reason: number): void;
  /** Cold path: one structured log line. */
  log(
    level: "debug" | "info" | "warn" | "error",
    message: string,
    fields?: Record<string, string | number | boolean>,
  ): void;
}

/** Stage times of commands, for protocols whose clients may see them. */
export interface Stages {
  readonly ring: FlightRing;
  readonly clock: Pick<Clock, "words" | "realtime">;
}

/** What the agent hands to a protocol at construction. */
export interface GatewayContext {
  readonly transport: Transport;
  /** Producer end: commands to the exchange. The agent publishes. */
  readonly commands: SpscRing;
  /** Consumer end: events of released commands. The agent releases. */
  readonly events: SpscRing;
  readonly now: RoundTime;
  readonly telemetry: GatewayTelemetry;
  /** All instruments, by index; grows when one is defined. */
  readonly instruments: InstrumentDefinition[];
  /** Left out where nobody records them. */
  readonly stages?: Stages;
}

/** One protocol on one gateway agent. */
export interface ProtocolGateway {
  /**
   * A session of the configuration got its index: from the journal during
   * recovery, or anew afterwards. Always before the first event of that
   * session, not always before the first event of others. Instruments likewise
   * appear in `context.instruments` before the first event that names them.
   */
  onSessionDefined(session: SessionDefinition): void;
  /**
   * The configuration says something else of a session that was defined, or
   * names it again. Whoever is logged on stays; the next logon is held against it.
   */
  onSessionChanged(session: SessionDefinition): void;
  /**
   * The configuration no longer names a session: its client is logged out, and
   * nobody may log on. Its events go on being stored.
   */
  onSessionRemoved(index: number): void;
  /**
   * An account was defined: always before the first event that names it. A
   * protocol whose clients name accounts by index leaves it out.
   */
  onAccountDefined?(account: AccountDefinition): void;
  /** A client connected on one of this protocol's listeners. */
  onAccepted(connection: number, address: number, port: number): void;
  /**
   * The window `[offset, offset + length)` of `transport.bytes` is to be read.
   *
   * @returns Bytes consumed, plus `STALLED` if there is more to do but no room
   *   in the command ring (or the client must be slowed down).
   */
  onReceived(connection: number, offset: number, length: number): number;
  /** The connection is gone. */
  onClosed(connection: number): void;
  /** A datagram came to one of this protocol's listeners. */
  onDatagram(
    listener: number,
    offset: number,
    length: number,
    address: number,
    port: number,
  ): void;
  /**
   * An event for one of this protocol's sessions, at `slot` of
   * `context.events`. Called for every event in order, also during recovery,
   * when no client is connected: store it, send it if there is a client.
   */
  onEvent(slot: number): void;
  /** Once a round after the events: flush what was gathered, look at timers. Returns work done. */
  onRound(): number;
  /** The appliance is stopping: log clients out (through commands). */
  onDrain(): void;
  /** True when nothing more is to be sent and clients may be cut. */
  drained(): boolean;
  /** Clients that are logged on now. */
  sessionsActive(): number;
  /** Shows on the board where each session stands. Does not allocate. */
  showSessions?(board: SessionBoard): void;
  /**
   * Adds all that events have taught it. May write and sync files that the
   * saved state names.
   *
   * @throws {NativeError} If it can't.
   */
  save(out: SectionWriter): void;
  /**
   * Takes what was saved: after `onSessionDefined()` for each session of then,
   * before the first event of now.
   *
   * @throws {Error} If the files that it names are not as they were.
   */
  load(from: SectionReader): void;
  /** The files, in its folder, that the saved state needs. */
  savedFiles?(): SavedFile[];
  /** Gives back what it holds. */
  dispose(): void;
}
