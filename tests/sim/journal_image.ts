// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The commands in a journal's files, read without the engine: what a checker
 * holds against what clients were told.
 *
 * It stops at the first thing that is no whole command, as a recovery would,
 * and knows nothing of damage: files are those of the simulated disk.
 *
 * @module
 */
import { crc32c } from "../../engine/wire/crc32c.ts";
import type { TestCommand } from "../exchange/support.ts";
import type { SimDisk } from "./sim_disk.ts";

const HEADER_BYTES = 64;
const SEAL_KIND = 0xff;
const SEAL_BYTES = 64;

/** A command as it lies in the journal. */
export type Record = Uint8Array;

/** Which content of the files is read. */
export type ImageOf =
  /** As processes see it: what a kill leaves. */
  | "cached"
  /** What survives any power cut. */
  | "stored";

/** All whole commands in order. */
export function journalImage(disk: SimDisk, which: ImageOf): Record[] {
  const names = which === "cached" ? disk.names : disk.storedNames;
  const segments = [...names.keys()].filter((name) => name.endsWith(".journal"))
    .sort();
  const records: Record[] = [];
  for (const name of segments) {
    const file = names.get(name)!;
    const bytes = which === "cached" ? file.cached : file.right;
    const before = records.length;
    readSegment(bytes, records);
    const first = Number(name.slice(0, 20));
    // A segment that does not go on where the last one ended is not reached.
    if (first !== before + 1) {
      records.length = before;
      break;
    }
  }
  return records;
}

/** Adds the commands of one segment. */
function readSegment(bytes: Uint8Array, records: Record[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEADER_BYTES || view.getUint32(8, true) === 0) return;
  const sealed = view.getUint32(8, true) >= 2;
  let kept = records.length;
  for (let at = HEADER_BYTES; at + 64 <= bytes.length;) {
    const length = view.getUint16(at + 4, true);
    const seal = sealed && bytes[at + 6] === SEAL_KIND;
    if (seal) {
      kept = records.length;
      at += SEAL_BYTES;
      continue;
    }
    const known = length === 64 || length === 128 || length === 192;
    if (!known || at + length > bytes.length) break;
    const record = bytes.slice(at, at + length);
    const next = view.getFloat64(at + 8, true) === records.length + 1;
    if (!next || crc32c(record.subarray(4)) !== view.getUint32(at, true)) break;
    records.push(record);
    at += length;
  }
  if (sealed) records.length = kept;
}

function text(bytes: Uint8Array): string {
  let result = "";
  for (const byte of bytes) {
    if (byte === 0) break;
    result += String.fromCharCode(byte);
  }
  return result;
}

/** A record as the oracle takes it. */
export function commandOf(record: Record): TestCommand {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const flags = record[7]!;
  const command: TestCommand = {
    kind: record[6]!,
    flags,
    session: view.getUint32(24, true),
    inSequence: view.getUint32(28, true),
    instrument: view.getUint16(32, true),
    side: record[34]!,
    ordType: record[35]!,
    timeInForce: record[36]!,
    detail: record[37]!,
    price: view.getInt32(40, true),
    reason: view.getUint32(44, true),
    quantity: view.getFloat64(48, true),
    reference: view.getFloat64(56, true),
    time: view.getUint32(20, true) * 2 ** 32 + view.getUint32(16, true),
  };
  if (record.length >= 128) addTexts(command, record, view);
  if (record.length >= 192) addTerms(command, view);
  return command;
}

function addTexts(
  command: TestCommand,
  record: Uint8Array,
  view: DataView,
): void {
  if (command.kind >= 10) {
    command.text = text(record.subarray(64, 124));
    return;
  }
  if ((command.flags! & 1) !== 0) {
    command.clOrdId = text(record.subarray(64, 84));
    command.origClOrdId = text(record.subarray(84, 104));
  }
  command.newReference = view.getFloat64(104, true);
}

function addTerms(command: TestCommand, view: DataView): void {
  command.termFlags = view.getUint32(128, true);
  command.stopPrice = view.getInt32(132, true);
  command.displayQuantity = view.getFloat64(136, true);
  command.displayRange = view.getFloat64(144, true);
  command.minQuantity = view.getFloat64(152, true);
  command.expireTime = view.getUint32(164, true) * 2 ** 32 +
    view.getUint32(160, true);
  command.linkReference = view.getFloat64(168, true);
  command.offset = view.getInt32(176, true);
  command.account = view.getUint32(180, true);
}
