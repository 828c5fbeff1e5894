// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Commands and events as plain objects: one shape for people, JSON and tests.
 *
 * Keys are the names of the record tables. Codes go by name; a price or
 * quantity is a decimal text, with ticks or lots beside it under the same name
 * and `Raw`. A number whose instrument is not known is there as `Raw` only.
 * `docs/operations/inspect.md` has it for readers. Cold path; allocates.
 *
 * @module
 */
import {
  AccountLimit,
  CMD_FLAG_OPERATOR,
  COMMAND_FIELDS,
  CommandKind,
  EVENT_FIELDS,
  EventKind,
  InstrumentSetting,
  MassScope,
  OrdStatus,
  OrdType,
  Protocol,
  Reason,
  Side,
  StpMode,
  StpScope,
  TermFlag,
  TEXT_BYTES,
  TimeInForce,
  TradingState,
} from "../record/mod.ts";
import { type CodeNames, codeNames, type Names } from "./names.ts";
import {
  COMMAND_SHOWN,
  EVENT_SHOWN,
  type Meaning,
  type ShownField,
} from "./record_fields.ts";
import { decimal, hexWords, isoTime } from "./units.ts";

/** A command or event as an object. */
export type RecordObject = Record<
  string,
  string | number | boolean | null | readonly string[]
>;

interface Place {
  readonly offset: number;
  readonly bytes: number;
}

interface Layout {
  readonly places: ReadonlyMap<string, Place>;
  readonly kinds: CodeNames;
  readonly shown: ReadonlyMap<number, readonly ShownField[]>;
  readonly textOffset: number;
}

const ANY = 0xffff;
const SIGNED = ["price", "lastPrice", "stopPrice", "offset"];
const SCOPE_BITS = 3;

const CODES: Readonly<Partial<Record<Meaning, CodeNames>>> = {
  side: codeNames(Side),
  ordType: codeNames(OrdType),
  timeInForce: codeNames(TimeInForce),
  ordStatus: codeNames(OrdStatus),
  reason: codeNames(Reason),
  protocol: codeNames(Protocol),
  state: codeNames(TradingState),
  setting: codeNames(InstrumentSetting),
  limit: codeNames(AccountLimit),
};
const MODES = codeNames(StpMode);
const SCOPES = codeNames(StpScope);
const MASS_SCOPES = codeNames({
  SESSION: MassScope.SESSION,
  ACCOUNT: MassScope.ACCOUNT,
  ALL: MassScope.ALL,
});
/** What a REFUSED stands for, by detail. */
const REFUSED: CodeNames = new Map([
  [1, "NEW_ORDER"],
  [2, "CANCEL_ORDER"],
  [3, "REPLACE_ORDER"],
  [4, "ORDER_STATUS"],
  [7, "MASS_CANCEL"],
  [8, "KILL"],
]);
const TERM_NAMES = [
  "POST_ONLY",
  "POST_SLIDE",
  "HIDDEN",
  "ALL_OR_NONE",
  "BASIS_POINTS",
  "OPEN_QUANTITY",
  "REPLACE_STOP",
] as const;

function placesOf(
  table: readonly (readonly [string, number, number])[],
): ReadonlyMap<string, Place> {
  return new Map(
    table.map(([name, offset, bytes]) => [name, { offset, bytes }]),
  );
}

const COMMAND: Layout = {
  places: placesOf(COMMAND_FIELDS),
  kinds: codeNames(CommandKind),
  shown: COMMAND_SHOWN,
  textOffset: 64,
};
const EVENT: Layout = {
  places: placesOf(EVENT_FIELDS),
  kinds: codeNames(EventKind),
  shown: EVENT_SHOWN,
  textOffset: 128,
};

/** Reads the fields of one record. */
class RecordReader {
  readonly #layout: Layout;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #length: number;

  constructor(layout: Layout, u8: Uint8Array, at: number) {
    const length = u8[at + 4]! | u8[at + 5]! << 8;
    this.#layout = layout;
    this.#length = length;
    this.#bytes = u8.subarray(at, at + length);
    this.#view = new DataView(u8.buffer, u8.byteOffset + at, length);
  }

  /** A number; 0 if the record does not go so far. */
  number(name: string): number {
    const { offset, bytes } = this.#layout.places.get(name)!;
    if (offset + bytes > this.#length) return 0;
    const view = this.#view;
    if (bytes === 8) return view.getFloat64(offset, true);
    if (bytes === 1) return view.getUint8(offset);
    if (bytes === 2) return view.getUint16(offset, true);
    return SIGNED.includes(name)
      ? view.getInt32(offset, true)
      : view.getUint32(offset, true);
  }

  /** Nanoseconds of the words `nameLo` and `nameHi`. */
  time(name: string): bigint {
    return BigInt(this.number(`${name}Hi`)) << 32n |
      BigInt(this.number(`${name}Lo`));
  }

  /** Text up to its first zero; "text" is that of a session or definition. */
  text(name: string): string {
    const { offset, bytes } = name === "text"
      ? { offset: this.#layout.textOffset, bytes: TEXT_BYTES }
      : this.#layout.places.get(name)!;
    const text = this.#bytes.subarray(offset, offset + bytes);
    const end = text.indexOf(0);
    return latin(end < 0 ? text : text.subarray(0, end));
  }
}

/** Bytes as characters of the same codes: exact, and never refused. */
export function latin(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function named(names: CodeNames | undefined, code: number): string | number {
  return names?.get(code) ?? code;
}

/** Bits of `TermFlag` by name, and what the order says of self-trades. */
export function termNames(flags: number): string[] {
  const found: string[] = TERM_NAMES.filter((name) =>
    (flags & TermFlag[name]) !== 0
  );
  const mode = (flags & TermFlag.STP_MASK) >> TermFlag.STP_SHIFT;
  if (mode !== 0) found.push(`STP_${mode === 7 ? "NONE" : MODES.get(mode)}`);
  return found;
}

function scopeText(detail: number): string {
  const parts = [String(named(MASS_SCOPES, detail & SCOPE_BITS))];
  if ((detail & MassScope.PRICE_RANGE) !== 0) parts.push("PRICE_RANGE");
  if ((detail & MassScope.UNLOCK) !== 0) parts.push("UNLOCK");
  return parts.join("|");
}

function preventionText(detail: number): string {
  const mode = named(MODES, detail & 0xf);
  return `${mode}|${named(SCOPES, detail >> 4)}`;
}

type Value = RecordObject[string];

/** How a number of each meaning is shown, but for those with a raw value beside it. */
const SHOW: Readonly<
  Partial<
    Record<
      Meaning,
      (number: number, reader: RecordReader, names: Names) => Value
    >
  >
> = {
  instrument: (number, _, names) =>
    number === ANY ? null : names.instruments.get(number)?.symbol ?? number,
  account: (number, _, names) => names.accounts.get(number) ?? number,
  session: (number, _, names) => names.sessionName(number),
  target: (number, reader, names) =>
    (reader.number("detail") & SCOPE_BITS) === MassScope.ACCOUNT
      ? names.accounts.get(number) ?? number
      : names.sessionName(number),
  refused: (number) => named(REFUSED, number),
  scope: scopeText,
  prevention: preventionText,
  terms: termNames,
  digest: (low, reader) => hexWords(low, reader.number("reason")),
  character: (number) => String.fromCharCode(number),
};

/** A number of units, as a decimal and raw. */
function putUnits(
  into: RecordObject,
  reader: RecordReader,
  { name, meaning }: ShownField,
  names: Names,
): void {
  const number = reader.number(name);
  if (meaning === "sizeE8") into[name] = decimal(1, number);
  else {
    const known = names.instruments.get(reader.number("instrument"));
    if (known !== undefined) {
      const { tickSizeE8, lotSizeE8 } = known;
      into[name] = decimal(
        number,
        meaning === "ticks" ? tickSizeE8 : lotSizeE8,
      );
    }
  }
  into[`${name}Raw`] = number;
}

/** Puts one field into the object. */
function put(
  into: RecordObject,
  reader: RecordReader,
  field: ShownField,
  names: Names,
): void {
  const { name, meaning, optional } = field;
  if (meaning === "text") {
    const text = reader.text(name);
    if (text !== "" || !optional) into[name] = text;
    return;
  }
  if (meaning === "time") {
    const time = reader.time(name);
    if (time !== 0n || !optional) into[name] = isoTime(time);
    return;
  }
  const number = reader.number(name);
  if (number === 0 && optional) return;
  if (meaning === "ticks" || meaning === "lots" || meaning === "sizeE8") {
    putUnits(into, reader, field, names);
    return;
  }
  const codes = CODES[meaning];
  const show = SHOW[meaning];
  if (show !== undefined) into[name] = show(number, reader, names);
  else into[name] = codes === undefined ? number : named(codes, number);
}

function putFields(
  into: RecordObject,
  layout: Layout,
  reader: RecordReader,
  names: Names,
): RecordObject {
  for (const field of layout.shown.get(reader.number("kind")) ?? []) {
    put(into, reader, field, names);
  }
  return into;
}

/** The command at byte `at` of `u8`. */
export function commandObject(
  u8: Uint8Array,
  at: number,
  names: Names,
): RecordObject {
  const reader = new RecordReader(COMMAND, u8, at);
  const session = reader.number("session");
  const into: RecordObject = {
    record: "command",
    sequence: reader.number("sequence"),
    time: isoTime(reader.time("time")),
    kind: named(COMMAND.kinds, reader.number("kind")),
    session: names.sessionName(session),
    sessionRaw: session,
  };
  const inSequence = reader.number("inSequence");
  if (inSequence !== 0) into.inSequence = inSequence;
  if ((reader.number("flags") & CMD_FLAG_OPERATOR) !== 0) into.operator = true;
  return putFields(into, COMMAND, reader, names);
}

/** The event at byte `at` of `u8`. */
export function eventObject(
  u8: Uint8Array,
  at: number,
  names: Names,
): RecordObject {
  const reader = new RecordReader(EVENT, u8, at);
  const session = reader.number("session");
  const into: RecordObject = {
    record: "event",
    sequence: reader.number("sequence"),
    index: reader.number("index"),
    time: isoTime(reader.time("time")),
    kind: named(EVENT.kinds, reader.number("kind")),
    session: names.sessionName(session),
    sessionRaw: session,
    outSequence: reader.number("outSequence"),
  };
  const inSequence = reader.number("inSequence");
  if (inSequence !== 0) into.inSequence = inSequence;
  return putFields(into, EVENT, reader, names);
}
