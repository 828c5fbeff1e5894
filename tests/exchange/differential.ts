// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Engine and oracle side by side: the same commands must give the same events
 * and the same state. What differs is made small and printed as a test.
 *
 * ```
 * commands ─┬─▶ engine ─▶ events, state ─┐
 *           └─▶ oracle ─▶ events, state ─┴─▶ equal, or: shrink ─▶ a test to paste
 * ```
 *
 * @module
 */
import { NaiveExchange } from "../oracle/naive_exchange.ts";
import { oracleView } from "../oracle/view.ts";
import { engineView } from "./engine_view.ts";
import { asTest, shrink } from "./shrink.ts";
import { type TestCommand, type TestEvent, TestExchange } from "./support.ts";

/** How large the two are. Left out: enough for small tests. */
export interface Setup {
  readonly ordersMax?: number;
  readonly specialMax?: number;
  readonly instrumentsMax?: number;
  readonly sessionsMax?: number;
  readonly accountsMax?: number;
  /** Slots of the event ring. */
  readonly slots?: number;
}

/** Where two runs part. */
export interface Difference {
  /** Place of the command. */
  readonly index: number;
  readonly what: string;
}

/** How two lists of events differ; undefined if they do not. */
export function eventDifference(
  actual: readonly TestEvent[],
  expected: readonly TestEvent[],
): string | undefined {
  for (let i = 0; i < Math.min(actual.length, expected.length); i++) {
    const a = actual[i]! as unknown as Record<string, unknown>;
    const e = expected[i]! as unknown as Record<string, unknown>;
    if (a.kind !== e.kind || a.reason !== e.reason) {
      return `event ${i}: kind ${a.kind}, reason ${a.reason}, expected kind ${e.kind}, reason ${e.reason}`;
    }
    for (const field in e) {
      if (!Object.is(a[field], e[field])) {
        return `event ${i} (kind ${e.kind}): ${field} is ${
          a[field]
        }, expected ${e[field]}`;
      }
    }
  }
  return actual.length === expected.length
    ? undefined
    : `${actual.length} events (kinds ${
      actual.map((event) => event.kind)
    }), expected ${expected.length} (kinds ${
      expected.map((event) => event.kind)
    })`;
}

/** An engine and an oracle that get the same commands. */
export class Pair {
  readonly engine: TestExchange;
  readonly oracle: NaiveExchange;
  readonly #extent: { sessionsMax: number; accountsMax: number };

  constructor(setup: Setup) {
    const ordersMax = setup.ordersMax ?? 200;
    const specialMax = setup.specialMax ?? ordersMax;
    const instrumentsMax = setup.instrumentsMax ?? 3;
    const accountsMax = setup.accountsMax ?? 8;
    this.#extent = { sessionsMax: setup.sessionsMax ?? 8, accountsMax };
    this.engine = new TestExchange({
      ordersMax,
      specialMax,
      instrumentsMax,
      ...this.#extent,
      slots: setup.slots ?? 256,
      // A page and a table for each order and side: levels never run out here.
      pagesMax: 2 * ordersMax + 1,
      tablesMax: 2 * ordersMax + 6 * instrumentsMax + 64,
      instruments: 0,
    });
    this.oracle = new NaiveExchange({ ordersMax, specialMax, accountsMax });
  }

  /** Applies a command to both; how their events differ. */
  step(command: TestCommand): string | undefined {
    let actual: TestEvent[];
    try {
      actual = this.engine.send(command);
    } catch (error) {
      return `the engine stopped: ${error}`;
    }
    this.events = this.oracle.apply(command, this.engine.sequence);
    const wrong = eventDifference(actual, this.events);
    if (wrong !== undefined) return wrong;
    const { ordersOpen } = this.engine.exchange;
    return ordersOpen === this.oracle.ordersOpen
      ? undefined
      : `${ordersOpen} orders, expected ${this.oracle.ordersOpen}`;
  }

  /** Events of the last command, as the oracle has them. */
  events: readonly TestEvent[] = [];

  /** How the whole states differ. */
  compareState(): string | undefined {
    const expected = oracleView(this.oracle, this.#extent.sessionsMax - 1);
    let actual: string[];
    try {
      actual = engineView(this.engine.exchange, this.#extent);
    } catch (error) {
      return `the engine's state: ${error}`;
    }
    for (let i = 0; i < Math.max(actual.length, expected.length); i++) {
      if (actual[i] !== expected[i]) {
        return `state: "${actual[i]}", expected "${expected[i]}"`;
      }
    }
    return undefined;
  }
}

/** How the two are compared. */
export interface Comparison {
  /** The whole state after so many commands, and in the end; 0 = in the end only. */
  readonly stateEvery: number;
}

/** Runs commands through both, until they part. */
export function firstDifference(
  setup: Setup,
  commands: readonly TestCommand[],
  { stateEvery }: Comparison,
): Difference | undefined {
  const pair = new Pair(setup);
  for (let index = 0; index < commands.length; index++) {
    const compares = index === commands.length - 1 ||
      stateEvery !== 0 && index % stateEvery === 0;
    const what = pair.step(commands[index]!) ??
      (compares ? pair.compareState() : undefined);
    if (what !== undefined) return { index, what };
  }
  return undefined;
}

/** Fails if engine and oracle part anywhere; the whole state is compared after each command. */
export function assertAgrees(
  setup: Setup,
  commands: readonly TestCommand[],
): void {
  const found = firstDifference(setup, commands, { stateEvery: 1 });
  if (found === undefined) return;
  throw new Error(
    `command ${found.index}: ${found.what}\n${
      JSON.stringify(commands[found.index])
    }`,
  );
}

/** A run that stops is made small as one that stops. */
function kindOf(found: Difference | undefined): string | undefined {
  if (found === undefined) return undefined;
  return found.what.startsWith("the engine") ? "stopped" : "differs";
}

/** Makes a failing run small and throws it as a test to paste. */
export function failSmall(
  name: string,
  setup: Setup,
  commands: readonly TestCommand[],
): never {
  const kind = kindOf(firstDifference(setup, commands, { stateEvery: 0 }));
  const fails = (some: readonly TestCommand[]) => {
    try {
      const found = firstDifference(setup, some, { stateEvery: 0 });
      return kindOf(found) === kind ? found?.index : undefined;
    } catch {
      // The oracle cannot take it: something that it needs was left out.
      return undefined;
    }
  };
  const small = shrink(commands, fails);
  const found = firstDifference(setup, small, { stateEvery: 1 });
  throw new Error(
    `${name}: ${found?.what ?? "differs only in the whole run"}\n\n${
      asTest(name, setup, small)
    }\n`,
  );
}
