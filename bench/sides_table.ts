// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The table that benchmarks of engines print: time a message, throughput, and
 * each engine's time as a multiple of one of ours in the same round.
 *
 * @module
 */
import { quotients } from "./contender.ts";
import { figure, markdownTable, shortly, spread } from "./stats.ts";

/**
 * @param timesNs Nanoseconds a message by engine, round by round.
 * @param own The engine of ours that the others are compared with.
 */
export function sidesTable(
  timesNs: Readonly<Record<string, readonly number[]>>,
  own: string,
): string {
  const rows = [[
    "engine",
    "ns a message",
    "lowest .. highest",
    "million a second",
    `of ${own}, same round`,
  ]];
  for (const [name, ns] of Object.entries(timesNs)) {
    const values = spread(ns);
    rows.push([
      name,
      shortly(values),
      `${figure(values.min)} .. ${figure(values.max)}`,
      figure(1000 / values.median),
      name === own ? "1" : shortly(spread(quotients(ns, timesNs[own]!))),
    ]);
  }
  return markdownTable(rows);
}
