// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the flight recorder wrote down: its files, and one of them in full. Cold
 * path; allocates.
 *
 * @module
 */
import {
  FLIGHT_FORM,
  flightDirectory,
  type FlightDump,
  flightFiles,
  type FlightMessage,
} from "../appliance/flight_dump.ts";
import { CommandKind } from "../record/mod.ts";
import type { Output } from "./output.ts";
import type { RecordObject } from "./record_text.ts";
import { isoTime } from "./units.ts";

/** Neighbours of the message that people are shown, each side; machines get all. */
const SHOWN = 8;
const KINDS = new Map<number, string>(
  Object.entries(CommandKind).map(([name, kind]) => [kind, name]),
);

/**
 * Reads a file.
 *
 * @throws {Error} If it is none of the flight recorder's.
 */
export function readFlight(path: string): FlightDump {
  const text = Deno.readTextFileSync(path);
  let dump: FlightDump | null;
  try {
    dump = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path} is no file of the flight recorder: not JSON`, {
      cause,
    });
  }
  if (dump?.form !== FLIGHT_FORM) {
    throw new Error(
      `${path} is no file of the flight recorder of form ${FLIGHT_FORM}: ` +
        `form ${dump?.form}. Read it with the release that wrote it`,
    );
  }
  return dump;
}

/** Shows one file: the newest of the data folder, a name in it, or a path. */
export function showFlight(
  output: Output,
  dataDirectory: string,
  name: string | undefined,
): void {
  const directory = flightDirectory(dataDirectory);
  const files = flightFiles(directory);
  const newest = files.at(-1);
  if (name === undefined && newest === undefined) {
    return output.table([], "the flight recorder has written nothing");
  }
  const asked = name ?? newest!;
  const path = asked.includes("/") ? asked : `${directory}/${asked}`;
  showDump(output, asked, readFlight(path));
  const others = files.filter((file) => file !== asked);
  if (name === undefined && others.length > 0) {
    output.title(`\nolder files, for inspect flight FILE: ${others.join(" ")}`);
  }
}

function showDump(output: Output, name: string, dump: FlightDump): void {
  const { alarm, host, messages } = dump;
  const at = messages.findIndex(({ sequence }) => sequence === alarm.sequence);
  output.facts({
    record: "flight",
    file: name,
    appliance: dump.appliance,
    sequence: alarm.sequence,
    tookUs: micros(alarm.elapsedNs),
    thresholdUs: micros(dump.thresholdNs),
    moreMessages: alarm.count - 1,
    gateway: alarm.gateway,
    hostFrom: timeText(host.fromNs),
    hostTo: timeText(host.toNs),
    ...(at < 0
      ? { note: "the message was overwritten before it was read" }
      : {}),
  });
  output.title("\nwhat the host did to our threads meanwhile");
  output.table(host.threads.map((thread) => ({
    record: "thread",
    thread: thread.name,
    core: thread.core,
    ranMs: millis(thread.ranNs),
    waitedMs: millis(thread.waitedNs),
    involuntary: thread.involuntary,
    voluntary: thread.voluntary,
    minorFaults: thread.minorFaults,
    majorFaults: thread.majorFaults,
  })));
  output.title("\ninterrupts and stolen time on their cores");
  output.table(host.cores.map(({ core, stolenMs, interrupts }) => ({
    record: "core",
    core,
    stolenMs,
    interrupts: interrupts.map(({ name, count }) => `${name} ${count}`),
  })));
  output.title(
    "\nheaps; a collection is a look at which one had become smaller",
  );
  output.table(dump.heaps.map((heap) => ({ record: "heap", ...heap })));
  output.title("\nmessages, microseconds from the sequenced time");
  const all = output.json || at < 0;
  const shown = all ? messages : messages.slice(
    Math.max(0, at - SHOWN),
    at + SHOWN + 1,
  );
  output.table(
    shown.map((message) => messageObject(message, messages, alarm.sequence)),
    "none is left",
  );
  if (shown.length < messages.length) {
    output.title(`${messages.length} in all, with --json`);
  }
}

function messageObject(
  message: FlightMessage,
  all: readonly FlightMessage[],
  alarmed: number,
): RecordObject {
  const { receivedBeforeNs, matchedAfterNs, sentAfterNs } = message;
  const durableNs = durableAfter(message, all);
  return {
    record: "message",
    sequence: message.sequence,
    is: message.sequence === alarmed ? "<-" : "",
    sequenced: isoTime(BigInt(message.sequencedNs)),
    received: receivedBeforeNs === null ? null : -micros(receivedBeforeNs),
    matched: matchedAfterNs === null ? null : micros(matchedAfterNs),
    durable: durableNs === null ? null : micros(durableNs),
    sent: sentAfterNs === null ? null : micros(sentAfterNs),
    session: message.sessionName === "" ? message.session : message.sessionName,
    inSequence: message.inSequence,
    kind: KINDS.get(message.kind) ?? message.kind,
    batch: message.batch,
  };
}

/** Only the last command of a group knows when it was durable; those before it were at the same time. */
function durableAfter(
  message: FlightMessage,
  all: readonly FlightMessage[],
): number | null {
  const last = all.find(({ sequence, durableAfterNs }) =>
    sequence >= message.sequence && durableAfterNs !== null
  );
  if (last === undefined) return null;
  const between = BigInt(last.sequencedNs) - BigInt(message.sequencedNs);
  return Number(between) + last.durableAfterNs!;
}

function micros(ns: number): number {
  return Number((ns / 1000).toFixed(1));
}

function millis(ns: number): number {
  return Number((ns / 1e6).toFixed(3));
}

function timeText(ns: number): string {
  return isoTime(BigInt(Math.round(ns)));
}
