// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Passwords and keys of sessions: they stand in the file, in a file of their
 * own, or in a credential of the service manager.
 *
 * ```
 *   password = "..."  |  password_file = "/path"  |  password_credential = "name"
 *                               └──── SecretSource: the caller reads ────┘
 * ```
 *
 * Reads nothing by itself. No message shows a secret. Cold path.
 *
 * @module
 */
import { isU64 } from "./fields.ts";
import type { AddProblem } from "./problems.ts";
import type { ConfigFile } from "./schema.ts";

/** Where secrets come from that do not stand in the file. */
export interface SecretSource {
  /** @throws {Error} Whose message says why it can not be read, and what to do. */
  file(path: string): string;
  /** @throws {Error} Likewise. */
  credential(name: string): string;
}

/** For commands that let nobody log on: they do without. */
export const UNREAD_SECRETS: SecretSource = {
  file: () => "0",
  credential: () => "0",
};

/** For callers that have said nothing of secrets. */
export const NO_SECRETS: SecretSource = {
  file: () => {
    throw new Error("no file of secrets is read here");
  },
  credential: () => {
    throw new Error("no credential is read here");
  },
};

/** What a secret must look like. */
interface SecretKind {
  readonly name: "password" | "key";
  readonly allowed: string;
  readonly holds: (value: string) => boolean;
}

const PASSWORD: SecretKind = {
  name: "password",
  allowed: "1 to 64 printable ASCII characters in one line",
  holds: (value) => /^[\x20-\x7e]{1,64}$/.test(value),
};
const KEY: SecretKind = {
  name: "key",
  allowed: "a decimal number from 0 to 18446744073709551615 in one line",
  holds: isU64,
};

interface Given {
  readonly value: string | undefined;
  readonly file: string | undefined;
  readonly credential: string | undefined;
}

/** The secret of one session; what is wrong is added, and "" given. */
function secretOf(
  kind: SecretKind,
  given: Given,
  place: string,
  source: SecretSource,
  add: AddProblem,
): string {
  const { value, file, credential } = given;
  const { name, allowed } = kind;
  const count = [value, file, credential].filter((one) => one !== undefined);
  if (count.length !== 1) {
    add(
      `${place}.${name}`,
      undefined,
      `exactly one of ${name}, ${name}_file, ${name}_credential must be given, ` +
        `not ${count.length}`,
    );
    return "";
  }
  if (value !== undefined) return value;
  const key = `${place}.${name}_${file === undefined ? "credential" : "file"}`;
  const shown = file ?? credential!;
  try {
    const text = file === undefined
      ? source.credential(shown)
      : source.file(file);
    const found = text.replace(/\r?\n$/, "");
    if (kind.holds(found)) return found;
    add(key, shown, `what it names must be ${allowed}`);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    add(key, shown, error.message);
  }
  return "";
}

type BinaryEntry = ConfigFile["binary"]["sessions"][number];
type FixEntry = ConfigFile["fix"]["sessions"][number];

/** A file whose sessions have their secrets. */
export type WithSecrets = Omit<ConfigFile, "fix" | "binary" | "dpdk"> & {
  readonly fix: Omit<ConfigFile["fix"], "sessions"> & {
    readonly sessions: readonly (FixEntry & { readonly password: string })[];
  };
  readonly binary: Omit<ConfigFile["binary"], "sessions"> & {
    readonly sessions: readonly (BinaryEntry & { readonly key: string })[];
  };
  readonly dpdk: Omit<ConfigFile["dpdk"], "sessions" | "fix_sessions"> & {
    readonly sessions: readonly (BinaryEntry & { readonly key: string })[];
    readonly fix_sessions:
      readonly (FixEntry & { readonly password: string })[];
  };
};

/** Reads the secrets that do not stand in the file. */
export function withSecrets(
  file: ConfigFile,
  source: SecretSource,
  add: AddProblem,
): WithSecrets {
  const keyed = (list: "binary" | "dpdk") =>
    file[list].sessions.map((entry, i) => {
      const { key: value, key_file, key_credential } = entry;
      const given = { value, file: key_file, credential: key_credential };
      const place = `${list}.sessions[${i}]`;
      return { ...entry, key: secretOf(KEY, given, place, source, add) };
    });
  const worded = (entries: readonly FixEntry[], list: string) =>
    entries.map((entry, i) => {
      const { password: value, password_file, password_credential } = entry;
      const given = {
        value,
        file: password_file,
        credential: password_credential,
      };
      const place = `${list}[${i}]`;
      const password = secretOf(PASSWORD, given, place, source, add);
      return { ...entry, password };
    });
  return {
    ...file,
    fix: {
      ...file.fix,
      sessions: worded(file.fix.sessions, "fix.sessions"),
    },
    binary: { ...file.binary, sessions: keyed("binary") },
    dpdk: {
      ...file.dpdk,
      sessions: keyed("dpdk"),
      fix_sessions: worded(file.dpdk.fix_sessions, "dpdk.fix_sessions"),
    },
  };
}
