// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A second build takes over under load, a broken one is rolled back, one that
 * computes something else is not even tried, and the first comes back: on a
 * Debian 12 machine without internet, with a QuickFIX client that trades all
 * the while and checks each report.
 *
 * ```
 *   first ──upgrade──▶ second ──upgrade──▶ broken     (gate: back to second)
 *     ◀────roll back──── │   ──upgrade──▶ different  (shadow: refused)
 * ```
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type Artifact,
  buildArtifact,
  signArtifact,
} from "../../ansible/artifact.ts";
import { FAULTS } from "../mutation/faults.ts";
import {
  buildClient,
  type QuickfixClient,
  startClient,
} from "../quickfix/quickfix_client.ts";
import { Container, whyNot } from "./container.ts";
import {
  current,
  get,
  inside,
  type Inventory,
  packVersion,
  play,
  recap,
  ROOT,
  sameBooks,
  spoil,
  until,
  withoutPrometheus,
} from "./hosts.ts";

const SECONDS_MAX = 600;
const SEED = 7;
/** Ends at once when it is to run, and does everything else. */
const BROKEN = {
  file: "main.ts",
  search: "return await commandRun(flags);",
  replacement: "return 1;",
};
/** Trades with the newest order of a price first. */
const DIFFERENT = FAULTS.find(({ rule }) => rule.startsWith("time priority"))!;

/** Starts a client that trades until it is told to finish. */
async function trader(container: Container): Promise<QuickfixClient> {
  const password = await Deno.readTextFile(
    `${container.directory}/secrets/CLIENT1.password`,
  );
  const files = `${container.directory}/CLIENT1`;
  await Deno.mkdir(files);
  return startClient({
    host: container.address,
    port: 9878,
    sender: "CLIENT1",
    password: password.trim(),
    mode: "resume",
    orders: 0,
    seed: SEED,
    files,
    seconds: SECONDS_MAX,
    paceUs: 2000,
    keepOpen: true,
    alone: true,
    expectLogout: true,
    launcher: container.fromPeer([]),
  });
}

Deno.test("a release is taken into use under load behind a gate, and rolled back", async (t) => {
  const reason = await whyNot() ?? await buildClient();
  if (reason !== undefined) {
    console.log(`SKIPPED: upgrade in a container: ${reason}`);
    return;
  }
  await using container = await Container.start();
  const { directory } = container;
  const hosts: Inventory = { engine1: { host: container } };
  let first: Artifact | undefined;
  let second: Artifact | undefined;
  let client: QuickfixClient | undefined;
  const names: string[] = [];
  const pid = () => inside(container, "systemctl show -P MainPID ferrule");
  const sequence = async () =>
    Number((await get(container, "/health"))["sequence"]);
  /** It goes on trading: the sequence has moved on. */
  const trades = async () => {
    const before = await sequence();
    await until("commands go on", async () => await sequence() > before + 200);
  };
  try {
    await t.step("the first build is deployed and trades", async () => {
      await withoutPrometheus(container);
      first = await buildArtifact(ROOT, Deno.execPath(), `${directory}/one`);
      await signArtifact(first.path, `${directory}/key`);
      second = await packVersion("99.0.0", directory);
      const output = await play(hosts, "site.yml", {
        ferrule_release_archive: first.path,
      }, ["--skip-tags=host,backup,monitoring,doctor"]);
      const log =
        (await container.run("journalctl -o cat -u ferrule -n 30")).text;
      assertEquals(output.code, 0, output.text + log);
      names.push(await current(container));
      client = await trader(container);
      await trades();
    });
    if (client === undefined || second === undefined) return;

    await t.step("a second build takes over under load", async () => {
      const output = await play(hosts, "upgrade.yml", {
        ferrule_release_archive: second!.path,
      });
      console.log(output.text);
      assertEquals(output.code, 0, output.text);
      names.push(await current(container));
      assertStringIncludes(names[1]!, "99.0.0-");
      assertStringIncludes(output.text, "checkpoints equal");
      assertStringIncludes(output.text, "in both releases");
      await trades();
    });

    await t.step("the second run changes nothing", async () => {
      const before = await pid();
      const output = await play(hosts, "upgrade.yml", {
        ferrule_release_archive: second!.path,
      });
      assertEquals(output.code, 0, output.text);
      assertEquals(recap(output.text)["changed"], 0, output.text);
      assertEquals(await pid(), before);
    });

    await t.step("a build that does not run is rolled back", async () => {
      await spoil(container, "broken", BROKEN);
      const output = await play(hosts, "upgrade.yml", {
        ferrule_upgrade_release: "broken",
      });
      console.log(output.text);
      assertEquals(recap(output.text)["failed"], 1, output.text);
      assertStringIncludes(output.text, "broken failed its gate");
      assertStringIncludes(output.text, `Rolled back: ${names[1]} runs`);
      assertEquals(await current(container), names[1]);
      await trades();
    });

    await t.step(
      "a build that computes something else is refused",
      async () => {
        await spoil(container, "different", DIFFERENT);
        const before = await pid();
        const output = await play(hosts, "upgrade.yml", {
          ferrule_upgrade_release: "different",
        });
        assertEquals(recap(output.text)["failed"], 1, output.text);
        assertStringIncludes(output.text, "nothing was switched");
        assertStringIncludes(output.text, "CHECKPOINT");
        assertEquals(await pid(), before);
        assertEquals(await current(container), names[1]);
      },
    );

    await t.step("the release before comes back", async () => {
      const output = await play(hosts, "rollback.yml");
      assertEquals(output.code, 0, output.text);
      assertEquals(await current(container), names[0]);
      await trades();
    });

    await t.step("no acknowledged order was lost", async () => {
      client!.finish();
      const { code, report, stderr } = await client!.result();
      assertEquals(report?.violations, [], `seed ${SEED}: ${stderr}`);
      assertEquals(code, 0, stderr);
      assertEquals(report!.unanswered, 0);
      assert(report!.received.accepted > 1000, `${report!.received.accepted}`);
      // Once for the start, and once for each of: second, broken and back, first.
      console.log(report!.session, report!.received);
      assertEquals(report!.session.logons, 4);
      await sameBooks(container, report!);
    });
  } finally {
    client?.kill();
    await client?.result();
  }
});
