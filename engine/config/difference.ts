// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What differs between the configuration that runs and the one that the file
 * says now: what can be taken while it runs, and what can not, with the reason.
 *
 * ```
 *   before ┐            ┌─ counts, notes ─▶ taken
 *   after ─┴─ compare ──┴─ problems ──────▶ nothing is taken
 * ```
 *
 * Secrets are compared and never shown. Pure; cold path.
 *
 * @module
 */
import { decimalText } from "./reasons.ts";
import type { ConfigProblem } from "./problems.ts";
import { shownValue } from "./problems.ts";
import type {
  BinarySessionConfig,
  Config,
  FixSessionConfig,
  InstrumentConfig,
} from "./types.ts";

/** What differs. */
export interface ConfigDifference {
  /** What can not change while it runs; with one of these nothing is taken. */
  readonly problems: readonly ConfigProblem[];
  /** How many of what differ: `instruments added`, say. */
  readonly counts: Readonly<Record<string, number>>;
  /** What is taken and has no effect now, in words. */
  readonly notes: readonly string[];
}

const RESTART = "put the old value back, or restart";

/** Why a section's settings hold until a restart. */
const REASONS: Readonly<Record<string, string>> = {
  appliance: "the data directory and what is told of it are taken at start",
  topology: "threads and their cores are made at start",
  memory: "memory is mapped at start",
  transport: "sockets are made at start",
  capacity: "memory is laid out at start",
  journal: "the journal is opened at start",
  snapshot: "the keeper is made at start",
  feed: "the feed's sockets and stores are made at start",
  fix: "ports and protocols are made at start",
  binary: "ports and protocols are made at start",
  dpdk: "the port is made at start",
  replication: "a pair is agreed at start",
  clock: "the clock's daemon is asked from the start on",
  flightRecorder: "its memory is laid out at start",
  admin: "the admin port is opened at start",
  log: "every thread is told at start",
};

/** Settings outside of the lists that can change while it runs. */
const CHANGEABLE: ReadonlySet<string> = new Set([
  "journal.free_reserve_mib",
  "journal.lag_commands_max",
  "journal.slow_after_ms",
  "log.level",
  "snapshot.commands_between",
  "snapshot.seconds_between",
  "snapshot.keep",
]);

/** Compared entry by entry. */
const LISTS: ReadonlySet<string> = new Set([
  "accounts",
  "instruments",
  "fix.sessions",
  "binary.sessions",
  "dpdk.sessions",
  "dpdk.fix_sessions",
]);

/** Gathers what differs. */
class Difference {
  readonly problems: ConfigProblem[] = [];
  readonly counts: Record<string, number> = {};
  readonly notes: string[] = [];

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  refuse(key: string, value: string, text: string): void {
    this.problems.push({ key, value, text });
  }
}

/** What differs between two configurations. */
export function compareConfigs(
  before: Config,
  after: Config,
): ConfigDifference {
  const found = new Difference();
  for (const [section, entries] of Object.entries(after)) {
    if (LISTS.has(section)) continue;
    compareSection(
      section,
      Object.entries(before).find(([name]) => name === section)?.[1],
      entries,
      found,
    );
  }
  compareSessions(before, after, found);
  compareAccounts(before, after, found);
  compareInstruments(before, after, found);
  return found;
}

function compareSection(
  section: string,
  before: object,
  after: object,
  found: Difference,
): void {
  const old = new Map<string, unknown>(Object.entries(before));
  for (const [name, value] of Object.entries(after)) {
    const key = `${snakeCase(section)}.${snakeCase(name)}`;
    if (LISTS.has(key) || same(old.get(name), value)) continue;
    if (CHANGEABLE.has(key)) {
      found.count("settings changed");
      continue;
    }
    found.refuse(
      key,
      shownValue(key, value),
      `was ${
        shownValue(key, old.get(name))
      } and can not change while it runs: ` +
        `${REASONS[section] ?? "it is taken at start"}; ${RESTART}`,
    );
  }
}

type AnySession = FixSessionConfig | BinarySessionConfig;

/** Sessions of a configuration, by a name that only one has. */
function sessionsOf(config: Config): Map<string, [string, AnySession]> {
  const { fix, binary, dpdk } = config;
  return new Map<string, [string, AnySession]>([
    ...[
      ["fix.sessions", fix.sessions] as const,
      ["dpdk.fix_sessions", dpdk.fixSessions] as const,
    ].flatMap(([place, sessions]) =>
      sessions.map((session) =>
        [`FIX session ${session.senderCompId}`, [place, session]] as [
          string,
          [string, AnySession],
        ]
      )
    ),
    ...[["binary.sessions", binary] as const, ["dpdk.sessions", dpdk] as const]
      .flatMap(([place, { sessions }]) =>
        sessions.map((session) =>
          [`binary session ${session.number}`, [place, session]] as [
            string,
            [string, AnySession],
          ]
        )
      ),
  ]);
}

function compareSessions(
  before: Config,
  after: Config,
  found: Difference,
): void {
  const old = sessionsOf(before);
  const now = sessionsOf(after);
  for (const [name, [place, session]] of now) {
    const was = old.get(name);
    if (
      was === undefined && place === "dpdk.fix_sessions" &&
      before.dpdk.fixSessions.length === 0
    ) {
      found.refuse(
        place,
        "",
        `${name} is the first of its kind, and FIX over DPDK is not served yet; ${RESTART}`,
      );
    } else if (was === undefined) found.count("sessions added");
    else if (was[0] !== place) {
      found.refuse(
        place,
        "",
        `${name} stood in ${
          was[0]
        }, and another gateway has what it was sent; ${RESTART}`,
      );
    } else if (!same(was[1], session)) found.count("sessions changed");
  }
  for (const name of old.keys()) {
    if (!now.has(name)) found.count("sessions removed");
  }
}

function compareAccounts(
  before: Config,
  after: Config,
  found: Difference,
): void {
  for (const account of after.accounts) {
    const was = before.accounts.find(({ name }) => name === account.name);
    if (was === undefined) found.count("accounts added");
    else if (!same(was, account)) found.count("accounts changed");
  }
  for (const { name } of before.accounts) {
    if (after.accounts.some((account) => account.name === name)) continue;
    found.refuse(
      "accounts",
      "",
      `account ${name} is gone from the file, and its positions, limits and orders ` +
        `would stay: leave it there, and block it with control kill account=${name}`,
    );
  }
}

function compareInstruments(
  before: Config,
  after: Config,
  found: Difference,
): void {
  for (const instrument of after.instruments) {
    const { symbol } = instrument;
    const was = before.instruments.find((one) => one.symbol === symbol);
    if (was === undefined) {
      found.count("instruments added");
      continue;
    }
    if (same(was, instrument)) continue;
    compareSizes(was, instrument, found);
    const later = { state: was.state, referencePriceTicks: 0 };
    if (
      same({ ...was, ...later }, { ...instrument, ...later })
    ) {
      found.notes.push(
        `state and reference_price of ${symbol} are for a new instrument, and it ` +
          "is there: see control state and control set-instrument",
      );
    } else found.count("instruments changed");
  }
  for (const { symbol } of before.instruments) {
    if (after.instruments.some((one) => one.symbol === symbol)) continue;
    found.refuse(
      "instruments",
      "",
      `${symbol} is gone from the file, and its orders would stay: leave it there, ` +
        `and halt it with control state instrument=${symbol} state=halt`,
    );
  }
}

function compareSizes(
  before: InstrumentConfig,
  after: InstrumentConfig,
  found: Difference,
): void {
  const { symbol } = after;
  const refuse = (key: string, was: number, is: number): void => {
    if (was === is) return;
    found.refuse(
      `instruments.${key}`,
      `"${decimalText(is)}"`,
      `was "${
        decimalText(was)
      }" for ${symbol} and never changes: orders count in ` +
        "it; put it back, or add an instrument of another symbol",
    );
  };
  refuse("tick_size", before.tickSizeE8, after.tickSizeE8);
  refuse("lot_size", before.lotSizeE8, after.lotSizeE8);
}

/** Plain data of the same shape says the same. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A key as it stands in the file. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
