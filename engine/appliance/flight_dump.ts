// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The file that the flight recorder leaves when a message took too long: the
 * message, its neighbours, and what the host did meanwhile. One JSON object a
 * file, in `flight/` of the data folder. Main thread; allocates.
 *
 * @module
 */
import type { FlightAlarm, FlightEntry, FlightRing } from "../ring/mod.ts";
import type { HeapView } from "../telemetry/mod.ts";
import type { HostChange } from "./host_sample.ts";

/** Number of the file's form. */
export const FLIGHT_FORM = 1;
/** Messages before and after the one that took too long. */
export const NEIGHBOURS = 256;
const NAME = /^flight-\d{8}T\d{9}Z-\d+\.json$/;

/** A message in a file; times that were not taken are null. */
export interface FlightMessage {
  readonly sequence: number;
  /** Nanoseconds since 1970, decimal. */
  readonly sequencedNs: string;
  readonly receivedBeforeNs: number | null;
  readonly matchedAfterNs: number | null;
  readonly durableAfterNs: number | null;
  readonly sentAfterNs: number | null;
  /** Index of the session, and its name if it is known. */
  readonly session: number;
  readonly sessionName: string;
  readonly inSequence: number;
  /** `CommandKind`. */
  readonly kind: number;
  readonly batch: number;
}

/** A thread's heap, before and at the end. */
export interface HeapChange {
  readonly thread: string;
  readonly usedBytesBefore: number;
  readonly usedBytes: number;
  /** Looks, about one a second, at which it had become smaller: garbage was collected. */
  readonly collections: number;
}

/** A file's content. */
export interface FlightDump {
  readonly form: typeof FLIGHT_FORM;
  /** Name of the appliance. */
  readonly appliance: string;
  readonly thresholdNs: number;
  /** What took too long, first. */
  readonly alarm: FlightAlarm;
  readonly host: HostChange;
  readonly heaps: readonly HeapChange[];
  /** By sequence; those that were overwritten meanwhile are left out. */
  readonly messages: readonly FlightMessage[];
}

/** What is in the ring around a command. */
export function messagesAround(
  ring: FlightRing,
  sequence: number,
  sessionName: (session: number) => string,
): FlightMessage[] {
  const messages: FlightMessage[] = [];
  const first = Math.max(1, sequence - NEIGHBOURS);
  for (let n = first; n <= sequence + NEIGHBOURS; n++) {
    const entry = ring.read(n);
    if (entry !== undefined) messages.push(messageOf(entry, sessionName));
  }
  return messages;
}

function messageOf(
  entry: FlightEntry,
  sessionName: (session: number) => string,
): FlightMessage {
  const { timeLo, timeHi, sequence, session, inSequence, kind, batch } = entry;
  const taken = (ns: number): number | null => ns < 0 ? null : ns;
  return {
    sequence,
    sequencedNs: String(BigInt(timeHi) << 32n | BigInt(timeLo)),
    receivedBeforeNs: taken(entry.receivedBeforeNs),
    matchedAfterNs: taken(entry.matchedAfterNs),
    durableAfterNs: taken(entry.durableAfterNs),
    sentAfterNs: taken(entry.sentAfterNs),
    session,
    sessionName: sessionName(session),
    inSequence,
    kind,
    batch,
  };
}

/** What the heaps did; threads that have not answered twice are left out. */
export function heapChanges(
  threads: readonly string[],
  before: readonly HeapView[],
  after: readonly HeapView[],
): HeapChange[] {
  return threads.flatMap((thread, i) => {
    const then = before[i];
    const now = after[i];
    if (then === undefined || now === undefined || then.usedBytes === 0) {
      return [];
    }
    return [{
      thread,
      usedBytesBefore: then.usedBytes,
      usedBytes: now.usedBytes,
      collections: now.collections - then.collections,
    }];
  });
}

/** Folder of the files in a data folder. */
export function flightDirectory(dataDirectory: string): string {
  return `${dataDirectory}/flight`;
}

/** Names of the files of a folder, oldest first; none if there is no folder. */
export function flightFiles(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name)
      .filter((name) => NAME.test(name)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/**
 * Writes a file under a temporary name, renames it, and removes the oldest if
 * there are too many.
 *
 * @returns Its path.
 */
export function writeFlight(
  directory: string,
  dump: FlightDump,
  filesMax: number,
): string {
  Deno.mkdirSync(directory, { recursive: true, mode: 0o750 });
  const time = new Date(dump.host.toNs / 1e6).toISOString()
    .replaceAll(/[-:.]/g, "");
  const path = `${directory}/flight-${time}-${dump.alarm.sequence}.json`;
  Deno.writeTextFileSync(`${path}.new`, `${JSON.stringify(dump)}\n`);
  Deno.renameSync(`${path}.new`, path);
  const files = flightFiles(directory);
  for (const name of files.slice(0, Math.max(0, files.length - filesMax))) {
    Deno.removeSync(`${directory}/${name}`);
  }
  return path;
}
