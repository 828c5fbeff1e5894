// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A FIX 4.4 client over plain sockets: for tests, benchmarks and the command
 * line. It keeps its sequence numbers and sent messages across connections of
 * the same object, asks for what it missed and sends again what is asked for.
 *
 * Cold path: it allocates as it likes. One task reads in the background; all
 * methods are for the thread that made it. It takes no part in the engine.
 *
 * @module
 */

/** Where and as whom to log on. */
export interface FixClientOptions {
  readonly address: string;
  readonly port: number;
  readonly senderCompId: string;
  /** Default "FERRULE". */
  readonly targetCompId?: string;
  /** Default: the SenderCompID. */
  readonly username?: string;
  readonly password: string;
  /** Seconds. Default 30. */
  readonly heartBtIntS?: number;
  /** MsgSeqNum of the next message to send and of the next to get. Default 1. */
  readonly nextOutbound?: number;
  readonly nextInbound?: number;
}

/** Sides and order terms as the wire has them: decimal texts stay exact. */
export interface OrderTerms {
  readonly clOrdId: string;
  readonly symbol: string;
  readonly side: "buy" | "sell";
  /** Decimal. */
  readonly quantity: string;
  /** Decimal; none = market order. */
  readonly price?: string;
  /** Default "day". */
  readonly timeInForce?: "day" | "gtc" | "ioc" | "fok";
}

/** A cancel, replace or status request names its order so. */
export interface OrderName {
  readonly clOrdId: string;
  readonly origClOrdId: string;
  readonly symbol: string;
  readonly side: "buy" | "sell";
}

const SOH = "\x01";
const TIME_IN_FORCE = { day: "0", gtc: "1", ioc: "3", fok: "4" } as const;
const SIDE = { buy: "1", sell: "2" } as const;
const RECEIVE_TIMEOUT_MS = 10000;
const READ_BYTES = 65536;
/** Session messages, which are not sent again. */
const SESSION_TYPES = "0124A5";

/** One received message. */
export class FixMessage {
  /** The message as it came. */
  readonly text: string;
  readonly #fields = new Map<number, string>();

  constructor(text: string) {
    this.text = text;
    for (const field of text.split(SOH)) {
      const equals = field.indexOf("=");
      if (equals > 0) {
        this.#fields.set(
          Number(field.slice(0, equals)),
          field.slice(equals + 1),
        );
      }
    }
  }

  /** MsgType. */
  get type(): string {
    return this.get(35);
  }

  /** Value of a tag, "" if it is not there. */
  get(tag: number): string {
    return this.#fields.get(tag) ?? "";
  }

  /** Value of a tag as a number; NaN if it is not there. */
  number(tag: number): number {
    const value = this.#fields.get(tag);
    return value === undefined ? NaN : Number(value);
  }

  has(tag: number): boolean {
    return this.#fields.has(tag);
  }

  /** With | for SOH, for people. */
  toString(): string {
    return this.text.replaceAll(SOH, "|");
  }
}

/** UTCTimestamp of milliseconds since 1970. */
export function utcTimestamp(ms: number): string {
  return new Date(ms).toISOString().replaceAll("-", "").replace("T", "-")
    .replace("Z", "");
}

/** A whole message of `body`, which starts with MsgType and ends with SOH. */
export function frameMessage(body: string): string {
  const text = `8=FIX.4.4${SOH}9=${body.length}${SOH}${body}`;
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum += text.charCodeAt(i);
  return `${text}10=${String(sum % 256).padStart(3, "0")}${SOH}`;
}

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

interface Waiter {
  readonly resolve: (message: FixMessage) => void;
  readonly reject: (error: Error) => void;
}

/** A client of one session. */
export class FixClient {
  /** MsgSeqNum of the next message we send. */
  nextOutbound: number;
  /** MsgSeqNum that the next message of the appliance must have. */
  nextInbound: number;
  readonly #options: FixClientOptions;
  #socket: Deno.TcpConn | undefined;
  #reading: Promise<void> = Promise.resolve();
  #writing: Promise<void> = Promise.resolve();
  #failure: Error | undefined;
  #buffer = "";
  #gapAskedTo = 0;
  #lastSentMs = 0;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  /** Messages for `receive()`, and those who wait for one. */
  readonly #inbox: FixMessage[] = [];
  readonly #waiters: Waiter[] = [];
  /** Session messages for `logon()` and `logout()`. */
  #session: Waiter | undefined;
  /** Application messages by number: type, body, first sending time. */
  readonly #sent = new Map<number, readonly [string, string, string]>();

  constructor(options: FixClientOptions) {
    this.#options = options;
    this.nextOutbound = options.nextOutbound ?? 1;
    this.nextInbound = options.nextInbound ?? 1;
  }

  /** Opens a connection; a lost one can be followed by another. */
  async connect(): Promise<void> {
    const { address, port } = this.#options;
    const socket = await Deno.connect({ hostname: address, port });
    socket.setNoDelay(true);
    this.#socket = socket;
    this.#failure = undefined;
    this.#buffer = "";
    this.#gapAskedTo = 0;
    this.#reading = this.#read(socket);
  }

  /**
   * Logs on.
   *
   * @param reset Both sides start again at 1.
   * @returns The appliance's Logon.
   * @throws {Error} If it refuses; the text says why, if it does.
   */
  async logon(reset = false): Promise<FixMessage> {
    const { heartBtIntS = 30, senderCompId, username, password } =
      this.#options;
    if (reset) {
      this.nextOutbound = 1;
      this.nextInbound = 1;
      this.#sent.clear();
    }
    const answer = this.#sessionMessage();
    this.#send(
      "A",
      `98=0|108=${heartBtIntS}|${reset ? "141=Y|" : ""}` +
        `553=${username ?? senderCompId}|554=${password}|`,
    );
    const message = await answer;
    if (message.type !== "A") {
      throw new Error(`Logon was refused: ${message.get(58)}`);
    }
    if (heartBtIntS > 0) {
      this.#heartbeat = setInterval(() => {
        if (nowMs() - this.#lastSentMs < heartBtIntS * 900) return;
        this.#send("0", "");
      }, heartBtIntS * 100);
    }
    return message;
  }

  /** NewOrderSingle. Returns its MsgSeqNum; the answer comes through `receive()`. */
  newOrder(order: OrderTerms): number {
    const { clOrdId, symbol, side, quantity, price, timeInForce } = order;
    return this.#send(
      "D",
      `11=${clOrdId}|55=${symbol}|54=${SIDE[side]}|60=${
        utcTimestamp(nowMs())
      }|38=${quantity}|40=${price === undefined ? "1" : "2"}|` +
        (price === undefined ? "" : `44=${price}|`) +
        `59=${TIME_IN_FORCE[timeInForce ?? "day"]}|`,
    );
  }

  /** OrderCancelRequest. */
  cancel(order: OrderName): number {
    return this.#send("F", `${this.#name(order)}60=${utcTimestamp(nowMs())}|`);
  }

  /** OrderCancelReplaceRequest: new total quantity and new limit. */
  replace(order: OrderName & { quantity: string; price: string }): number {
    return this.#send(
      "G",
      `${this.#name(order)}60=${
        utcTimestamp(nowMs())
      }|38=${order.quantity}|40=2|44=${order.price}|`,
    );
  }

  /** OrderStatusRequest. */
  status(order: Omit<OrderName, "origClOrdId">): number {
    return this.#send(
      "H",
      `11=${order.clOrdId}|55=${order.symbol}|54=${SIDE[order.side]}|`,
    );
  }

  /** Any message: MsgType and body fields with | for SOH. */
  send(type: string, body: string): number {
    return this.#send(type, body);
  }

  /**
   * The next ExecutionReport, OrderCancelReject, BusinessMessageReject or
   * Reject, each exactly once and in order.
   *
   * @throws {Error} If the connection ends or nothing comes in time.
   */
  receive(timeoutMs = RECEIVE_TIMEOUT_MS): Promise<FixMessage> {
    const message = this.#inbox.shift();
    if (message !== undefined) return Promise.resolve(message);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return this.#wait((waiter) => this.#waiters.push(waiter), timeoutMs);
  }

  /** Messages that `receive()` would give at once. */
  waiting(): number {
    return this.#inbox.length;
  }

  /** Logs out, waits for the answer and closes. */
  async logout(): Promise<void> {
    const answer = this.#sessionMessage();
    this.#send("5", "");
    await answer.catch(() => undefined);
    await this.close();
  }

  /** Hangs up without a word. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.#writing;
    try {
      this.#socket?.close();
    } catch {
      // The other side was faster.
    }
    await this.#reading;
    this.#socket = undefined;
  }

  #name(order: OrderName): string {
    return `11=${order.clOrdId}|41=${order.origClOrdId}|55=${order.symbol}|54=${
      SIDE[order.side]
    }|`;
  }

  #send(type: string, body: string): number {
    const number = this.nextOutbound++;
    const time = utcTimestamp(nowMs());
    if (!SESSION_TYPES.includes(type)) {
      this.#sent.set(number, [type, body, time]);
    }
    this.#write(type, number, `52=${time}|`, body);
    return number;
  }

  #write(type: string, number: number, times: string, body: string): void {
    const { senderCompId, targetCompId = "FERRULE" } = this.#options;
    const text = frameMessage(
      `35=${type}|34=${number}|49=${senderCompId}|56=${targetCompId}|${times}${body}`
        .replaceAll("|", SOH),
    );
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    const socket = this.#socket;
    this.#lastSentMs = nowMs();
    this.#writing = this.#writing.then(async () => {
      try {
        for (let at = 0; socket !== undefined && at < bytes.length;) {
          at += await socket.write(bytes.subarray(at));
        }
      } catch {
        // The reader finds the connection gone and tells those who wait.
      }
    });
  }

  async #read(socket: Deno.TcpConn): Promise<void> {
    const chunk = new Uint8Array(READ_BYTES);
    let failure = new Error("The appliance closed the connection");
    try {
      while (true) {
        const count = await socket.read(chunk);
        if (count === null) break;
        this.#buffer += latin1(chunk.subarray(0, count));
        this.#split();
      }
    } catch (error) {
      failure = error instanceof Error ? error : failure;
    }
    clearInterval(this.#heartbeat);
    this.#failure = failure;
    try {
      socket.close();
    } catch {
      // Closed by us.
    }
    this.#session?.reject(failure);
    for (const waiter of this.#waiters.splice(0)) waiter.reject(failure);
  }

  /** Takes whole messages off the buffer. */
  #split(): void {
    let from = 0;
    while (true) {
      const head = /^8=FIX\.4\.4.9=(\d+)./s.exec(
        this.#buffer.slice(from, from + 32),
      );
      if (head === null) break;
      const end = from + head[0].length + Number(head[1]) + 7;
      if (end > this.#buffer.length) break;
      this.#onMessage(new FixMessage(this.#buffer.slice(from, end)));
      from = end;
    }
    this.#buffer = this.#buffer.slice(from);
  }

  #onMessage(message: FixMessage): void {
    const number = message.number(34);
    if (message.type === "A") {
      if (message.get(141) === "Y") this.nextInbound = number;
      this.#session?.resolve(message);
    } else if (message.type === "5") this.#session?.resolve(message);
    if (message.type === "2") this.#resend(message);
    if (message.type === "4" && message.get(123) !== "Y") {
      this.nextInbound = message.number(36);
      return;
    }
    if (number > this.nextInbound) {
      if (this.#gapAskedTo < number) {
        this.#gapAskedTo = number;
        this.#send("2", `7=${this.nextInbound}|16=0|`);
      }
      return;
    }
    if (number < this.nextInbound) return;
    this.nextInbound = message.type === "4" ? message.number(36) : number + 1;
    if (this.nextInbound > this.#gapAskedTo) this.#gapAskedTo = 0;
    if (message.type === "1") this.#send("0", `112=${message.get(112)}|`);
    if (SESSION_TYPES.includes(message.type)) return;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#inbox.push(message);
    else waiter.resolve(message);
  }

  /** Sends again what the appliance asks for; session messages as gaps. */
  #resend(request: FixMessage): void {
    const end = request.number(16);
    const last = end === 0 || end >= this.nextOutbound
      ? this.nextOutbound - 1
      : end;
    let gap = 0;
    for (let number = request.number(7); number <= last + 1; number++) {
      const sent = number > last ? undefined : this.#sent.get(number);
      if (gap > 0 && (sent !== undefined || number > last)) {
        const time = utcTimestamp(nowMs());
        this.#write(
          "4",
          gap,
          `43=Y|52=${time}|122=${time}|`,
          `123=Y|36=${number}|`,
        );
        gap = 0;
      }
      if (sent === undefined) {
        if (gap === 0) gap = number;
        continue;
      }
      const [type, body, time] = sent;
      this.#write(
        type,
        number,
        `43=Y|52=${utcTimestamp(nowMs())}|122=${time}|`,
        body,
      );
    }
  }

  #sessionMessage(): Promise<FixMessage> {
    return this.#wait((waiter) => this.#session = waiter, RECEIVE_TIMEOUT_MS)
      .finally(() => this.#session = undefined);
  }

  #wait(
    register: (waiter: Waiter) => void,
    timeoutMs: number,
  ): Promise<FixMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<FixMessage>();
    const waiter: Waiter = { resolve, reject };
    const timer = setTimeout(() => {
      const at = this.#waiters.indexOf(waiter);
      if (at >= 0) this.#waiters.splice(at, 1);
      reject(new Error(`No message came within ${timeoutMs} ms`));
    }, timeoutMs);
    register(waiter);
    return promise.finally(() => clearTimeout(timer));
  }
}
