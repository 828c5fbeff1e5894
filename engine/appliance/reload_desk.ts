// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Reads the configuration file again while the appliance runs, and takes what
 * differs: as a whole, or not at all.
 *
 * ```
 *   file ─▶ read, validate ─▶ compare ─▶ gateways, keeper: the sessions to come
 *                │                │                 │
 *                └── problems ────┴─▶ refused ◀─ exchange: checks, commands, all at once
 *                                                   │
 *                             durable ◀─ everyone: secrets, who is gone, log level
 * ```
 *
 * What touches the exchange becomes the commands that a start would write, so
 * a restart finds it and a replay does it again. Main thread, cold path.
 *
 * @module
 */
import {
  compareConfigs,
  type Config,
  type ConfigDifference,
  ConfigError,
} from "../config/mod.ts";
import {
  CONTROL_EXCHANGE,
  CONTROL_JOURNAL,
  CONTROL_STOP,
  ExchangeState,
  JournalState,
} from "../ring/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import { sessionsWanted } from "./build_exchange.ts";
import type { ConfigAnswer, ConfigBoard, ConfigStep } from "./config_board.ts";
import { sessionKey } from "./definitions.ts";
import type { OperatorAnswer } from "./operator_desk.ts";

/** What a desk works with. */
export interface ReloadDeskOptions {
  /** What runs. */
  readonly config: Config;
  /** Reads the file; throws as `loadConfig()` does. */
  readonly read: () => Config;
  readonly board: Pick<ConfigBoard, "give" | "isTaken">;
  readonly control: Int32Array;
  /** Sessions that are defined, by `sessionKey()`. */
  readonly defined: () => ReadonlySet<string>;
  /** Waits until a command is durable; false if it was not in time. */
  readonly untilDurable: (sequence: number) => Promise<boolean>;
  readonly log: Log;
}

/** The desk of who asks for a reload. One at a time: the caller sees to it. */
export class ReloadDesk {
  readonly #options: ReloadDeskOptions;
  #config: Config;
  /** Sessions that gateways and keeper have followed since the start, and the place of the gateway of each. */
  readonly #served = new Map<string, number>();

  constructor(options: ReloadDeskOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#serve(options.config);
  }

  /** What runs. */
  get config(): Config {
    return this.#config;
  }

  /** Reads the file and takes what differs; tells the log, too. */
  async reload(): Promise<OperatorAnswer> {
    const answer = await this.#reload();
    const { status, body } = answer;
    const { log } = this.#options;
    if (status === 200) {
      log.info("configuration reloaded", {
        sequence: Number(body.sequence),
        commands: Number(body.commands),
        changed: JSON.stringify(body.changed),
        notes: JSON.stringify(body.notes),
      });
    } else {
      log.error("configuration not reloaded", {
        error: String(body.error),
        problems: JSON.stringify(body.problems ?? []),
      });
    }
    return answer;
  }

  async #reload(): Promise<OperatorAnswer> {
    const closed = this.#closed();
    if (closed !== "") return refusal(503, closed);
    if (!this.#options.board.isTaken) {
      return refusal(503, "An earlier reload was not taken by all threads yet");
    }
    let wanted: Config;
    try {
      wanted = this.#options.read();
    } catch (error) {
      if (error instanceof ConfigError) {
        const { problems } = error;
        return refusal(400, "The file is wrong, nothing was changed", problems);
      }
      if (!(error instanceof Error)) throw error;
      return refusal(400, `${error.message}. Nothing was changed`);
    }
    const difference = compareConfigs(this.#config, wanted);
    const problems = [...difference.problems, ...this.#strangers(wanted)];
    if (problems.length > 0) {
      return refusal(
        409,
        "Nothing was changed: the file says what can not change while it runs",
        problems,
      );
    }
    return await this.#take(wanted, difference);
  }

  /** Why nothing can be taken now; "" = it can. */
  #closed(): string {
    const { control } = this.#options;
    if (Atomics.load(control, CONTROL_STOP) !== 0) return "It is stopping";
    if (Atomics.load(control, CONTROL_JOURNAL) === JournalState.FAILED) {
      return "The journal failed: nothing is acknowledged any more";
    }
    const exchange = Atomics.load(control, CONTROL_EXCHANGE);
    return exchange === ExchangeState.LIVE ||
        exchange === ExchangeState.FOLLOWING
      ? ""
      : "It is recovering";
  }

  /** Sessions that the journal has and nobody here has followed. */
  #strangers(wanted: Config) {
    const defined = this.#options.defined();
    return sessionsWanted(wanted)
      .map(({ protocolCode, name, gateway }) => ({
        key: sessionKey(protocolCode, name),
        name,
        gateway,
      }))
      .filter(({ key, gateway }) =>
        defined.has(key) && this.#served.get(key) !== gateway
      )
      .map(({ name }) => ({
        key: "sessions",
        value: "",
        text:
          `session ${name} is in the journal, and this process has not followed ` +
          "what it was sent: restart to have it back",
      }));
  }

  async #take(
    wanted: Config,
    difference: ConfigDifference,
  ): Promise<OperatorAnswer> {
    const before = this.#config;
    const known = await this.#give("sessions", withSessions(before, wanted));
    if (known === undefined) return late();
    // On a standby its primary may have defined one in between.
    const strangers = this.#strangers(wanted);
    if (strangers.length > 0) {
      await this.#give("sessions", before);
      return refusal(409, "Nothing was changed", strangers);
    }
    const done = await this.#give("exchange", wanted);
    if (done === undefined) return late();
    const problem = done.find((answer) => answer.problem !== "")?.problem;
    if (problem !== undefined) {
      await this.#give("sessions", before);
      return refusal(409, `Nothing was changed. ${problem}`);
    }
    // From here on it holds, whatever comes.
    this.#config = wanted;
    this.#serve(wanted);
    this.#options.log.setLevel(wanted.log.level);
    const rest = await this.#give("rest", wanted);
    const commands = done.reduce((sum, answer) => sum + answer.commands, 0);
    const sequence = Math.max(0, ...done.map((answer) => answer.sequence));
    const changed = difference.counts;
    const body = {
      sequence,
      commands,
      changed,
      notes: this.#notes(difference),
    };
    if (rest === undefined) {
      return refusal(
        504,
        "It is taken, but not every thread has said so in time",
      );
    }
    if (commands > 0 && !await this.#options.untilDurable(sequence)) {
      return refusal(504, "It is done, but not durable yet");
    }
    return { status: 200, body };
  }

  #notes({ notes }: ConfigDifference): string[] {
    const exchange = Atomics.load(this.#options.control, CONTROL_EXCHANGE);
    const { role } = this.#config.replication;
    if (exchange === ExchangeState.FOLLOWING) {
      return [
        ...notes,
        "this is the standby: what concerns orders comes from its primary; reload there too",
      ];
    }
    if (role === "none") return [...notes];
    return [
      ...notes,
      "the standby gets the commands, but its own file must say the same: change and reload it first",
    ];
  }

  #give(
    step: ConfigStep,
    config: Config,
  ): Promise<ConfigAnswer[] | undefined> {
    return this.#options.board.give({ step, config });
  }

  #serve(config: Config): void {
    for (const { protocolCode, name, gateway } of sessionsWanted(config)) {
      this.#served.set(sessionKey(protocolCode, name), gateway);
    }
  }
}

/** A configuration with the sessions of another one besides its own. */
function withSessions(before: Config, after: Config): Config {
  const fix = new Set(
    [...before.fix.sessions, ...before.dpdk.fixSessions].map((one) =>
      one.senderCompId
    ),
  );
  const addedFix = <One extends { readonly senderCompId: string }>(
    sessions: readonly One[],
  ): One[] => sessions.filter((one) => !fix.has(one.senderCompId));
  const numbers = new Set(
    [...before.binary.sessions, ...before.dpdk.sessions].map(({ number }) =>
      number
    ),
  );
  const added = <One extends { readonly number: number }>(
    sessions: readonly One[],
  ): One[] => sessions.filter(({ number }) => !numbers.has(number));
  return {
    ...before,
    fix: {
      ...before.fix,
      sessions: [
        ...before.fix.sessions,
        ...addedFix(after.fix.sessions),
      ],
    },
    binary: {
      ...before.binary,
      sessions: [...before.binary.sessions, ...added(after.binary.sessions)],
    },
    dpdk: {
      ...before.dpdk,
      sessions: [...before.dpdk.sessions, ...added(after.dpdk.sessions)],
      fixSessions: [
        ...before.dpdk.fixSessions,
        ...addedFix(after.dpdk.fixSessions),
      ],
    },
  };
}

function late(): OperatorAnswer {
  return refusal(
    504,
    "A thread did not take it in time; it may later: look at /instruments and " +
      "/sessions, and ask again",
  );
}

function refusal(
  status: number,
  error: string,
  problems?: readonly unknown[],
): OperatorAnswer {
  return { status, body: { error, ...problems && { problems } } };
}
