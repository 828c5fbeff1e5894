// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the service manager is told, and in which order.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { startAppliance } from "./harness.ts";

/** The appliance tells that it lives three times in this time. */
const WATCHDOG_US = 3000;

Deno.test("the service manager hears that the appliance is ready before it hears that it lives", async () => {
  const folder = await Deno.makeTempDir({ prefix: "ferrule-notify-" });
  const path = `${folder}/socket`;
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  try {
    await using appliance = await startAppliance({
      wrapper: ["env", `NOTIFY_SOCKET=${path}`, `WATCHDOG_USEC=${WATCHDOG_US}`],
    });
    const heard: string[] = [];
    while (heard.length < 3) {
      const [bytes] = await socket.receive();
      heard.push(new TextDecoder().decode(bytes));
    }
    // systemd's clock would start with the first WATCHDOG, and warming up takes longer on a slow host.
    assertEquals(heard, ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]);
    assertEquals(await appliance.stop(), 0);
  } finally {
    socket.close();
    await Deno.remove(folder, { recursive: true });
  }
});
