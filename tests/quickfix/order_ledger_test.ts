// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Builds and runs `order_ledger_test.cpp`: the checks of the QuickFIX client
 * must notice what they are there for.
 *
 * @module
 */
import { assertEquals } from "@std/assert";

Deno.test("OrderLedger notices every spoiled report", async () => {
  const { code, stdout, stderr } = await new Deno.Command("make", {
    args: ["-C", new URL(".", import.meta.url).pathname, "check"],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stdout) +
    new TextDecoder().decode(stderr);
  assertEquals(code, 0, text);
});
