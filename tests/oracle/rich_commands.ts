// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Seeded streams of commands of every kind: orders with all terms, requests
 * about them, states, settings, owners.
 *
 * @module
 */
import { CommandKind } from "../../engine/record/mod.ts";
import type { TestCommand } from "../exchange/support.ts";
import { RichContext, type RichShape } from "./rich_context.ts";
import { RichHouse } from "./rich_house.ts";
import { RichOrders } from "./rich_orders.ts";

/** One stream; the same seed gives the same commands. */
export class RichCommands {
  readonly #context: RichContext;
  readonly #kinds: readonly (readonly [number, () => TestCommand])[];
  readonly #sum: number;

  constructor(shape: RichShape) {
    const context = new RichContext(shape);
    const orders = new RichOrders(context);
    const house = new RichHouse(context);
    this.#context = context;
    this.#kinds = [
      [540, () => orders.newOrder()],
      [130, () => orders.request(CommandKind.CANCEL_ORDER)],
      [200, () => orders.replace()],
      [70, () => orders.reduce()],
      [15, () => orders.request(CommandKind.ORDER_STATUS)],
      [15, () => orders.refused()],
      [30, () => ({ kind: CommandKind.TIME, session: 0 })],
      [2, () => ({ kind: CommandKind.CHECKPOINT, session: 0, detail: 1 })],
      [shape.states, () => house.state()],
      [shape.settings, () => house.setting()],
      [shape.owners, () => house.owner()],
      [shape.masses, () => house.mass()],
      [shape.sessionsWeight, () => house.session()],
      [shape.capacities, () => house.capacity()],
    ];
    this.#sum = this.#kinds.reduce((all, [weight]) => all + weight, 0);
  }

  /** The commands that a stream begins with. */
  prelude(): TestCommand[] {
    const { instruments, sessions, accounts } = this.#context.shape;
    const found: TestCommand[] = [];
    for (let i = 0; i < instruments; i++) {
      found.push({
        kind: CommandKind.DEFINE_INSTRUMENT,
        session: 0,
        instrument: i,
        quantity: 1e6,
        reference: 1e8,
        text: `SYM${i}`,
      });
    }
    for (let i = 1; i <= accounts; i++) {
      found.push({
        kind: CommandKind.DEFINE_ACCOUNT,
        session: 0,
        reason: i,
        text: `ACC${i}`,
      });
    }
    for (let i = 1; accounts > 0 && i <= sessions; i++) {
      found.push({
        kind: CommandKind.SET_SESSION,
        session: i,
        reason: i % (accounts + 1),
      });
    }
    return found.map((command) => this.#context.stamp(command));
  }

  /** The next command. */
  next(): TestCommand {
    let left = this.#context.random.draw(this.#sum);
    for (const [weight, make] of this.#kinds) {
      if (left < weight) return this.#context.stamp(make());
      left -= weight;
    }
    throw new Error("no kind");
  }
}
