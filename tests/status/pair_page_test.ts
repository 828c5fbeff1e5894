// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the status page and `/metrics` say of a pair, and when its standby is lost.
 *
 * ```
 *   primary ══ standby        killed: primary is degraded
 *      └─▶ Chromium
 * ```
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { RunningAppliance } from "../appliance/harness.ts";
import { freePort, joined, startHalf, until } from "../replication/pair.ts";
import { Browser, chromiumPath } from "./browser.ts";

/** Value of a series; "" if it is not there. */
async function series(
  appliance: RunningAppliance,
  name: string,
): Promise<string> {
  const url = `http://127.0.0.1:${appliance.adminPort}/metrics`;
  const text = await (await fetch(url)).text();
  return text.split("\n").find((line) => line.startsWith(`${name} `))
    ?.split(" ").pop() ?? "";
}

/** What the list of definitions says of a name. */
const said = (list: string, name: string) =>
  `[...document.querySelectorAll("#${list} > div")].find((pair) => ` +
  `pair.firstChild.textContent === "${name}")?.lastChild.textContent`;

Deno.test("status page and metrics of a pair: roles, connection, and a standby that is lost", async () => {
  const chromium = chromiumPath();
  if (chromium === undefined) {
    console.log(
      "SKIPPED: status page of a pair: no Chromium here: apt install chromium (Debian) to run this",
    );
    return;
  }
  const ports = [freePort(), freePort()] as const;
  await using primary = await startHalf({
    role: "primary",
    name: "a",
    port: ports[0],
    peerPort: ports[1],
    durability: "replicated",
  });
  await using standby = await startHalf({
    role: "standby",
    name: "b",
    port: ports[1],
    peerPort: ports[0],
    durability: "replicated",
  });
  assertEquals(await joined(standby), "");
  await until(
    "the primary serves",
    async () => (await primary.get("/health")).status === "ok",
  );
  const role = (name: string) => `ferrule_replication_role{role="${name}"}`;
  assertEquals(await series(primary, role("primary")), "1");
  assertEquals(await series(primary, role("standby")), "0");
  assertEquals(await series(standby, role("standby")), "1");
  assertEquals(await series(standby, 'ferrule_state{state="standby"}'), "1");
  assertEquals(await series(primary, "ferrule_replication_alone"), "0");

  await using page = await Browser.open(chromium, { width: 1280, height: 900 });
  await page.visit(`http://127.0.0.1:${standby.adminPort}/`);
  await page.until("a standby", said("standby", "Role") + ' === "standby"');
  await page.visit(`http://127.0.0.1:${primary.adminPort}/`);
  await page.until("a primary", said("standby", "Role") + ' === "primary"');
  await page.until(
    "its standby",
    said("standby", "Standby") + ' === "connected"',
  );
  const status = `document.querySelector("#status").textContent`;
  assertEquals(await page.value(status), "ok");
  await standby.kill();
  await page.until(
    "the standby is lost",
    said("standby", "Standby") + ' === "not connected"',
  );
  await page.until("degraded", `${status} === "degraded"`);
  assertEquals(page.complaints, []);
});
