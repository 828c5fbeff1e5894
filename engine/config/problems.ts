// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What is wrong with a file or a request, in words: each problem with its key,
 * the value that stands there and what is allowed, and a guess what a misspelt
 * key meant. Cold path; allocates.
 *
 * @module
 */
import type * as v from "valibot";

/** One thing that is wrong. */
export interface ConfigProblem {
  /** Path of the key, `fix.sessions[0].password`; "" = the file as a whole. */
  readonly key: string;
  /** The value as it would stand in the file; "" = there is none to show. */
  readonly value: string;
  /** What is wrong, or what is allowed. */
  readonly text: string;
}

/** The configuration is not usable: everything that is wrong with it. */
export class ConfigError extends Error {
  override name = "ConfigError";
  readonly problems: readonly ConfigProblem[];

  /** @param source Name of the file, or of what was asked, for the message. */
  constructor(source: string, problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ key, value, text }) => {
      const what = value === "" ? key : `${key} = ${value}`;
      return what === "" ? `  ${text}` : `  ${what}: ${text}`;
    });
    const count = problems.length === 1
      ? "1 problem"
      : `${problems.length} problems`;
    super(`${source}: ${count} in the configuration\n${lines.join("\n")}`);
    this.problems = problems;
  }
}

/** One problem for each key, in the order of the schema. */
export function problemsOf(
  schema: unknown,
  issues: readonly v.BaseIssue<unknown>[],
): ConfigProblem[] {
  const problems = new Map<string, ConfigProblem>();
  for (const issue of issues) {
    const path = issue.path ?? [];
    const key = pathText(path.map((item) => item.key));
    if (problems.has(key)) continue;
    const last = path.at(-1);
    let text = `must be ${issue.message}`;
    let value = shownValue(key, issue.input);
    if (issue.kind === "schema" && issue.type === "strict_object") {
      if (issue.expected === "never") {
        text = `unknown key${suggestion(schema, path)}`;
        value = "";
      } else if (last !== undefined && issue.input === undefined) {
        text = "is missing";
        value = "";
      }
    }
    problems.set(key, { key, value, text });
  }
  return [...problems.values()];
}

function pathText(keys: readonly unknown[]): string {
  let text = "";
  for (const key of keys) {
    if (typeof key === "number") text += `[${key}]`;
    else text += text === "" ? String(key) : `.${String(key)}`;
  }
  return text;
}

/** The value as it would stand in the file; secrets are not shown. */
export function shownValue(key: string, value: unknown): string {
  if (value === undefined) return "";
  if (/(password|key)$/.test(key)) return "(not shown)";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** "; did you mean port?", for an unknown key. */
function suggestion(
  schema: unknown,
  path: readonly v.IssuePathItem[],
): string {
  const wrong = String(path.at(-1)?.key);
  const names = knownKeys(
    schema,
    path.slice(0, -1).map((item) => item.key),
  );
  let best = "";
  let bestDistance = Math.max(2, Math.floor(wrong.length / 3)) + 1;
  for (const name of names) {
    const found = distance(wrong.toLowerCase().replaceAll("-", "_"), name);
    if (found < bestDistance) {
      best = name;
      bestDistance = found;
    }
  }
  if (best !== "") return `; did you mean ${best}?`;
  return names.length === 0 ? "" : `; known are ${names.join(", ")}`;
}

/** Keys that the schema knows below a path. */
function knownKeys(schema: unknown, path: readonly unknown[]): string[] {
  let inner = schema;
  for (const key of path) {
    inner = unwrapped(inner);
    if (typeof key === "number") inner = member(inner, "item");
    else inner = member(member(inner, "entries"), String(key));
  }
  const entries = member(unwrapped(inner), "entries");
  return typeof entries === "object" && entries !== null
    ? Object.keys(entries)
    : [];
}

/** What is inside `optional()` and first in `pipe()`. */
function unwrapped(schema: unknown): unknown {
  let inner = schema;
  for (let depth = 0; depth < 8; depth++) {
    const wrapped = member(inner, "wrapped");
    if (wrapped === undefined) return inner;
    inner = wrapped;
  }
  return inner;
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined;
}

/** Edits between two words, a swap of neighbours counting as one. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(
        rows[i - 1]![j]! + 1,
        row[j - 1]! + 1,
        rows[i - 1]![j - 1]! + same,
      );
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] &&
        a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      row.push(least);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** Takes note of a problem: key, value, and what is wrong with it. */
export type AddProblem = (key: string, value: unknown, text: string) => void;
