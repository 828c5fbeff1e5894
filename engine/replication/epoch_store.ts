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
  /** The folder that it was given for. */
  readonly place: string;
  /** 0 = none yet. */
  readonly epoch: number;
  /** It was primary in that epoch. */
  readonly primary: boolean;
}

/** Where it is remembered. */
export interface MembershipStore {
  read(): Membership;
  /** When it returns, a power failure does not forget it. */
  write(membership: Membership): void;
}

/** In the data directory. */
export function membershipFile(dataDirectory: string): MembershipStore {
  return {
    read: () => readMembership(dataDirectory),
    write: (membership) => writeMembership(dataDirectory, membership),
  };
}

/**
 * Reads what is remembered. A new data directory, and one that was copied from
 * another, is somebody new: two with the same identity would share a lease.
 */
function readMembership(dataDirectory: string): Membership {
  const path = `${dataDirectory}/${EPOCH_FILE}`;
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return {
      id: crypto.randomUUID(),
      place: placeOf(dataDirectory),
      epoch: 0,
      primary: false,
    };
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
  const place = placeOf(dataDirectory);
  if (found.place === place) return found;
  return { ...found, id: crypto.randomUUID(), place, primary: false };
}

/** What a copy of the folder has otherwise. */
function placeOf(dataDirectory: string): string {
  const { dev, ino, birthtime } = Deno.statSync(dataDirectory);
  return `${dev}:${ino}:${birthtime?.getTime() ?? 0}`;
}

function parsed(text: string): Membership | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { id, place, epoch, primary } = value as Record<string, unknown>;
  const right = typeof id === "string" && typeof place === "string" &&
    typeof epoch === "number" &&
    Number.isSafeInteger(epoch) && typeof primary === "boolean";
  return right ? { id, place, epoch, primary } : undefined;
}

function writeMembership(
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
