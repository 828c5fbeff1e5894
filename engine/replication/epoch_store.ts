// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What an appliance remembers of its pair across restarts: who it is, the
 * newest epoch that it has known, and whether it was made primary in it. One
 * small file in the data directory, replaced as a whole and made durable
 * before anything depends on it. Cold path; allocates.
 *
 * @module
 */
import { syncDirectory } from "../../ffi/file.ts";

/** File in the data directory. */
export const EPOCH_FILE = "replication.json";

/** What is remembered. */
export interface Membership {
  /** Random; tells two appliances apart even if a configuration was copied. */
  readonly id: string;
  /** 0 = none yet. */
  readonly epoch: number;
  /** It was primary in that epoch. */
  readonly primary: boolean;
}

/** Reads what is remembered; something new for a new data directory. */
export function readMembership(dataDirectory: string): Membership {
  const path = `${dataDirectory}/${EPOCH_FILE}`;
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { id: crypto.randomUUID(), epoch: 0, primary: false };
  }
  const found = parsed(text);
  if (found === undefined) {
    throw new Error(
      `${path} is not what this program writes: ${
        text.slice(0, 100)
      }. Restore it, or ` +
        "remove it if you are sure that this appliance is not primary",
    );
  }
  return found;
}

function parsed(text: string): Membership | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { id, epoch, primary } = value as Record<string, unknown>;
  const right = typeof id === "string" && typeof epoch === "number" &&
    Number.isSafeInteger(epoch) && typeof primary === "boolean";
  return right ? { id, epoch, primary } : undefined;
}

/** Remembers; when it returns, a power failure does not forget it. */
export function writeMembership(
  dataDirectory: string,
  membership: Membership,
): void {
  const path = `${dataDirectory}/${EPOCH_FILE}`;
  const file = Deno.openSync(`${path}.new`, {
    write: true,
    create: true,
    truncate: true,
  });
  try {
    const bytes = new TextEncoder().encode(`${JSON.stringify(membership)}\n`);
    for (let at = 0; at < bytes.length;) {
      at += file.writeSync(bytes.subarray(at));
    }
    file.syncSync();
  } finally {
    file.close();
  }
  Deno.renameSync(`${path}.new`, path);
  syncDirectory(dataDirectory);
}
