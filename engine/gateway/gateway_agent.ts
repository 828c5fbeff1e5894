// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The agent between one transport and the exchange.
 *
 * ```
 *   transport ─completions─▶ protocols ─▶ command ring ─▶ exchange
 *   transport ◀──reserve──── protocols ◀─ event ring  ◀── exchange
 * ```
 *
 * A round goes: release events whose command is durable, let protocols send,
 * poll the transport (which submits what was sent), read what came, publish
 * commands. The clock is read where time matters: before events are released,
 * and after the poll. It runs on one thread, allocates nothing for an order, and never
 * decides anything about an order itself. Ports open only when the exchange
 * is live, so recovery goes through the same code with nobody connected.
 *
 * @module
 */
import type { Clock } from "../../ffi/clock.ts";
import {
  EVENT_SLOT_BYTES,
  EventKind,
  EVT_DETAIL_U8,
  EVT_INSTRUMENT_U16,
  EVT_KIND_U8,
  EVT_ORDER_ID_F64,
  EVT_QUANTITY_F64,
  EVT_REFERENCE_F64,
  EVT_SEQUENCE_F64,
  EVT_SESSION_U32,
  EVT_TEXT_U8,
  EVT_TIME_HI_U32,
  EVT_TIME_LO_U32,
  Protocol,
  TEXT_BYTES,
} from "../record/mod.ts";
import {
  CONTROL_DURABLE,
  CONTROL_EXCHANGE,
  CONTROL_GATEWAY,
  CONTROL_HOLD,
  CONTROL_PORTS,
  CONTROL_STOP,
  ExchangeState,
  GatewayState,
  LISTENERS_MAX,
  loadWord,
  type SpscRing,
} from "../ring/mod.ts";
import {
  readerFor,
  type SectionReader,
  type SectionWriter,
  writerFor,
} from "../snapshot/mod.ts";
import {
  COUNTER,
  type CounterLane,
  type Log,
  type SessionBoard,
  type SharedHistogram,
} from "../telemetry/mod.ts";
import {
  COMPLETION_ADDRESS,
  COMPLETION_ID,
  COMPLETION_KIND,
  COMPLETION_LENGTH,
  COMPLETION_LISTENER,
  COMPLETION_OFFSET,
  COMPLETION_PORT,
  COMPLETION_TIME,
  COMPLETION_WORDS,
  CompletionKind,
  CONNECTION_SLOT_MASK,
  type Transport,
} from "../transport/mod.ts";
import type { SavedFile } from "./outbound_store.ts";
import {
  type GatewayContext,
  type GatewayTelemetry,
  type InstrumentDefinition,
  type ProtocolGateway,
  type RoundTime,
  type SessionDefinition,
  STALLED,
} from "./protocol.ts";
import { type GatewayFlight, NOT_RECEIVED, StageTimes } from "./stage_times.ts";

/** A port that a protocol serves. */
export interface ListenerOptions {
  readonly kind: "stream" | "datagram";
  readonly address: string;
  readonly port: number;
  /** Place of the protocol in `GatewayAgentOptions.protocols`. */
  readonly protocol: number;
}

/** A session as configured; its index comes from the journal. */
export interface ConfiguredSession {
  /** `Protocol` code. */
  readonly protocolCode: number;
  readonly name: string;
  readonly username: string;
  readonly secret: string;
}

/** What a gateway agent works with. */
export interface GatewayAgentOptions {
  /** 0 and up; which lines of the control block are ours. */
  readonly index: number;
  readonly transport: Transport;
  readonly commands: SpscRing;
  readonly events: SpscRing;
  readonly control: Int32Array;
  readonly clock: Pick<Clock, "words" | "realtime">;
  readonly lane: CounterLane;
  readonly latency: SharedHistogram;
  /** Where people see how sessions stand; left out if nobody looks. */
  readonly board?: SessionBoard;
  readonly log: Log;
  readonly listeners: readonly ListenerOptions[];
  readonly sessions: readonly ConfiguredSession[];
  /** Sessions that records may name. */
  readonly sessionsMax: number;
  /** Makes the protocols over the agent's context; `ListenerOptions.protocol` counts them. */
  readonly protocols: (
    context: GatewayContext,
  ) => readonly { code: number; gateway: ProtocolGateway }[];
  /** Whether what is known now may be told to clients; always, if not given. */
  readonly mayTell?: () => boolean;
  /** Where stage times go; left out = nowhere. */
  readonly flight?: GatewayFlight;
  /** How long a stop waits for clients, milliseconds. */
  readonly drainTimeoutMs: number;
}

/** The views that a definition is read from. */
type EventViews = Pick<SpscRing, "u8" | "u16" | "f64">;

/** Sections of the protocols, by code. */
const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  [Protocol.FIX]: "fix",
  [Protocol.BINARY]: "binary",
};
const EVENTS_PER_ROUND_MAX = 4096;
const STALLED_WORDS = 6;
const NO_PROTOCOL = 255;
/** How often sessions are shown. */
const SHOW_MS = 250;
const DECODER = new TextDecoder();

/** One transport with its protocols. One thread; see the module's text. */
export class GatewayAgent {
  readonly name: string;
  /** It sleeps in the transport, where a packet wakes it. */
  readonly sleeps = true;
  readonly #options: GatewayAgentOptions;
  readonly #context: GatewayContext;
  readonly #protocols: readonly { code: number; gateway: ProtocolGateway }[];
  /** Protocol by listener id, and by session index. */
  readonly #listenerOwner = new Uint8Array(256).fill(NO_PROTOCOL);
  readonly #sessionOwner: Uint8Array;
  /** Protocol by slot of the connection. */
  readonly #connectionOwner = new Uint8Array(CONNECTION_SLOT_MASK + 1);
  readonly #now: RoundTime = { lo: 0, hi: 0, ms: 0 };
  readonly #listenerIds: number[] = [];
  /** When the bytes at hand were received: low and high word. */
  readonly #received = new Uint32Array(2);
  readonly #stages: StageTimes | undefined;
  /** Windows to be shown again: connection, offset, length, consumed so far, when received. */
  readonly #stalled: Int32Array;
  #stalledCount = 0;
  /** What the configuration names. */
  #sessions: readonly ConfiguredSession[];
  /** Sessions that were defined, by index. */
  readonly #defined = new Map<number, { code: number; name: string }>();
  /** Every definition event that came, as a slot: what `load()` needs to come first. */
  readonly #definitions: Uint8Array[] = [];
  #state: number = GatewayState.CLOSED;
  #drainDeadlineMs = 0;
  #waitUs = 0;
  #refused = 0;
  /** When sessions were last shown. In an array: a number above 2^31 in a field costs an object. */
  readonly #shownMs = new Float64Array(1);

  constructor(options: GatewayAgentOptions) {
    this.#options = options;
    this.#sessions = options.sessions;
    this.name = `gateway${options.index}`;
    const { lane, log } = options;
    const telemetry: GatewayTelemetry = {
      add: (counter, amount) => lane.add(counter, amount),
      refused: (reason) => lane.refused(reason),
      log: (level, message, fields) => log.log(level, message, fields),
    };
    this.#context = {
      transport: options.transport,
      commands: options.commands,
      events: options.events,
      now: this.#now,
      telemetry,
      instruments: [],
      ...(options.flight === undefined ? {} : {
        stages: { ring: options.flight.ring, clock: options.clock },
      }),
    };
    this.#stages = options.flight && new StageTimes(
      options.commands,
      options.flight,
      options.index,
      options.clock,
      EVENTS_PER_ROUND_MAX,
    );
    this.#readClock();
    this.#protocols = options.protocols(this.#context);
    this.#sessionOwner = new Uint8Array(options.sessionsMax).fill(NO_PROTOCOL);
    this.#stalled = new Int32Array(
      (CONNECTION_SLOT_MASK + 1) * STALLED_WORDS,
    );
  }

  /** The next poll may sleep this long if nothing happens; the runner calls it when idle. */
  park(waitUs: number): void {
    this.#waitUs = waitUs;
  }

  /** True when the agent has said its last word, and the exchange writes no more events. */
  done(): boolean {
    if (this.#state !== GatewayState.DONE) return false;
    const exchange = Atomics.load(this.#options.control, CONTROL_EXCHANGE);
    return exchange === ExchangeState.DONE;
  }

  /** One round; returns how much it did. */
  doWork(): number {
    if (this.#state === GatewayState.DONE) return this.#dropEvents();
    this.#followPhases();
    let work = this.#releaseEvents();
    for (let i = 0; i < this.#protocols.length; i++) {
      work += this.#protocols[i]!.gateway.onRound();
    }
    this.#showSessions();
    // The last moment before bytes go out: who was frozen until now notices here.
    if (this.#state !== GatewayState.CLOSED && !this.#mayTell()) return 0;
    // What protocols said of themselves was received by nobody.
    const stages = this.#stages;
    if (stages !== undefined) {
      stages.stampClaimed(NOT_RECEIVED);
      stages.sent();
    }
    work += this.#pollTransport();
    work += this.#showStalled();
    this.#options.commands.publish();
    return work;
  }

  /** Adds all that events have taught: definitions, and what protocols know. */
  save(out: SectionWriter): void {
    const definitions = this.#definitions;
    const bytes = new Uint8Array(definitions.length * EVENT_SLOT_BYTES);
    definitions.forEach((event, i) => bytes.set(event, i * EVENT_SLOT_BYTES));
    out.add("definitions", bytes);
    for (const { code, gateway } of this.#protocols) {
      gateway.save(writerFor(PROTOCOL_NAMES[code]!, out));
    }
  }

  /** Takes a state that was saved, before the first event. */
  load(from: SectionReader): void {
    const bytes = from.read("definitions");
    const views: EventViews = {
      u8: bytes,
      u16: new Uint16Array(bytes.buffer),
      f64: new Float64Array(bytes.buffer),
    };
    for (let at = 0; at < bytes.length; at += EVENT_SLOT_BYTES) {
      this.#define(views, at);
    }
    for (const { code, gateway } of this.#protocols) {
      gateway.load(readerFor(PROTOCOL_NAMES[code]!, from));
    }
  }

  /** The files that the saved state needs. */
  savedFiles(): SavedFile[] {
    return this.#protocols.flatMap(({ gateway }) =>
      gateway.savedFiles?.() ?? []
    );
  }

  #showSessions(): void {
    const { board } = this.#options;
    const nowMs = this.#now.ms;
    if (board === undefined || nowMs - this.#shownMs[0]! < SHOW_MS) return;
    this.#shownMs[0] = nowMs;
    for (let i = 0; i < this.#protocols.length; i++) {
      this.#protocols[i]!.gateway.showSessions?.(board);
    }
  }

  #mayTell(): boolean {
    const { mayTell } = this.#options;
    return mayTell === undefined || mayTell();
  }

  dispose(): void {
    for (const { gateway } of this.#protocols) gateway.dispose();
    this.#options.transport.dispose();
  }

  #readClock(): void {
    const { clock } = this.#options;
    clock.realtime();
    const now = this.#now;
    now.lo = clock.words[0]!;
    now.hi = clock.words[1]!;
    now.ms = Math.floor((now.hi * 4294967296 + now.lo) / 1e6);
  }

  #followPhases(): void {
    const { control } = this.#options;
    if (this.#state === GatewayState.CLOSED) {
      const exchange = Atomics.load(control, CONTROL_EXCHANGE);
      const stop = Atomics.load(control, CONTROL_STOP);
      if (stop !== 0 && exchange !== ExchangeState.RECOVERING) {
        this.#setState(GatewayState.DONE);
      } else if (
        // Whatever was published before LIVE must have been handed over: it
        // may wait for the disk, and a logon must not be answered without it.
        exchange === ExchangeState.LIVE &&
        Atomics.load(control, CONTROL_HOLD) === 0 &&
        this.#options.events.available() === 0
      ) this.#open();
    } else if (this.#state === GatewayState.OPEN) {
      if (loadWord(control, CONTROL_STOP) !== 0) this.#startDrain();
    } else if (this.#state === GatewayState.DRAINING) {
      let drained = true;
      for (const { gateway } of this.#protocols) {
        drained = gateway.drained() && drained;
      }
      if (drained && this.#options.events.available() > 0) drained = false;
      if (drained || this.#now.ms > this.#drainDeadlineMs) {
        if (!drained) {
          this.#options.log.warn("clients did not log out in time, cutting", {
            timeoutMs: this.#options.drainTimeoutMs,
          });
        }
        this.#setState(GatewayState.DONE);
      }
    }
  }

  #setState(state: number): void {
    this.#state = state;
    const { control, index } = this.#options;
    Atomics.store(control, CONTROL_GATEWAY + index * 16, state);
  }

  #open(): void {
    const { transport, listeners, control, index, log } = this.#options;
    for (let i = 0; i < listeners.length; i++) {
      const { kind, address, port, protocol } = listeners[i]!;
      const id = kind === "stream"
        ? transport.listenStream(address, port)
        : transport.listenDatagram(address, port);
      this.#listenerIds.push(id);
      this.#listenerOwner[id] = protocol;
      const bound = transport.port(id);
      if (i < LISTENERS_MAX) control[CONTROL_PORTS + index * 16 + i] = bound;
      log.info("listening", {
        transport: transport.name,
        kind: kind === "stream" ? "tcp" : "udp",
        address,
        port: bound,
      });
    }
    this.#setState(GatewayState.OPEN);
  }

  #startDrain(): void {
    const { transport, log, drainTimeoutMs } = this.#options;
    let sessions = 0;
    for (const { gateway } of this.#protocols) {
      sessions += gateway.sessionsActive();
    }
    log.info("draining: no new logons, clients are logged out", { sessions });
    // Datagrams leave through their listener: it stays until all is said, and
    // the protocol refuses logons.
    for (let i = 0; i < this.#listenerIds.length; i++) {
      if (this.#options.listeners[i]!.kind === "stream") {
        transport.closeListener(this.#listenerIds[i]!);
      }
    }
    for (const { gateway } of this.#protocols) gateway.onDrain();
    this.#drainDeadlineMs = this.#now.ms + drainTimeoutMs;
    this.#setState(GatewayState.DRAINING);
  }

  /** Hands every event whose command is durable to the protocol of its session. */
  #releaseEvents(): number {
    const { events, control, latency } = this.#options;
    const durable = loadWord(control, CONTROL_DURABLE);
    let count = events.available();
    if (count === 0) return 0;
    if (count > EVENTS_PER_ROUND_MAX) count = EVENTS_PER_ROUND_MAX;
    this.#readClock();
    const live = this.#state !== GatewayState.CLOSED;
    const { slotBytes, u32, f64 } = events;
    const stages = this.#stages;
    let released = 0;
    for (; released < count; released++) {
      const slot = events.peek(released);
      const at = slot * slotBytes;
      const sequence = f64[(at >>> 3) + EVT_SEQUENCE_F64]!;
      // Low words compare across the wrap; the distance is far below 2^31.
      if (((durable - (sequence | 0)) | 0) < 0) break;
      const session = u32[(at >>> 2) + EVT_SESSION_U32]!;
      if (session === 0) {
        this.#define(events, at);
        continue;
      }
      if (live) {
        const lo = u32[(at >>> 2) + EVT_TIME_LO_U32]!;
        const hi = u32[(at >>> 2) + EVT_TIME_HI_U32]!;
        const elapsed = (this.#now.hi - hi) * 4294967296 + (this.#now.lo - lo);
        latency.record(elapsed);
        if (stages !== undefined) stages.onEvent(events, slot);
      }
      const owner = this.#sessionOwner[session]!;
      if (owner !== NO_PROTOCOL) this.#protocols[owner]!.gateway.onEvent(slot);
    }
    if (released > 0) events.release(released);
    return released;
  }

  /**
   * Nobody is left to be told, and what is not durable may never be, after a
   * failed disk or without a standby: but the exchange may wait for room.
   */
  #dropEvents(): number {
    const { events } = this.#options;
    const count = events.available();
    if (count > 0) events.release(count);
    return count;
  }

  /** A definition event (cold). */
  #define(views: EventViews, at: number): void {
    const { u8, u16, f64 } = views;
    const kind = u8[at + EVT_KIND_U8]!;
    this.#definitions.push(u8.slice(at, at + EVENT_SLOT_BYTES));
    const text = u8.slice(at + EVT_TEXT_U8, at + EVT_TEXT_U8 + TEXT_BYTES);
    const end = text.indexOf(0);
    const name = DECODER.decode(end < 0 ? text : text.subarray(0, end));
    if (kind === EventKind.INSTRUMENT_DEFINED) {
      const definition: InstrumentDefinition = {
        index: u16[(at >>> 1) + EVT_INSTRUMENT_U16]!,
        symbol: name,
        tickSizeE8: f64[(at >>> 3) + EVT_QUANTITY_F64]!,
        lotSizeE8: f64[(at >>> 3) + EVT_REFERENCE_F64]!,
      };
      this.#context.instruments[definition.index] = definition;
      return;
    }
    if (kind === EventKind.ACCOUNT_DEFINED) {
      const index = f64[(at >>> 3) + EVT_ORDER_ID_F64]!;
      for (const { gateway } of this.#protocols) {
        gateway.onAccountDefined?.({ index, name });
      }
      return;
    }
    if (kind !== EventKind.SESSION_DEFINED) return;
    const code = u8[at + EVT_DETAIL_U8]!;
    const index = f64[(at >>> 3) + EVT_ORDER_ID_F64]!;
    this.#defined.set(index, { code, name });
    this.#serve(index);
  }

  /** Tells the protocol of a session that was defined what the configuration says of it. */
  #serve(index: number): void {
    const { code, name } = this.#defined.get(index)!;
    const configured = this.#sessions.find((session) =>
      session.protocolCode === code && session.name === name
    );
    const owner = this.#protocols.findIndex((protocol) =>
      protocol.code === code
    );
    if (owner < 0) return;
    const { gateway } = this.#protocols[owner]!;
    const known = this.#sessionOwner[index] !== NO_PROTOCOL;
    if (configured === undefined) {
      if (known) gateway.onSessionRemoved(index);
      return;
    }
    this.#sessionOwner[index] = owner;
    const { username, secret } = configured;
    const definition: SessionDefinition = { index, name, username, secret };
    if (known) gateway.onSessionChanged(definition);
    else gateway.onSessionDefined(definition);
  }

  /**
   * Takes what another configuration names. Sessions that are new to it must
   * not be defined yet: what they were sent before would be missing.
   */
  takeSessions(sessions: readonly ConfiguredSession[]): void {
    this.#sessions = sessions;
    for (const index of this.#defined.keys()) this.#serve(index);
  }

  #pollTransport(): number {
    const { transport, lane } = this.#options;
    const waitUs = this.#waitUs;
    this.#waitUs = 0;
    const count = transport.poll(waitUs);
    this.#readClock();
    if (transport.refusedConnections !== this.#refused) this.#countRefused();
    const words = transport.completions;
    for (let i = 0; i < count; i++) {
      const at = i * COMPLETION_WORDS;
      const id = words[at + COMPLETION_ID]!;
      const kind = words[at + COMPLETION_KIND]!;
      const owner = kind === CompletionKind.ACCEPTED ||
          kind === CompletionKind.DATAGRAM
        ? this.#listenerOwner[words[at + COMPLETION_LISTENER]!]!
        : this.#connectionOwner[id & CONNECTION_SLOT_MASK]!;
      const gateway = this.#protocols[owner]!.gateway;
      const length = words[at + COMPLETION_LENGTH]!;
      this.#noteReceived(words[at + COMPLETION_TIME]!);
      switch (kind) {
        case CompletionKind.RECEIVED:
          this.#show(
            gateway,
            owner,
            id,
            words[at + COMPLETION_OFFSET]!,
            length,
            0,
          );
          break;
        case CompletionKind.DATAGRAM:
          lane.add(COUNTER.bytes_received_total, length);
          gateway.onDatagram(
            words[at + COMPLETION_LISTENER]!,
            words[at + COMPLETION_OFFSET]!,
            length,
            words[at + COMPLETION_ADDRESS]!,
            words[at + COMPLETION_PORT]!,
          );
          this.#stages?.stampClaimed(this.#received);
          break;
        case CompletionKind.ACCEPTED:
          this.#connectionOwner[id & CONNECTION_SLOT_MASK] = owner;
          lane.add(COUNTER.connections_accepted_total, 1);
          lane.add(COUNTER.connections_open, 1);
          gateway.onAccepted(
            id,
            words[at + COMPLETION_ADDRESS]!,
            words[at + COMPLETION_PORT]!,
          );
          break;
        case CompletionKind.CLOSED:
          lane.add(COUNTER.connections_open, -1);
          this.#forgetStalled(id);
          gateway.onClosed(id);
          break;
      }
    }
    this.#stages?.stampClaimed(NOT_RECEIVED);
    return count;
  }

  /** @param stamp Low word of the receive time, at most 4 seconds ago; 0 = this round's. */
  #noteReceived(stamp: number): void {
    const { lo, hi } = this.#now;
    this.#received[0] = stamp === 0 ? lo : stamp;
    this.#received[1] = stamp === 0 || stamp >>> 0 <= lo ? hi : hi - 1;
  }

  #countRefused(): void {
    const { transport, lane, log } = this.#options;
    const more = transport.refusedConnections - this.#refused;
    this.#refused += more;
    lane.add(COUNTER.connections_refused_total, more);
    log.warn("connection refused: no room; raise [capacity] connections", {
      refused: this.#refused,
    });
  }

  /** Shows a window to its protocol; remembers it if the protocol stalls. */
  #show(
    gateway: ProtocolGateway,
    owner: number,
    connection: number,
    offset: number,
    length: number,
    consumedBefore: number,
  ): void {
    const answer = gateway.onReceived(connection, offset, length);
    this.#stages?.stampClaimed(this.#received);
    const consumed = answer & (STALLED - 1);
    if ((answer & STALLED) === 0) {
      this.#options.lane.add(
        COUNTER.bytes_received_total,
        consumedBefore + consumed,
      );
      this.#options.transport.consume(connection, consumedBefore + consumed);
      return;
    }
    const at = this.#stalledCount++ * STALLED_WORDS;
    this.#stalled[at] = connection;
    this.#stalled[at + 1] = offset + consumed;
    this.#stalled[at + 2] = length - consumed;
    this.#stalled[at + 3] = (consumedBefore + consumed) | (owner << 24);
    this.#stalled[at + 4] = this.#received[0]!;
    this.#stalled[at + 5] = this.#received[1]!;
  }

  #showStalled(): number {
    const count = this.#stalledCount;
    if (count === 0) return 0;
    const stalled = this.#stalled;
    // The list is rebuilt in place: each entry is read before a later one is written over it.
    this.#stalledCount = 0;
    for (let i = 0; i < count; i++) {
      const at = i * STALLED_WORDS;
      const packed = stalled[at + 3]!;
      const owner = packed >>> 24;
      this.#received[0] = stalled[at + 4]!;
      this.#received[1] = stalled[at + 5]!;
      this.#show(
        this.#protocols[owner]!.gateway,
        owner,
        stalled[at]!,
        stalled[at + 1]!,
        stalled[at + 2]!,
        packed & 0xffffff,
      );
    }
    return count - this.#stalledCount;
  }

  #forgetStalled(connection: number): void {
    const stalled = this.#stalled;
    for (let i = 0; i < this.#stalledCount; i++) {
      if (stalled[i * STALLED_WORDS] !== connection) continue;
      const last = --this.#stalledCount * STALLED_WORDS;
      stalled.copyWithin(i * STALLED_WORDS, last, last + STALLED_WORDS);
      return;
    }
  }
}
