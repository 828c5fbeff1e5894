// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A binary gateway with the real exchange behind it and a network made of
 * arrays: what the tests of the gateway drive step by step.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { EventRing, Exchange } from "../../engine/exchange/mod.ts";
import {
  BinaryGateway,
  type BinaryGatewayOptions,
} from "../../engine/gateway/binary/mod.ts";
import {
  type InstrumentDefinition,
  type SessionDefinition,
  STALLED,
} from "../../engine/gateway/mod.ts";
import * as r from "../../engine/record/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";
import type { SavedRig } from "./fix_harness.ts";
import { COUNTERS } from "../../engine/telemetry/mod.ts";
import {
  BACKPRESSURE,
  GONE,
  type Transport,
} from "../../engine/transport/mod.ts";
import {
  type ClientMessage,
  ClientType,
  decodeServerHeader,
  decodeServerPacket,
  encodeClientPacket,
  type ServerMessage,
  serverPacketBytes,
  ServerType,
  sideByte,
} from "../../engine/wire/binary/mod.ts";
import { CommandBuffer, type TestCommand } from "../exchange/support.ts";

export const E8 = 100_000_000;
export const KEY = 1869440356n;
export const LISTENER = 9;
export const TICK_E8 = [1_000_000, 1_000_000, 1_000_000];
export const LOT_E8 = [E8, E8, 1];

/** Receive windows, then one place where packets to send are written. */
const WINDOW_BYTES = 16384;
const CONNECTIONS = 16;
const SEND_OFFSET = WINDOW_BYTES * CONNECTIONS;

/** A datagram that the gateway sent. */
export interface SentDatagram {
  readonly address: number;
  readonly port: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A network without wires. */
export class FakeTransport implements Transport {
  readonly name = "fake";
  readonly refusedConnections = 0;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly completions = new Int32Array(0);
  readonly receiveWindowBytes = WINDOW_BYTES;
  readonly sendWindowBytes = 65536;
  readonly sent = new Map<number, Uint8Array<ArrayBuffer>[]>();
  readonly datagrams: SentDatagram[] = [];
  readonly closed = new Set<number>();
  /** Connections whose client takes nothing, and what waits for them. */
  readonly stuck = new Map<number, number>();
  datagramsBlocked = false;
  /** Where packets to send are written; odd on request. */
  readonly sendOffset: number;

  constructor(misaligned = false) {
    this.sendOffset = SEND_OFFSET + (misaligned ? 3 : 0);
    this.bytes = new Uint8Array(SEND_OFFSET + 65536 + 4);
  }

  listenStream(): number {
    return LISTENER;
  }
  listenDatagram(): number {
    return LISTENER;
  }
  port(): number {
    return 1;
  }
  multicastFrom(): void {}
  joinGroup(): void {}
  leaveGroup(): void {}
  closeListener(): void {}
  poll(): number {
    return 0;
  }
  consume(): void {}
  reserve(connection: number, bytes: number): number {
    if (this.closed.has(connection)) return GONE;
    const waiting = this.stuck.get(connection);
    if (waiting !== undefined && waiting + bytes > this.sendWindowBytes) {
      return BACKPRESSURE;
    }
    assert(bytes <= this.sendWindowBytes);
    return this.sendOffset;
  }
  commit(connection: number, bytes: number): void {
    const waiting = this.stuck.get(connection);
    if (waiting !== undefined) this.stuck.set(connection, waiting + bytes);
    const list = this.sent.get(connection) ?? [];
    list.push(this.bytes.slice(this.sendOffset, this.sendOffset + bytes));
    this.sent.set(connection, list);
  }
  pending(connection: number): number {
    return this.stuck.get(connection) ?? 0;
  }
  close(connection: number): void {
    this.closed.add(connection);
  }
  abort(connection: number): void {
    this.closed.add(connection);
  }
  reserveDatagram(bytes: number): number {
    assert(bytes <= 1472, `a datagram of ${bytes} bytes`);
    return this.datagramsBlocked ? BACKPRESSURE : this.sendOffset;
  }
  commitDatagram(
    listener: number,
    address: number,
    port: number,
    bytes: number,
  ): void {
    assertEquals(listener, LISTENER);
    const copy = this.bytes.slice(this.sendOffset, this.sendOffset + bytes);
    this.datagrams.push({ address, port, bytes: copy });
  }
  dispose(): void {}
}

/** How a test wants its harness. */
export interface HarnessOptions {
  readonly gateway?: Partial<BinaryGatewayOptions>;
  readonly commandSlots?: number;
  readonly misaligned?: boolean;
  /** Commands of an earlier life, to be replayed. */
  readonly journal?: readonly Uint8Array[];
  /** What gateway and exchange saved after so many of them. */
  readonly saved?: SavedRig;
}

/** Splits a stream of whole packets. */
export function splitPackets(
  bytes: Uint8Array,
): Uint8Array[] {
  const packets: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const { count } = decodeServerHeader(bytes.subarray(at));
    const size = serverPacketBytes(count);
    packets.push(bytes.subarray(at, at + size));
    at += size;
  }
  assertEquals(at, bytes.length);
  return packets;
}

/** Gateway, rings, exchange and journal on one thread; see the module's text. */
export class Harness {
  readonly transport: FakeTransport;
  readonly gateway: BinaryGateway;
  readonly exchange: Exchange;
  readonly counters = new Map<string, number>();
  readonly refusals = new Map<number, number>();
  readonly logged: string[] = [];
  readonly now = { lo: 0, hi: 0, ms: 0 };
  /** Every command that the exchange applied. */
  readonly journal: Uint8Array<ArrayBuffer>[] = [];
  /** The exchange does not run: commands stay in their ring. */
  paused = false;
  readonly #commandsIn: SpscRing;
  readonly #commandsOut: SpscRing;
  readonly #eventsIn: SpscRing;
  readonly #eventsOut: SpscRing;
  readonly #instruments: InstrumentDefinition[] = [];
  readonly #windows = new Map<number, number[]>();
  #sequence = 0;

  constructor(options: HarnessOptions = {}) {
    const slots = options.commandSlots ?? 1024;
    const commands = new ArrayBuffer(
      SpscRing.bytes(r.COMMAND_SLOT_BYTES, slots),
    );
    const events = new ArrayBuffer(SpscRing.bytes(192, 4096));
    new Uint8Array(commands, 256).fill(0xee);
    this.#commandsIn = new SpscRing(
      commands,
      0,
      r.COMMAND_SLOT_BYTES,
      slots,
      "producer",
    );
    this.#commandsOut = new SpscRing(
      commands,
      0,
      r.COMMAND_SLOT_BYTES,
      slots,
      "consumer",
    );
    this.#eventsIn = new SpscRing(events, 0, 192, 4096, "producer");
    this.#eventsOut = new SpscRing(events, 0, 192, 4096, "consumer");
    const capacity = {
      ordersMax: 20_000,
      instrumentsMax: 4,
      sessionsMax: 8,
      pagesMax: 256,
    };
    this.exchange = new Exchange({
      ...capacity,
      memory: new ArrayBuffer(Exchange.bytes(capacity)),
      events: [new EventRing(this.#eventsIn, () => this.#deliver())],
      routes: new Uint8Array(capacity.sessionsMax),
    });
    this.transport = new FakeTransport(options.misaligned);
    this.setTime(1_767_225_600_123);
    const sessions: SessionDefinition[] = [1, 2, 3, 4].map((index) => ({
      index,
      name: String(index),
      username: "",
      secret: String(KEY + BigInt(index - 1)),
    }));
    this.gateway = new BinaryGateway(
      {
        transport: this.transport,
        commands: this.#commandsIn,
        events: this.#eventsOut,
        now: this.now,
        telemetry: {
          add: (counter, amount) => {
            const { name } = COUNTERS[counter]!;
            this.counters.set(name, (this.counters.get(name) ?? 0) + amount);
          },
          refused: (reason) => {
            this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
          },
          log: (level, message) => void this.logged.push(`${level} ${message}`),
        },
        instruments: this.#instruments,
      },
      { storedCount: 1024, ...options.gateway },
      sessions,
    );
    if (options.journal === undefined) this.#defineInstruments();
    else {
      const { saved } = options;
      if (saved !== undefined) this.#load(saved, options.journal);
      for (const command of options.journal.slice(this.journal.length)) {
        this.#applyStored(command);
      }
    }
    this.round();
  }

  /** Milliseconds since 1970, for the gateway. */
  setTime(ms: number): void {
    this.now.ms = ms;
    const ns = BigInt(ms) * 1_000_000n;
    this.now.lo = Number(ns & 0xffffffffn);
    this.now.hi = Number(ns >> 32n);
  }

  /** Time goes on; the gateway looks at its timers. */
  pass(ms: number): void {
    this.setTime(this.now.ms + ms);
    this.round();
  }

  counter(name: string): number {
    return this.counters.get(name) ?? 0;
  }

  /** One round of everything. */
  round(): void {
    this.#commandsIn.publish();
    if (!this.paused) this.#exchangeRound();
    this.#deliver();
    this.gateway.onRound();
    this.#commandsIn.publish();
  }

  /** Commands that wait in the ring. */
  waiting(): number {
    return this.#commandsOut.available();
  }

  accept(connection: number): void {
    this.transport.closed.delete(connection);
    this.transport.sent.delete(connection);
    this.transport.stuck.delete(connection);
    this.#windows.set(connection, []);
    this.gateway.onAccepted(connection, 0x7f000001, 40000 + connection);
  }

  /** The client's end is gone. */
  hangUp(connection: number): void {
    this.transport.closed.add(connection);
    this.#windows.delete(connection);
    this.gateway.onClosed(connection);
    this.round();
  }

  /** The client sends bytes over TCP. Returns true if the gateway stalled. */
  feed(connection: number, bytes: Uint8Array): boolean {
    const window = this.#windows.get(connection);
    if (window === undefined) return false;
    for (const byte of bytes) window.push(byte);
    return this.show(connection);
  }

  /** Shows a connection's window. */
  show(connection: number): boolean {
    const window = this.#windows.get(connection);
    if (window === undefined) return false;
    assert(window.length <= WINDOW_BYTES, "the test sends more than a window");
    const offset = connection * WINDOW_BYTES;
    this.transport.bytes.set(window, offset);
    const answer = this.gateway.onReceived(connection, offset, window.length);
    const consumed = answer & (STALLED - 1);
    assert(consumed <= window.length, "more was consumed than there is");
    window.splice(0, consumed);
    if (this.transport.closed.has(connection)) this.hangUp(connection);
    return (answer & STALLED) !== 0;
  }

  /** A datagram comes. */
  datagram(bytes: Uint8Array, port = 5000, address = 0x0a000001): void {
    assert(bytes.length <= WINDOW_BYTES);
    this.transport.bytes.set(bytes, 0);
    this.gateway.onDatagram(LISTENER, 0, bytes.length, address, port);
  }

  /** What a TCP client was sent since the last call. */
  received(connection: number): ServerMessage[] {
    const list = this.transport.sent.get(connection) ?? [];
    this.transport.sent.delete(connection);
    return list.flatMap((bytes) => splitPackets(bytes))
      .flatMap((packet) => decodeServerPacket(packet));
  }

  /** What UDP clients were sent since the last call. */
  receivedDatagrams(port?: number): ServerMessage[] {
    const taken = this.transport.datagrams.splice(0);
    return taken.filter((datagram) =>
      port === undefined || datagram.port === port
    ).flatMap((datagram) => decodeServerPacket(datagram.bytes));
  }

  /** Sends a TCP packet, runs a round, returns the answers. */
  ask(
    connection: number,
    session: number,
    sequence: number | bigint,
    messages: readonly ClientMessage[],
    version = 1,
  ): ServerMessage[] {
    const packet = encodeClientPacket(session, sequence, messages, version);
    this.feed(connection, packet);
    this.round();
    return this.received(connection);
  }

  /** The same over UDP. */
  askDatagram(
    session: number,
    sequence: number | bigint,
    messages: readonly ClientMessage[],
    port = 5000,
    version = 1,
  ): ServerMessage[] {
    const packet = encodeClientPacket(session, sequence, messages, version);
    this.datagram(packet, port);
    this.round();
    return this.receivedDatagrams(port);
  }

  /** A new connection, logged on. Returns the logon's answer and what follows. */
  logon(
    connection: number,
    session: number,
    wanted = 0,
    version = 1,
  ): ServerMessage[] {
    this.accept(connection);
    const logon = [logonMessage(session, wanted)];
    const answers = this.ask(connection, session, 0, logon, version);
    assertEquals(answers[0]!.type, ServerType.LOGON_ACCEPTED);
    return answers;
  }

  /** A command of the appliance itself, applied at once. */
  house(command: TestCommand): void {
    const buffer = new CommandBuffer();
    buffer.write({ session: 0, ...command }, this.#sequence + 1);
    buffer.u32[r.CMD_TIME_LO_U32] = this.now.lo;
    buffer.u32[r.CMD_TIME_HI_U32] = this.now.hi;
    this.#applyStored(buffer.u8);
    this.round();
  }

  #exchangeRound(): void {
    const ring = this.#commandsOut;
    const count = ring.available();
    for (let i = 0; i < count; i++) {
      const byte = ring.peek(i) * r.COMMAND_SLOT_BYTES;
      ring.f64[(byte >>> 3) + r.CMD_SEQUENCE_F64] = ++this.#sequence;
      ring.u32[(byte >>> 2) + r.CMD_TIME_LO_U32] = this.now.lo;
      ring.u32[(byte >>> 2) + r.CMD_TIME_HI_U32] = this.now.hi;
      this.journal.push(ring.u8.slice(byte, byte + r.COMMAND_SLOT_BYTES));
      this.exchange.apply(ring, byte);
      this.#eventsIn.publish();
    }
    ring.release(count);
  }

  #deliver(): void {
    const ring = this.#eventsOut;
    const count = ring.available();
    for (let i = 0; i < count; i++) {
      const slot = ring.peek(i);
      const byte = slot * 192;
      const session = ring.u32[(byte >>> 2) + r.EVT_SESSION_U32];
      if (session !== 0) this.gateway.onEvent(slot);
    }
    ring.release(count);
  }

  #defineInstruments(): void {
    for (let i = 0; i < TICK_E8.length; i++) {
      const command = new Uint8Array(r.COMMAND_SLOT_BYTES);
      const view = new DataView(command.buffer);
      view.setUint16(4, r.COMMAND_TEXT_BYTES, true);
      view.setUint8(6, r.CommandKind.DEFINE_INSTRUMENT);
      view.setFloat64(8, ++this.#sequence, true);
      view.setUint16(32, i, true);
      view.setFloat64(48, TICK_E8[i]!, true);
      view.setFloat64(56, LOT_E8[i]!, true);
      command.set(new TextEncoder().encode(`SYM${i}`), r.CMD_TEXT_U8);
      this.#applyStored(command);
    }
  }

  #load(saved: SavedRig, journal: readonly Uint8Array[]): void {
    for (const command of journal.slice(0, saved.commands)) {
      this.#note(command);
      this.journal.push(command.slice());
    }
    this.gateway.load(saved.gateway);
    this.exchange.restore(saved.exchange);
    this.#sequence = this.exchange.sequence;
  }

  /** Takes note of an instrument that a command defines. */
  #note(command: Uint8Array): void {
    if (command[r.CMD_KIND_U8] !== r.CommandKind.DEFINE_INSTRUMENT) return;
    const view = new DataView(command.buffer, command.byteOffset);
    const index = view.getUint16(32, true);
    this.#instruments[index] = {
      index,
      symbol: `SYM${index}`,
      tickSizeE8: view.getFloat64(48, true),
      lotSizeE8: view.getFloat64(56, true),
    };
  }

  #applyStored(command: Uint8Array): void {
    const copy = command.slice();
    const { buffer } = copy;
    // What lies behind a short command is not part of it.
    copy.fill(0x77, copy[4]! | copy[5]! << 8);
    this.#note(copy);
    this.exchange.apply({
      i32: new Int32Array(buffer),
      f64: new Float64Array(buffer),
    }, 0);
    this.#eventsIn.publish();
    this.#sequence = this.exchange.sequence;
    this.journal.push(copy);
    this.#deliver();
  }
}

/** A right logon. */
export function logonMessage(session: number, wanted = 0): ClientMessage {
  return {
    type: ClientType.LOGON,
    quantity: KEY + BigInt(session - 1),
    price: wanted,
  };
}

/** A limit order for good; quantity in units, price in hundredths. */
export function limitOrder(
  side: number,
  quantity: number,
  cents: number,
  symbol = 0,
): ClientMessage {
  return {
    type: ClientType.NEW_ORDER,
    symbol,
    side: sideByte(side, r.TimeInForce.GTC),
    quantity: quantity * LOT_E8[symbol]!,
    price: cents * 1_000_000,
    reference: 1_767_225_600_000_000_000n,
  };
}
