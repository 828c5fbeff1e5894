// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Takes what an operator asks on the admin port, hands it to the exchange as
 * commands, and answers when they are as durable as configured.
 *
 * ```
 *   POST /control ─▶ desk ─operator ring─▶ exchange ─▶ journal
 *          answer ◀──┴── register, durable sequence ◀─────┘
 * ```
 *
 * Main thread. One request at a time: the next one sees what the one before
 * has done.
 *
 * @module
 */
import { ConfigError } from "../config/mod.ts";
import { COMMAND_SLOT_BYTES, CommandKind, REASON_TEXT } from "../record/mod.ts";
import {
  CONTROL_DURABLE,
  CONTROL_EXCHANGE,
  CONTROL_JOURNAL,
  CONTROL_STOP,
  ExchangeState,
  JournalState,
  type SpscRing,
} from "../ring/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import { type CommandFields, writeCommand } from "./command_fields.ts";
import { type RequestContext, RequestError } from "./operator_context.ts";
import { commandsOf } from "./operator_requests.ts";
import { RegisterWord } from "./register_layout.ts";

const WATCH_MS = 1;
const WAIT_MS_MAX = 10_000;

/** What a desk works with. */
export interface OperatorDeskOptions extends RequestContext {
  /** Producer end: commands of the operator. */
  readonly ring: SpscRing;
  readonly control: Int32Array;
  readonly log: Log;
  /** How long to wait for the exchange and the disk; 10 seconds if not given. */
  readonly waitMsMax?: number;
}

/** What is answered. */
export interface OperatorAnswer {
  /** As in HTTP. */
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The desk of the operator. */
export class OperatorDesk {
  readonly #options: OperatorDeskOptions;
  /** Commands handed over; modulo 2^32. */
  #handed: number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: OperatorDeskOptions) {
    this.#options = options;
    this.#handed = options.register.taken;
  }

  /** Does what is asked; never throws for what was asked wrongly. */
  ask(request: unknown): Promise<OperatorAnswer> {
    const answer = this.#last.then(() => this.#serve(request));
    // Whatever becomes of one request, the next one is looked at.
    this.#last = answer.catch(() => {});
    return answer;
  }

  /** Does something else in its turn: nothing asked before is under way then. */
  alone(act: () => Promise<OperatorAnswer>): Promise<OperatorAnswer> {
    const answer = this.#last.then(async () =>
      await this.#until(() => this.#isTaken())
        ? await act()
        : notYet("An earlier request was not taken yet")
    );
    this.#last = answer.catch(() => {});
    return answer;
  }

  /** Waits until a command is durable; false if it was not in time. */
  untilDurable(sequence: number): Promise<boolean> {
    return this.#until(() => this.#isDurable(sequence));
  }

  async #serve(request: unknown): Promise<OperatorAnswer> {
    const closed = this.#closed();
    if (closed !== "") return { status: 503, body: { error: closed } };
    if (!await this.#until(() => this.#isTaken())) {
      return notYet("An earlier request was not taken yet");
    }
    let commands: CommandFields[];
    try {
      commands = commandsOf(request, this.#options);
    } catch (error) {
      if (error instanceof ConfigError) {
        return {
          status: 400,
          body: { error: "The request is wrong", problems: error.problems },
        };
      }
      if (error instanceof RequestError) {
        return { status: error.status, body: { error: error.message } };
      }
      throw error;
    }
    return await this.#hand(request, commands);
  }

  /** Why nothing is taken now; "" = it is. */
  #closed(): string {
    const { control } = this.#options;
    if (Atomics.load(control, CONTROL_STOP) !== 0) return "It is stopping";
    if (Atomics.load(control, CONTROL_JOURNAL) === JournalState.FAILED) {
      return "The journal failed: nothing is acknowledged any more";
    }
    return Atomics.load(control, CONTROL_EXCHANGE) === ExchangeState.LIVE
      ? ""
      : "It is recovering";
  }

  async #hand(
    request: unknown,
    commands: readonly CommandFields[],
  ): Promise<OperatorAnswer> {
    const { ring, register, log } = this.#options;
    if (commands.length > ring.slotCount) {
      const most = ring.slotCount;
      const error = `It takes ${commands.length} commands, at most ${most} go`;
      return { status: 400, body: { error } };
    }
    log.info("operator", { request: JSON.stringify(request) });
    const { words } = register;
    const canceledBefore = words[RegisterWord.CANCELED]!;
    for (const command of commands) {
      writeCommand(ring, ring.claim() * COMMAND_SLOT_BYTES, command);
    }
    ring.publish();
    this.#handed = (this.#handed + commands.length) | 0;
    if (!await this.#until(() => this.#isTaken())) {
      return notYet("The exchange did not take it in time; it may later");
    }
    const sequence = words[RegisterWord.SEQUENCE]!;
    const canceled = words[RegisterWord.CANCELED]! - canceledBefore;
    const done = { sequence, commands: commands.length, canceled };
    const asks = commands.some(({ kind }) =>
      kind === CommandKind.KILL || kind === CommandKind.MASS_CANCEL
    );
    const reason = asks ? words[RegisterWord.REASON]! : 0;
    if (!await this.#until(() => this.#isDurable(sequence))) {
      return notYet("It is done, but not durable yet", done);
    }
    if (reason === 0) return { status: 200, body: done };
    return { status: 409, body: { error: REASON_TEXT[reason], ...done } };
  }

  #isTaken(): boolean {
    return this.#options.register.taken === this.#handed;
  }

  #isDurable(sequence: number): boolean {
    const durable = Atomics.load(this.#options.control, CONTROL_DURABLE);
    return ((durable - (sequence % 4294967296)) | 0) >= 0;
  }

  /** Whether waiting is in vain: the engine has stopped. */
  #isOver(): boolean {
    const { control } = this.#options;
    const exchange = Atomics.load(control, CONTROL_EXCHANGE);
    const journal = Atomics.load(control, CONTROL_JOURNAL);
    return journal === JournalState.FAILED ||
      (exchange === ExchangeState.DONE && journal === JournalState.DONE);
  }

  async #until(reached: () => boolean): Promise<boolean> {
    const deadline = performance.now() +
      (this.#options.waitMsMax ?? WAIT_MS_MAX);
    while (!reached()) {
      if (this.#isOver() || performance.now() > deadline) return reached();
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    }
    return true;
  }
}

function notYet(
  error: string,
  done: Readonly<Record<string, unknown>> = {},
): OperatorAnswer {
  return { status: 504, body: { error, ...done } };
}
