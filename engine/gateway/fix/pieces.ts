// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Pieces of messages that never change, as words, and what writes them.
 *
 * Pure; nothing but making a piece allocates. A piece goes out four bytes at a
 * time, so up to three bytes behind it are written over.
 *
 * @module
 */
import { wordsOfText } from "./texts.ts";

const EQUALS = 0x3d;
const ENCODER = new TextEncoder();

/** A text with | for SOH, as `wordsOfText()`. */
export function piece(text: string): Int32Array {
  return wordsOfText(ENCODER.encode(text.replaceAll("|", "\x01")));
}

/** Up to four characters as one word. */
export function word(text: string): number {
  return piece(text)[1]!;
}

/** Writes `wordsOfText()`; returns the end of the text. */
export function putPiece(view: DataView, p: number, text: Int32Array): number {
  const words = text.length;
  for (let i = 1, q = p; i < words; i++, q += 4) {
    view.setInt32(q, text[i]!, true);
  }
  return p + text[0]!;
}

/** A tag of one digit with SOH and "=", all in one word. */
export function putTag1(view: DataView, p: number, tag: number): number {
  view.setInt32(p, tag, true);
  return p + 3;
}

/** The same for two digits. */
export function putTag2(view: DataView, p: number, tag: number): number {
  view.setInt32(p, tag, true);
  return p + 4;
}

/** The same for three digits, "=" apart. */
export function putTag3(view: DataView, p: number, tag: number): number {
  view.setInt32(p, tag, true);
  view.setInt8(p + 4, EQUALS);
  return p + 5;
}

/** Copies up to `max` bytes, to the first zero. */
export function putText(
  bytes: Uint8Array,
  p: number,
  source: Uint8Array,
  from: number,
  max: number,
): number {
  for (let i = 0; i < max; i++) {
    const c = source[from + i]!;
    if (c === 0) return p + i;
    bytes[p + i] = c;
  }
  return p + max;
}

/** Characters by code: those of `characters` as it says, digits, or themselves. */
export function charactersOf(
  characters: Readonly<Record<number, string>>,
): Uint8Array {
  return Uint8Array.from(
    { length: 256 },
    (_, code) =>
      characters[code]?.charCodeAt(0) ?? (code < 10 ? code + 0x30 : code),
  );
}

/** Side (tag 54) by code. */
export const SIDE_CHARACTERS: Uint8Array = charactersOf({});
