// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A simulated client of the binary protocol, over TCP or UDP: it logs on,
 * sends packets of orders of all kinds, asks again for what it missed and
 * sends again what the appliance has not got.
 *
 * @module
 */
import {
  type BinaryOrder,
  blockMessage,
  massCancelMessage,
  orderMessage,
  type OrderName,
  replaceMessage,
} from "../../engine/gateway/binary/mod.ts";
import { OrdType, Reason } from "../../engine/record/mod.ts";
import {
  BINARY_VERSION_1,
  blocksOf,
  type ClientMessage,
  ClientType,
  decodeServerHeader,
  decodeServerMessage,
  encodeClientPacket,
  HEADER_BYTES,
  SERVER_MESSAGE_BYTES,
  type ServerMessage,
  serverPacketBytes,
  ServerType,
} from "../../engine/wire/binary/mod.ts";
import { Received } from "./received.ts";
import type { ClientWorld, SimClient } from "./sim_client.ts";
import type { SimConnection } from "./sim_network.ts";
import { plainOrder, type SimOrder, specialOrder } from "./sim_orders.ts";

export const BINARY_TCP_PORT = 9010;
export const BINARY_UDP_PORT = 9011;
export const BINARY_KEY = 4711n;
const E8 = 1e8;
/** Tick sizes x 1e8, by instrument. */
const TICK_E8 = [1e6, 5e6] as const;
const RECENT = 30;
const HEARTBEAT_MS = 5000;
const PATIENCE_TURNS = 60;
const PACKET_MESSAGES_MAX = 8;
const NUMBERED = { from: 0 };

/** What a binary client is. */
export interface BinaryClientOptions {
  readonly session: number;
  readonly link: "tcp" | "udp";
  readonly version: number;
}

/** One binary session's client; see the module's text. */
export class BinarySimClient implements SimClient {
  readonly name: string;
  readonly received: Received;
  deaf = 0;
  readonly #world: ClientWorld;
  readonly #options: BinaryClientOptions;
  #connection: SimConnection | undefined;
  #port = 0;
  #arrived: Uint8Array[] = [];
  #buffer = new Uint8Array(0);
  #state: "down" | "logging on" | "active" = "down";
  readonly #sent: ClientMessage[] = [];
  /** Number from which on the appliance has not got our messages. */
  #unsent = 1;
  #asked = 0;
  #askedTurns = 0;
  #waited = 0;
  /** Times that patience was lost since it heard something. */
  #unanswered = 0;
  #lastSentMs = 0;
  readonly #orders: OrderName[] = [];
  #verifying = false;
  #done = false;

  constructor(options: BinaryClientOptions, world: ClientWorld) {
    this.#options = options;
    this.#world = world;
    this.name = `B${options.session}${options.link}`;
    this.received = new Received(this.name, "binary");
  }

  get verified(): boolean {
    return this.#done;
  }

  get status(): string {
    return `${this.name} ${this.#state}, received up to ${this.received.highest}, whole to ${this.received.whole}, verifying ${this.received.verifying}`;
  }

  verify(): void {
    this.#verifying = true;
    this.deaf = 0;
  }

  cut(): void {
    if (this.#state === "down") return;
    if (this.#connection !== undefined) {
      this.#world.network.cut(this.#connection);
    }
    this.#hangUp();
  }

  act(): string {
    if (this.deaf > 0) {
      this.deaf--;
      return "";
    }
    if (this.#state === "down") return this.#connect();
    const said = this.#read();
    // What was read may have ended it.
    if ((this.#state as string) === "down") return `${said} gone`;
    if (++this.#waited > PATIENCE_TURNS) {
      this.#waited = 0;
      this.#asked = 0;
      // Over UDP nobody says that the other side is gone.
      if (this.#state === "logging on" || ++this.#unanswered > 2) {
        this.#hangUp();
        return `${said} lost patience`;
      }
      this.#sendUnnumbered({ type: ClientType.HEARTBEAT });
    }
    if (this.#state !== "active" || this.#done) return said;
    if (this.#asked !== 0 && ++this.#askedTurns > PATIENCE_TURNS) {
      this.#asked = 0;
    }
    this.#catchUp();
    if (this.#verifying) return said + this.#goOnVerifying();
    this.#keepAlive();
    return this.#world.random.draw(3) === 0 ? said : said + this.#speak();
  }

  #connect(): string {
    const { network, random } = this.#world;
    if (!this.#verifying && random.draw(4) !== 0) return "";
    if (this.#options.link === "tcp") {
      this.#connection = network.connect(BINARY_TCP_PORT);
      if (this.#connection === undefined) return "";
    } else {
      const take = (bytes: Uint8Array) => this.#arrived.push(bytes);
      this.#port = network.bind(BINARY_UDP_PORT, take);
    }
    this.#state = "logging on";
    this.#unanswered = 0;
    this.#buffer = new Uint8Array(0);
    this.#waited = 0;
    this.#asked = 0;
    const { whole } = this.received;
    const wanted = random.draw(5) === 0
      ? 1 + random.draw(whole + 1)
      : whole + 1;
    this.#sendUnnumbered({
      type: ClientType.LOGON,
      quantity: BINARY_KEY,
      price: wanted,
    });
    return `connects, wants from ${wanted}`;
  }

  #hangUp(): void {
    if (this.#connection !== undefined) this.#connection.clientClosed = true;
    else this.#world.network.unbind(this.#port);
    this.#connection = undefined;
    this.#arrived = [];
    this.#state = "down";
    this.#done = false;
  }

  #speak(): string {
    const { random } = this.#world;
    const k = random.draw(100);
    if (k < 80) return this.#orderPacket();
    if (k < 84 && this.received.highest > 0) {
      const first = 1 + random.draw(this.received.highest);
      this.#retransmit(first, random.draw(30));
      return ` asks again from ${first}`;
    }
    if (k < 86) {
      this.#sendUnnumbered({ type: ClientType.LOGOUT });
      return " logout";
    }
    if (k < 87) {
      this.cut();
      return " cuts";
    }
    if (k < 89) {
      this.deaf = random.draw(120);
      return " goes deaf";
    }
    if (k < 90) {
      const packet = this.#packet(this.#sent.length + 1, [orderMessage({
        symbol: 0,
        side: 1,
        quantity: 1,
      })]);
      packet[packet.length - 1]! ^= 1;
      this.#write(packet);
      return " wrong checksum";
    }
    return "";
  }

  /** One packet of new messages. */
  #orderPacket(): string {
    const { random } = this.#world;
    const first = this.#sent.length + 1;
    const count = 1 +
      random.draw(random.draw(4) === 0 ? PACKET_MESSAGES_MAX : 2);
    const said: string[] = [];
    for (let i = 0; i < count; i++) said.push(this.#next());
    this.#sendFrom(first);
    return ` ${said.join(",")}`;
  }

  /** Adds one message to those that are to be sent. */
  #next(): string {
    const { random, clock } = this.#world;
    const { version } = this.#options;
    const plainOnly = version === BINARY_VERSION_1;
    const k = random.draw(100);
    const number = this.#sent.length + 1;
    if (k < 60 || this.#orders.length === 0) {
      const order = plainOnly || random.draw(3) !== 0
        ? plainOrder(random)
        : specialOrder(random, clock.ns);
      this.#sent.push(orderMessage(this.#binaryOrder(order)));
      const { symbol, side } = order;
      this.#orders.push({ reference: number, symbol, side });
      if (this.#orders.length > RECENT) this.#orders.shift();
      return "order";
    }
    const order = random.pick(this.#orders);
    const { reference, symbol, side } = order;
    if (k < 78) {
      this.#sent.push({ type: ClientType.CANCEL, symbol, side, reference });
      return "cancel";
    }
    if (k < 90) {
      const { lots, ticks } = plainOrder(random);
      const quantity = (lots + random.draw(20)) * E8;
      this.#sent.push(
        replaceMessage(order, quantity, ticks * TICK_E8[symbol]!),
      );
      return "replace";
    }
    if (k < 94 || plainOnly) {
      this.#sent.push({ type: ClientType.STATUS, symbol, side, reference });
      return "status";
    }
    if (k < 97) {
      const quantity = (1 + random.draw(5)) * E8;
      const type = ClientType.REDUCE;
      this.#sent.push({ type, symbol, side, quantity, reference });
      return "reduce";
    }
    if (k < 98) {
      this.#sent.push(massCancelMessage({ symbol: random.draw(2) }));
      return "mass cancel";
    }
    const unlock = k === 98;
    this.#sent.push(
      blockMessage(unlock ? ClientType.UNLOCK : ClientType.BLOCK),
    );
    if (!unlock) this.#sent.push(blockMessage(ClientType.UNLOCK));
    return unlock ? "unlock" : "block, unlock";
  }

  #binaryOrder(order: SimOrder): BinaryOrder {
    const { symbol, side, lots, ticks, ordType, timeInForce } = order;
    const tick = TICK_E8[symbol]!;
    const limit = ordType === OrdType.LIMIT || ordType === OrdType.STOP_LIMIT;
    const { stopTicks, shownLots, minLots, offset, expireNs } = order;
    const link = this.#orders.at(-1);
    return {
      symbol,
      side,
      quantity: lots * E8,
      ordType,
      timeInForce,
      ...(limit ? { price: ticks * tick } : {}),
      ...(stopTicks === undefined ? {} : { stopPrice: stopTicks * tick }),
      ...(shownLots === undefined ? {} : { displayQuantity: shownLots * E8 }),
      ...(minLots === undefined ? {} : { minQuantity: minLots * E8 }),
      ...(offset === undefined ? {} : { offset }),
      ...(expireNs === undefined ? {} : { expireTimeNs: expireNs }),
      ...(order.hidden === true ? { hidden: true } : {}),
      ...(order.allOrNone === true ? { allOrNone: true } : {}),
      ...(order.postOnly === true ? { postOnly: true } : {}),
      ...(order.selfTrade === undefined ? {} : { selfTrade: order.selfTrade }),
      ...(order.linked === true && link !== undefined ? { link } : {}),
    };
  }

  #goOnVerifying(): string {
    const { received } = this;
    if (received.verifying === 0) received.verifyFrom(1);
    if (received.whole < received.highest) return "";
    if (received.verifying > received.highest) {
      this.#done = true;
      return " verified";
    }
    if (this.#asked !== 0) return "";
    this.#retransmit(received.verifying, 0);
    return ` asks for all from ${received.verifying}`;
  }

  /** Asks for what is missing; sends what the appliance has not got. */
  #catchUp(): void {
    const { received } = this;
    if (received.whole < received.highest && this.#asked === 0) {
      this.#retransmit(received.whole + 1, 0);
    }
    if (this.#unsent <= this.#sent.length) this.#sendFrom(this.#unsent);
  }

  #keepAlive(): void {
    if (this.#world.clock.ms - this.#lastSentMs > HEARTBEAT_MS) {
      this.#sendUnnumbered({ type: ClientType.HEARTBEAT });
    }
  }

  #retransmit(first: number, count: number): void {
    this.#asked = first;
    this.#askedTurns = 0;
    const type = ClientType.RETRANSMIT;
    this.#sendUnnumbered({ type, quantity: first, price: count });
  }

  #sendUnnumbered(message: ClientMessage): void {
    this.#write(this.#packet(0, [message]));
  }

  /** Sends what there is from a number on, in a few packets. */
  #sendFrom(first: number): void {
    let at = first;
    for (let packets = 0; packets < 4 && at <= this.#sent.length; packets++) {
      const messages: ClientMessage[] = [];
      let blocks = 0;
      while (
        messages.length < PACKET_MESSAGES_MAX &&
        at + messages.length <= this.#sent.length
      ) {
        const next = this.#sent[at + messages.length - 1]!;
        blocks += blocksOf(next);
        messages.push(next);
      }
      this.#write(this.#packet(at, messages));
      at += messages.length;
    }
    this.#unsent = at;
  }

  #packet(first: number, messages: ClientMessage[]): Uint8Array {
    const { session, version } = this.#options;
    return encodeClientPacket(session, first, messages, version);
  }

  #write(packet: Uint8Array): void {
    this.#lastSentMs = this.#world.clock.ms;
    if (this.#options.link === "udp") {
      const datagram = { port: this.#port, bytes: packet };
      this.#world.network.sendToServer(BINARY_UDP_PORT, datagram);
    } else if (this.#connection !== undefined && !this.#connection.reset) {
      this.#connection.toServer.push(packet);
    }
  }

  #read(): string {
    return this.#options.link === "udp" ? this.#readUdp() : this.#readTcp();
  }

  #readUdp(): string {
    let said = "";
    for (const packet of this.#arrived.splice(0)) {
      if (this.#state !== "down") said += this.#takePacket(packet);
    }
    return said;
  }

  #readTcp(): string {
    const connection = this.#connection!;
    const { random } = this.#world;
    const most = random.draw(3) === 0 ? 1 + random.draw(100) : 8192;
    const more = connection.toClient.take(most);
    const buffer = new Uint8Array(this.#buffer.length + more.length);
    buffer.set(this.#buffer);
    buffer.set(more, this.#buffer.length);
    let at = 0;
    let said = "";
    while (this.#state !== "down" && buffer.length - at >= HEADER_BYTES) {
      const { count } = decodeServerHeader(buffer.subarray(at));
      const bytes = serverPacketBytes(count);
      if (buffer.length - at < bytes) break;
      said += this.#takePacket(buffer.slice(at, at + bytes));
      at += bytes;
    }
    this.#buffer = buffer.slice(at);
    const ended = connection.reset || connection.serverClosed;
    if (this.#state !== "down" && ended && connection.toClient.length === 0) {
      this.#hangUp();
    }
    return said;
  }

  #takePacket(packet: Uint8Array): string {
    const { count, sequence } = decodeServerHeader(packet);
    const first = Number(sequence);
    for (let i = 0; i < count; i++) {
      const at = HEADER_BYTES + i * SERVER_MESSAGE_BYTES;
      const bytes = packet.slice(at, at + SERVER_MESSAGE_BYTES);
      const number = first === NUMBERED.from ? 0 : first + i;
      const message = decodeServerMessage(bytes, number);
      if (number === 0) this.#takeUnnumbered(message);
      else this.#takeNumbered(number, bytes);
    }
    this.#waited = 0;
    this.#unanswered = 0;
    return first === 0
      ? ` <${String.fromCharCode(packet[HEADER_BYTES]!)}`
      : ` <${first}+${count}`;
  }

  #takeNumbered(number: number, bytes: Uint8Array): void {
    const { received } = this;
    const content = String.fromCharCode(...bytes);
    const again = received.messages.has(number);
    received.note({ number, content, session: false }, again);
    if (this.#asked !== 0 && received.whole >= received.highest) {
      this.#asked = this.#verifying && received.verifying <= received.highest
        ? this.#asked
        : 0;
    }
    // One request brings so many at most: ask for the next ones.
    if (this.#verifying && received.verifying % 1024 === 1) this.#asked = 0;
  }

  /** Numbers of both sides. */
  #takeUnnumbered(message: ServerMessage): void {
    const { type } = message;
    if (type === ServerType.LOGON_REFUSED) return this.#hangUp();
    // Of a packet that is late, numbers may be old; over TCP none is.
    const inOrder = this.#options.link === "tcp";
    if (message.leaves > 0n && inOrder) {
      this.received.newest(Number(message.leaves) - 1);
    }
    if (type === ServerType.LOGON_ACCEPTED) {
      if (this.#state === "logging on") {
        this.received.newest(
          inOrder ? Number(message.leaves) - 1 : this.received.highest,
        );
      }
      this.#state = "active";
      this.#unsent = message.reference;
    } else if (message.reason === Reason.NOT_LOGGED_ON) this.#hangUp();
    else if (type === ServerType.PACKET_REFUSED) {
      if (message.reference > 0) this.#unsent = message.reference;
    } else if (type === ServerType.HEARTBEAT) {
      if (message.reference > 0 && message.reference <= this.#sent.length) {
        this.#unsent = message.reference;
      }
    } else if (type === ServerType.END) this.#hangUp();
  }
}
