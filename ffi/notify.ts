// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Tells systemd how the service is: ready, alive, stopping. Cold path. Does
 * nothing where no service manager listens.
 *
 * @module
 */
import { cString, openLibrary, unwrap } from "./library.ts";

const SYMBOLS = {
  ferrule_notify_send: { parameters: ["buffer", "buffer"], result: "i32" },
} as const;

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function native() {
  return symbols ??= openLibrary(SYMBOLS);
}

/**
 * Sends a state as of sd_notify(3): "READY=1", "STATUS=...", "STOPPING=1".
 *
 * @param socketPath `$NOTIFY_SOCKET`: a path, or an abstract name after "@".
 * @throws {NativeError} If nobody listens there.
 */
export function notify(socketPath: string, state: string): void {
  unwrap(
    native().ferrule_notify_send(cString(socketPath), cString(state)),
    `notify the service manager at ${socketPath}`,
    "NOTIFY_SOCKET must be the socket of a running service manager; unset it " +
      "to run without one",
  );
}
