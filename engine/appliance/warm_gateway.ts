// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes the first client's messages as fast as the rest: before a gateway is
 * made, another one like it serves a few thousand orders of clients that do not
 * exist, so that V8 has compiled what decodes and encodes them.
 *
 * ```
 *   FIX and binary messages ─▶ WarmTransport ─▶ GatewayAgent ─▶ command ring
 *               nowhere ◀───── WarmTransport ◀─ GatewayAgent ◀─ event ring ◀─ StandIn
 * ```
 *
 * Session, rings, counters and transport are its own, in memory that is given
 * up afterwards: nothing of it is in the journal, in a number of a session or
 * in a metric. The exchange is not in it, because a second one in its thread
 * would cost it what V8 knows of the first; what stands in for it answers
 * each command with the events that a client mostly sees. Belongs to the
 * gateway's thread; takes about half a second.
 *
 * @module
 */
import { Clock } from "../../ffi/mod.ts";
import { type Config, plainRules } from "../config/mod.ts";
import { orderMessage } from "../gateway/binary/mod.ts";
import { frameMessage, utcTimestamp } from "../gateway/fix/mod.ts";
import {
  CMD_DETAIL_U8,
  CMD_IN_SEQUENCE_U32,
  CMD_INSTRUMENT_U16,
  CMD_KIND_U8,
  CMD_PRICE_I32,
  CMD_QUANTITY_F64,
  CMD_REFERENCE_F64,
  CMD_SESSION_U32,
  CMD_SIDE_U8,
  CMD_TEXT_U8,
  CMD_TIME_IN_FORCE_U8,
  COMMAND_SLOT_BYTES,
  CommandKind,
  EVENT_SLOT_BYTES,
  EventKind,
  EVT_CUM_F64,
  EVT_DETAIL_U8,
  EVT_FLAG_TEXT,
  EVT_FLAGS_U8,
  EVT_IN_SEQUENCE_U32,
  EVT_INSTRUMENT_U16,
  EVT_KIND_U8,
  EVT_LAST_PRICE_I32,
  EVT_LAST_QUANTITY_F64,
  EVT_LEAVES_F64,
  EVT_LENGTH_U16,
  EVT_MATCH_F64,
  EVT_NOTIONAL_F64,
  EVT_ORD_STATUS_U8,
  EVT_ORDER_ID_F64,
  EVT_OUT_SEQUENCE_U32,
  EVT_PRICE_I32,
  EVT_QUANTITY_F64,
  EVT_REFERENCE_F64,
  EVT_SEQUENCE_F64,
  EVT_SESSION_U32,
  EVT_SIDE_U8,
  EVT_TEXT_U8,
  EVT_TIME_HI_U32,
  EVT_TIME_IN_FORCE_U8,
  EVT_TIME_LO_U32,
  OrdStatus,
  Protocol,
  Side,
  TEXT_BYTES,
} from "../record/mod.ts";
import {
  CONTROL_BYTES,
  CONTROL_DURABLE,
  CONTROL_EXCHANGE,
  ExchangeState,
  SpscRing,
} from "../ring/mod.ts";
import {
  COUNTER,
  CounterLane,
  CounterReader,
  Log,
  SessionBoard,
} from "../telemetry/mod.ts";
import {
  BINARY_VERSION_2,
  ClientType,
  encodeClientPacket,
} from "../wire/binary/mod.ts";
import { assembleGateway } from "./build_gateway.ts";
import { type MemoryPlan, planMemory } from "./memory_plan.ts";
import { WarmTransport } from "./warm_transport.ts";
import type { Workshop } from "./workshop.ts";

/** Orders of each client; V8 has compiled all that matters after a few thousand. */
const ORDERS = 8_000;
/** Every so many orders one is canceled. */
const CANCEL_EVERY = 4;
const NAME = "WARM";
const SECRET = "1";
const SYMBOL = "WARM";
const TICK_E8 = 1_000_000;
const LOT_E8 = 100_000_000;
const RING_SLOTS = 1024;
const SMALL_BYTES = 4096;
const SESSIONS_MAX = 8;
const PRICE = 187.5;
const QUANTITY = 100;
const SOH = "\x01";
const ENCODER = new TextEncoder();

/** What a client of the warm-up is. */
interface WarmSession {
  /** Index in records. */
  readonly index: number;
  readonly protocolCode: number;
  readonly name: string;
}

/** Messages that were encoded and sent, by protocol. */
export interface WarmCounts {
  readonly fix: number;
  readonly binary: number;
}

/** Answers commands as the exchange mostly does. */
class StandIn {
  readonly #commands: SpscRing;
  readonly #events: SpscRing;
  readonly #control: Int32Array;
  readonly #clock = new Clock();
  readonly #outSequences = new Uint32Array(SESSIONS_MAX);
  #sequence = 0;
  #orders = 0;
  readonly #ordersOf = new Uint32Array(SESSIONS_MAX);

  constructor(
    memory: ArrayBuffer,
    plan: MemoryPlan,
    index: number,
    control: Int32Array,
  ) {
    this.#commands = new SpscRing(
      memory,
      plan.commandRings[index]!,
      COMMAND_SLOT_BYTES,
      plan.commandSlots,
      "consumer",
    );
    this.#events = new SpscRing(
      memory,
      plan.eventRings[index]!,
      EVENT_SLOT_BYTES,
      plan.eventSlots,
      "producer",
    );
    this.#control = control;
  }

  /** Defines the instrument and the sessions. */
  define(sessions: readonly WarmSession[]): void {
    this.#begin();
    const { f64 } = this.#events;
    const instrument = this.#event(EventKind.INSTRUMENT_DEFINED, 0, SYMBOL);
    f64[(instrument >>> 3) + EVT_QUANTITY_F64] = TICK_E8;
    f64[(instrument >>> 3) + EVT_REFERENCE_F64] = LOT_E8;
    for (const { index, protocolCode, name } of sessions) {
      const at = this.#event(EventKind.SESSION_DEFINED, 0, name);
      f64[(at >>> 3) + EVT_ORDER_ID_F64] = index;
      this.#events.u8[at + EVT_DETAIL_U8] = protocolCode;
    }
    this.#show();
  }

  /** Answers all commands that wait. */
  answer(): void {
    const commands = this.#commands;
    for (let left = commands.available(); left > 0; left--) {
      this.#begin();
      this.#apply(commands.peek(0) * COMMAND_SLOT_BYTES);
      commands.release(1);
    }
    this.#show();
  }

  #apply(from: number): void {
    const kind = this.#commands.u8[from + CMD_KIND_U8]!;
    switch (kind) {
      case CommandKind.SESSION_LOGON:
        return this.#echo(EventKind.LOGGED_ON, from);
      case CommandKind.SESSION_MESSAGE:
        return this.#echo(EventKind.SESSION_MESSAGE, from);
      case CommandKind.NEW_ORDER:
        this.#order(EventKind.ACCEPTED, from, OrdStatus.NEW);
        // The first of three rests, and is canceled; the others trade.
        if (this.#count(from) % 3 !== 1) {
          this.#order(EventKind.FILLED, from, OrdStatus.FILLED);
        }
        return;
      case CommandKind.CANCEL_ORDER:
        return this.#order(EventKind.CANCELED, from, OrdStatus.CANCELED);
    }
  }

  /** Number of this order among those of its session. */
  #count(from: number): number {
    this.#orders++;
    return ++this.#ordersOf[
      this.#commands.u32[(from >>> 2) + CMD_SESSION_U32]!
    ]!;
  }

  #echo(kind: number, from: number): void {
    const at = this.#answer(kind, from);
    this.#events.u8[at + EVT_DETAIL_U8] = this.#commands
      .u8[from + CMD_DETAIL_U8]!;
  }

  #order(kind: number, from: number, status: number): void {
    const { u8, u16, i32, f64 } = this.#commands;
    const { u8: e8, u16: e16, i32: e32, f64: e64 } = this.#events;
    const at = this.#answer(kind, from);
    const filled = kind === EventKind.FILLED;
    const quantity = f64[(from >>> 3) + CMD_QUANTITY_F64]!;
    const price = i32[(from >>> 2) + CMD_PRICE_I32]!;
    e16[(at >>> 1) + EVT_INSTRUMENT_U16] = kind === EventKind.CANCELED
      ? 0
      : u16[(from >>> 1) + CMD_INSTRUMENT_U16]!;
    e8[at + EVT_SIDE_U8] = u8[from + CMD_SIDE_U8]!;
    e8[at + EVT_TIME_IN_FORCE_U8] = u8[from + CMD_TIME_IN_FORCE_U8]!;
    e8[at + EVT_ORD_STATUS_U8] = status;
    e32[(at >>> 2) + EVT_PRICE_I32] = price;
    const word = at >>> 3;
    e64[word + EVT_ORDER_ID_F64] = this.#orders + 1;
    e64[word + EVT_QUANTITY_F64] = quantity;
    e64[word + EVT_LEAVES_F64] = kind === EventKind.ACCEPTED ? quantity : 0;
    if (!filled) return;
    e32[(at >>> 2) + EVT_LAST_PRICE_I32] = price;
    e64[word + EVT_LAST_QUANTITY_F64] = quantity;
    e64[word + EVT_CUM_F64] = quantity;
    e64[word + EVT_NOTIONAL_F64] = quantity * price;
    e64[word + EVT_MATCH_F64] = this.#orders;
  }

  /** An event to a command's session, with its text and numbers. */
  #answer(kind: number, from: number): number {
    const { u8, u32, f64 } = this.#commands;
    const session = u32[(from >>> 2) + CMD_SESSION_U32]!;
    const at = this.#event(kind, session, "");
    const events = this.#events;
    if (kind !== EventKind.LOGGED_ON) this.#outSequences[session]! += 1;
    events.u32[(at >>> 2) + EVT_OUT_SEQUENCE_U32] = this
      .#outSequences[session]!;
    events.u32[(at >>> 2) + EVT_IN_SEQUENCE_U32] =
      u32[(from >>> 2) + CMD_IN_SEQUENCE_U32]!;
    events.f64[(at >>> 3) + EVT_REFERENCE_F64] =
      f64[(from >>> 3) + CMD_REFERENCE_F64]!;
    const text = from + CMD_TEXT_U8;
    events.u8.set(u8.subarray(text, text + TEXT_BYTES), at + EVT_TEXT_U8);
    return at;
  }

  #event(kind: number, session: number, text: string): number {
    const { u8, u16, u32, f64 } = this.#events;
    const at = this.#events.claim() * EVENT_SLOT_BYTES;
    u8.fill(0, at, at + EVENT_SLOT_BYTES);
    u16[(at >>> 1) + EVT_LENGTH_U16] = EVENT_SLOT_BYTES;
    u8[at + EVT_KIND_U8] = kind;
    u8[at + EVT_FLAGS_U8] = EVT_FLAG_TEXT;
    u32[(at >>> 2) + EVT_SESSION_U32] = session;
    u32[(at >>> 2) + EVT_TIME_LO_U32] = this.#clock.words[0]!;
    u32[(at >>> 2) + EVT_TIME_HI_U32] = this.#clock.words[1]!;
    f64[(at >>> 3) + EVT_SEQUENCE_F64] = this.#sequence;
    u8.set(ENCODER.encode(text), at + EVT_TEXT_U8);
    return at;
  }

  #begin(): void {
    this.#sequence++;
    this.#clock.realtime();
  }

  #show(): void {
    Atomics.store(this.#control, CONTROL_DURABLE, this.#sequence);
    this.#events.publish();
  }
}

/** A client of FIX: its messages, one after the other. */
class FixFlow {
  readonly #target: string;
  readonly #nowMs: () => number;
  #number = 0;
  #orders = 0;

  constructor(target: string, nowMs: () => number) {
    this.#target = target;
    this.#nowMs = nowMs;
  }

  logon(): Uint8Array {
    return this.#message("A", `98=0|108=3600|553=${NAME}|554=${SECRET}|`);
  }

  next(): Uint8Array {
    const time = utcTimestamp(this.#nowMs());
    if (this.#orders % CANCEL_EVERY === 1) {
      const order = this.#orders++;
      return this.#message(
        "F",
        `11=C${order}|41=O${order - 1}|55=${SYMBOL}|54=1|60=${time}|`,
      );
    }
    return this.#message(
      "D",
      `11=O${this.#orders++}|55=${SYMBOL}|54=1|60=${time}|` +
        `38=${QUANTITY}|40=2|44=${PRICE}|59=1|`,
    );
  }

  #message(type: string, body: string): Uint8Array {
    const time = utcTimestamp(this.#nowMs());
    return ENCODER.encode(frameMessage(
      `35=${type}|34=${++this
        .#number}|49=${NAME}|56=${this.#target}|52=${time}|${body}`
        .replaceAll("|", SOH),
    ));
  }
}

/** A client of the binary protocol. */
class BinaryFlow {
  readonly #session: number;
  #number = 0;

  constructor(session: number) {
    this.#session = session;
  }

  logon(): Uint8Array {
    const logon = {
      type: ClientType.LOGON,
      quantity: BigInt(SECRET),
      price: 0,
    };
    return encodeClientPacket(this.#session, 0, [logon], BINARY_VERSION_2);
  }

  next(): Uint8Array {
    const number = ++this.#number;
    const message = number % CANCEL_EVERY === 2
      ? {
        type: ClientType.CANCEL,
        symbol: 0,
        side: Side.BUY,
        reference: number - 1,
      }
      : orderMessage({
        symbol: 0,
        side: Side.BUY,
        quantity: QUANTITY * LOT_E8,
        price: PRICE * LOT_E8,
      });
    return encodeClientPacket(
      this.#session,
      number,
      [message],
      BINARY_VERSION_2,
    );
  }
}

/** The configuration with sessions of the warm-up and none else. */
function warmConfig(config: Config): Config {
  const rules = plainRules();
  const sessions = [1, 2].map((number) => ({ number, key: SECRET, ...rules }));
  return {
    ...config,
    capacity: { ...config.capacity, sessions: SESSIONS_MAX },
    replication: { ...config.replication, leaseServers: [] },
    fix: {
      ...config.fix,
      heartBtIntMaxS: Math.max(config.fix.heartBtIntMaxS, 3600),
      sessions: [{
        senderCompId: NAME,
        username: NAME,
        password: SECRET,
        ...rules,
      }],
    },
    binary: { ...config.binary, sessions },
    dpdk: { ...config.dpdk, sessions },
  };
}

/** Serves clients that do not exist, with a gateway of its own, of kind `index`. */
export function warmUpGateway(workshop: Workshop, index: number): WarmCounts {
  const config = warmConfig(workshop.config);
  const plan = planMemory({
    gateways: index + 1,
    commandSlots: RING_SLOTS,
    eventSlots: RING_SLOTS,
    journalSlots: 2,
    replicaSlots: 2,
    depthBytes: SMALL_BYTES,
    registerBytes: SMALL_BYTES,
    boardBytes: SessionBoard.bytes(config.capacity.sessions),
    flightSlots: config.flightRecorder.slots === 0 ? 0 : RING_SLOTS,
  });
  const memory = new ArrayBuffer(plan.bytes);
  const words = CONTROL_BYTES >>> 2;
  const control = new Int32Array(memory, plan.control, words);
  const clock = new Clock();
  const transport = new WarmTransport();
  const agent = assembleGateway(
    {
      config,
      plan,
      memory,
      control,
      controlF64: new Float64Array(memory, plan.control, words >>> 1),
      clock,
      log: new Log({
        ...workshop.log.settings(),
        level: "error",
        source: "warm-up",
        nowMs: () => 0,
      }),
      lane: () => new CounterLane(memory, plan.counters, 0),
      letOthersWork: () => {},
    },
    index,
    transport,
    {},
  );
  const standIn = new StandIn(memory, plan, index, control);
  const sessions: WarmSession[] = [
    ...index === 0
      ? [{ index: 1, protocolCode: Protocol.FIX, name: NAME }]
      : [],
    { index: 2, protocolCode: Protocol.BINARY, name: "1" },
    { index: 3, protocolCode: Protocol.BINARY, name: "2" },
  ];
  standIn.define(sessions);
  Atomics.store(control, CONTROL_EXCHANGE, ExchangeState.LIVE);
  // Definitions come first, then the ports.
  agent.doWork();
  agent.doWork();
  const turn = (): void => {
    agent.doWork();
    standIn.answer();
  };
  const nowMs = (): number => {
    clock.realtime();
    return Math.floor(clock.toNumber() / 1e6);
  };
  serve(index, transport, new FixFlow(config.fix.targetCompId, nowMs), turn);
  agent.doWork();
  const counters = new CounterReader(memory, plan.counters);
  const read = (id: number): number => counters.read(id);
  agent.dispose();
  return {
    fix: read(COUNTER.fix_messages_sent_total),
    binary: read(COUNTER.binary_messages_sent_total),
  };
}

/** Sends each client's messages, one of each in a turn. */
function serve(
  index: number,
  transport: WarmTransport,
  fix: FixFlow,
  turn: () => void,
): void {
  const stream = new BinaryFlow(1);
  const datagrams = new BinaryFlow(2);
  // In the order of the listeners: FIX, binary TCP, binary UDP; DPDK has the last alone.
  const udp = index === 0 ? 2 : 0;
  const send = (what: "logon" | "next"): void => {
    if (index === 0) {
      transport.receive(1, fix[what]());
      transport.receive(2, stream[what]());
    }
    transport.receiveDatagram(udp, datagrams[what]());
    turn();
  };
  if (index === 0) {
    transport.connect(1, 0);
    transport.connect(2, 1);
    turn();
  }
  send("logon");
  // A logon is answered when its command comes back.
  turn();
  turn();
  for (let order = 0; order < ORDERS; order++) send("next");
}
