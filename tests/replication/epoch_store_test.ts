// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What an appliance remembers of its pair: the same after a restart, somebody
 * else in a copy.
 *
 * @module
 */
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { EPOCH_FILE, membershipFile } from "../../engine/replication/mod.ts";

Deno.test("membershipFile() remembers, and a copied data directory is somebody new", async () => {
  const folder = await Deno.makeTempDir({ prefix: "ferrule-member-" });
  const copy = await Deno.makeTempDir({ prefix: "ferrule-member-" });
  try {
    const store = membershipFile(folder);
    const fresh = store.read();
    assertEquals([fresh.epoch, fresh.primary], [0, false]);
    store.write({ ...fresh, epoch: 7, primary: true });
    assertEquals(store.read(), { ...fresh, epoch: 7, primary: true });

    await Deno.copyFile(`${folder}/${EPOCH_FILE}`, `${copy}/${EPOCH_FILE}`);
    const other = membershipFile(copy).read();
    assertNotEquals(other.id, fresh.id);
    assertEquals([other.epoch, other.primary], [7, false]);

    await Deno.writeTextFile(`${folder}/${EPOCH_FILE}`, '{"id": 5}');
    assertThrows(() => store.read(), Error, "is not what this program writes");
  } finally {
    await Deno.remove(folder, { recursive: true });
    await Deno.remove(copy, { recursive: true });
  }
});
