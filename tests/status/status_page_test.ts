// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The status page in a real browser, over a real appliance with real orders.
 *
 * ```
 *   FIX client ─orders─▶ appliance ─/live─▶ Chromium ─DevTools─▶ what the page says
 * ```
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { LISTENERS_MAX } from "../../engine/appliance/live_feed.ts";
import { FixClient } from "../../engine/gateway/fix/client.ts";
import { type RunningAppliance, startAppliance } from "../appliance/harness.ts";
import { Browser, chromiumPath } from "./browser.ts";

const NO_BROWSER =
  "no Chromium here: apt install chromium (Debian) to run this";

async function logon(appliance: RunningAppliance): Promise<FixClient> {
  const client = new FixClient({
    address: "127.0.0.1",
    port: appliance.fixPort,
    senderCompId: "CLIENT1",
    password: "demo",
  });
  await client.connect();
  await client.logon();
  return client;
}

async function order(
  client: FixClient,
  clOrdId: string,
  side: "buy" | "sell",
  quantity: string,
  price: string,
): Promise<void> {
  const symbol = "AAPL";
  client.newOrder({ clOrdId, symbol, side, quantity, price });
  await client.receive();
}

const text = (selector: string) =>
  `document.querySelector(${JSON.stringify(selector)})?.textContent`;
const AAPL = '.book[data-symbol="AAPL"]';

/** What one level of a shown book says. */
function level(side: string, cells: readonly string[]): string {
  const wanted = JSON.stringify(cells);
  return `[...document.querySelectorAll(${
    JSON.stringify(`${AAPL} .${side} tbody tr`)
  })].some((row) => JSON.stringify([...row.cells].map((cell) => cell.textContent)) === ${
    JSON.stringify(wanted)
  })`;
}

Deno.test("status page: orders, levels, trades, sessions appear and change while one looks", async () => {
  const chromium = chromiumPath();
  if (chromium === undefined) {
    console.log(`SKIPPED: status page in a browser: ${NO_BROWSER}`);
    return;
  }
  await using appliance = await startAppliance();
  await using page = await Browser.open(chromium, { width: 1280, height: 900 });
  await page.visit(`http://127.0.0.1:${appliance.adminPort}/`);
  await page.until("it is ok", `${text("#status")} === "ok"`);
  await page.until(
    "two books",
    "document.querySelectorAll('.book').length === 2",
  );
  assertEquals(await page.value(text("#orders-total")), "0");

  const client = await logon(appliance);
  await order(client, "A", "buy", "100", "187.50");
  await page.until("a bid", level("bids", ["1", "100", "187.50"]));
  await page.until("one order", `${text("#orders-total")} === "1"`);
  await order(client, "B", "buy", "20", "187.50");
  await order(client, "C", "sell", "7", "187.60");
  await page.until("the bid grew", level("bids", ["2", "120", "187.50"]));
  await page.until("an ask", level("asks", ["187.60", "7", "1"]));
  await order(client, "D", "buy", "7", "187.60");
  await page.until(
    "the last trade",
    `${text(`${AAPL} .last`)} === "last 7 at 187.60, 1 trades"`,
  );
  await order(client, "E", "buy", "0", "187.60");
  await page.until("a reject", `${text("#rejects-total")} === "1"`);
  // The logon and five orders.
  await page.until(
    "the session",
    `${text("#sessions tr")}.startsWith("fix CLIENT1tcp6")`,
  );
  await page.until("latency", `${text("#percentiles td")} !== "–"`);
  await client.close();
  await page.until(
    "the session is gone",
    `${text("#sessions-note")} === "0 of 8 logged on"`,
  );
  assertEquals(page.complaints, []);
});

Deno.test("status page: books are chosen, findings listed, a stop is seen", async () => {
  const chromium = chromiumPath();
  if (chromium === undefined) {
    console.log(`SKIPPED: status page's books in a browser: ${NO_BROWSER}`);
    return;
  }
  await using appliance = await startAppliance();
  await using page = await Browser.open(chromium, {
    width: 360,
    height: 740,
    phone: true,
    dark: true,
  });
  const url = `http://127.0.0.1:${appliance.adminPort}/`;
  await page.visit(`${url}?book=MSFT`);
  await page.until("MSFT", `${text(".book h3")} === "MSFT"`);
  const show = (symbol: string) =>
    page.value(
      `document.querySelector("#symbol").value = ${JSON.stringify(symbol)};` +
        `document.querySelector("#choose button").click()`,
    );
  await show("NONE");
  await page.until("it says so", `${text("#choose-error")}.includes("NONE")`);
  await show("BTC-USD");
  await page.until("BTC-USD", `${text(".book:nth-child(2) h3")} === "BTC-USD"`);
  await page.value(`document.querySelector(".book header button").click()`);
  await page.until("MSFT is gone", `${text(".book h3")} === "BTC-USD"`);
  assertEquals(await page.value("location.search"), "?book=BTC-USD");
  await page.until(
    "the doctor's findings",
    "document.querySelectorAll('.findings li').length > 8",
  );
  assertEquals(
    await page.value("document.documentElement.scrollWidth <= innerWidth"),
    true,
    "nothing is wider than a phone",
  );
  assertEquals(page.complaints, []);
  assertEquals(await appliance.stop(), 0);
  await page.until("it notices", `${text("#status")} === "unreachable"`);
});

Deno.test("status page: strict headers, no outside resource, /live is bounded, a stop does not wait for it", async () => {
  await using appliance = await startAppliance();
  const url = `http://127.0.0.1:${appliance.adminPort}`;
  for (const path of ["/", "/status.css", "/status.js", "/charts.js"]) {
    const response = await fetch(url + path);
    const policy = response.headers.get("content-security-policy")!;
    assertEquals(response.status, 200, path);
    assert(policy.startsWith("default-src 'none'; script-src 'self';"), policy);
    assert(!policy.includes("unsafe"), policy);
    const outside = (await response.text()).replaceAll(
      "http://www.w3.org/2000/svg",
      "",
    );
    assert(!/https?:\/\//.test(outside), `${path} names another host`);
  }
  const streams = [];
  for (let i = 0; i < LISTENERS_MAX; i++) {
    const response = await fetch(`${url}/live?book=AAPL&book=NONE`);
    assertEquals(response.headers.get("content-type"), "text/event-stream");
    streams.push(response.body!.pipeThrough(new TextDecoderStream()));
  }
  const refused = await fetch(`${url}/live`);
  assertEquals(refused.status, 503);
  await refused.body?.cancel();
  let first = "";
  for await (const part of streams.pop()!) {
    first += part;
    if (first.split("event: live").length > 2) break;
  }
  assert(first.startsWith("event: history\ndata: ["), first);
  assert(first.includes('"symbol":"AAPL"'), first);
  // 15 still listen, and read nothing.
  assertEquals(await appliance.stop(), 0);
  for (const stream of streams) await stream.cancel();
});

Deno.test("/doctor answers with findings, and the same ones for a while", async () => {
  await using appliance = await startAppliance();
  const first = await appliance.get("/doctor");
  const findings = first.findings as { subject: string; severity: string }[];
  assertEquals(first.error, "");
  assert(findings.some(({ subject }) => subject === "fdatasync"));
  for (const { severity } of findings) {
    assert(["ok", "info", "warning", "error"].includes(severity), severity);
  }
  assertEquals(await appliance.get("/doctor"), first);
});
