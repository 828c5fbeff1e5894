// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assert, assertAlmostEquals } from "@std/assert";
import { runFio, runJournal } from "../../bench/journal_rig.ts";

Deno.test("runJournal() and runFio() do the writes that they are asked for", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ferrule-rig-" });
  try {
    for (const durability of ["none", "written", "synced"] as const) {
      const one = runJournal(directory, {
        durability,
        window: 1,
        seconds: 0.2,
      });
      assertAlmostEquals(one.groupBytes, 128, 1);
      assert(one.perSecond > 0 && one.p99Us >= one.p50Us);
    }
    for (const direct of [false, true]) {
      const fio = await runFio(directory, { bytes: 128, seconds: 1, direct });
      assert(fio.writesPerSecond > 0 && fio.p99Us >= fio.p50Us);
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
