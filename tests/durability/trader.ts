// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A FIX client with short words for the tests of disks, and what they ask of
 * the appliance.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { DEMO_PASSWORD } from "../../engine/config/mod.ts";
import { FixClient, type FixMessage } from "../../engine/gateway/fix/client.ts";
import { type Reason, REASON_TEXT } from "../../engine/record/mod.ts";
import type { RunningAppliance } from "../appliance/harness.ts";

const WAIT_MS = 30_000;
const LOOK_MS = 20;

/** A client of one session; its orders rest and never trade. */
export class Trader {
  readonly client: FixClient;
  /** ClOrdIDs of orders that were accepted and not canceled since. */
  readonly open = new Set<string>();
  #count = 0;

  private constructor(client: FixClient) {
    this.client = client;
  }

  /** Logs on; an earlier trader's numbers and orders go on. */
  static async logon(
    appliance: RunningAppliance,
    earlier?: Trader,
  ): Promise<Trader> {
    const client = new FixClient({
      address: "127.0.0.1",
      port: appliance.fixPort,
      senderCompId: "CLIENT1",
      password: DEMO_PASSWORD,
      nextOutbound: earlier?.client.nextOutbound ?? 1,
      nextInbound: earlier?.client.nextInbound ?? 1,
    });
    await client.connect();
    await client.logon();
    const trader = new Trader(client);
    if (earlier !== undefined) {
      trader.#count = earlier.#count;
      for (const id of earlier.open) trader.open.add(id);
    }
    return trader;
  }

  /** Sends a new order, and does not wait. */
  send(): string {
    const clOrdId = `o${this.#count++}`;
    this.client.newOrder({
      clOrdId,
      symbol: "AAPL",
      side: "buy",
      quantity: "1",
      price: "150.00",
      timeInForce: "gtc",
    });
    return clOrdId;
  }

  async hear(): Promise<FixMessage> {
    const message = await this.client.receive(WAIT_MS);
    if (message.get(39) === "0") this.open.add(message.get(11));
    if (message.get(39) === "4") this.open.delete(message.get(41));
    return message;
  }

  /** Places an order, which is accepted. */
  async place(): Promise<string> {
    const id = this.send();
    const answer = await this.hear();
    assertEquals([answer.get(11), answer.get(39)], [id, "0"], `${answer}`);
    return id;
  }

  /** Places an order, which is refused. */
  async refused(reason: Reason): Promise<void> {
    const id = this.send();
    const answer = await this.hear();
    assertEquals(
      [answer.get(11), answer.get(39), answer.get(58)],
      [id, "8", REASON_TEXT[reason]],
      `${answer}`,
    );
  }

  /** Cancels an order, which is canceled. */
  async cancel(origClOrdId: string): Promise<void> {
    this.client.cancel({
      clOrdId: `c${this.#count++}`,
      origClOrdId,
      symbol: "AAPL",
      side: "buy",
    });
    const answer = await this.hear();
    assertEquals([answer.get(41), answer.get(39)], [origClOrdId, "4"]);
  }

  /** Hangs up. */
  async close(): Promise<void> {
    await this.client.close();
  }
}

/** Waits until the health page says so. */
export async function untilHealth(
  appliance: RunningAppliance,
  status: string,
  holds: (health: Record<string, unknown>) => boolean = () => true,
): Promise<Record<string, unknown>> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const health = await appliance.get("/health");
    if (health.status === status && holds(health)) return health;
    assert(
      performance.now() < deadline,
      `health is ${health.status}, not ${status}: ${
        appliance.log.slice(-5).map((line) => JSON.stringify(line)).join("\n")
      }`,
    );
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** The log has a line of this message. */
export function logged(appliance: RunningAppliance, message: string): boolean {
  return appliance.log.some((line) => line.message === message);
}

/** What the appliance said when it went live. */
export function live(appliance: RunningAppliance): Record<string, unknown> {
  return appliance.log.find(({ message }) => message === "live")!;
}
