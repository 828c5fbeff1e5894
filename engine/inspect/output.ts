// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Where views go: readable lines and tables for a terminal, or one JSON object
 * a line for machines.
 *
 * Gathers text and writes it in large pieces. Cold path; allocates.
 *
 * @module
 */
import { isoTime } from "./units.ts";
import type { Message } from "./messages.ts";
import type { NamedSession } from "./names.ts";
import { latin, type RecordObject } from "./record_text.ts";
import { Protocol } from "../record/mod.ts";

/** Takes text. */
export type Print = (text: string) => void;

const GATHER_CHARACTERS = 1 << 16;
const SEQUENCE_COLUMNS = 10;
const SESSION_COLUMNS = 12;
const KIND_COLUMNS = 16;
const NUMBER_COLUMNS = 7;
const SOH = "\x01";
/** Keys that a readable line has in front, or leaves to JSON. */
const HEAD = ["record", "sequence", "index", "time", "kind", "session"];

/** Bytes as hexadecimal digits. */
export function hexText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** What a session goes by in JSON: its protocol too, as names may be the same. */
export function protocolName({ protocol }: NamedSession): string {
  return protocol === Protocol.FIX ? "fix" : "binary";
}

function valueText(value: RecordObject[string]): string {
  if (value === null || value === undefined) return "-";
  if (Array.isArray(value)) return value.join("|");
  return String(value);
}

/** A message as an object: the bytes are exact, `text` is FIX with SOH in it. */
export function messageObject(message: Message): RecordObject {
  const { session, bytes } = message;
  const fix = session.protocol === Protocol.FIX;
  return {
    record: "message",
    protocol: protocolName(session),
    session: session.name,
    number: message.number,
    run: message.run,
    sequence: message.sequence,
    index: message.index,
    time: isoTime(message.timeNs),
    ...(fix ? { text: latin(bytes) } : {}),
    bytes: hexText(bytes),
  };
}

/** Writes views. */
export class Output {
  readonly json: boolean;
  readonly #print: Print;
  #text = "";

  constructor(print: Print, json: boolean) {
    this.#print = print;
    this.json = json;
  }

  /** One line as it is. */
  line(text: string): void {
    this.#text += `${text}\n`;
    if (this.#text.length > GATHER_CHARACTERS) this.flush();
  }

  /** Hands on what was gathered. */
  flush(): void {
    if (this.#text !== "") this.#print(this.#text);
    this.#text = "";
  }

  /** A command or event. */
  record(record: RecordObject): void {
    if (this.json) return this.line(JSON.stringify(record));
    const rest = Object.entries(record)
      .filter(([key]) => !HEAD.includes(key) && !key.endsWith("Raw"))
      .map(([key, value]) => `${key}=${valueText(value)}`);
    const index = record.index === undefined ? "" : `-${record.index}`;
    this.line(
      [
        `${record.sequence}${index}`.padStart(SEQUENCE_COLUMNS),
        record.time,
        String(record.session).padEnd(SESSION_COLUMNS),
        String(record.kind).padEnd(KIND_COLUMNS),
        ...rest,
      ].join(" ").trimEnd(),
    );
  }

  /** A message of a session. */
  message(message: Message): void {
    const object = messageObject(message);
    if (this.json) return this.line(JSON.stringify(object));
    const text = object.text === undefined
      ? object.bytes
      : String(object.text).replaceAll(SOH, "|");
    const number = message.run === 0
      ? `${message.number}`
      : `${message.run}:${message.number}`;
    this.line(
      `${number.padStart(NUMBER_COLUMNS)} ${object.time} ${text}`,
    );
  }

  /** A title over a table; machines do without. */
  title(text: string): void {
    if (!this.json) this.line(text);
  }

  /** One object: a line a key. */
  facts(facts: RecordObject): void {
    if (this.json) return this.line(JSON.stringify(facts));
    const shown = Object.entries(facts).filter(([key]) => key !== "record");
    const width = Math.max(...shown.map(([key]) => key.length));
    for (const [key, value] of shown) {
      this.line(`${key.padEnd(width)}  ${valueText(value)}`);
    }
  }

  /** Objects of one kind: columns under their keys. */
  table(rows: readonly RecordObject[], none = "none"): void {
    if (this.json) {
      for (const row of rows) this.line(JSON.stringify(row));
      return;
    }
    if (rows.length === 0) return this.line(none);
    const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))]
      .filter((key) => key !== "record" && !key.endsWith("Raw"));
    const cells = [
      keys,
      ...rows.map((row) =>
        keys.map((key) => key in row ? valueText(row[key]!) : "")
      ),
    ];
    const widths = keys.map((_, column) =>
      Math.max(...cells.map((row) => row[column]!.length))
    );
    const right = keys.map((key) =>
      rows.every((row) => !(key in row) || isNumeric(row[key]!))
    );
    for (const row of cells) {
      this.line(
        row.map((cell, column) =>
          right[column]
            ? cell.padStart(widths[column]!)
            : cell.padEnd(widths[column]!)
        ).join("  ").trimEnd(),
      );
    }
  }
}

function isNumeric(value: RecordObject[string]): boolean {
  return typeof value === "number" ||
    typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value);
}
