// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A QuickFIX client trades through a pair while now its primary, now its standby
 * is killed, again and again; the lease promotes, and the killed one comes back.
 *
 * ```
 *                          ┌──▶ one ◀─kill -9, start─┐
 *   QuickFIX ──▶ relay ────┤     ║ stream            ├─ by lot, KILLS times
 *                          └──▶ two ◀─kill -9, start─┘
 * ```
 *
 * The client checks that nothing acknowledged is lost or told twice, and that
 * its sequence numbers go on. `make test-kill` kills 200 times.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import type { RunningAppliance } from "../appliance/harness.ts";
import {
  buildClient,
  readJournal,
  startClient,
} from "../quickfix/quickfix_client.ts";
import { Relay } from "../quickfix/relay.ts";
import { seeded } from "../wire/itch_builder.ts";
import { type Half, openPort, type Pair, startPair } from "./lease_pair.ts";
import { NatsCluster, natsMissing } from "./nats_cluster.ts";
import { joined, logged, sameState, until } from "./pair.ts";

const KILLS = Number(Deno.env.get("KILLS") ?? 4);
const SEED = 46;
/** Of the client's run: what it may take, times many. */
const SECONDS_MAX = 120 + 30 * KILLS;
const COVERED = "a standby may take over by itself again";
const ORDERS_BETWEEN = 300;
/** A busy machine keeps processes waiting: longer than in other tests. */
const LEASE_MS = 4000;

/** Who is what, and how often what happened. */
class PairDrill {
  primary: Half = "one";
  readonly running: Record<Half, RunningAppliance>;
  promotions = 0;
  standbyKills = 0;
  rebuilt = 0;
  readonly #pair: Pair;
  readonly #relay: Relay;

  constructor(pair: Pair, relay: Relay) {
    this.#pair = pair;
    this.#relay = relay;
    this.running = { one: pair.one, two: pair.two };
  }

  get standby(): Half {
    return this.primary === "one" ? "two" : "one";
  }

  /** Waits until the primary has taken more orders. */
  async trade(): Promise<void> {
    const primary = this.running[this.primary];
    const had = await primary.metric("ferrule_orders_total");
    await until(
      `${ORDERS_BETWEEN} more orders`,
      async () =>
        await primary.metric("ferrule_orders_total") > had + ORDERS_BETWEEN,
      () => JSON.stringify(primary.log.slice(-20), null, 1),
    );
  }

  /** The standby takes over, the old primary comes back behind it. */
  async killPrimary(): Promise<void> {
    const [old, next] = [this.primary, this.standby];
    this.#relay.target = 0;
    await this.running[old].kill();
    await logged(this.running[next], "promoted");
    this.#relay.target = await openPort(this.running[next]);
    this.primary = next;
    this.promotions += 1;
    await this.#comeBack(old);
    await logged(this.running[next], COVERED);
  }

  /** Nothing is acknowledged until it is back. */
  async killStandby(): Promise<void> {
    const half = this.standby;
    await this.running[half].kill();
    this.standbyKills += 1;
    await this.#comeBack(half);
  }

  /** Starts `half` as standby and waits until it follows. */
  async #comeBack(half: Half): Promise<void> {
    this.running[half] = await this.#pair.again(half);
    const failure = await joined(this.running[half]);
    if (failure !== "") {
      // It had commands that the other never got, and no client ever heard of:
      // it is for the operator to put that journal aside.
      assert(failure.includes("the last common sequence is"), failure);
      await this.running[half].kill();
      const folder = this.#pair.folders[half];
      for (const { name } of [...Deno.readDirSync(folder)]) {
        await Deno.remove(`${folder}/${name}`, { recursive: true });
      }
      this.rebuilt += 1;
      this.running[half] = await this.#pair.again(half);
      assertEquals(await joined(this.running[half]), "");
    }
  }
}

async function killPair(cluster: NatsCluster): Promise<void> {
  await using pair = await startPair(
    cluster,
    "kills",
    "replicated",
    "single",
    LEASE_MS,
  );
  const relay = new Relay();
  const files = await Deno.makeTempDir({ prefix: "quickfix-" });
  const journal = `${files}/journal.jsonl`;
  relay.target = await openPort(pair.one);
  const client = startClient({
    port: relay.port,
    orders: 0,
    seed: SEED,
    mode: "resume",
    files,
    seconds: SECONDS_MAX,
    journal,
    alone: true,
    paceUs: 500,
  });
  const drill = new PairDrill(pair, relay);
  const next = seeded(SEED);
  try {
    for (let kill = 1; kill <= KILLS; kill++) {
      await drill.trade();
      if (kill === 1 || next() < 0.6) await drill.killPrimary();
      else await drill.killStandby();
      if (kill % 10 === 0) {
        console.log(
          `${kill} kills: ${drill.promotions} promotions, ${drill.rebuilt} rebuilt`,
        );
      }
    }
    await drill.trade();
    client.finish();
    const { code, report, stderr } = await client.result();
    assertEquals(report?.violations, [], `seed ${SEED}`);
    assertEquals(report?.unanswered, 0);
    assertEquals(report?.open, []);
    assertEquals(code, 0, stderr);
    assertGreater(report!.session.logons, drill.promotions);
    const lines = await readJournal(journal);
    const execIds = lines.map((line) => line.execId).filter((id) => id);
    assertEquals(new Set(execIds).size, execIds.length);
    const { primary, standby, running } = drill;
    const { sequence } = await sameState(running[primary], running[standby]);
    console.log(
      `${KILLS} kills, seed ${SEED}: ${drill.promotions} promotions, ${drill.standbyKills} kills of the standby, ` +
        `${drill.rebuilt} rebuilt from nothing; ${execIds.length} reports, sequence ${sequence}`,
    );
  } finally {
    client.kill();
    await client.result();
    await relay.close();
    await Deno.remove(files, { recursive: true });
  }
}

Deno.test(`a QuickFIX client loses nothing after ${KILLS} kills of primary and standby of a pair`, async () => {
  const reason = await natsMissing() ?? await buildClient();
  if (reason !== undefined) {
    console.log(`SKIPPED: kills of a pair: ${reason}`);
    return;
  }
  await using cluster = await NatsCluster.start();
  await killPair(cluster);
});
