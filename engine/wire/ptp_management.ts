// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Management messages of PTP (IEEE 1588-2008, clause 15), as linuxptp takes
 * them on its local socket: a question for a data set, and what the answers
 * say. Pure functions over bytes; big-endian.
 *
 * ```
 *   header 34 │ target port 10 │ hops 2 │ action 1 │ 0 │ TLV: type 2, length 2, id 2, data
 * ```
 *
 * @module
 */

/** Data sets that are asked for. */
export const PtpDataSet = {
  CURRENT: 0x2001,
  PORT: 0x2004,
  TIME_PROPERTIES: 0x2003,
  /** linuxptp's own: the newest offset, and whether there is a grandmaster. */
  TIME_STATUS: 0xc000,
} as const;
export type PtpDataSet = typeof PtpDataSet[keyof typeof PtpDataSet];

/** States of a port, by number. */
export const PTP_PORT_STATES = [
  "none",
  "INITIALIZING",
  "FAULTY",
  "DISABLED",
  "LISTENING",
  "PRE_MASTER",
  "MASTER",
  "PASSIVE",
  "UNCALIBRATED",
  "SLAVE",
  "GRAND_MASTER",
] as const;

/** What answers have said; what none has said is left out. */
export interface PtpAnswer {
  readonly stepsRemoved?: number;
  readonly offsetNs?: number;
  readonly pathDelayNs?: number;
  readonly port?: number;
  readonly portState?: typeof PTP_PORT_STATES[number];
  readonly utcOffsetS?: number;
  /** Offset of the clock's time scale is known and set. */
  readonly utcOffsetValid?: boolean;
  readonly grandmaster?: string;
  readonly grandmasterPresent?: boolean;
}

const HEADER_BYTES = 34;
const TLV = HEADER_BYTES + 14;
const DATA = TLV + 6;
const MANAGEMENT_MESSAGE = 0x0d;
const MANAGEMENT_TLV = 1;
const ACTION = HEADER_BYTES + 12;
const ACTION_GET = 0;
const ACTION_RESPONSE = 2;
/** Fractions of a nanosecond have 16 bits. */
const NS_SCALE = 65536;
const UTC_OFFSET_VALID = 0x04;

/** A question for a data set of a domain. */
export function ptpQuestion(
  dataSet: PtpDataSet,
  domain: number,
  sequence: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(DATA);
  const view = new DataView(bytes.buffer);
  bytes[0] = MANAGEMENT_MESSAGE;
  bytes[1] = 2; // version of PTP
  view.setUint16(2, bytes.length);
  bytes[4] = domain;
  // Who asks: linuxptp answers to the socket, whatever stands here.
  view.setUint16(28, sequence & 0xffff);
  view.setUint16(30, sequence & 0xffff);
  bytes[32] = 4; // control: management
  bytes[33] = 0x7f;
  bytes.fill(0xff, HEADER_BYTES, HEADER_BYTES + 10); // to all ports
  bytes[ACTION] = ACTION_GET;
  view.setUint16(TLV, MANAGEMENT_TLV);
  view.setUint16(TLV + 2, 2);
  view.setUint16(TLV + 4, dataSet);
  return bytes;
}

/** What an answer says; undefined if it is none, or says nothing that is wanted. */
export function readPtpAnswer(bytes: Uint8Array): PtpAnswer | undefined {
  if (bytes.length < DATA) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = bytes.length - DATA;
  if (
    (bytes[0]! & 15) !== MANAGEMENT_MESSAGE ||
    view.getUint16(2) > bytes.length ||
    (bytes[ACTION]! & 15) !== ACTION_RESPONSE ||
    view.getUint16(TLV) !== MANAGEMENT_TLV
  ) return undefined;
  const dataSet = view.getUint16(TLV + 4);
  if (dataSet === PtpDataSet.CURRENT && data >= 18) {
    return {
      stepsRemoved: view.getUint16(DATA),
      offsetNs: Number(view.getBigInt64(DATA + 2)) / NS_SCALE,
      pathDelayNs: Number(view.getBigInt64(DATA + 10)) / NS_SCALE,
    };
  }
  if (dataSet === PtpDataSet.PORT && data >= 11) {
    const portState = PTP_PORT_STATES[bytes[DATA + 10]!];
    const port = view.getUint16(DATA + 8);
    return portState === undefined ? undefined : { port, portState };
  }
  if (dataSet === PtpDataSet.TIME_PROPERTIES && data >= 4) {
    return {
      utcOffsetS: view.getInt16(DATA),
      utcOffsetValid: (bytes[DATA + 2]! & UTC_OFFSET_VALID) !== 0,
    };
  }
  if (dataSet === PtpDataSet.TIME_STATUS && data >= 50) {
    return {
      offsetNs: Number(view.getBigInt64(DATA)),
      grandmasterPresent: view.getInt32(DATA + 38) !== 0,
      grandmaster: hex(bytes.subarray(DATA + 42, DATA + 50)),
    };
  }
  return undefined;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
