// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What `verify` found, in lines for people.
 *
 * Pure.
 *
 * @module
 */
import type { Problem, Verdict } from "./verify.ts";

function count(number: number, one: string): string {
  return `${number} ${one}${number === 1 ? "" : "s"}`;
}

/** A problem in one line: where, what was expected, what was found, what to do. */
export function problemText(problem: Problem): string {
  const { file, offset, sequence, expected, found, remedy } = problem;
  const place = [
    `verify: ${file}`,
    ...(offset === undefined ? [] : [`offset ${offset}`]),
    ...(sequence === undefined ? [] : [`sequence ${sequence}`]),
  ].join(", ");
  return `${place}: expected ${expected}, found ${found}. ${remedy}`;
}

/** All of an archive in one line. */
export function verdictText(verdict: Verdict): string {
  const { directory, problems, segments, commands, snapshots } = verdict;
  const { checkpoints, hashes, tornBytes, replayed, stateHash, notLoaded } =
    verdict;
  const range = commands === 0
    ? "no commands"
    : `commands ${verdict.firstSequence} to ${verdict.lastSequence}`;
  const parts = [
    `${count(segments, "segment")}${
      verdict.archive === "" ? "" : ` (${verdict.archived} in the archive)`
    }, ${range}`,
    `${count(checkpoints, "checkpoint")} (${hashes} with a state hash)`,
    count(snapshots, "snapshot") +
    (notLoaded === 0 ? "" : ` (${notLoaded} not loaded)`),
    replayed === 0
      ? "not replayed"
      : `${replayed} replayed, state hash ${stateHash}`,
  ];
  if (tornBytes > 0) {
    parts.push(`${count(tornBytes, "byte")} of an unfinished group at the end`);
  }
  const verdictWord = problems.length === 0
    ? "sound"
    : count(problems.length, "problem");
  return `verify: ${directory}: ${verdictWord}: ${parts.join("; ")}`;
}
