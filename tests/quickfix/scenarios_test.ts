// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Two QuickFIX sessions play every scenario through the running appliance:
 * one for each order type, time in force and request. QuickFIX checks each
 * message against the strict dictionary, on its way out too.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { startAppliance } from "../appliance/harness.ts";
import { buildClient } from "./quickfix_client.ts";
import { QuickfixDriver } from "./quickfix_driver.ts";
import { play, SCENARIOS } from "./scenarios.ts";

const SENDERS = ["CLIENT1", "CLIENT2"];
const ACCOUNTS = ["HOUSE", "OTHER"];

const symbolOf = (index: number) => `S${index}`;

/** An instrument for each scenario, and two sessions with an account each. */
function configToml(): string {
  const tables = [
    ...ACCOUNTS.map((name) => `[[accounts]]\nname = "${name}"`),
    ...SENDERS.map((sender, i) =>
      `[[fix.sessions]]\nsender_comp_id = "${sender}"\npassword = "demo"\n` +
      `account = "${ACCOUNTS[i]}"`
    ),
    ...SCENARIOS.map((_, i) =>
      `[[instruments]]\nsymbol = "${symbolOf(i)}"\ntick_size = "0.01"\n` +
      `lot_size = "1"`
    ),
  ];
  return tables.join("\n");
}

/** Asks the admin port for something. */
async function control(adminPort: number, asked: unknown): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/control`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(asked),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${text}`);
}

Deno.test("QuickFIX plays every order type, time in force and request", async (t) => {
  const reason = await buildClient();
  if (reason !== undefined) {
    console.log(`SKIPPED: QuickFIX scenarios: ${reason}`);
    return;
  }
  await using appliance = await startAppliance({ extraToml: configToml() });
  const files = await Deno.makeTempDir({ prefix: "quickfix-" });
  const driver = new QuickfixDriver({
    port: appliance.fixPort,
    files,
    senders: SENDERS,
  });
  try {
    await driver.loggedOn();
    for (const [i, scenario] of SCENARIOS.entries()) {
      await t.step(scenario[0], async () => {
        driver.clear();
        const instrument = symbolOf(i);
        await play(scenario, {
          symbol: instrument,
          prefix: `${i}-`,
          now: () => Date.now(),
          send: (client, type, fields) => driver.send(client, type, fields),
          next: (client) => driver.next(client),
          setState: (state) =>
            control(appliance.adminPort, {
              command: "state",
              instrument,
              state,
            }),
          pass: () => {},
        });
        assertEquals(driver.violations, []);
      });
    }
  } finally {
    const code = await driver.close();
    await Deno.remove(files, { recursive: true });
    assertEquals(code, 0, driver.violations.join("; "));
  }
  assertEquals(await appliance.stop(), 0);
});
