// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Datagrams to a service manager.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { notify } from "../../ffi/notify.ts";
import { NativeError } from "../../ffi/native_error.ts";

Deno.test("notify() sends one datagram to a path", async () => {
  const directory = await Deno.makeTempDir({ prefix: "ferrule-" });
  const path = `${directory}/notify`;
  try {
    const socket = Deno.listenDatagram({ transport: "unixpacket", path });
    notify(path, "READY=1\nSTATUS=open");
    const [bytes] = await socket.receive();
    assertEquals(new TextDecoder().decode(bytes), "READY=1\nSTATUS=open");
    socket.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("notify() fails where nobody listens", () => {
  for (
    const [path, code] of [["/nonexistent/a", 2], ["@ferrule-none", 111], [
      "a",
      22,
    ]] as const
  ) {
    const error = assertThrows(() => notify(path, "READY=1"), NativeError);
    assertEquals(error.code, code, path);
  }
});
