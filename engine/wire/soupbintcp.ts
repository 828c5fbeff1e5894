// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * SoupBinTCP, as far as a server of snapshots needs it: frames of both sides.
 *
 * ```
 *  0       2     3
 *  length  type  payload      length = bytes of type and payload
 * ```
 *
 * Pure functions over memory of the caller; big-endian.
 *
 * @module
 */

/** Bytes before the payload. */
export const SOUP_HEADER_BYTES = 3;

/** Type bytes of frames. */
export const SoupType = {
  DEBUG: 0x2b,
  LOGIN_ACCEPTED: 0x41,
  LOGIN_REJECTED: 0x4a,
  SEQUENCED: 0x53,
  SERVER_HEARTBEAT: 0x48,
  END_OF_SESSION: 0x5a,
  LOGIN_REQUEST: 0x4c,
  UNSEQUENCED: 0x55,
  CLIENT_HEARTBEAT: 0x52,
  LOGOUT_REQUEST: 0x4f,
} as const;

/** Bytes of a whole login request, 3.00 and 4.00; and of 4.10. */
export const SOUP_LOGIN_BYTES = 49;
export const SOUP_LOGIN_41_BYTES = 54;
/** Bytes of a whole login accepted. */
export const SOUP_ACCEPTED_BYTES = 33;
/** Bytes of a whole login rejected. */
export const SOUP_REJECTED_BYTES = 4;
/** Reason of a rejected login: not authorised. */
export const SOUP_NOT_AUTHORISED = 0x41;
/** Reason of a rejected login: no such session. */
export const SOUP_NO_SESSION = 0x53;

const SESSION_CHARACTERS = 10;
const SEQUENCE_CHARACTERS = 20;

/** Writes a frame's header. @param payload Bytes that follow it. */
export function writeSoupHeader(
  u8: Uint8Array,
  at: number,
  type: number,
  payload: number,
): void {
  u8[at] = (payload + 1) >>> 8;
  u8[at + 1] = (payload + 1) & 0xff;
  u8[at + 2] = type;
}

/** Writes a whole login accepted; returns its bytes. */
export function writeSoupAccepted(
  u8: Uint8Array,
  at: number,
  session: string,
  sequence: number,
): number {
  writeSoupHeader(
    u8,
    at,
    SoupType.LOGIN_ACCEPTED,
    SOUP_ACCEPTED_BYTES - SOUP_HEADER_BYTES,
  );
  const text = session.padStart(SESSION_CHARACTERS) +
    String(sequence).padStart(SEQUENCE_CHARACTERS);
  for (let i = 0; i < text.length; i++) {
    u8[at + SOUP_HEADER_BYTES + i] = text.charCodeAt(i);
  }
  return SOUP_ACCEPTED_BYTES;
}

function text(u8: Uint8Array, at: number, characters: number): string {
  let text = "";
  for (let i = 0; i < characters; i++) text += String.fromCharCode(u8[at + i]!);
  return text.trim();
}

/** The session that a login request at `at` asks for, without spaces; allocates. */
export function soupLoginSession(u8: Uint8Array, at: number): string {
  return text(u8, at + 19, SESSION_CHARACTERS);
}

/** Its user and password, without spaces, in lower case: neither has another. */
export function soupLoginName(
  u8: Uint8Array,
  at: number,
): { user: string; password: string } {
  return {
    user: text(u8, at + 3, 6).toLowerCase(),
    password: text(u8, at + 9, 10).toLowerCase(),
  };
}

/** Milliseconds that a client of 4.10 may be silent, as it wishes; 0 = it does not say. */
export function soupLoginTimeoutMs(u8: Uint8Array, at: number): number {
  const bytes = 2 + (u8[at]! << 8 | u8[at + 1]!);
  if (bytes !== SOUP_LOGIN_41_BYTES) return 0;
  const digits = text(u8, at + SOUP_LOGIN_BYTES, 5);
  return /^[0-9]+$/.test(digits) ? Number(digits) : 0;
}
