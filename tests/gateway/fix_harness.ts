// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A FIX gateway with the real exchange behind it, in memory: a transport that
 * a test plays the network of, a clock that a test turns, and a journal that
 * is the list of commands, from which a second rig can be started.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { EventRing, Exchange } from "../../engine/exchange/mod.ts";
import {
  FixGateway,
  type FixGatewayOptions,
} from "../../engine/gateway/fix/mod.ts";
import {
  type GatewayContext,
  type InstrumentDefinition,
  type RoundTime,
  STALLED,
} from "../../engine/gateway/protocol.ts";
import {
  CMD_INSTRUMENT_U16,
  CMD_KIND_U8,
  CMD_LENGTH_U16,
  CMD_QUANTITY_F64,
  CMD_REFERENCE_F64,
  CMD_SEQUENCE_F64,
  CMD_TIME_HI_U32,
  CMD_TIME_LO_U32,
  COMMAND_FIELDS,
  COMMAND_SLOT_BYTES,
  COMMAND_TEXT_BYTES,
  CommandKind,
  EVENT_FIELDS,
  EVENT_SLOT_BYTES,
  EVT_SESSION_U32,
} from "../../engine/record/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";
import type { SectionReader } from "../../engine/snapshot/mod.ts";
import { COUNTERS } from "../../engine/telemetry/mod.ts";
import {
  BACKPRESSURE,
  GONE,
  type Transport,
} from "../../engine/transport/mod.ts";

/** The network as a test sees it. */
export class FakeTransport implements Transport {
  readonly name = "fake";
  readonly refusedConnections = 0;
  readonly bytes: Uint8Array;
  readonly completions = new Int32Array(0);
  readonly receiveWindowBytes = 16384;
  readonly sendWindowBytes: number;
  /** What each connection was sent and nobody has looked at. */
  readonly sent = new Map<number, string[]>();
  readonly closed = new Set<number>();
  /** Connections that read nothing: committed bytes stay pending. */
  readonly deaf = new Set<number>();
  readonly #pending = new Map<number, number>();

  constructor(sendWindowBytes = 1 << 20) {
    this.sendWindowBytes = sendWindowBytes;
    this.bytes = new Uint8Array(1 << 20);
  }

  listenStream(): number {
    return 0;
  }
  listenDatagram(): number {
    return 1;
  }
  port(): number {
    return 0;
  }
  multicastFrom(): void {}
  joinGroup(): void {}
  leaveGroup(): void {}
  closeListener(): void {}
  poll(): number {
    return 0;
  }
  consume(): void {}
  /** Sending starts behind the receive windows, at places that are not aligned. */
  #at = (1 << 19) + 1;
  reserve(connection: number, bytes: number): number {
    if (this.closed.has(connection)) return GONE;
    const pending = this.#pending.get(connection) ?? 0;
    if (pending + bytes > this.sendWindowBytes) return BACKPRESSURE;
    this.#at = (1 << 19) + (this.#at + 1) % 8;
    return this.#at;
  }
  commit(connection: number, bytes: number): void {
    const text = latin1(this.bytes.subarray(this.#at, this.#at + bytes));
    const list = this.sent.get(connection) ?? [];
    this.sent.set(connection, list);
    // Several messages may be committed together.
    list.push(...text.split(/(?<=\W10=\d{3}\W)(?=8=FIX)/));
    if (this.deaf.has(connection)) {
      this.#pending.set(
        connection,
        (this.#pending.get(connection) ?? 0) + bytes,
      );
    }
  }
  pending(connection: number): number {
    return this.#pending.get(connection) ?? 0;
  }
  /** The client reads on. */
  hear(connection: number): void {
    this.deaf.delete(connection);
    this.#pending.delete(connection);
  }
  close(connection: number): void {
    this.closed.add(connection);
  }
  reserveDatagram(): number {
    return BACKPRESSURE;
  }
  commitDatagram(): void {}
  dispose(): void {}
}

/** Bytes as a string of the same length. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** A message from its fields after BeginString and BodyLength, with | for SOH. */
export function frame(body: string): string {
  const text = body.replaceAll("|", "\x01");
  const head = `8=FIX.4.4\x019=${text.length}\x01${text}`;
  let sum = 0;
  for (let i = 0; i < head.length; i++) sum += head.charCodeAt(i);
  return `${head}10=${String(sum % 256).padStart(3, "0")}\x01`;
}

/** Fields of a message by tag; the last one counts. */
export function fields(message: string): Map<number, string> {
  const map = new Map<number, string>();
  for (const part of message.split("\x01")) {
    const at = part.indexOf("=");
    if (at > 0) map.set(Number(part.slice(0, at)), part.slice(at + 1));
  }
  return map;
}

export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace("T", "-").replace("Z", "")
    .replaceAll(/(\d{4})-(\d\d)-(\d\d)-/g, "$1$2$3-");
}

/** A moment all tests start at. */
export const START_MS = Date.UTC(2026, 2, 14, 9, 26, 53, 589);

const INSTRUMENTS: InstrumentDefinition[] = [
  { index: 0, symbol: "AAPL", tickSizeE8: 1e6, lotSizeE8: 1e8 },
  { index: 1, symbol: "BTC-USD", tickSizeE8: 1e6, lotSizeE8: 1 },
  { index: 2, symbol: "ES", tickSizeE8: 25e6, lotSizeE8: 10e8 },
];

export const OPTIONS: FixGatewayOptions = {
  targetCompId: "FERRULE",
  heartBtIntMinS: 0,
  heartBtIntMaxS: 60,
  logonTimeoutMs: 10000,
  sendingTimeToleranceMs: 120000,
  messageBytesMax: 8192,
  openIdsMax: 1 << 14,
  closedIdsMax: 1 << 14,
};

export interface RigOptions {
  readonly gateway?: Partial<FixGatewayOptions>;
  readonly sendWindowBytes?: number;
  readonly commandSlots?: number;
  /** Commands of an earlier rig to start from. */
  readonly journal?: readonly Uint8Array[];
  /** What an earlier rig's gateway and exchange saved after so many of them. */
  readonly saved?: SavedRig;
}

/** State of a gateway and its exchange after so many commands. */
export interface SavedRig {
  readonly gateway: SectionReader;
  readonly exchange: Uint8Array;
  readonly commands: number;
}

/** Values of an event's fields; what is left out is 0. */
export type EventValues = {
  readonly [name in typeof EVENT_FIELDS[number][0]]?: number | string;
};
/** The same of a command. */
export type CommandValues = {
  readonly [name in typeof COMMAND_FIELDS[number][0]]?: number | string;
};

/** Writes values into a record by a layout. */
function fill<Name extends string>(
  record: Uint8Array,
  layout: readonly (readonly [Name, number, number])[],
  values: { readonly [name in Name]?: number | string },
): void {
  const view = new DataView(record.buffer);
  for (const [name, at, bytes] of layout) {
    const value = values[name];
    if (typeof value === "string") {
      record.set(new TextEncoder().encode(value), at);
    } else if (value === undefined) continue;
    else if (bytes === 8) view.setFloat64(at, value, true);
    else if (bytes === 4) view.setUint32(at, value, true);
    else if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint8(at, value);
  }
}

/** Gateway, exchange and network. */
export class Rig {
  readonly transport: FakeTransport;
  readonly gateway: FixGateway;
  readonly exchange: Exchange;
  readonly journal: Uint8Array[] = [];
  readonly now: RoundTime = { lo: 0, hi: 0, ms: 0 };
  readonly counts = new Float64Array(COUNTERS.length);
  readonly refusals = new Map<number, number>();
  readonly logs: string[] = [];
  /** The exchange takes nothing while this is set. */
  halted = false;
  /** If set, what clients ask of the exchange lands in `captured` instead. */
  capturing = false;
  readonly captured: Uint8Array[] = [];
  readonly #commandsOut: SpscRing;
  readonly #commandsIn: SpscRing;
  readonly #events: SpscRing;
  readonly #eventRing: EventRing;
  readonly #context: GatewayContext;
  /** Bytes that the gateway left in a window; which windows it will be shown again. */
  readonly #rest = new Map<number, string>();
  readonly #stalled = new Set<number>();
  #nextConnection = 7;
  /** Events that did not come from the exchange. */
  #told = 0;
  #ms = 0;

  constructor(options: RigOptions = {}) {
    const slots = options.commandSlots ?? 1024;
    const commands = new ArrayBuffer(SpscRing.bytes(COMMAND_SLOT_BYTES, slots));
    const events = new ArrayBuffer(SpscRing.bytes(EVENT_SLOT_BYTES, 8192));
    const ring = (
      memory: ArrayBuffer,
      bytes: number,
      count: number,
      side: "producer" | "consumer",
    ) => new SpscRing(memory, 0, bytes, count, side);
    this.#commandsOut = ring(commands, COMMAND_SLOT_BYTES, slots, "producer");
    this.#commandsIn = ring(commands, COMMAND_SLOT_BYTES, slots, "consumer");
    this.#events = ring(events, EVENT_SLOT_BYTES, 8192, "consumer");
    this.#eventRing = new EventRing(
      ring(events, EVENT_SLOT_BYTES, 8192, "producer"),
      () => {
        this.#eventRing.publish();
        this.release();
      },
    );
    const capacity = {
      instrumentsMax: 8,
      ordersMax: 1 << 14,
      pagesMax: 64,
      sessionsMax: 16,
    };
    this.exchange = new Exchange({
      ...capacity,
      memory: new ArrayBuffer(Exchange.bytes(capacity)),
      events: [this.#eventRing],
      routes: new Uint8Array(16),
    });
    this.transport = new FakeTransport(options.sendWindowBytes);
    this.#context = {
      transport: this.transport,
      commands: this.#commandsOut,
      events: this.#events,
      now: this.now,
      telemetry: {
        add: (counter, amount) => this.counts[counter]! += amount,
        refused: (reason) =>
          this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1),
        log: (level, message, extra) =>
          this.logs.push(`${level} ${message} ${JSON.stringify(extra)}`),
      },
      instruments: INSTRUMENTS,
    };
    this.tick(0, START_MS);
    this.gateway = new FixGateway(this.#context, {
      ...OPTIONS,
      ...options.gateway,
    });
    for (let i = 1; i <= 4; i++) {
      const name = `CLIENT${i}`;
      this.gateway.onSessionDefined({
        index: i,
        name,
        username: name,
        secret: "demo",
      });
    }
    if (options.journal === undefined) this.#define();
    else {
      const { saved } = options;
      if (saved !== undefined) {
        this.gateway.load(saved.gateway);
        this.exchange.restore(saved.exchange);
        this.journal.push(...options.journal.slice(0, saved.commands));
      }
      for (const command of options.journal.slice(this.journal.length)) {
        this.#apply(command);
      }
    }
    this.release();
  }

  /** A command of the appliance itself. */
  command(values: CommandValues): void {
    const command = new Uint8Array(COMMAND_SLOT_BYTES);
    const all: CommandValues = { length: COMMAND_TEXT_BYTES, ...values };
    fill(command, COMMAND_FIELDS, all);
    this.#stamp(command);
    this.#apply(command);
    this.run();
  }

  /** An account that clients may name. */
  defineAccount(index: number, name: string): void {
    this.gateway.onAccountDefined({ index, name });
  }

  /**
   * An event comes to session 1, as if the exchange had written it, with the
   * session's next outbound number.
   */
  tell(event: EventValues): void {
    const slot = this.#eventRing.claim();
    const record = new Uint8Array(EVENT_SLOT_BYTES);
    const number = this.exchange.outSequence(1) + ++this.#told;
    const all: EventValues = {
      length: EVENT_SLOT_BYTES,
      flags: 1,
      sequence: 1000 + number,
      timeLo: this.now.lo,
      timeHi: this.now.hi,
      session: 1,
      outSequence: number,
      ...event,
    };
    fill(record, EVENT_FIELDS, all);
    const words = new Int32Array(record.buffer);
    this.#eventRing.i32.set(words, slot * words.length);
    this.run();
  }

  /** Turns the clock. */
  tick(ms: number, from = this.#ms): void {
    this.#ms = from + ms;
    this.now.ms = this.#ms;
    const high = Math.floor(this.#ms / 4294967296 * 1e6);
    this.now.hi = high;
    this.now.lo = this.#ms * 1e6 - high * 4294967296;
  }

  /** True if the gateway will not read on from a connection for now. */
  stalled(connection: number): boolean {
    return this.#stalled.has(connection);
  }

  /** Connects; returns the connection. */
  connect(): number {
    const id = this.#nextConnection++;
    this.gateway.onAccepted(id, 0x7f000001, 40000 + id);
    return id;
  }

  /** Bytes come in; then everything runs until nothing moves. */
  receive(connection: number, text: string): void {
    this.#show(connection, (this.#rest.get(connection) ?? "") + text);
    this.run();
  }

  /** Rounds until nothing moves. */
  run(): void {
    for (let i = 0; i < 1000; i++) {
      const work = this.round();
      if (work === 0) return;
    }
    throw new Error("the rig does not come to rest");
  }

  round(): number {
    let work = this.execute() + this.release() + this.gateway.onRound();
    this.#commandsOut.publish();
    for (const connection of [...this.#stalled]) {
      if (this.transport.deaf.has(connection) || this.halted) continue;
      this.#show(connection, this.#rest.get(connection) ?? "");
      work++;
    }
    return work;
  }

  /** The client hangs up. */
  hangUp(connection: number): void {
    this.transport.closed.add(connection);
    this.#stalled.delete(connection);
    this.#rest.delete(connection);
    this.gateway.onClosed(connection);
    this.run();
  }

  /** Messages sent to a connection since the last call. */
  take(connection: number): Map<number, string>[] {
    return this.takeRaw(connection).map(fields);
  }

  takeRaw(connection: number): string[] {
    const list = this.transport.sent.get(connection) ?? [];
    this.transport.sent.set(connection, []);
    for (const message of list) checkFrame(message);
    return list;
  }

  count(name: string): number {
    return this.counts[COUNTERS.findIndex((c) => c.name === name)]!;
  }

  execute(): number {
    this.#commandsOut.publish();
    if (this.halted) return 0;
    const count = this.#commandsIn.available();
    for (let i = 0; i < count; i++) {
      const at = this.#commandsIn.peek(i) * COMMAND_SLOT_BYTES;
      const command = this.#commandsIn.u8.slice(at, at + COMMAND_SLOT_BYTES);
      this.#stamp(command);
      if (this.capturing && command[CMD_KIND_U8]! <= CommandKind.KILL) {
        this.captured.push(command);
      } else this.#apply(command);
    }
    this.#commandsIn.release(count);
    return count;
  }

  release(): number {
    this.#eventRing.publish();
    const count = this.#events.available();
    for (let i = 0; i < count; i++) {
      const slot = this.#events.peek(i);
      const session = this.#events
        .u32[slot * (EVENT_SLOT_BYTES / 4) + EVT_SESSION_U32]!;
      if (session !== 0) this.gateway.onEvent(slot);
    }
    this.#events.release(count);
    return count;
  }

  #show(connection: number, text: string): void {
    this.#stalled.delete(connection);
    // Windows lie apart, as those of a driver do, and start at any alignment.
    const window = connection % 31 * this.transport.receiveWindowBytes;
    const offset = window + connection % 8;
    assert(
      text.length <= this.transport.receiveWindowBytes,
      "window too small",
    );
    for (let i = 0; i < text.length; i++) {
      this.transport.bytes[offset + i] = text.charCodeAt(i);
    }
    const answer = this.gateway.onReceived(connection, offset, text.length);
    const consumed = answer & (STALLED - 1);
    this.#rest.set(connection, text.slice(consumed));
    if ((answer & STALLED) !== 0) this.#stalled.add(connection);
    this.#commandsOut.publish();
  }

  #stamp(command: Uint8Array): void {
    const view = new DataView(command.buffer);
    view.setFloat64(CMD_SEQUENCE_F64 * 8, this.journal.length + 1, true);
    view.setUint32(CMD_TIME_LO_U32 * 4, this.now.lo, true);
    view.setUint32(CMD_TIME_HI_U32 * 4, this.now.hi, true);
  }

  #apply(command: Uint8Array): void {
    this.journal.push(command);
    const i32 = new Int32Array(command.buffer);
    const f64 = new Float64Array(command.buffer);
    this.exchange.apply({ i32, f64 }, 0);
  }

  #define(): void {
    for (const { index, tickSizeE8, lotSizeE8 } of INSTRUMENTS) {
      const command = new Uint8Array(COMMAND_SLOT_BYTES);
      const view = new DataView(command.buffer);
      view.setUint16(CMD_LENGTH_U16 * 2, COMMAND_TEXT_BYTES, true);
      view.setUint8(CMD_KIND_U8, CommandKind.DEFINE_INSTRUMENT);
      view.setUint16(CMD_INSTRUMENT_U16 * 2, index, true);
      view.setFloat64(CMD_QUANTITY_F64 * 8, tickSizeE8, true);
      view.setFloat64(CMD_REFERENCE_F64 * 8, lotSizeE8, true);
      this.#stamp(command);
      this.#apply(command);
    }
  }
}

/** BodyLength and CheckSum of a sent message are right. */
export function checkFrame(message: string): void {
  const match = /^8=FIX\.4\.4.9=(\d+)./s.exec(message);
  if (match === null) throw new Error(`no FIX message: ${message}`);
  const trailer = message.length - 7;
  assertEquals(Number(match[1]), trailer - match[0].length, message);
  let sum = 0;
  for (let i = 0; i < trailer; i++) sum += message.charCodeAt(i);
  assertEquals(
    message.slice(trailer),
    `10=${String(sum % 256).padStart(3, "0")}\x01`,
  );
}

/** A client that numbers its own messages. */
export class Client {
  readonly rig: Rig;
  readonly name: string;
  connection: number;
  next = 1;

  constructor(rig: Rig, name = "CLIENT1") {
    this.rig = rig;
    this.name = name;
    this.connection = rig.connect();
  }

  /** A whole message: type, then header fields, then body. */
  message(
    type: string,
    body = "",
    number = this.next++,
    header = "",
    sendingTime = timestamp(this.rig.now.ms),
  ): string {
    const head = `35=${type}|34=${number}|49=${this.name}|56=FERRULE|`;
    return frame(`${head}${header}52=${sendingTime}|${body}`);
  }

  /** Sends one message and returns what came back. */
  send(
    type: string,
    body = "",
    number = this.next++,
    header = "",
  ): Map<number, string>[] {
    return this.raw(this.message(type, body, number, header));
  }

  raw(text: string): Map<number, string>[] {
    this.rig.receive(this.connection, text);
    return this.rig.take(this.connection);
  }

  logon(extra = "", heartbeat = 30): Map<number, string>[] {
    return this.send(
      "A",
      `98=0|108=${heartbeat}|${extra}553=${this.name}|554=demo|`,
    );
  }

  order(
    id: string,
    side: number,
    quantity: string,
    price: string,
    extra = "",
    symbol = "AAPL",
  ): Map<number, string>[] {
    return this.send(
      "D",
      this.orderBody(id, side, quantity, price, extra, symbol),
    );
  }

  orderBody(
    id: string,
    side: number,
    quantity: string,
    price: string,
    extra = "",
    symbol = "AAPL",
  ): string {
    return `11=${id}|55=${symbol}|54=${side}|60=${
      timestamp(this.rig.now.ms)
    }|38=${quantity}|40=2|44=${price}|${extra}`;
  }

  get closed(): boolean {
    return this.rig.transport.closed.has(this.connection);
  }

  take(): Map<number, string>[] {
    return this.rig.take(this.connection);
  }

  hangUp(): void {
    this.rig.hangUp(this.connection);
  }

  reconnect(): void {
    this.connection = this.rig.connect();
  }
}
