// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Reads passwords and keys that do not stand in the configuration: from a file
 * of their own, or from a credential that the service manager gives the unit
 * (`LoadCredential=`, `LoadCredentialEncrypted=`). At start and at a reload.
 *
 * @module
 */
import type { SecretSource } from "../config/mod.ts";

const LOADED =
  "the service manager loads credentials when the unit starts: after a new " +
  "LoadCredential= or another content restart it, or use a file, which a reload reads anew";

function read(path: string, missing: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Error(`there is no ${path}; ${missing}`, { cause: error });
    }
    if (error instanceof Deno.errors.NotCapable) {
      throw new Error(
        `${path} may not be read: name its folder in --allow-read of the unit's ` +
          "ExecStart; /etc/ferrule is there already",
        { cause: error },
      );
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new Error(
        `${path} may not be read by user ${
          Deno.uid() ?? "?"
        }: give it to root and ` +
          "group ferrule with mode 0640, or load it as a credential",
        { cause: error },
      );
    }
    throw error;
  }
}

/** `$CREDENTIALS_DIRECTORY`; undefined if it is not set or may not be read. */
function credentialsDirectory(): string | undefined {
  try {
    return Deno.env.get("CREDENTIALS_DIRECTORY");
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** Secrets of this host. */
export const SECRET_FILES: SecretSource = {
  file: (path) => read(path, "write the secret there, in one line"),
  credential: (name) => {
    const directory = credentialsDirectory();
    if (directory === undefined || directory === "") {
      throw new Error(
        "there are no credentials: $CREDENTIALS_DIRECTORY is not set. Say " +
          `LoadCredential=${name}:/path in the unit, or, without systemd, use a file`,
      );
    }
    return read(
      `${directory}/${name}`,
      `say LoadCredential=${name}:/path in the unit (${LOADED})`,
    );
  },
};
