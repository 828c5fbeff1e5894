// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A standby follows a primary, both of them real processes: it has the same
 * state, comes late, loses its connection, and is promoted.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  fixClient,
  freePort,
  logged,
  post,
  rest,
  sameState,
  startHalf,
} from "./pair.ts";

for (const topology of ["single", "pinned"]) {
  Deno.test(`a standby that joins late has the primary's state and takes its place by command, topology ${topology}`, async () => {
    const [one, two] = [freePort(), freePort()];
    const common = { topology, durability: "written" };
    await using primary = await startHalf({
      ...common,
      role: "primary",
      name: "one",
      port: one,
      peerPort: two,
    });
    const ready = await logged(primary, "ready");
    const client = fixClient(Number(ready.fixPort));
    await client.connect();
    await client.logon();
    await rest(client, 0, 500);
    await using standby = await startHalf({
      ...common,
      role: "standby",
      name: "two",
      port: two,
      peerPort: one,
    });
    await logged(standby, "following");
    await rest(client, 500, 500);
    const { sequence } = await sameState(primary, standby);
    assert(sequence > 1000);
    assertEquals((await standby.get("/health")).status, "standby");
    const refused = await post(standby, "/promote", {});
    assertEquals(refused.status, 409, "the primary is connected");
    await client.close();
    await primary.kill();
    await logged(standby, "primary lost");
    const promoted = await post(standby, "/promote", {});
    assertEquals(promoted.status, 200, JSON.stringify(promoted.body));
    assertEquals(promoted.body.epoch, 2);
    const open = await logged(standby, "ready");
    const again = fixClient(Number(open.fixPort), client);
    await again.connect();
    await again.logon();
    const [report] = await rest(again, 5000, 1);
    assert(report!.includes("11=O5000"));
    await again.close();
    assertEquals(await standby.stop(), 0);
  });
}
