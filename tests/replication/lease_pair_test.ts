// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Two appliances and three NATS servers, all real: who is primary when one of
 * them dies, stands still, or loses the servers.
 *
 * ```
 *   FIX client ──▶ one ──stream──▶ two
 *                   └──── lease ────┴──▶ n0 n1 n2
 * ```
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertGreater,
  assertStringIncludes,
} from "@std/assert";
import { frameMessage, utcTimestamp } from "../../engine/gateway/fix/client.ts";
import type { RunningAppliance } from "../appliance/harness.ts";
import {
  buildClient,
  type QuickfixReport,
  startClient,
} from "../quickfix/quickfix_client.ts";
import { Relay } from "../quickfix/relay.ts";
import { LEASE_MS, leaseToml, openPort, startPair } from "./lease_pair.ts";
import { NatsCluster, natsMissing } from "./nats_cluster.ts";
import {
  fixClient,
  freePort,
  joined,
  logged,
  post,
  rest,
  sameState,
  startHalf,
  until,
} from "./pair.ts";

const missing = await natsMissing();
const PATIENT_LEASE_MS = 4000;
/** A process stops when each of its threads has noticed: on a busy machine that takes a while. */
function standsStill(pid: number): boolean {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].every(({ name }) => {
    const stat = Deno.readTextFileSync(`/proc/${pid}/task/${name}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
  });
}

/** A client without a library: it keeps every byte that comes. */
class RawClient {
  received = 0;
  closed = false;
  readonly #connection: Deno.Conn;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
    this.#read();
  }

  async #read(): Promise<void> {
    const chunk = new Uint8Array(65536);
    try {
      for (;;) {
        const count = await this.#connection.read(chunk);
        if (count === null) break;
        this.received += count;
      }
    } catch {
      // Reset counts as closed.
    }
    this.closed = true;
  }

  async send(text: string): Promise<void> {
    await this.#connection.write(new TextEncoder().encode(text));
  }

  close(): void {
    try {
      this.#connection.close();
    } catch {
      // The reader has found it closed.
    }
  }
}

async function frozenPrimary(
  cluster: NatsCluster,
  durability: string,
): Promise<void> {
  await using pair = await startPair(
    cluster,
    `frozen-${durability}`,
    durability,
    "single",
  );
  const { one, two } = pair;
  const port = await openPort(one);
  const client = fixClient(port);
  await client.connect();
  await client.logon();
  await rest(client, 0, 50);
  // A second session whose bytes are counted.
  const raw = new RawClient(
    await Deno.connect({ hostname: "127.0.0.1", port }),
  );
  let number = 0;
  const frame = (type: string, body: string): string =>
    frameMessage(
      `35=${type}|34=${++number}|49=CLIENT2|56=FERRULE|52=${
        utcTimestamp(performance.timeOrigin + performance.now())
      }|${body}`.replaceAll("|", "\x01"),
    );
  await raw.send(frame("A", "98=0|108=60|553=CLIENT2|554=demo|"));
  await until("CLIENT2 is logged on", () => raw.received > 0);
  const before = raw.received;
  one.process.kill("SIGSTOP");
  await until("all of it stands still", () => standsStill(one.process.pid));
  await raw.send(
    frame(
      "D",
      "11=LATE|55=AAPL|54=1|60=20260101-00:00:00|38=1|40=2|44=50|59=0|",
    ),
  );
  await logged(two, "promoted");
  const promotedPort = await openPort(two);
  one.process.kill("SIGCONT");
  const { code } = await one.process.status;
  assertEquals(code, 1);
  const line = await logged(one, "fenced: nothing is acknowledged any more");
  assertEquals(line.level, "error");
  await until("the connection is closed", () => raw.closed);
  assertEquals(raw.received, before, "bytes after the lease had ended");
  raw.close();
  await client.close();
  // The client goes on where it was, at the other one.
  const again = fixClient(promotedPort, client);
  await again.connect();
  await again.logon();
  const [report] = await rest(again, 900, 1);
  assert(report!.includes("11=O900"));
  await again.close();
}

/** A QuickFIX client trades while its appliance is killed, and goes on at the other. */
async function killedPrimary(cluster: NatsCluster): Promise<void> {
  const reason = await buildClient();
  if (reason !== undefined) {
    console.log(`SKIPPED: QuickFIX client at a promoted standby: ${reason}`);
    return;
  }
  await using pair = await startPair(
    cluster,
    "killed",
    "replicated",
    "pinned",
    // Seven busy threads on few cores: the lease must outlast their turns.
    PATIENT_LEASE_MS,
  );
  const { one, two } = pair;
  const relay = new Relay();
  relay.target = await openPort(one);
  const files = await Deno.makeTempDir({ prefix: "quickfix-" });
  const client = startClient({
    port: relay.port,
    orders: 0,
    seed: 7,
    mode: "resume",
    files,
    seconds: 60,
    journal: `${files}/journal.jsonl`,
    alone: true,
    paceUs: 200,
  });
  let report: QuickfixReport | undefined;
  try {
    await until(
      "a thousand orders",
      async () => await one.metric("ferrule_orders_total") > 1000,
    );
    relay.target = 0;
    await one.kill();
    await logged(two, "promoted");
    relay.target = await openPort(two);
    const had = await two.metric("ferrule_orders_total");
    await until(
      "a thousand more",
      async () => await two.metric("ferrule_orders_total") > had + 1000,
    );
    // The old one comes back and follows; then it must acknowledge again.
    const failure = await joined(await pair.again("one"));
    if (failure !== "") {
      // It had commands that the other never got, and clients never heard of.
      assertStringIncludes(failure, "the last common sequence is");
    } else await logged(two, "a standby has caught up: it must acknowledge");
    client.finish();
    const result = await client.result();
    report = result.report;
    assertEquals(result.code, 0, result.stderr);
  } finally {
    client.kill();
    await client.result();
    await relay.close();
    await Deno.remove(files, { recursive: true });
  }
  assertEquals(report?.violations, []);
  assertEquals(report?.unanswered, 0);
  assertEquals(report?.open, []);
  assertGreater(report!.session.logons, 1);
}

async function orderlyHandOver(cluster: NatsCluster): Promise<void> {
  await using pair = await startPair(cluster, "stop", "replicated", "single");
  const { one, two } = pair;
  const client = fixClient(await openPort(one));
  await client.connect();
  await client.logon();
  await rest(client, 0, 20);
  await client.close();
  assertEquals(await one.stop(), 0);
  await logged(two, "promoted");
  await openPort(two);
  const back = await pair.again("one");
  await logged(back, "following");
  await sameState(two, back);
  await logged(two, "a standby has caught up: it must acknowledge");
  assertEquals((await two.get("/health")).status, "ok");
}

/** The server that leads dies, and then the others. */
async function dyingServers(cluster: NatsCluster): Promise<void> {
  const start = (name: string, ms: number): Promise<RunningAppliance> =>
    startHalf({
      role: "primary",
      name,
      port: freePort(),
      peerPort: freePort(),
      durability: "written",
      replicationToml: leaseToml(cluster, name, ms),
    });
  await using patient = await start("patient", 15_000);
  const leaseMs = async (): Promise<number> => {
    const health = await patient.get("/health");
    return (health.replication as { leaseMs: number }).leaseMs;
  };
  await openPort(patient);
  await cluster.kill(await cluster.leader());
  // Two renewals: the second was begun after the server had died.
  for (let renewals = 0; renewals < 2; renewals++) {
    let last = await leaseMs();
    await until("the lease is renewed", async () => {
      const now = await leaseMs();
      const renewed = now > last;
      last = now;
      return renewed;
    });
  }
  assertEquals((await patient.get("/health")).status, "ok");
  await using hasty = await start("hasty", LEASE_MS);
  await openPort(hasty);
  for (let i = 0; i < cluster.servers.length; i++) await cluster.kill(i);
  const { code } = await hasty.process.status;
  assertEquals(code, 1);
  const fenced = await logged(
    hasty,
    "fenced: nothing is acknowledged any more",
  );
  assert(String(fenced.reason).includes("the lease has ended"));
}

/** A machine whose disk lost what it had acknowledged says so, and waits to be told. */
async function lostTail(cluster: NatsCluster): Promise<void> {
  const dataDirectory = await Deno.makeTempDir({ prefix: "ferrule-tail-" });
  const start = (): Promise<RunningAppliance> =>
    startHalf({
      role: "primary",
      name: "tail",
      durability: "written",
      dataDirectory,
      port: freePort(),
      peerPort: freePort(),
      replicationToml: leaseToml(cluster, "tail", LEASE_MS),
      extraToml: "[snapshot]\nenabled = false",
    });
  try {
    {
      await using whole = await start();
      const client = fixClient(await openPort(whole));
      await client.connect();
      await client.logon();
      await rest(client, 0, 30);
      await client.close();
      assertEquals(await whole.stop(), 0);
    }
    const journal = `${dataDirectory}/journal`;
    const [segment] = [...Deno.readDirSync(journal)].map((entry) => entry.name)
      .filter((name) => name.endsWith(".journal")).sort().slice(-1);
    await Deno.remove(`${journal}/${segment}`);
    await using short = await start();
    const waiting = await logged(short, "no lease yet");
    assertStringIncludes(JSON.stringify(waiting), "this journal ends at");
    const refused = await post(short, "/promote", {});
    assertEquals(refused.status, 409);
    const told = await post(short, "/promote", { force: true });
    assertEquals(told.status, 200, JSON.stringify(told.body));
    await openPort(short);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
}

Deno.test("the lease decides who is primary", async (t) => {
  if (missing !== undefined) {
    console.log(`SKIPPED: lease: ${missing}`);
    return;
  }
  await using cluster = await NatsCluster.start();
  await t.step(
    "an orderly stop hands over at once, and the old one follows",
    () => orderlyHandOver(cluster),
  );
  await t.step(
    "a QuickFIX client goes on at the standby when the primary is killed",
    () => killedPrimary(cluster),
  );
  for (const durability of ["written", "replicated"]) {
    await t.step(
      `a primary that stood still past its lease sends nothing and stops, durability ${durability}`,
      () => frozenPrimary(cluster, durability),
    );
  }
  await t.step(
    "a primary whose journal lost what it acknowledged waits to be told",
    () => lostTail(cluster),
  );
  await t.step(
    "one server dies: nothing happens; all die: the primary is fenced",
    () => dyingServers(cluster),
  );
});
