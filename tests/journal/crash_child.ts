// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The process that the crash test kills: it writes a journal without end and
 * tells, after every change, which sequence is durable.
 *
 * @module
 */
import { Harness, readBack } from "./journal_harness.ts";
import type { Durability } from "../../engine/journal/mod.ts";

const [directory, mode] = Deno.args;
const mapped = mode === "mapped";
const position = readBack(directory!);
const harness = new Harness(directory!, {
  durability: mapped ? "written" : mode as Durability,
  mapped,
  segmentBytes: 64 * 500,
  groupRecordsMax: 64,
  position,
});
const line = new Float64Array(1);
let told = -1;
for (let round = 0; round < 100_000_000; round++) {
  if (harness.depth() < 512) harness.feed(1 + round % 37);
  harness.writer.doWork();
  if (harness.durable === told) continue;
  told = harness.durable;
  line[0] = told;
  Deno.stdout.writeSync(new Uint8Array(line.buffer));
}
