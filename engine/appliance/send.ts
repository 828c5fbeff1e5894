// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Places one order from the command line and prints what comes back.
 *
 * A FIX logon of this command restarts the session's sequence numbers, because
 * it keeps none between calls; use a session that no other client uses.
 *
 * @module
 */
import { BinaryClient } from "../gateway/binary/client.ts";
import { FixClient, type FixMessage } from "../gateway/fix/client.ts";
import {
  OrdStatus,
  OrdType,
  REASON_TEXT,
  Side,
  TimeInForce,
} from "../record/mod.ts";
import { type ServerMessage, ServerType } from "../wire/binary/mod.ts";

/** One order, and where to. */
export interface SendOptions {
  readonly protocol: "fix" | "binary" | "binary-udp";
  readonly host: string;
  readonly port: number;
  /** SenderCompID, or number of the binary session. */
  readonly session: string;
  /** Password, or key. */
  readonly secret: string;
  readonly targetCompId: string;
  readonly side: "buy" | "sell";
  /** Decimal. */
  readonly quantity: string;
  readonly symbol: string;
  /** Decimal; undefined = market order. */
  readonly price: string | undefined;
  readonly timeInForce: "day" | "gtc" | "ioc" | "fok";
  /** Symbols by index, for the binary protocol. */
  readonly symbols: readonly string[];
}

/** How long to wait for more after the last message. */
const QUIET_MS = 300;
const ANSWER_MS_MAX = 5000;
/** FIX tag 39: nothing more will come for such an order. */
const DONE = [
  OrdStatus.FILLED,
  OrdStatus.CANCELED,
  OrdStatus.REJECTED,
].map((status) => String.fromCharCode(status));

/** "187.50" x 1e8. @throws {Error} If it is no decimal number of at most 8 places. */
export function decimalE8(text: string): bigint {
  const match = /^(\d{1,11})(?:\.(\d{1,8}))?$/.exec(text);
  if (match === null) {
    throw new Error(
      `${text} is no decimal number above zero with at most 8 decimal places`,
    );
  }
  return BigInt(match[1]!) * 100_000_000n +
    BigInt((match[2] ?? "").padEnd(8, "0"));
}

function textE8(value: bigint): string {
  const whole = value / 100_000_000n;
  const rest = (value % 100_000_000n).toString().padStart(8, "0").replace(
    /0+$/,
    "",
  );
  return rest === "" ? String(whole) : `${whole}.${rest}`;
}

/**
 * Sends the order; returns 0 if it was accepted, 1 if it was refused.
 *
 * @throws {Error} If the appliance cannot be reached or refuses the logon.
 */
export async function send(
  options: SendOptions,
  print: (line: string) => void,
): Promise<number> {
  decimalE8(options.quantity);
  if (options.price !== undefined) decimalE8(options.price);
  return options.protocol === "fix"
    ? await sendFix(options, print)
    : await sendBinary(options, print);
}

const EXEC_TYPES: Readonly<Record<string, string>> = {
  "0": "accepted",
  "4": "canceled",
  "8": "rejected",
  "C": "expired",
  "F": "filled",
};

function describeFix(message: FixMessage): string {
  if (message.type !== "8") {
    return `refused by the session (${message.type}): ${message.get(58)}`;
  }
  const what = EXEC_TYPES[message.get(150)] ?? `ExecType ${message.get(150)}`;
  const fill = message.has(32)
    ? ` ${message.get(32)} at ${message.get(31)}`
    : "";
  const why = message.has(58) ? `: ${message.get(58)}` : "";
  return `${what}${fill}, order ${message.get(37)}, leaves ${
    message.get(151)
  }, ` +
    `filled ${message.get(14)}${why}`;
}

async function sendFix(
  options: SendOptions,
  print: (line: string) => void,
): Promise<number> {
  const { side, quantity, symbol, price, timeInForce } = options;
  const client = new FixClient({
    address: options.host,
    port: options.port,
    senderCompId: options.session,
    targetCompId: options.targetCompId,
    password: options.secret,
  });
  await client.connect();
  try {
    await client.logon(true);
    client.newOrder({
      clOrdId: crypto.randomUUID().replaceAll("-", "").slice(0, 20),
      symbol,
      side,
      quantity,
      timeInForce,
      ...(price === undefined ? {} : { price }),
    });
    let accepted = false;
    let message = await client.receive(ANSWER_MS_MAX);
    for (;;) {
      print(describeFix(message) + "\n");
      accepted ||= message.type === "8" && message.get(39) !== "8";
      if (message.type !== "8" || DONE.includes(message.get(39))) break;
      if (client.waiting() === 0) {
        await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
        if (client.waiting() === 0) break;
      }
      message = await client.receive(ANSWER_MS_MAX);
    }
    return accepted ? 0 : 1;
  } finally {
    await client.logout();
  }
}

const ANSWERS: Readonly<Record<number, string>> = {
  [ServerType.ACCEPTED]: "accepted",
  [ServerType.REJECTED]: "rejected",
  [ServerType.FILLED]: "filled",
  [ServerType.CANCELED]: "canceled",
};

function describeBinary(message: ServerMessage): string {
  const what = ANSWERS[message.type] ??
    `message ${String.fromCharCode(message.type)}`;
  const fill = message.type === ServerType.FILLED
    ? ` ${textE8(message.quantity)} at ${textE8(message.price)}`
    : "";
  const why = message.reason === 0
    ? ""
    : `: ${REASON_TEXT[message.reason] ?? `reason ${message.reason}`}`;
  return `${what}${fill}, order ${message.orderId}, leaves ${
    textE8(message.leaves)
  }${why}`;
}

const TIMES_IN_FORCE = {
  day: TimeInForce.DAY,
  gtc: TimeInForce.GTC,
  ioc: TimeInForce.IOC,
  fok: TimeInForce.FOK,
} as const;

async function sendBinary(
  options: SendOptions,
  print: (line: string) => void,
): Promise<number> {
  const symbol = options.symbols.indexOf(options.symbol);
  if (symbol < 0) {
    throw new Error(
      `${options.symbol} is not in the configuration: the binary protocol names ` +
        `instruments by their place there (${options.symbols.join(", ")})`,
    );
  }
  const client = await BinaryClient.connect({
    link: options.protocol === "binary" ? "tcp" : "udp",
    hostname: options.host,
    port: options.port,
    session: Number(options.session),
    key: BigInt(options.secret),
  });
  try {
    await client.logon();
    const { reference } = client.order({
      symbol,
      side: options.side === "buy" ? Side.BUY : Side.SELL,
      quantity: decimalE8(options.quantity),
      timeInForce: TIMES_IN_FORCE[options.timeInForce],
      ...(options.price === undefined
        ? { ordType: OrdType.MARKET }
        : { price: decimalE8(options.price) }),
    });
    await client.flush();
    let accepted = false;
    let waitMs = ANSWER_MS_MAX;
    for (;;) {
      const message = await client.receiveNumbered(waitMs);
      if (message === null) break;
      if (message.reference !== reference) continue;
      waitMs = QUIET_MS;
      print(describeBinary(message) + "\n");
      if (message.type === ServerType.REJECTED) break;
      accepted = true;
      if (message.type !== ServerType.ACCEPTED && message.leaves === 0n) break;
    }
    return accepted ? 0 : 1;
  } finally {
    await client.close();
  }
}
