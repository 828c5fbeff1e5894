// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A simulated FIX client: it logs on, sends orders of all kinds, takes what
 * comes in pieces, asks for what it missed and sends again what is asked for.
 * Its memory outlives connections and the appliance's processes.
 *
 * @module
 */
import { FixMessage } from "../../engine/gateway/fix/mod.ts";
import { OrdType, StpMode } from "../../engine/record/mod.ts";
import { Received } from "./received.ts";
import type { ClientWorld, SimClient } from "./sim_client.ts";
import type { SimConnection } from "./sim_network.ts";
import {
  plainOrder,
  type SimOrder,
  specialOrder,
  SYMBOLS,
  TICKS_PER_UNIT,
} from "./sim_orders.ts";

export const FIX_PORT = 9878;
const SOH = "\x01";
const HEARTBEAT_S = 30;
/** Types that are never sent again. */
const SESSION_TYPES = "0124A5";
const RECENT = 30;
/** Turns after which a request that was not answered is made once more. */
const PATIENCE_TURNS = 60;
const ORD_TYPE: Readonly<Record<number, string>> = {
  [OrdType.MARKET]: "40=1|",
  [OrdType.LIMIT]: "40=2|",
  [OrdType.STOP]: "40=3|",
  [OrdType.STOP_LIMIT]: "40=4|",
  [OrdType.MARKET_TO_LIMIT]: "40=K|",
  [OrdType.TRAILING_STOP]: "40=P|18=a|",
  [OrdType.PEG_PRIMARY]: "40=P|18=R|",
  [OrdType.PEG_MARKET]: "40=P|18=P|",
  [OrdType.PEG_MIDPOINT]: "40=P|18=M|",
};
const SELF_TRADE: Readonly<Record<number, string>> = {
  [StpMode.CANCEL_NEWEST]: "1",
  [StpMode.CANCEL_OLDEST]: "2",
  [StpMode.CANCEL_BOTH]: "3",
  [StpMode.DECREMENT]: "100",
};

interface Sent {
  readonly type: string;
  readonly body: string;
  readonly time: string;
}

interface Named {
  clOrdId: string;
  readonly symbol: number;
  readonly side: number;
}

/** One FIX session's client; see the module's text. */
export class FixSimClient implements SimClient {
  readonly name: string;
  readonly received: Received;
  deaf = 0;
  readonly #world: ClientWorld;
  #connection: SimConnection | undefined;
  #state: "down" | "logging on" | "active" | "leaving" = "down";
  #buffer = "";
  #nextOut = 1;
  /** Number that the next message must have. */
  #expected = 1;
  #sent = new Map<number, Sent>();
  #asked = 0;
  #askedTurns = 0;
  #waited = 0;
  #ids = 0;
  #lastSentMs = 0;
  readonly #orders: Named[] = [];
  #verifying = false;
  #done = false;

  constructor(name: string, world: ClientWorld) {
    this.name = name;
    this.#world = world;
    this.received = new Received(name, "fix");
  }

  get verified(): boolean {
    return this.#done;
  }

  get status(): string {
    return `${this.name} ${this.#state}, expects ${this.#expected}, received up to ${this.received.highest}, verifying ${this.received.verifying}`;
  }

  verify(): void {
    this.#verifying = true;
    this.deaf = 0;
  }

  cut(): void {
    if (this.#connection === undefined) return;
    this.#world.network.cut(this.#connection);
    this.#hangUp();
  }

  act(): string {
    if (this.deaf > 0) {
      this.deaf--;
      return "";
    }
    if (this.#connection === undefined) return this.#connect();
    const { random } = this.#world;
    const said = this.#read();
    if (this.#connection === undefined) return `${said} gone`;
    if (++this.#waited > PATIENCE_TURNS) {
      this.#waited = 0;
      if (this.#state !== "active") {
        this.cut();
        return `${said} lost patience`;
      }
    }
    if (this.#state !== "active") return said;
    if (this.#asked !== 0 && ++this.#askedTurns > PATIENCE_TURNS) {
      this.#asked = 0;
    }
    if (this.#done) {
      this.#keepAlive();
      return said;
    }
    if (this.#verifying) return said + this.#goOnVerifying();
    this.#keepAlive();
    return random.draw(3) === 0 ? said : said + this.#speak();
  }

  #connect(): string {
    const { network, random } = this.#world;
    if (!this.#verifying && random.draw(4) !== 0) return "";
    const connection = network.connect(FIX_PORT);
    if (connection === undefined) return "";
    this.#connection = connection;
    this.#state = "logging on";
    this.#buffer = "";
    this.#asked = 0;
    this.#waited = 0;
    const reset = this.received.resetPending ||
      (this.#world.resets && !this.#verifying && random.draw(15) === 0);
    if (reset) {
      this.received.resetPending = true;
      this.#nextOut = 1;
      this.#sent.clear();
    }
    this.#send(
      "A",
      `98=0|108=${HEARTBEAT_S}|${reset ? "141=Y|" : ""}` +
        `553=${this.name}|554=secret|`,
    );
    return reset ? "connects, resets" : "connects";
  }

  #hangUp(): void {
    if (this.#connection !== undefined) this.#connection.clientClosed = true;
    this.#connection = undefined;
    this.#state = "down";
    this.#done = false;
  }

  /** Something random that a client says. */
  #speak(): string {
    const { random, clock } = this.#world;
    const k = random.draw(100);
    if (k < 50) {
      const special = random.draw(3) === 0;
      this.#order(
        special ? specialOrder(random, clock.ns) : plainOrder(random),
      );
      return " order";
    }
    if (k < 68) return this.#aboutOrder("F");
    if (k < 80) return this.#aboutOrder("G");
    if (k < 84) return this.#aboutOrder("H");
    if (k < 86) return this.#massCancel();
    if (k < 88) {
      this.#send("1", `112=T${this.#nextOut}|`);
      return " test request";
    }
    if (k < 91 && this.received.highest > 0) {
      const begin = 1 + random.draw(this.received.highest);
      const end = random.draw(2) === 0 ? 0 : begin + random.draw(20);
      this.#send("2", `7=${begin}|16=${end}|`);
      return ` asks again for ${begin} to ${end}`;
    }
    if (k < 92) {
      this.#send("D", "11=BAD|55=AA|54=9|60=x|38=1|40=2|");
      return " bad order";
    }
    if (k < 93) {
      this.#write("9=12|35=D|nonsense|10=000|".replaceAll("|", SOH));
      return " nonsense";
    }
    if (k < 95) {
      this.#send("5", "");
      this.#state = "leaving";
      return " logout";
    }
    if (k < 96) {
      this.cut();
      return " cuts";
    }
    if (k < 98) {
      this.deaf = random.draw(120);
      return " goes deaf";
    }
    return "";
  }

  #goOnVerifying(): string {
    const { received } = this;
    if (received.verifying === 0) {
      received.verifyFrom(1);
      this.#asked = 0;
    }
    if (received.verifying > received.highest && this.#expected > 1) {
      if (received.whole < received.highest) return "";
      this.#done = true;
      return " verified";
    }
    if (this.#asked !== 0) return "";
    this.#asked = received.verifying;
    this.#askedTurns = 0;
    this.#send("2", `7=${received.verifying}|16=0|`);
    return ` asks for all from ${received.verifying}`;
  }

  #keepAlive(): void {
    if (this.#world.clock.ms - this.#lastSentMs > HEARTBEAT_S * 800) {
      this.#send("0", "");
    }
  }

  #order(order: SimOrder): void {
    const { symbol, side, lots, ordType, timeInForce } = order;
    const clOrdId = `${this.name}-${++this.#ids}`;
    const linked = order.linked === true && this.#orders.length > 0
      ? `1385=1|583=${this.#orders.at(-1)!.clOrdId}|`
      : "";
    const limit = ordType === OrdType.LIMIT || ordType === OrdType.STOP_LIMIT;
    const expires = order.expireNs === undefined
      ? ""
      : `126=${this.#time(Math.floor(order.expireNs / 1e6))}|`;
    const optional = [
      [order.stopTicks, (x: number) => `99=${this.#price(symbol, x)}|`],
      [order.shownLots, (x: number) => `111=${x}|`],
      [order.minLots, (x: number) => `110=${x}|`],
      [
        order.offset,
        (x: number) =>
          ordType === OrdType.TRAILING_STOP
            ? `211=${this.#price(symbol, x)}|`
            : "",
      ],
    ] as const;
    this.#send(
      "D",
      `11=${clOrdId}|55=${SYMBOLS[symbol]}|54=${side}|60=${this.#time()}|` +
        `38=${lots}|${ORD_TYPE[ordType]}59=${timeInForce}|${expires}` +
        (limit ? `44=${this.#price(symbol, order.ticks)}|` : "") +
        optional.map(([value, tag]) => value === undefined ? "" : tag(value))
          .join("") +
        (order.hidden === true ? "1084=4|" : "") +
        (order.allOrNone === true ? "18=G|" : "") +
        (order.postOnly === true ? "18=6|" : "") +
        (order.selfTrade === undefined
          ? ""
          : `2964=${SELF_TRADE[order.selfTrade]}|`) +
        linked,
    );
    this.#orders.push({ clOrdId, symbol, side });
    if (this.#orders.length > RECENT) this.#orders.shift();
  }

  /** Cancel, replace or status of one of the last orders. */
  #aboutOrder(type: "F" | "G" | "H"): string {
    const { random } = this.#world;
    if (this.#orders.length === 0) return "";
    const order = random.pick(this.#orders);
    const { symbol, side, clOrdId } = order;
    const names = `55=${SYMBOLS[symbol]}|54=${side}|`;
    if (type === "H") {
      this.#send("H", `11=${clOrdId}|${names}790=S${this.#nextOut}|`);
      return " status";
    }
    const next = `${this.name}-${++this.#ids}`;
    const base = `11=${next}|41=${clOrdId}|${names}60=${this.#time()}|`;
    if (type === "F") {
      this.#send("F", `${base}38=1|`);
      return " cancel";
    }
    const { lots, ticks } = plainOrder(random);
    this.#send(
      "G",
      `${base}38=${lots + random.draw(20)}|40=2|44=${
        this.#price(symbol, ticks)
      }|`,
    );
    if (random.draw(3) !== 0) order.clOrdId = next;
    return " replace";
  }

  #massCancel(): string {
    const { random } = this.#world;
    const id = `${this.name}-${++this.#ids}`;
    const scope = random.draw(2) === 0
      ? "530=7|"
      : `530=1|55=${SYMBOLS[random.draw(2)]}|`;
    this.#send("q", `11=${id}|${scope}60=${this.#time()}|`);
    return " mass cancel";
  }

  #price(symbol: number, ticks: number): string {
    return (ticks / TICKS_PER_UNIT[symbol]!).toFixed(2);
  }

  #time(ms = this.#world.clock.ms): string {
    return new Date(ms).toISOString().replaceAll("-", "").replace("T", "-")
      .replace("Z", "");
  }

  #send(type: string, body: string): void {
    const number = this.#nextOut++;
    const time = this.#time();
    this.#sent.set(number, { type, body, time });
    this.#frame(type, number, `52=${time}|`, body);
  }

  #frame(type: string, number: number, times: string, body: string): void {
    const text =
      `35=${type}|34=${number}|49=${this.name}|56=FERRULE|${times}${body}`
        .replaceAll("|", SOH);
    const head = `8=FIX.4.4${SOH}9=${text.length}${SOH}${text}`;
    let sum = 0;
    for (let i = 0; i < head.length; i++) sum += head.charCodeAt(i);
    this.#write(`${head}10=${String(sum % 256).padStart(3, "0")}${SOH}`);
  }

  #write(text: string): void {
    this.#lastSentMs = this.#world.clock.ms;
    if (this.#connection === undefined || this.#connection.reset) return;
    this.#connection.toServer.push(
      Uint8Array.from(text, (c) => c.charCodeAt(0)),
    );
  }

  /** Takes some of what has arrived. */
  #read(): string {
    const connection = this.#connection!;
    const { random } = this.#world;
    const most = random.draw(3) === 0 ? 1 + random.draw(60) : 8192;
    for (const byte of connection.toClient.take(most)) {
      this.#buffer += String.fromCharCode(byte);
    }
    const said = this.#split();
    const ended = connection.reset || connection.serverClosed;
    if (this.#connection !== undefined && ended) {
      if (connection.toClient.length === 0) this.#hangUp();
    }
    return said;
  }

  #split(): string {
    let said = "";
    while (this.#connection !== undefined) {
      const head = /^8=FIX\.4\.4.9=(\d+)./s.exec(this.#buffer.slice(0, 32));
      if (head === null) break;
      const end = head[0].length + Number(head[1]) + 7;
      if (end > this.#buffer.length) break;
      const text = this.#buffer.slice(0, end);
      this.#buffer = this.#buffer.slice(end);
      const message = new FixMessage(text);
      said += ` <${message.type}${message.get(34)}${
        message.get(43) === "Y" ? "again" : ""
      }`;
      this.#take(message);
    }
    return said;
  }

  #take(message: FixMessage): void {
    const { received } = this;
    const { type } = message;
    const number = message.number(34);
    const again = message.get(43) === "Y";
    this.#waited = 0;
    if (type === "A" && message.get(141) === "Y") {
      received.reset();
      this.#expected = 1;
      this.#orders.length = 0;
    }
    if (type === "4") {
      received.gap(number, message.number(36));
      if (number <= this.#expected && message.number(36) > this.#expected) {
        this.#expected = message.number(36);
      }
    } else {
      if (!again) received.newest(number);
      received.note(
        {
          number,
          content: canonical(message.text),
          session: SESSION_TYPES.includes(type),
        },
        again,
      );
    }
    if (type === "A") this.#state = "active";
    if (type === "2") this.#resend(message);
    if (type === "1" && !again) this.#send("0", `112=${message.get(112)}|`);
    if (type === "5") return this.#loggedOut(message);
    while (received.whole >= this.#expected) this.#expected++;
    if (number > this.#expected && this.#asked === 0) {
      this.#asked = this.#expected;
      this.#askedTurns = 0;
      this.#send("2", `7=${this.#expected}|16=0|`);
    } else if (this.#expected > received.highest && !this.#verifying) {
      this.#asked = 0;
    }
  }

  #loggedOut(message: FixMessage): void {
    const low = /expecting (\d+)/.exec(message.get(58));
    // The appliance saw numbers of ours that we forgot: that can not be.
    if (low !== null && Number(low[1]) > this.#nextOut) {
      this.#nextOut = Number(low[1]);
    }
    if (this.#state !== "leaving") this.#send("5", "");
    this.#hangUp();
  }

  /** Sends again what the appliance asks for; session messages as gaps. */
  #resend(request: FixMessage): void {
    const end = request.number(16);
    const last = end === 0 || end >= this.#nextOut ? this.#nextOut - 1 : end;
    let gap = 0;
    for (let number = request.number(7); number <= last + 1; number++) {
      const kept = number > last ? undefined : this.#sent.get(number);
      const sent = kept === undefined || SESSION_TYPES.includes(kept.type)
        ? undefined
        : kept;
      if (gap > 0 && (sent !== undefined || number > last)) {
        const time = this.#time();
        const times = `43=Y|52=${time}|122=${time}|`;
        this.#frame("4", gap, times, `123=Y|36=${number}|`);
        gap = 0;
      }
      if (sent === undefined) {
        if (gap === 0) gap = number;
        continue;
      }
      const now = this.#time();
      const first = sent.time > now ? now : sent.time;
      const times = `43=Y|52=${now}|122=${first}|`;
      this.#frame(sent.type, number, times, sent.body);
    }
  }
}

/** A message without what differs when it is sent again. */
function canonical(text: string): string {
  const fields = text.split(SOH);
  const again = fields.includes("43=Y");
  return fields.filter((field) => {
    const tag = field.slice(0, field.indexOf("="));
    return !["", "8", "9", "10", "43"].includes(tag) &&
      !(again && tag === "52");
  }).map((field) => field.startsWith("122=") ? `52${field.slice(3)}` : field)
    .join("|");
}
