// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A pair from nothing, on two Debian 12 machines without internet, with a
 * lease server and a QuickFIX client that knows both addresses: upgraded so
 * that the client reconnects once, drilled, and at last without its primary.
 * Minutes long: part of `make test-deploy`.
 *
 * ```
 *   peer: ansible, nats-server, QuickFIX ──┬── machine a: appliance ─┐ journal
 *                                          └── machine b: appliance ◀┘ stream
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
import {
  buildClient,
  type QuickfixClient,
  startClient,
} from "../quickfix/quickfix_client.ts";
import { natsMissing } from "../replication/nats_cluster.ts";
import { Container, whyNot } from "./container.ts";
import {
  current,
  get,
  type Host,
  type Inventory,
  packVersion,
  play,
  ROOT,
  sameBooks,
  until,
  withoutPrometheus,
} from "./hosts.ts";

const SECONDS_MAX = 1800;
const SEED = 11;
const LEASE_PORT = 4222;
const SITE = ["--skip-tags=host,monitoring,doctor"];

interface PairHealth {
  readonly status: string;
  readonly sequence: number;
  readonly replication: { readonly connected: boolean };
}

/** Variables of one half. */
function half(own: Container, other: Container, lease: Container) {
  return {
    ferrule_engine_durability: "replicated",
    ferrule_backup_destination: "/srv/backup",
    ferrule_engine_configuration: {
      replication: {
        role: "auto",
        group: "venue-1",
        address: own.address,
        peers: [`${other.address}:9020`],
        lease_servers: [`${lease.peerAddress}:${LEASE_PORT}`],
        lease_replicas: 1,
        lease_ms: 5000,
      },
    },
  };
}

/** A client that trades until it is told to finish, and knows both addresses. */
async function trader(
  directory: string,
  first: Host,
  second: Host,
): Promise<QuickfixClient> {
  const password = await Deno.readTextFile(
    `${directory}/secrets/CLIENT1.password`,
  );
  const files = `${directory}/CLIENT1`;
  await Deno.mkdir(files);
  return startClient({
    host: first.address,
    secondHost: second.address,
    port: 9878,
    sender: "CLIENT1",
    password: password.trim(),
    mode: "resume",
    orders: 0,
    seed: SEED,
    files,
    seconds: SECONDS_MAX,
    paceUs: 5000,
    keepOpen: true,
    alone: true,
    expectLogout: true,
    launcher: first.fromPeer([]),
  });
}

Deno.test("a pair is deployed, upgraded with one reconnect, drilled, and outlives its primary", async (t) => {
  const reason = await whyNot() ?? await natsMissing() ?? await buildClient();
  if (reason !== undefined) {
    console.log(`SKIPPED: a pair of containers: ${reason}`);
    return;
  }
  await using a = await Container.start();
  await using b = await Container.start(a);
  const { directory } = a;
  // One key for both.
  await Deno.mkdir(`${directory}/lease`);
  const hosts: Inventory = {
    engine1: { host: a, vars: half(a, b, a) },
    engine2: { host: b, vars: half(b, a, a) },
  };
  const [nats, ...natsArguments] = a.fromPeer([
    "nats-server",
    `--addr=${a.peerAddress}`,
    `--port=${LEASE_PORT}`,
    "--jetstream",
    `--store_dir=${directory}/lease`,
  ]);
  const lease = new Deno.Command(nats!, {
    args: natsArguments,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let client: QuickfixClient | undefined;
  let first: Artifact | undefined;
  let second: Artifact | undefined;
  let logons = 0;
  const health = async (host: Host) =>
    await get(host, "/health") as unknown as PairHealth;
  /** Which of the two serves, and which follows. */
  const roles = async (): Promise<[Container, Container]> => {
    let found: [Container, Container] | undefined;
    await until("one serves and one follows", async () => {
      const [one, two] = [await health(a), await health(b)];
      if (one.status === "ok" && two.status === "standby") found = [a, b];
      else if (two.status === "ok" && one.status === "standby") found = [b, a];
      return found !== undefined;
    }, async () => JSON.stringify([await health(a), await health(b)]));
    return found!;
  };
  const trades = async (host: Host) => {
    const before = (await health(host)).sequence;
    await until(
      "commands go on",
      async () => (await health(host)).sequence > before + 200,
      async () => JSON.stringify(await health(host)),
    );
  };
  try {
    await t.step("both are deployed from nothing", async () => {
      await withoutPrometheus(a);
      await withoutPrometheus(b);
      first = await buildArtifact(ROOT, Deno.execPath(), `${directory}/one`);
      await signArtifact(first.path, `${directory}/key`);
      second = await packVersion("99.0.0", directory);
      const output = await play(hosts, "site.yml", {
        ferrule_release_archive: first.path,
      }, SITE);
      const logs = await Promise.all(
        [a, b].map((one) => one.run("journalctl -o cat -u ferrule -n 20")),
      );
      assertEquals(
        output.code,
        0,
        output.text + logs.map(({ text }) => text).join("\n\n"),
      );
      const [primary, standby] = await roles();
      client = await trader(directory, primary, standby);
      await trades(primary);
      logons = 1;
    });
    if (client === undefined) return;

    await t.step(
      "the upgrade moves the standby first, then trade",
      async () => {
        const [primary, standby] = await roles();
        const output = await play(hosts, "upgrade.yml", {
          ferrule_release_archive: second!.path,
        });
        console.log(output.text);
        assertEquals(output.code, 0, output.text);
        assertStringIncludes(output.text, "serves, with the state that");
        const [now, follows] = await roles();
        assertEquals(now, standby);
        assertEquals(follows, primary);
        for (const host of [a, b]) {
          assertStringIncludes(await current(host), "99.0.0-");
        }
        await trades(now);
        logons += 1;
      },
    );

    await t.step("the drill of the fail-over goes there and back", async () => {
      const [primary] = await roles();
      const output = await play(hosts, "drills.yml", {}, ["--tags=fail_over"]);
      assertEquals(output.code, 0, output.text);
      assertEquals((await roles())[0], primary);
      await trades(primary);
      logons += 2;
    });

    await t.step("the drills of kill switch and restore", async () => {
      for (const host of [a, b]) {
        await host.run("systemctl start ferrule-backup.service");
      }
      const output = await play(hosts, "drills.yml", {
        ferrule_drill_session: "CLIENT2",
      }, ["--tags=kill_switch,restore"]);
      console.log(output.text);
      assertEquals(output.code, 0, output.text);
      assertStringIncludes(output.text, "may trade again");
      assertStringIncludes(output.text, "the live journal has the same state");
    });

    await t.step("without its primary the standby goes on", async () => {
      const [primary, standby] = await roles();
      await trades(primary);
      await primary.pull();
      await until(
        "the standby serves",
        async () => (await health(standby)).status === "ok",
        async () => JSON.stringify(await health(standby)),
      );
      await trades(standby);
      logons += 1;
      client!.finish();
      const { code, report, stderr } = await client!.result();
      assertEquals(report?.violations, [], `seed ${SEED}: ${stderr}`);
      assertEquals(code, 0, stderr);
      assertEquals(report!.unanswered, 0);
      assert(report!.received.accepted > 1000);
      console.log(report!.session, report!.received);
      assertEquals(report!.session.logons, logons);
      await sameBooks(standby, report!);
    });
  } finally {
    client?.kill();
    await client?.result();
    lease.kill("SIGTERM");
    await lease.status;
  }
});
