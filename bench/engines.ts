// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The engines of ours that benchmarks compare, by a description that can be
 * handed to another process.
 *
 * @module
 */
import * as record from "../engine/record/mod.ts";
import { BareBook } from "./bare_book.ts";
import { ExchangeChallenge, readChallenge } from "./challenge.ts";
import { COMMAND_TERMS_BYTES, Commands } from "./commands.ts";
import type { Contender } from "./contender.ts";
import { EventWriting } from "./event_writing.ts";
import { ExchangeMix, mixCommands } from "./exchange_mix.ts";
import { BYSTANDER, PRELUDE_SEQUENCE, type Rules } from "./exchange_rig.ts";
import { NpmBook } from "./npm_book.ts";
import { mix, MIXES, sha256 } from "./standard_mix.ts";

/** Prices that the mixes never reach. */
const STOP_ABOVE = 30_000;

/** The exchange under a mix. */
export interface ExchangeSpec {
  readonly engine: "exchange";
  readonly mix: keyof typeof MIXES;
  readonly rules: Rules;
  /** Buying sessions, and as many that sell. */
  readonly owners?: number;
  /** Stop orders that wait beyond all prices of the mix. */
  readonly stops?: number;
  /** Orders have client order ids. */
  readonly texts?: boolean;
}

/** The bare book, that of npm, or events alone, under a mix. */
export interface BookSpec {
  readonly engine: "bare" | "npm" | "events";
  readonly mix: keyof typeof MIXES;
}

/** The exchange under a workload of the challenge. */
export interface ChallengeSpec {
  readonly engine: "challenge";
  readonly file: string;
  readonly rules: Rules;
}

/** An engine, and what it is given. */
export type EngineSpec = ExchangeSpec | BookSpec | ChallengeSpec;

function waitingStops(count: number): Commands {
  const stops = new Commands(count * COMMAND_TERMS_BYTES, PRELUDE_SEQUENCE);
  for (let i = 0; i < count; i++) {
    stops.newOrder({
      session: BYSTANDER,
      reference: i + 1,
      side: record.Side.BUY,
      type: record.OrdType.STOP_LIMIT,
      price: STOP_ABOVE + i,
      quantity: 1,
      terms: { stopPrice: STOP_ABOVE + i },
    });
  }
  return stops;
}

/**
 * Makes an engine, not proven yet.
 *
 * @throws {Error} If the mix is not as published, or the file is no workload.
 */
export async function makeContender(spec: EngineSpec): Promise<Contender> {
  if (spec.engine === "challenge") {
    const messages = readChallenge(await Deno.readFile(spec.file));
    return new ExchangeChallenge(messages, spec.rules);
  }
  const facts = MIXES[spec.mix];
  const records = mix(facts.messages, facts.symbols);
  const digest = await sha256(records);
  if (digest !== facts.sha256) {
    throw new Error(`${spec.mix}: SHA-256 ${digest}, expected ${facts.sha256}`);
  }
  if (spec.engine === "events") return new EventWriting(facts);
  if (spec.engine !== "exchange") {
    const Engine = spec.engine === "bare" ? BareBook : NpmBook;
    return new Engine(records, facts);
  }
  const { owners = 1, stops = 0, texts = false } = spec;
  return new ExchangeMix(
    mixCommands(records, owners, texts),
    facts,
    spec.rules,
    { owners, ...(stops > 0 ? { prelude: waitingStops(stops) } : {}) },
  );
}
