// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Whoever changes what a snapshot holds must give it another layout number.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  BUILD_VERSION,
  savedCapacity,
} from "../../engine/appliance/snapshots.ts";
import { Replica } from "../../engine/appliance/replica.ts";
import { defaultConfig } from "../../engine/config/mod.ts";
import { MemorySections, SNAPSHOT_LAYOUT } from "../../engine/snapshot/mod.ts";
import { Log } from "../../engine/telemetry/mod.ts";

/** Bytes of the sections of an appliance that did nothing, for layout 2. */
const SECTIONS = {
  "exchange/register": 442_688,
  "exchange/scalars": 20_696,
  "exchange/memory": 240_210_816,
  "gateway0/definitions": 0,
  "gateway0/fix/ids/words": 67_108_864,
  "gateway0/fix/ids/index": 33_554_432,
  "gateway0/fix/ids/closed": 8_388_608,
};

Deno.test("the sections of a snapshot have the sizes of their layout: raise SNAPSHOT_LAYOUT if not", () => {
  const replica = new Replica({
    config: defaultConfig(),
    log: new Log({
      level: "error",
      format: "json",
      source: "test",
      nowMs: () => 0,
    }),
  });
  const sections = new MemorySections();
  replica.save(sections);
  const found = Object.fromEntries(
    Object.keys(SECTIONS).map((name) => [name, sections.read(name).length]),
  );
  assertEquals(found, SECTIONS);
  assertEquals(SNAPSHOT_LAYOUT, 2);
  assertEquals(
    savedCapacity(defaultConfig()).exchangeBytes,
    SECTIONS["exchange/memory"],
  );
  replica.dispose();
});

Deno.test("a snapshot names the version of the program", () => {
  const { version } = JSON.parse(
    Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)),
  );
  assertEquals(BUILD_VERSION, version);
});
