// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Finds FIX 4.4 messages in a window of received bytes and notes where their
 * values lie.
 *
 * ```
 *   8=FIX.4.4|9=148|35=D|34=2|49=CLIENT1| ... |10=093|
 *   ^start     BodyLength ^body ...            ^trailer
 * ```
 *
 * Pure, in place, without allocation; belongs to one thread. Every byte counts
 * as hostile: lengths are checked before use and each loop ends with the
 * window. It judges a message's form (framing, tags, order, repetition), never
 * the meaning of a value.
 *
 * @module
 */
import { byteSum, wordsOf } from "./checksum.ts";
import {
  MessageType,
  messageType,
  SLOT_TAGS,
  TAG_INFO,
  termOf,
  TYPE_REQUIRED,
} from "./dictionary.ts";
import { parseUint } from "./numbers.ts";

// Numbers of the dictionary, repeated: an imported constant is read from memory
// and checked at each use, a member of this is in the machine code.
// `tests/constants_test.ts` compares them with where they come from.
const enum Fixed {
  TAG_ALLOWED = 32,
  TAG_DATA = 16,
  TAG_DEFINED = 1,
  TAG_GROUP = 64,
  TAG_HEADER = 2,
  TAG_LENGTH = 8,
  TAG_SLOT_SHIFT = 11,
  TAG_TRAILER = 4,
  TAGS_MAX = 3072,
  TERM_SLOTS = 32,
  TYPES_KNOWN = 12,
  Term_UNSUPPORTED = 21,
}

/** Words of a field that is expected. */
const enum Expected {
  FIELDS_MAX = 64,
  WORDS = 8,
  /** Tag and "=" as a word, and which of its bytes these are; 0 = none is expected. */
  MASK = 0,
  TEXT = 1,
  TAG = 2,
  INFO = 3,
  /** Bytes of tag and "=". */
  BYTES = 4,
  /** A bit of the place where the value is noted, if nothing else is to be judged; 0 = more is. */
  PLAIN_BIT = 5,
}

/** What `FixParser.parse()` found. */
export const Parsed = {
  /** A whole message: `length` bytes are read, its form is in `error`. */
  OK: 0,
  /** Not all of the message is there yet; `length` bytes of rubbish before it can go. */
  INCOMPLETE: 1,
  /** No message: skip `length` bytes and go on. */
  GARBLED: 2,
  /** The message says that it is longer than allowed. */
  TOO_LONG: 3,
} as const;

/** SessionRejectReason (tag 373). */
export const RejectReason = {
  NONE: -1,
  INVALID_TAG: 0,
  REQUIRED_MISSING: 1,
  NOT_FOR_TYPE: 2,
  UNDEFINED_TAG: 3,
  NO_VALUE: 4,
  BAD_VALUE: 5,
  BAD_FORMAT: 6,
  COMP_ID: 9,
  SENDING_TIME: 10,
  BAD_TYPE: 11,
  REPEATED: 13,
  ORDER: 14,
  OTHER: 99,
} as const;

const SOH = 1;
const SOH_WORD = 0x01010101;
/** "8=FIX.4.4|9=" as words. */
const BEGIN_0 = 0x49463d38;
const BEGIN_1 = 0x2e342e58;
const BEGIN_2 = 0x3d390134;
const EQUALS = 0x3d;
/** Bytes of "10=nnn|". */
const TRAILER_BYTES = 7;
/** Longest BeginString and BodyLength that are looked at. */
const BEGIN_STRING_MAX = 20;
const BODY_LENGTH_DIGITS_MAX = 9;
/** Tags without a slot that are checked for repetition. */
const OTHERS_MAX = 64;

// Defects, by precedence: the lowest is reported.
const DEFECT_TAG = 0;
const DEFECT_UNDEFINED = 1;
const DEFECT_TYPE = 2;
const DEFECT_REPEATED = 3;
const DEFECT_ORDER = 4;
const DEFECT_EMPTY = 5;
const DEFECT_FORMAT = 6;
const DEFECTS = 7;
const DEFECT_REASONS = [
  RejectReason.INVALID_TAG,
  RejectReason.UNDEFINED_TAG,
  RejectReason.NOT_FOR_TYPE,
  RejectReason.REPEATED,
  RejectReason.ORDER,
  RejectReason.NO_VALUE,
  RejectReason.BAD_FORMAT,
] as const;

/** What of a tag's info must be that of a plain body field for nothing else to be asked. */
const JUDGED = Fixed.TAG_DEFINED | Fixed.TAG_ALLOWED | Fixed.TAG_HEADER |
  Fixed.TAG_TRAILER | Fixed.TAG_DATA | Fixed.TAG_LENGTH | Fixed.TAG_GROUP;

/** Parts of a message, in their order. */
const HEADER_PART = 0;
const BODY_PART = 1;
const TRAILER_PART = 2;

/** Finds one message after the other in memory that others fill. */
export class FixParser {
  /** Bytes read, to skip, or (INCOMPLETE) that can go already. */
  length = 0;
  /** `MessageType` of the message. */
  type: number = MessageType.INVALID;
  /** BeginString is FIX.4.4. */
  version = true;
  /** `RejectReason` of the message's form, or NONE. */
  error: number = RejectReason.NONE;
  /** The tag that `error` is about; 0 if it is no number. */
  errorTag = 0;
  /** Bit per slot: the tag is there, with a value or without. */
  seen = 0;
  /** The same for `Term`; 0 = a plain message. */
  terms = 0;
  /**
   * Where values start and end in the memory, by slot, and from `TERM_SLOTS`
   * on by term; valid if seen.
   */
  readonly from = new Int32Array(Fixed.TERM_SLOTS + 32);
  readonly to = new Int32Array(Fixed.TERM_SLOTS + 32);

  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #view: DataView;
  readonly #bodyMax: number;
  /**
   * What the last message had as its fields, in order: most messages have the
   * same tags as the one before, and a tag that is the expected one is not
   * read again. `Expected.WORDS` words each.
   */
  readonly #expected = new Int32Array(Expected.FIELDS_MAX * Expected.WORDS);
  /** Start in `TAG_INFO` of what they were judged by. */
  #expectedTable = -1;
  readonly #others = new Uint16Array(OTHERS_MAX);
  /** First tag with each defect, -1 if none. */
  readonly #defects = new Int32Array(DEFECTS);
  #defective = false;

  /**
   * @param bytes The memory that windows lie in.
   * @param messageBytesMax Longest message that is taken.
   */
  constructor(bytes: Uint8Array, messageBytesMax: number) {
    this.#bytes = bytes;
    this.#words = wordsOf(bytes);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#bodyMax = messageBytesMax;
  }

  /** True if the tag of `slot` is there with a value. */
  has(slot: number): boolean {
    return (this.seen & (1 << slot)) !== 0 && this.to[slot]! > this.from[slot]!;
  }

  /** True if the tag of `Term` is there (with a value, if there is no error). */
  hasTerm(term: number): boolean {
    return (this.terms & (1 << term)) !== 0;
  }

  /** True if the message has the tag: a place that was not found is that of an earlier message. */
  #isThere(slot: number): boolean {
    const found = slot < Fixed.TERM_SLOTS ? this.seen : this.terms;
    return (found & (1 << slot)) !== 0;
  }

  /** First byte of a value of exactly one byte; -1 if it is none, or not there. */
  character(slot: number): number {
    return this.#isThere(slot) && this.to[slot]! - this.from[slot]! === 1
      ? this.#bytes[this.from[slot]!]!
      : -1;
  }

  /** Value as an unsigned 32-bit integer; -1 if it is none, or not there. */
  uint(slot: number): number {
    return this.#isThere(slot)
      ? parseUint(this.#bytes, this.from[slot]!, this.to[slot]!)
      : -1;
  }

  /** Looks at the window `[from, to)` of the memory. Returns `Parsed`. */
  parse(from: number, to: number): number {
    if (to - from < 12) {
      if (to - from >= 5) return this.#parseUnusual(from, to);
      return this.#startsBegin(from, to)
        ? this.#answer(Parsed.INCOMPLETE, 0)
        : this.#skip(from, to);
    }
    const view = this.#view;
    if (
      view.getInt32(from, true) !== BEGIN_0 ||
      view.getInt32(from + 4, true) !== BEGIN_1 ||
      view.getInt32(from + 8, true) !== BEGIN_2
    ) return this.#parseUnusual(from, to);
    this.version = true;
    return this.#parseFrom(from, from + 12, to);
  }

  /** What does not start as every message of ours does, or is not all there. */
  #parseUnusual(from: number, to: number): number {
    if (!this.#startsBegin(from, from + 5)) return this.#skip(from, to);
    const p = this.#beginString(from, to);
    if (p <= 0) return this.#incompleteOrSkip(p, from, to);
    return this.#parseFrom(from, p, to);
  }

  /** @param start Of BodyLength's digits. */
  #parseFrom(from: number, start: number, to: number): number {
    const bytes = this.#bytes;
    let p = start;
    let length = 0;
    const digitsEnd = p + BODY_LENGTH_DIGITS_MAX;
    const digitsStart = p;
    for (;; p++) {
      if (p >= to) return this.#answer(Parsed.INCOMPLETE, 0);
      const digit = bytes[p]! - 48;
      if (digit < 0 || digit > 9) break;
      if (p >= digitsEnd) return this.#skip(from + 1, to, 1);
      length = length * 10 + digit;
    }
    if (bytes[p] !== SOH || p === digitsStart) {
      return this.#skip(from + 1, to, 1);
    }
    if (length > this.#bodyMax) return this.#answer(Parsed.TOO_LONG, 0);
    const body = p + 1;
    const trailer = body + length;
    if (trailer + TRAILER_BYTES > to) return this.#unfinished(from, body, to);
    if (
      length < 4 || bytes[body] !== 0x33 || bytes[body + 1] !== 0x35 ||
      bytes[body + 2] !== EQUALS || !this.#trailerHolds(from, trailer)
    ) return this.#skip(from + 1, to, 1);
    this.#fields(body, trailer);
    return this.#answer(Parsed.OK, trailer + TRAILER_BYTES - from);
  }

  #answer(status: number, length: number): number {
    this.length = length;
    return status;
  }

  /** True if the bytes are "8=FIX" or a part of it from its start. */
  #startsBegin(from: number, to: number): boolean {
    const bytes = this.#bytes;
    const n = to - from;
    return (n < 1 || bytes[from] === 0x38) &&
      (n < 2 || bytes[from + 1] === EQUALS) &&
      (n < 3 || bytes[from + 2] === 0x46) &&
      (n < 4 || bytes[from + 3] === 0x49) &&
      (n < 5 || bytes[from + 4] === 0x58);
  }

  /** Place after "8=...|9=", 0 if it isn't whole yet, -1 if it is none. */
  #beginString(from: number, to: number): number {
    const bytes = this.#bytes;
    if (
      to - from >= 12 && bytes[from + 9] === SOH &&
      bytes[from + 5] === 0x2e && bytes[from + 6] === 0x34 &&
      bytes[from + 7] === 0x2e && bytes[from + 8] === 0x34
    ) {
      this.version = true;
      return bytes[from + 10] === 0x39 && bytes[from + 11] === EQUALS
        ? from + 12
        : -1;
    }
    this.version = false;
    const limit = from + BEGIN_STRING_MAX;
    for (let p = from + 5; p < limit; p++) {
      if (p >= to) return 0;
      if (bytes[p] !== SOH) continue;
      if (p + 1 < to && bytes[p + 1] !== 0x39) return -1;
      if (p + 2 < to && bytes[p + 2] !== EQUALS) return -1;
      return p + 2 < to ? p + 3 : 0;
    }
    return -1;
  }

  #incompleteOrSkip(place: number, from: number, to: number): number {
    return place === 0
      ? this.#answer(Parsed.INCOMPLETE, 0)
      : this.#skip(from + 1, to, 1);
  }

  /**
   * The message says that it goes on. It lies if another one starts behind a
   * CheckSum before that; otherwise a wrong BodyLength would swallow those
   * that follow.
   */
  #unfinished(from: number, body: number, to: number): number {
    const bytes = this.#bytes;
    for (let p = body + TRAILER_BYTES; p + 5 <= to; p++) {
      if (
        bytes[p] === 0x38 && bytes[p - 1] === SOH &&
        bytes[p - 5] === EQUALS && bytes[p - 6] === 0x30 &&
        bytes[p - 7] === 0x31 && bytes[p - 8] === SOH &&
        this.#startsBegin(p, p + 5)
      ) return this.#answer(Parsed.GARBLED, p - from);
    }
    return this.#answer(Parsed.INCOMPLETE, 0);
  }

  /** Goes on to the next "8=FIX" at or after `from`, or to what may become one. */
  #skip(from: number, to: number, before = 0): number {
    const bytes = this.#bytes;
    for (let p = from; p < to; p++) {
      if (bytes[p] !== 0x38) continue;
      const end = p + 5 < to ? p + 5 : to;
      if (this.#startsBegin(p, end)) {
        return this.#answer(Parsed.GARBLED, p - from + before);
      }
    }
    return this.#answer(Parsed.GARBLED, to - from + before);
  }

  /** Body ends with SOH, "10=nnn|" follows, and nnn is the checksum. */
  #trailerHolds(from: number, trailer: number): boolean {
    const bytes = this.#bytes;
    if (
      bytes[trailer - 1] !== SOH || bytes[trailer] !== 0x31 ||
      bytes[trailer + 1] !== 0x30 || bytes[trailer + 2] !== EQUALS ||
      bytes[trailer + 6] !== SOH
    ) return false;
    const hundreds = bytes[trailer + 3]! - 48;
    const tens = bytes[trailer + 4]! - 48;
    const ones = bytes[trailer + 5]! - 48;
    if (
      hundreds < 0 || hundreds > 2 || tens < 0 || tens > 9 || ones < 0 ||
      ones > 9
    ) return false;
    return byteSum(bytes, this.#words, from, trailer) ===
      hundreds * 100 + tens * 10 + ones;
  }

  /** Notes the fields of `[body, trailer)`, which ends with SOH. */
  #fields(body: number, trailer: number): void {
    const bytes = this.#bytes;
    this.error = RejectReason.NONE;
    this.errorTag = 0;
    this.#defective = false;
    let p = body + 3;
    while (bytes[p] !== SOH) p++;
    this.from[0] = body + 3;
    this.to[0] = p;
    this.seen = 1;
    this.terms = 0;
    this.type = messageType(bytes, body + 3, p);
    this.#scan(p + 1, trailer);
    if (this.type < Fixed.TYPES_KNOWN) this.#judge();
  }

  #scan(first: number, trailer: number): void {
    const bytes = this.#bytes;
    const from = this.from;
    const to = this.to;
    const known = this.type < Fixed.TYPES_KNOWN;
    const plain = known
      ? Fixed.TAG_DEFINED | Fixed.TAG_ALLOWED
      : Fixed.TAG_DEFINED;
    const table = (known ? this.type : Fixed.TYPES_KNOWN) * Fixed.TAGS_MAX;
    let part = HEADER_PART;
    let seen = this.seen;
    let others = 0;
    // Length of a data field, and where that field must start.
    let dataLength = -1;
    let dataAt = -1;
    const view = this.#view;
    const expected = this.#expected;
    if (table !== this.#expectedTable) {
      this.#expectedTable = table;
      expected.fill(0);
    }
    let field = -Expected.WORDS as number;
    let p = first;
    while (p < trailer) {
      const start = p;
      let tag: number;
      let info: number;
      field += Expected.WORDS;
      // The trailer follows: a whole word can be read.
      const mask = expected[field + Expected.MASK];
      if (
        mask !== 0 && mask !== undefined &&
        (view.getInt32(p, true) & mask) === expected[field + Expected.TEXT]
      ) {
        tag = expected[field + Expected.TAG]!;
        info = expected[field + Expected.INFO]!;
        p += expected[field + Expected.BYTES]!;
        const bit = expected[field + Expected.PLAIN_BIT]!;
        if (bit !== 0 && part !== TRAILER_PART && (seen & bit) === 0) {
          part = BODY_PART;
          seen |= bit;
          const slot = (info >>> Fixed.TAG_SLOT_SHIFT) - 1;
          from[slot] = p;
          p = this.#valueEnd(p);
          if (p === from[slot]) this.#defect(DEFECT_EMPTY, tag);
          to[slot] = p++;
          continue;
        }
      } else {
        let c = bytes[p]!;
        tag = c - 48;
        if (tag < 1 || tag > 9) tag = 0;
        else {
          c = bytes[++p]!;
          while (c >= 48 && c <= 57 && tag < 100000) {
            tag = tag * 10 + c - 48;
            c = bytes[++p]!;
          }
        }
        if (c !== EQUALS || tag === 0) {
          this.#defect(DEFECT_TAG, 0);
          while (bytes[p] !== SOH) p++;
          p++;
          continue;
        }
        info = tag < Fixed.TAGS_MAX ? TAG_INFO[table + tag]! : 0;
        p++;
        this.#expect(
          field,
          start,
          p - start,
          tag,
          info,
          known && (info & JUDGED) === plain,
        );
      }
      const value = p;
      if ((info & Fixed.TAG_DATA) !== 0 && start === dataAt) {
        p = this.#dataEnd(tag, value, dataLength, trailer);
      }
      p = this.#valueEnd(p);
      if ((info & Fixed.TAG_LENGTH) !== 0) {
        dataLength = parseUint(bytes, value, p);
        dataAt = p + 1;
      }
      if (p === value) this.#defect(DEFECT_EMPTY, tag);
      if (
        (info & (plain | Fixed.TAG_HEADER | Fixed.TAG_TRAILER)) === plain &&
        part !== TRAILER_PART
      ) part = BODY_PART;
      else if (
        (info & Fixed.TAG_HEADER) === 0 || part !== HEADER_PART
      ) part = this.#unusual(tag, info, plain, part);
      const slot = (info >>> Fixed.TAG_SLOT_SHIFT) - 1;
      if (slot >= 0) {
        const bit = 1 << slot;
        if ((seen & bit) !== 0) this.#defect(DEFECT_REPEATED, tag);
        else {
          seen |= bit;
          from[slot] = value;
          to[slot] = p;
        }
      } else if (known && (info & Fixed.TAG_GROUP) === 0) {
        others = this.#other(tag, others, value, p);
      }
      p++;
    }
    this.seen = seen;
  }

  /** Place of the SOH at or after `p`, in a body that ends with one. */
  #valueEnd(p: number): number {
    const view = this.#view;
    for (let q = p;; q += 4) {
      const four = view.getInt32(q, true) ^ SOH_WORD;
      // Exact for the lowest zero, which is all that is asked for.
      const ends = (four - 0x01010101) & ~four & 0x80808080;
      if (ends !== 0) return q + ((31 - Math.clz32(ends & -ends)) >>> 3);
    }
  }

  /** Keeps what the field at `start` begins with, if it is short, for the next message. */
  #expect(
    field: number,
    start: number,
    bytes: number,
    tag: number,
    info: number,
    plain: boolean,
  ): void {
    const expected = this.#expected;
    if (field >= expected.length) return;
    const mask = bytes > 4 ? 0 : bytes === 4 ? -1 : (1 << (bytes << 3)) - 1;
    expected[field + Expected.MASK] = mask;
    expected[field + Expected.TEXT] = this.#view.getInt32(start, true) & mask;
    expected[field + Expected.TAG] = tag;
    expected[field + Expected.INFO] = info;
    expected[field + Expected.BYTES] = bytes;
    const slot = (info >>> Fixed.TAG_SLOT_SHIFT) - 1;
    expected[field + Expected.PLAIN_BIT] = plain && slot >= 0 ? 1 << slot : 0;
  }

  /** Last byte of a data field of `length` bytes, if it lies in the message. */
  #dataEnd(
    tag: number,
    value: number,
    length: number,
    trailer: number,
  ): number {
    const end = value + length;
    if (length >= 0 && end < trailer && this.#bytes[end] === SOH) return end;
    this.#defect(DEFECT_FORMAT, tag);
    return value;
  }

  /** A tag that is not simply of the body; returns the part that it leaves us in. */
  #unusual(tag: number, info: number, plain: number, part: number): number {
    if ((info & Fixed.TAG_HEADER) !== 0) {
      if (part !== HEADER_PART) this.#defect(DEFECT_ORDER, tag);
      return part;
    }
    if ((info & Fixed.TAG_TRAILER) !== 0) {
      // CheckSum closes a message; inside it is out of place.
      if (tag === 10) this.#defect(DEFECT_ORDER, tag);
      return TRAILER_PART;
    }
    if (tag < 5000 && (info & Fixed.TAG_DEFINED) === 0) {
      this.#defect(DEFECT_UNDEFINED, tag);
    } else if (tag < 5000 && (info & plain) !== plain) {
      if (this.type < Fixed.TYPES_KNOWN) this.#defect(DEFECT_TYPE, tag);
    }
    if (part === TRAILER_PART) this.#defect(DEFECT_ORDER, tag);
    return part === HEADER_PART ? BODY_PART : part;
  }

  /** Notes a tag without a slot; returns how many there are that are no terms. */
  #other(tag: number, count: number, value: number, end: number): number {
    const term = termOf(tag) - 1;
    if (term >= 0) {
      const bit = 1 << term;
      if ((this.terms & bit) === 0) {
        this.terms |= bit;
        this.from[Fixed.TERM_SLOTS + term] = value;
        this.to[Fixed.TERM_SLOTS + term] = end;
        if (term !== Fixed.Term_UNSUPPORTED) return count;
      } else if (term !== Fixed.Term_UNSUPPORTED) {
        this.#defect(DEFECT_REPEATED, tag);
        return count;
      }
    }
    const others = this.#others;
    if (tag === 8 || tag === 9) this.#defect(DEFECT_REPEATED, tag);
    for (let i = 0; i < count; i++) {
      if (others[i] === tag) {
        this.#defect(DEFECT_REPEATED, tag);
        return count;
      }
    }
    if (count < OTHERS_MAX) others[count++] = tag;
    return count;
  }

  #defect(kind: number, tag: number): void {
    if (!this.#defective) {
      this.#defective = true;
      this.#defects.fill(-1);
    }
    if (this.#defects[kind] === -1) this.#defects[kind] = tag;
  }

  /** Chooses the one defect to report: what is missing goes first. */
  #judge(): void {
    const missing = TYPE_REQUIRED[this.type]! & ~this.seen;
    if (missing !== 0) {
      this.error = RejectReason.REQUIRED_MISSING;
      this.errorTag = SLOT_TAGS[31 - Math.clz32(missing & -missing)]!;
      return;
    }
    if (!this.#defective) return;
    for (let kind = 0; kind < DEFECTS; kind++) {
      if (this.#defects[kind] === -1) continue;
      this.error = DEFECT_REASONS[kind]!;
      this.errorTag = this.#defects[kind]!;
      return;
    }
  }
}
