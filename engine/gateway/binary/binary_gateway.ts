// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The binary order protocol on one gateway agent, over TCP and UDP.
 *
 * ```
 *   packet ─▶ header, session ─▶ checksums (one call) ─▶ decodeOrder ─▶ command
 *   event ─▶ encodeEvent ─▶ OutboundRing ─▶ checksums (one call) ─▶ packet
 * ```
 *
 * Owned by the agent's thread; allocates nothing for an order. Whatever a
 * session must remember over a restart comes back in events. It trusts no byte
 * of a client, and one client never makes another one wait.
 * Specification: `docs/protocols/binary_order.md`.
 *
 * @module
 */
import { assert, fail } from "../../assert.ts";
import { CommandKind, Reason } from "../../record/mod.ts";
import {
  addJson,
  readJson,
  type SectionReader,
  type SectionWriter,
} from "../../snapshot/mod.ts";
import {
  COUNTER,
  type SessionBoard,
  SessionLink,
} from "../../telemetry/mod.ts";
import {
  BINARY_VERSION_1,
  BINARY_VERSION_2,
  CLIENT_COUNT_TCP_MAX,
  CLIENT_COUNT_UDP_MAX,
  CLIENT_MESSAGE_BYTES,
  CLIENT_PRICE,
  CLIENT_QUANTITY,
  CLIENT_REFERENCE,
  CLIENT_SIDE,
  CLIENT_SYMBOL,
  CLIENT_TYPE,
  ClientType,
  Direction,
  encodeEvent,
  HEADER_BYTES,
  HEADER_COUNT,
  HEADER_DIRECTION,
  HEADER_SEQUENCE,
  HEADER_SESSION,
  HEADER_VERSION,
  RETRANSMIT_COUNT_MAX,
  ServerType,
  SIDE_TIMES,
} from "../../wire/binary/mod.ts";
import {
  type GatewayContext,
  type ProtocolGateway,
  type SessionDefinition,
  STALLED,
} from "../protocol.ts";
import {
  ClientLinks,
  type Connection,
  type LinkTimeouts,
  type Origin,
} from "./client_links.ts";
import { NumberedPackets, Taken } from "./numbered_packets.ts";
import { PacketSender } from "./packet_sender.ts";
import { Refusals } from "./refusals.ts";
import { BinarySession, Link } from "./session.ts";

// Numbers of the layouts, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  EVENT_SLOT_BYTES = 192,
  EVT_SESSION_U32 = 6,
  EVT_IN_SEQUENCE_U32 = 26,
  EVT_KIND_U8 = 6,
  EVT_OUT_SEQUENCE_U32 = 7,
  EVT_INSTRUMENT_U16 = 16,
  EventKind_LOGGED_ON = 20,
}

/** Limits of the gateway; the specification names the defaults. */
export interface BinaryGatewayOptions extends LinkTimeouts {
  /** Messages stored for each session; a power of two. */
  readonly storedCount: number;
}

export const BINARY_GATEWAY_DEFAULTS: BinaryGatewayOptions = {
  storedCount: 65_536,
  heartbeatMs: 1000,
  silenceMs: 30_000,
  logonTimeoutMs: 5000,
  slowMs: 10_000,
};

/** What of a session is saved, besides its messages. */
interface SavedSession {
  readonly index: number;
  readonly expected: number;
  readonly answered: number;
  readonly last: number;
}

const CLIENT_PACKET_MAX = HEADER_BYTES +
  CLIENT_COUNT_TCP_MAX * CLIENT_MESSAGE_BYTES;
/** What one message can need besides an order: a logon that ends an older one. */
const SESSION_COMMANDS_MAX = 2;

/** The protocol's gateway; see the module's text. */
export class BinaryGateway implements ProtocolGateway {
  readonly #context: GatewayContext;
  readonly #options: BinaryGatewayOptions;
  readonly #sender: PacketSender;
  readonly #view: DataView;
  readonly #byNumber = new Map<number, BinarySession>();
  readonly #byIndex: (BinarySession | undefined)[] = [];
  readonly #links: ClientLinks;
  readonly #refusals: Refusals;
  readonly #numbered: NumberedPackets;
  readonly #from: Origin = {
    stream: false,
    connection: 0,
    listener: 0,
    address: 0,
    port: 0,
    bytes: 0,
  };

  /**
   * @param sessions Known from the start; more come by `onSessionDefined()`.
   * @throws {InvariantError} If the transport or the command ring is too small
   *   for a packet.
   */
  constructor(
    context: GatewayContext,
    options: Partial<BinaryGatewayOptions> = {},
    sessions: readonly SessionDefinition[] = [],
  ) {
    this.#context = context;
    this.#options = { ...BINARY_GATEWAY_DEFAULTS, ...options };
    const { transport, commands } = context;
    assert(
      transport.receiveWindowBytes === 0 ||
        transport.receiveWindowBytes >= CLIENT_PACKET_MAX,
      `receive window of ${transport.receiveWindowBytes} bytes: a packet has up to ${CLIENT_PACKET_MAX}`,
    );
    assert(
      commands.slotCount >= CLIENT_COUNT_TCP_MAX * SESSION_COMMANDS_MAX,
      `command ring of ${commands.slotCount} slots: a packet needs up to ${
        CLIENT_COUNT_TCP_MAX * SESSION_COMMANDS_MAX
      }`,
    );
    const bytes = transport.bytes as Uint8Array<ArrayBuffer>;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#sender = new PacketSender(context);
    this.#links = new ClientLinks(context, this.#options, this.#sender);
    this.#refusals = new Refusals(
      context,
      this.#view,
      this.#sender,
      this.#links,
      this.#from,
    );
    this.#numbered = new NumberedPackets(
      context,
      this.#view,
      this.#links,
      this.#refusals,
      this.#from,
    );
    for (const session of sessions) this.onSessionDefined(session);
  }

  onSessionDefined(definition: SessionDefinition): void {
    const session = new BinarySession(definition, this.#options.storedCount);
    assert(
      this.#byIndex[session.index] === undefined &&
        !this.#byNumber.has(session.number),
      `binary session ${session.number} is defined twice`,
    );
    this.#byIndex[session.index] = session;
    this.#byNumber.set(session.number, session);
    this.#links.define(session);
  }

  onSessionChanged(definition: SessionDefinition): void {
    this.#byIndex[definition.index]!.allow(definition);
  }

  onSessionRemoved(index: number): void {
    const session = this.#byIndex[index]!;
    session.removed = true;
    if (session.link !== Link.NONE) {
      this.#links.end(session, Reason.UNKNOWN_SESSION);
    }
  }

  onAccepted(connection: number, _address: number, _port: number): void {
    this.#links.accept(connection);
  }

  onReceived(connection: number, offset: number, length: number): number {
    const entry = this.#links.connections.get(connection);
    if (entry === undefined || entry.closing) return length;
    let used = 0;
    while (length - used >= HEADER_BYTES) {
      if (this.#mustWait(entry)) return used | STALLED;
      const at = offset + used;
      const count = this.#headerCount(at, CLIENT_COUNT_TCP_MAX);
      const bytes = HEADER_BYTES + count * CLIENT_MESSAGE_BYTES;
      if (count > 0 && length - used < bytes) break;
      this.#from.stream = true;
      this.#from.connection = connection;
      const taken = count === 0
        ? Taken.MALFORMED
        : this.#takeStreamPacket(entry, at, count);
      if (taken === Taken.STALL) return used | STALLED;
      if (taken === Taken.MALFORMED) {
        this.#refusals.malformed(entry, at);
        return length;
      }
      used += bytes;
      if (entry.closing) return length;
    }
    return used;
  }

  onClosed(connection: number): void {
    this.#links.forget(connection);
  }

  onDatagram(
    listener: number,
    offset: number,
    length: number,
    address: number,
    port: number,
  ): void {
    const { telemetry } = this.#context;
    const count = length < HEADER_BYTES
      ? 0
      : this.#headerCount(offset, CLIENT_COUNT_UDP_MAX);
    if (
      count === 0 || length !== HEADER_BYTES + count * CLIENT_MESSAGE_BYTES
    ) {
      telemetry.add(COUNTER.binary_packets_garbled_total, 1);
      return;
    }
    this.#from.stream = false;
    this.#from.listener = listener;
    this.#from.address = address;
    this.#from.port = port;
    this.#from.bytes = length;
    const session = this.#byNumber.get(
      this.#view.getUint32(offset + HEADER_SESSION, true),
    );
    const bound = session !== undefined &&
        session.isAt(listener, address, port)
      ? session
      : null;
    const taken = this.#takePacket(bound, offset, count);
    if (taken === Taken.MALFORMED) {
      telemetry.add(COUNTER.binary_packets_garbled_total, 1);
    } else if (taken === Taken.STALL && bound !== null) {
      this.#refusals.packet(bound, Reason.OVERLOADED, offset, 0);
    }
  }

  onEvent(slot: number): void {
    const { events, instruments } = this.#context;
    const byte = slot * Fixed.EVENT_SLOT_BYTES;
    const word = byte >>> 2;
    const session = this.#byIndex[events.u32[word + Fixed.EVT_SESSION_U32]!];
    if (session === undefined) return;
    const inSequence = events.u32[word + Fixed.EVT_IN_SEQUENCE_U32]!;
    if (inSequence > session.answered) session.answered = inSequence;
    if (inSequence >= session.expected) session.expected = inSequence + 1;
    if (events.u8[byte + Fixed.EVT_KIND_U8] === Fixed.EventKind_LOGGED_ON) {
      return;
    }
    const ring = session.ring;
    const sequence = events.u32[word + Fixed.EVT_OUT_SEQUENCE_U32]!;
    if (sequence !== ring.last + 1) {
      fail(`event ${sequence} of session ${session.number} after ${ring.last}`);
    }
    const instrument =
      instruments[events.u16[(byte >>> 1) + Fixed.EVT_INSTRUMENT_U16]!];
    encodeEvent(
      events,
      slot,
      instrument === undefined ? 0 : instrument.tickSizeE8,
      instrument === undefined ? 0 : instrument.lotSizeE8,
      ring.words,
      ring.wordOf(sequence),
    );
    ring.last = sequence;
    if (session.times !== null) session.times.note(events, slot, sequence);
    this.#links.markDirty(session);
  }

  onRound(): number {
    return this.#links.round();
  }

  onDrain(): void {
    this.#links.drain();
  }

  drained(): boolean {
    return this.#links.drained();
  }

  sessionsActive(): number {
    return this.#links.active;
  }

  showSessions(board: SessionBoard): void {
    for (let i = 0; i < this.#byIndex.length; i++) {
      const session = this.#byIndex[i];
      if (session === undefined) continue;
      const link = session.link === Link.STREAM
        ? SessionLink.TCP
        : session.link === Link.DATAGRAM
        ? SessionLink.UDP
        : SessionLink.NONE;
      const { expected, last, heardMs } = session;
      board.show(i, link, expected - 1, last, heardMs);
    }
  }

  save(out: SectionWriter): void {
    const saved: SavedSession[] = [];
    for (const session of this.#byIndex) {
      if (session === undefined) continue;
      const { index, expected, answered, last } = session;
      saved.push({ index, expected, answered, last });
      if (last > 0) out.add(`session${index}`, session.ring.save());
    }
    addJson(out, "sessions", saved);
  }

  load(from: SectionReader): void {
    for (const saved of readJson<SavedSession[]>(from, "sessions")) {
      const session = this.#byIndex[saved.index];
      // No longer configured: its events go nowhere, as after a replay.
      if (session === undefined) continue;
      session.expected = saved.expected;
      session.answered = saved.answered;
      if (saved.last === 0) continue;
      from.readInto(`session${saved.index}`, session.ring.load(saved.last));
    }
  }

  /** Holds nothing outside of V8's heap. */
  dispose(): void {}

  /** True if this client must take what it was sent before it may go on. */
  #mustWait(entry: Connection): boolean {
    const { transport } = this.#context;
    if (transport.pending(entry.id) * 2 > transport.sendWindowBytes) {
      return true;
    }
    const session = entry.session;
    return session !== null &&
      (session.last - session.nextToSend) * 2 > this.#options.storedCount;
  }

  /** Number of blocks that a header announces; 0 = malformed. */
  #headerCount(at: number, limit: number): number {
    const view = this.#view;
    const count = view.getUint16(at + HEADER_COUNT, true);
    const version = view.getUint8(at + HEADER_VERSION);
    if (
      version < BINARY_VERSION_1 || version > BINARY_VERSION_2 ||
      view.getUint8(at + HEADER_DIRECTION) !== Direction.CLIENT ||
      count > limit || view.getUint32(at + HEADER_SESSION, true) === 0
    ) return 0;
    return count;
  }

  #takeStreamPacket(entry: Connection, at: number, count: number): number {
    const number = this.#view.getUint32(at + HEADER_SESSION, true);
    const session = entry.session;
    if (session !== null && session.number !== number) return Taken.MALFORMED;
    return this.#takePacket(session, at, count);
  }

  /** @param session Whose client sent it; null = a stranger. */
  #takePacket(
    session: BinarySession | null,
    at: number,
    count: number,
  ): number {
    const { telemetry } = this.#context;
    const low = this.#view.getUint32(at + HEADER_SEQUENCE, true);
    const high = this.#view.getUint32(at + HEADER_SEQUENCE + 4, true);
    let taken: number;
    let messages = count;
    if ((low | high) === 0) taken = this.#takeUnnumbered(session, at, count);
    else if (session === null) {
      this.#refusals.stranger(
        ServerType.PACKET_REFUSED,
        Reason.NOT_LOGGED_ON,
        at,
      );
      taken = Taken.DONE;
    } else if (this.#view.getUint8(at + HEADER_VERSION) === BINARY_VERSION_1) {
      taken = this.#numbered.take(session, at, count, low, high);
    } else {
      // They are counted there.
      messages = 0;
      taken = this.#numbered.takeBlocks(session, at, count, low, high);
    }
    if (taken === Taken.DONE) {
      telemetry.add(COUNTER.binary_packets_received_total, 1);
      telemetry.add(COUNTER.binary_messages_received_total, messages);
      if (session !== null) session.heardMs = this.#context.now.ms;
    }
    return taken;
  }

  /** Logon, heartbeat, retransmit request, logout. */
  #takeUnnumbered(
    known: BinarySession | null,
    at: number,
    count: number,
  ): number {
    // Only the first message of the packet can make a session of a stranger.
    let session = known;
    if (this.#context.commands.free() < SESSION_COMMANDS_MAX * count) {
      return Taken.STALL;
    }
    const wrong = this.#numbered.firstWrong(at, count);
    const good = wrong < 0 ? count : wrong;
    for (let i = 0; i < good; i++) {
      const message = at + HEADER_BYTES + i * CLIENT_MESSAGE_BYTES;
      const type = this.#view.getUint8(message + CLIENT_TYPE);
      const version = this.#view.getUint8(at + HEADER_VERSION);
      if (!this.#restIsZero(message, type, version)) return Taken.MALFORMED;
      if (type === ClientType.LOGON) {
        session = this.#logon(at, message);
        if (session === null) return Taken.DONE;
      } else if (session === null) {
        this.#refusals.stranger(
          ServerType.PACKET_REFUSED,
          Reason.NOT_LOGGED_ON,
          at,
        );
        return Taken.DONE;
      } else if (type === ClientType.HEARTBEAT) this.#links.heartbeat(session);
      else if (type === ClientType.RETRANSMIT) {
        if (!this.#retransmit(session, at, message, i)) return Taken.MALFORMED;
      } else {
        this.#links.end(session, Reason.NONE);
        return Taken.DONE;
      }
    }
    if (wrong < 0) return Taken.DONE;
    if (session !== null) {
      this.#refusals.packet(session, Reason.BAD_CHECKSUM, at, wrong);
      return Taken.DONE;
    }
    this.#refusals.stranger(ServerType.PACKET_REFUSED, Reason.BAD_CHECKSUM, at);
    return Taken.DONE;
  }

  /** True if an unnumbered message has a known type and nothing where nothing belongs. */
  #restIsZero(message: number, type: number, version: number): boolean {
    const view = this.#view;
    const referenceLow = view.getUint32(message + CLIENT_REFERENCE, true);
    const referenceHigh = view.getUint32(message + CLIENT_REFERENCE + 4, true);
    const allowed = type === ClientType.LOGON && version !== BINARY_VERSION_1
      ? SIDE_TIMES
      : 0;
    if (
      view.getUint32(message + CLIENT_SYMBOL, true) !== 0 ||
      (view.getUint8(message + CLIENT_SIDE) & ~allowed) !== 0 ||
      (referenceLow | referenceHigh) !== 0
    ) return false;
    if (type === ClientType.LOGON || type === ClientType.RETRANSMIT) {
      return true;
    }
    if (type !== ClientType.HEARTBEAT && type !== ClientType.LOGOUT) {
      return false;
    }
    return (view.getUint32(message + CLIENT_QUANTITY, true) |
      view.getUint32(message + CLIENT_QUANTITY + 4, true) |
      view.getUint32(message + CLIENT_PRICE, true) |
      view.getUint32(message + CLIENT_PRICE + 4, true)) === 0;
  }

  /** @returns The session, or null if the logon was refused. */
  #logon(at: number, message: number): BinarySession | null {
    const view = this.#view;
    const { telemetry, now } = this.#context;
    const session = this.#byNumber.get(
      view.getUint32(at + HEADER_SESSION, true),
    );
    const right = session !== undefined && !session.removed && session.hasKey(
      view.getUint32(message + CLIENT_QUANTITY, true),
      view.getUint32(message + CLIENT_QUANTITY + 4, true),
    );
    if (session === undefined || !right || this.#links.draining) {
      const reason = right ? Reason.SHUTTING_DOWN : Reason.WRONG_CREDENTIALS;
      telemetry.add(COUNTER.binary_logons_refused_total, 1);
      this.#refusals.stranger(ServerType.LOGON_REFUSED, reason, at);
      if (this.#from.stream) {
        const entry = this.#links.connections.get(this.#from.connection);
        if (entry !== undefined) this.#links.drop(entry);
      }
      return null;
    }
    this.#links.bind(session, this.#from);
    session.version = view.getUint8(at + HEADER_VERSION);
    // Where nobody records them there are none.
    const times = this.#context.stages === undefined
      ? 0
      : view.getUint8(message + CLIENT_SIDE);
    session.wantTimes(times === SIDE_TIMES);
    const wantedLow = view.getUint32(message + CLIENT_PRICE, true);
    const wantedHigh = view.getUint32(message + CLIENT_PRICE + 4, true);
    let from = session.last + 1;
    let reason: number = Reason.NONE;
    if (wantedHigh === 0 && wantedLow !== 0 && wantedLow < from) {
      from = wantedLow < session.oldest ? session.oldest : wantedLow;
      if (from !== wantedLow) reason = Reason.NOT_STORED;
    }
    session.startSending(from, now.ms);
    this.#sender.makeNotice(
      ServerType.LOGON_ACCEPTED | (times << 8),
      reason,
      session.version,
      session.number,
      session,
      from,
      0,
      0,
    );
    this.#sender.sendNoticeTo(session);
    this.#links.markDirty(session);
    telemetry.add(COUNTER.binary_logons_total, 1);
    this.#links.writeSessionCommand(session, CommandKind.SESSION_LOGON);
    telemetry.log("info", "binary session logged on", {
      session: session.number,
      link: this.#from.stream ? "tcp" : "udp",
      expected: session.expected,
      next: session.last + 1,
      sendingFrom: from,
    });
    return session;
  }

  /** @returns False if the request is malformed. */
  #retransmit(
    session: BinarySession,
    at: number,
    message: number,
    index: number,
  ): boolean {
    const view = this.#view;
    const first = view.getUint32(message + CLIENT_QUANTITY, true);
    const firstHigh = view.getUint32(message + CLIENT_QUANTITY + 4, true);
    const countLow = view.getUint32(message + CLIENT_PRICE, true);
    const countHigh = view.getUint32(message + CLIENT_PRICE + 4, true);
    if ((first | firstHigh) === 0) return false;
    if (firstHigh !== 0 || first >= session.nextToSend) {
      this.#links.heartbeat(session);
    } else if (first < session.oldest) {
      this.#refusals.packet(session, Reason.NOT_STORED, at, index);
    } else {
      const most = countHigh !== 0 || countLow === 0 ||
          countLow > RETRANSMIT_COUNT_MAX
        ? RETRANSMIT_COUNT_MAX
        : countLow;
      session.repeatFrom = first;
      session.repeatTo = Math.min(first + most, session.nextToSend);
      this.#links.markDirty(session);
    }
    return true;
  }
}
