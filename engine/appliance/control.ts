// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * `control`: asks the running appliance of this host for something, from the
 * command line. Words become the JSON of `operator_requests.ts`.
 *
 * @module
 */
import { ACCOUNT_LIMIT_NAMES } from "../config/mod.ts";

const WHOLE_NUMBERS: ReadonlySet<string> = new Set([
  "duration_ms",
  "group",
  "volatility_auction_ms",
  ...ACCOUNT_LIMIT_NAMES,
  ...ACCOUNT_LIMIT_NAMES.map((name) => `soft_${name}`),
]);
const LISTS: ReadonlySet<string> = new Set(["restrict", "allow", "restricted"]);

/** Where the appliance's admin port is. */
export interface ControlOptions {
  readonly host: string;
  readonly port: number;
}

/**
 * The request that some words mean: a command, then `key=value`.
 *
 * @throws {Error} If a word is no pair.
 */
export function requestOf(words: readonly string[]): Record<string, unknown> {
  const [command, ...pairs] = words;
  const request: Record<string, unknown> = { command };
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at <= 0) throw new Error(`${pair} is not of the form key=value`);
    const key = pair.slice(0, at);
    request[key] = valueOf(key, pair.slice(at + 1));
  }
  return request;
}

function valueOf(key: string, value: string): unknown {
  if (/^(true|false|null)$/.test(value)) return JSON.parse(value);
  if (WHOLE_NUMBERS.has(key) && /^[0-9]+$/.test(value)) return Number(value);
  if (/^[[{]/.test(value)) {
    try {
      return JSON.parse(value);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new Error(`${key} is not JSON: ${error.message}`, { cause: error });
    }
  }
  return LISTS.has(key) ? value.split(",") : value;
}

/**
 * Asks, and prints the answer; returns 0 if it was done, else 1.
 *
 * @throws {Error} If the appliance can not be reached.
 */
export async function control(
  words: readonly string[],
  options: ControlOptions,
  print: (text: string) => void,
): Promise<number> {
  const path = words[0] === "promote" ? "promote" : "control";
  const url = `http://${options.host}:${options.port}/${path}`;
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(requestOf(words)),
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Error(
      `Failed to reach ${url}: ${error.message}. Is the appliance running, and ` +
        "is that its [admin] address and port?",
      { cause: error },
    );
  }
  print(await response.text());
  return response.ok ? 0 : 1;
}
