// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Compares the segments of an archive with the lines of its `SHA256SUMS`.
 *
 * ```
 *   line, file    ─▶ same SHA-256?
 *   line, no file ─▶ lost
 *   file, no line ─▶ in the journal too: being moved;  otherwise: not known
 * ```
 *
 * It only reads, also while an appliance moves segments there: what seems wrong
 * is looked at again before it counts. Cold path, waits for the disk.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { cpuSleep } from "../../ffi/mod.ts";
import { readSum, SUMS_NAME } from "../journal/mod.ts";
import { isFile } from "./archive.ts";

/** What is wrong in an archive. */
export interface ManifestProblem {
  readonly file: string;
  readonly expected: string;
  readonly found: string;
  readonly remedy: string;
}

const LOOKS_MAX = 5;
const LOOK_US = 20_000;
const CHUNK_BYTES = 1 << 20;
const BACKUP = "Restore the segment from a backup";

interface Line {
  readonly sha256: string;
  /** From 1. */
  readonly number: number;
}

interface Sums {
  /** By name of the segment. */
  readonly lines: ReadonlyMap<string, Line>;
  readonly problems: readonly ManifestProblem[];
}

/** Whether a folder has lines to compare with. */
export function hasManifest(folder: string): boolean {
  return isFile(`${folder}/${SUMS_NAME}`);
}

/** Segments in a folder, in order. */
export function archivedNames(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.endsWith(".journal")).sort();
}

/**
 * Checks an archive.
 *
 * @param folder Of the archive, which is there.
 * @param journal Folder that segments come from; they may be in both.
 */
export function checkManifest(
  folder: string,
  journal: string,
): ManifestProblem[] {
  const names = archivedNames(folder);
  const sums = readSums(folder);
  if (sums === undefined) {
    const alone = names.filter((name) => !isElsewhere(folder, journal, name));
    // Of the first segment the line comes after the file.
    if (alone.length === 0 || hasManifest(folder)) return [];
    return [{
      file: `${folder}/${SUMS_NAME}`,
      expected: `a line for each of ${alone.length} archived segments`,
      found: "no such file",
      remedy: "Restore it from a backup; if what verify says of the segments " +
        "is good, write it anew: sha256sum *.journal > SHA256SUMS",
    }];
  }
  const all = [...new Set([...sums.lines.keys(), ...names])].sort();
  return [
    ...sums.problems,
    ...all.flatMap((name) => judgeTwice(folder, journal, name, sums) ?? []),
  ];
}

/** Judges a segment, again with newer lines if something seems wrong. */
function judgeTwice(
  folder: string,
  journal: string,
  name: string,
  sums: Sums,
): ManifestProblem | undefined {
  let problem = judge(folder, journal, name, sums);
  for (let look = 1; look < LOOKS_MAX && problem !== undefined; look++) {
    cpuSleep(LOOK_US);
    problem = judge(folder, journal, name, readSums(folder) ?? sums);
  }
  return problem;
}

/** What is wrong with a segment. */
function judge(
  folder: string,
  journal: string,
  name: string,
  sums: Sums,
): ManifestProblem | undefined {
  const file = `${folder}/${name}`;
  const line = sums.lines.get(name);
  if (line === undefined) {
    if (!isFile(file) || isElsewhere(folder, journal, name)) return undefined;
    return {
      file,
      expected: `a line for it in ${SUMS_NAME}`,
      found: "none",
      remedy: "If it is this journal's and what verify says of its commands " +
        `is good, add the line: sha256sum ${name} >> ${SUMS_NAME}. Otherwise ` +
        "move it away",
    };
  }
  const place = `line ${line.number} of ${SUMS_NAME}`;
  const found = hashOf(file);
  if (found === `SHA-256 ${line.sha256}`) return undefined;
  if (found === undefined) {
    return {
      file,
      expected: `the segment of ${place}`,
      found: "no such file",
      remedy: BACKUP,
    };
  }
  return {
    file,
    expected: `SHA-256 ${line.sha256}, as ${place} says`,
    found,
    remedy: `${BACKUP}; if its backup has the same SHA-256, it is the line ` +
      "that is wrong: restore that",
  };
}

/** Whether the journal itself has the segment: moving it has not ended. */
function isElsewhere(folder: string, journal: string, name: string): boolean {
  return folder !== journal && isFile(`${journal}/${name}`);
}

/** The lines; undefined if there is no file. */
function readSums(folder: string): Sums | undefined {
  const path = `${folder}/${SUMS_NAME}`;
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const lines = new Map<string, Line>();
  const problems: ManifestProblem[] = [];
  const wrong = (number: number, expected: string, found: string): void => {
    const remedy = `Restore ${SUMS_NAME} from a backup`;
    problems.push({
      file: path,
      expected: `${expected} in line ${number}`,
      found,
      remedy,
    });
  };
  text.split("\n").forEach((content, place, { length }) => {
    if (content === "" && place === length - 1) return;
    const number = place + 1;
    const sum = readSum(content);
    if (sum === undefined) {
      wrong(number, "a SHA-256 and a segment", JSON.stringify(content));
    } else if (lines.has(sum.name)) {
      const { number: before } = lines.get(sum.name)!;
      wrong(number, "another segment", `${sum.name}, as in line ${before}`);
    } else lines.set(sum.name, { sha256: sum.sha256, number });
  });
  return { lines, problems };
}

/** What a file's bytes come to, or why they can't be read; undefined if it is not there. */
function hashOf(path: string): string | undefined {
  try {
    using file = Deno.openSync(path);
    const hash = createHash("sha256");
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (;;) {
      const count = file.readSync(chunk);
      if (count === null) return `SHA-256 ${hash.digest("hex")}`;
      hash.update(chunk.subarray(0, count));
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (!(error instanceof Error)) throw error;
    return `what can't be read: ${error.message}`;
  }
}
