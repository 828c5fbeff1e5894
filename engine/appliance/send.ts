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
import {
  FixClient,
  type FixMessage,
  utcTimestamp,
} from "../gateway/fix/client.ts";
import { OrdStatus, REASON_TEXT } from "../record/mod.ts";
import { type ServerMessage, ServerType } from "../wire/binary/mod.ts";
import {
  binaryOrder,
  checkOrder,
  fixBody,
  type SendOrder,
  textE8,
} from "./send_terms.ts";

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
  readonly order: SendOrder;
  /** Symbols by index, for the binary protocol. */
  readonly symbols: readonly string[];
  /** Accounts from index 1 on, likewise. */
  readonly accounts: readonly string[];
}

/** How long to wait for more after the last message. */
const QUIET_MS = 300;
const ANSWER_MS_MAX = 5000;
/** FIX tag 39: nothing more will come for such an order. */
const DONE = [
  OrdStatus.FILLED,
  OrdStatus.CANCELED,
  OrdStatus.REJECTED,
  OrdStatus.EXPIRED,
].map((status) => String.fromCharCode(status));

/**
 * Sends the order; returns 0 if it was accepted, 1 if it was refused.
 *
 * @throws {Error} If the appliance cannot be reached or refuses the logon.
 */
export async function send(
  options: SendOptions,
  print: (line: string) => void,
): Promise<number> {
  checkOrder(options.order);
  return options.protocol === "fix"
    ? await sendFix(options, print)
    : await sendBinary(options, print);
}

const EXEC_TYPES: Readonly<Record<string, string>> = {
  "0": "accepted",
  "4": "canceled",
  "5": "replaced",
  "8": "rejected",
  "C": "expired",
  "D": "restated",
  "F": "filled",
  "I": "status",
  "L": "triggered",
};

function describeFix(message: FixMessage): string {
  if (message.type !== "8") {
    return `refused by the session (${message.type}): ${message.get(58)}`;
  }
  const what = EXEC_TYPES[message.get(150)] ?? `ExecType ${message.get(150)}`;
  const fill = message.has(32)
    ? ` ${message.get(32)} at ${message.get(31)}`
    : "";
  const kept = message.has(20006)
    ? ` (prevented: ${message.get(20006)} at ${message.get(20007)})`
    : "";
  const why = message.has(58) ? `: ${message.get(58)}` : "";
  return `${what}${fill}${kept}, order ${message.get(37)}, leaves ${
    message.get(151)
  }, ` +
    `filled ${message.get(14)}${why}`;
}

async function sendFix(
  options: SendOptions,
  print: (line: string) => void,
): Promise<number> {
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
    const clOrdId = crypto.randomUUID().replaceAll("-", "").slice(0, 20);
    const time = utcTimestamp(performance.timeOrigin + performance.now());
    client.send("D", fixBody(options.order, clOrdId, time));
    let accepted = false;
    for (;;) {
      const message = await client.receive(ANSWER_MS_MAX);
      // Orders of the session that were there before have a say too.
      const ours = message.type !== "8" || message.get(11) === clOrdId;
      if (ours) {
        print(describeFix(message) + "\n");
        accepted ||= message.type === "8" && message.get(39) !== "8";
        if (message.type !== "8" || DONE.includes(message.get(39))) break;
      }
      if (client.waiting() > 0) continue;
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      if (client.waiting() === 0) break;
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
  [ServerType.REPLACED]: "replaced",
  [ServerType.CANCEL_REJECTED]: "cancel rejected",
  [ServerType.STATUS]: "status",
  [ServerType.PREVENTED]: "prevented",
  [ServerType.TRIGGERED]: "triggered",
  [ServerType.RESTATED]: "restated",
};
/** With leaves 0 nothing more comes after one of these. */
const LAST: readonly number[] = [ServerType.FILLED, ServerType.CANCELED];

function describeBinary(message: ServerMessage): string {
  const what = ANSWERS[message.type] ??
    `message ${String.fromCharCode(message.type)}`;
  const trade = message.type === ServerType.FILLED ||
    message.type === ServerType.PREVENTED;
  const fill = trade
    ? ` ${textE8(message.quantity)} at ${textE8(message.price)}`
    : "";
  const why = message.reason === 0
    ? ""
    : `: ${REASON_TEXT[message.reason] ?? `reason ${message.reason}`}`;
  return `${what}${fill}, order ${message.orderId}, leaves ${
    textE8(message.leaves)
  }${why}`;
}

async function sendBinary(
  options: SendOptions,
  print: (line: string) => void,
): Promise<number> {
  const order = binaryOrder(options.order, options.symbols, options.accounts);
  const client = await BinaryClient.connect({
    link: options.protocol === "binary" ? "tcp" : "udp",
    hostname: options.host,
    port: options.port,
    session: Number(options.session),
    key: BigInt(options.secret),
  });
  try {
    await client.logon();
    const { reference } = client.order(order);
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
      if (LAST.includes(message.type) && message.leaves === 0n) break;
    }
    return accepted ? 0 : 1;
  } finally {
    await client.close();
  }
}
