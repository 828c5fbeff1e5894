// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Clients that keep every byte that they receive: FIX and binary, over plain
 * sockets, without any logic of their own. They answer nothing by themselves.
 *
 * @module
 */
import { frameMessage, utcTimestamp } from "../../engine/gateway/fix/client.ts";
import {
  type ClientMessage,
  ClientType,
  encodeClientPacket,
  HEADER_BYTES,
  SERVER_MESSAGE_BYTES,
} from "../../engine/wire/binary/mod.ts";

const SOH = "\x01";
const READ_BYTES = 65_536;
const MESSAGE = new RegExp(`8=FIX.*?${SOH}10=\\d{3}${SOH}`, "gs");

/** A connection and all that came over it. */
abstract class Recorder {
  readonly #connection: Deno.Conn;
  readonly #reading: Promise<void>;
  readonly #waiting: (() => void)[] = [];
  #bytes = new Uint8Array(0);
  #closed = false;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
    this.#reading = this.#read();
  }

  /** Everything received so far. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** The other side is gone. */
  get closed(): boolean {
    return this.#closed;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await this.#connection.write(bytes.subarray(at));
    }
  }

  /** Waits until `enough` holds; it is asked whenever bytes came. */
  async until(enough: () => boolean): Promise<void> {
    while (!enough()) {
      if (this.#closed) throw new Error("the connection ended before that");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Reads to the end, then closes. */
  async end(): Promise<void> {
    await this.#reading;
    this.#connection.close();
  }

  async #read(): Promise<void> {
    const chunk = new Uint8Array(READ_BYTES);
    try {
      for (;;) {
        const count = await this.#connection.read(chunk);
        if (count === null) break;
        const bytes = new Uint8Array(this.#bytes.length + count);
        bytes.set(this.#bytes);
        bytes.set(chunk.subarray(0, count), this.#bytes.length);
        this.#bytes = bytes;
        this.#wake();
      }
    } catch (error) {
      // A killed appliance resets its connections.
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    } finally {
      this.#closed = true;
      this.#wake();
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Bytes as characters of the same codes. */
export function latin(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** Whole FIX messages in a stream of bytes. */
export function fixMessages(bytes: Uint8Array): string[] {
  return latin(bytes).match(MESSAGE) ?? [];
}

/** A field of a FIX message; "" if it is not there. */
export function field(message: string, tag: number): string {
  const found = message.split(SOH).find((part) => part.startsWith(`${tag}=`));
  return found === undefined ? "" : found.slice(String(tag).length + 1);
}

/** A FIX client of one connection. */
export class RecordingFix extends Recorder {
  readonly #name: string;
  /** MsgSeqNum of our next message. */
  next: number;

  private constructor(connection: Deno.Conn, name: string, next: number) {
    super(connection);
    this.#name = name;
    this.next = next;
  }

  static async connect(
    port: number,
    name: string,
    next: number,
  ): Promise<RecordingFix> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    return new RecordingFix(connection, name, next);
  }

  /** Sends a message: MsgType and what stands behind the header, with | for SOH. */
  async send(type: string, body: string): Promise<void> {
    const time = utcTimestamp(performance.timeOrigin + performance.now());
    const text = `35=${type}|34=${this.next++}|49=${this.#name}|56=FERRULE|` +
      `52=${time}|${body.replaceAll("60=now", `60=${time}`)}`;
    const message = frameMessage(text.replaceAll("|", SOH));
    await this.write(new TextEncoder().encode(message));
  }

  /** What was received so far. */
  get messages(): string[] {
    return fixMessages(this.bytes);
  }

  /** Waits for a message. */
  async message(wanted: (message: string) => boolean): Promise<void> {
    await this.until(() => this.messages.some(wanted));
  }
}

/** A packet of the appliance. */
export interface Packet {
  /** Number of its first message; 0 = it has none. */
  readonly sequence: number;
  readonly messages: readonly Uint8Array[];
}

/** A binary client of one connection. */
export class RecordingBinary extends Recorder {
  readonly #session: number;
  next: number;

  private constructor(connection: Deno.Conn, session: number, next: number) {
    super(connection);
    this.#session = session;
    this.next = next;
  }

  static async connect(
    port: number,
    session: number,
    next: number,
  ): Promise<RecordingBinary> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    return new RecordingBinary(connection, session, next);
  }

  /** Logs on and asks for our messages from `wanted` on. */
  async logon(key: bigint, wanted: number): Promise<void> {
    await this.write(encodeClientPacket(this.#session, 0, [
      { type: ClientType.LOGON, quantity: key, price: wanted },
    ]));
    await this.until(() => this.packets.length > 0);
  }

  async logout(): Promise<void> {
    await this.write(
      encodeClientPacket(this.#session, 0, [{ type: ClientType.LOGOUT }]),
    );
  }

  async orders(messages: readonly ClientMessage[]): Promise<void> {
    const packet = encodeClientPacket(this.#session, this.next, messages);
    this.next += messages.length;
    await this.write(packet);
  }

  /** What was received so far. */
  get packets(): Packet[] {
    const { bytes } = this;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const found: Packet[] = [];
    for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
      const count = view.getUint16(at + 2, true);
      const from = at + HEADER_BYTES;
      const end = from + count * SERVER_MESSAGE_BYTES;
      if (end > bytes.length) break;
      found.push({
        sequence: Number(view.getBigUint64(at + 8, true)),
        messages: Array.from({ length: count }, (_, i) =>
          bytes.slice(
            from + i * SERVER_MESSAGE_BYTES,
            from + (i + 1) * SERVER_MESSAGE_BYTES,
          )),
      });
      at = end;
    }
    return found;
  }

  /** Numbered messages received so far, by number. */
  get numbered(): Map<number, Uint8Array> {
    const found = new Map<number, Uint8Array>();
    for (const { sequence, messages } of this.packets) {
      if (sequence === 0) continue;
      messages.forEach((message, i) => found.set(sequence + i, message));
    }
    return found;
  }
}
