// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The configuration file changes under a running appliance: what can be taken
 * is taken while clients trade, what can not is refused as a whole, and a
 * restart with the same file finds the same state.
 *
 * ```
 *   file ─▶ reload ─▶ appliance ◀── FIX and binary clients, connected all the while
 *                        └─ plug pulled ─▶ start with the same file: same hash, nothing new
 * ```
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  BinaryClient,
  LogonError,
} from "../../engine/gateway/binary/client.ts";
import {
  FixClient,
  type FixMessage,
  frameMessage,
  utcTimestamp,
} from "../../engine/gateway/fix/client.ts";
import { Reason } from "../../engine/record/mod.ts";
import { ServerType } from "../../engine/wire/binary/mod.ts";
import {
  configText,
  runFlags,
  type RunningAppliance,
  startAppliance,
  type StartOptions,
} from "./harness.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const WAIT_MS_MAX = 20_000;

const FIX = (name: string, password: string, more = ""): string =>
  `[[fix.sessions]]\nsender_comp_id = "${name}"\npassword = "${password}"\n${more}\n`;
const BINARY = (number: number, key: string): string =>
  `[[binary.sessions]]\nnumber = ${number}\nkey = "${key}"\n`;
const INSTRUMENT = (symbol: string, more = "", tick = "0.01"): string =>
  `[[instruments]]\nsymbol = "${symbol}"\ntick_size = "${tick}"\nlot_size = "1"\n${more}\n`;

interface Parts {
  readonly level?: string;
  readonly accounts?: string;
  readonly instruments: string;
  readonly sessions: string;
}

/** Lines that follow `[log] format`. */
function toml({ level, accounts, instruments, sessions }: Parts): string {
  return `level = "${level ?? "info"}"\n${sessions}${
    accounts ?? ""
  }${instruments}`;
}

async function rewrite(
  appliance: RunningAppliance,
  options: StartOptions,
): Promise<void> {
  await Deno.writeTextFile(
    appliance.configFile,
    configText(options, appliance.dataDirectory),
  );
}

interface Answer {
  readonly status: number;
  readonly body: {
    readonly error?: string;
    readonly problems?: { key: string; value: string; text: string }[];
    readonly sequence?: number;
    readonly commands?: number;
    readonly changed?: Record<string, number>;
    readonly notes?: string[];
  };
}

async function reload(appliance: RunningAppliance): Promise<Answer> {
  const url = `http://127.0.0.1:${appliance.adminPort}/control`;
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"command":"reload"}',
  });
  return { status: response.status, body: await response.json() };
}

async function client(
  appliance: RunningAppliance,
  name: string,
  password: string,
): Promise<FixClient> {
  const made = new FixClient({
    address: "127.0.0.1",
    port: appliance.fixPort,
    senderCompId: name,
    targetCompId: "FERRULE",
    password,
  });
  await made.connect();
  return made;
}

/** A connection that has logged on, and on which nothing is read. */
async function rawClient(
  appliance: RunningAppliance,
  name: string,
  password: string,
): Promise<Deno.TcpConn> {
  const socket = await Deno.connect({
    hostname: "127.0.0.1",
    port: appliance.fixPort,
  });
  const time = utcTimestamp(Date.now());
  const logon = frameMessage(
    `35=A|34=1|49=${name}|56=FERRULE|52=${time}|98=0|108=30|553=${name}|554=${password}|`
      .replaceAll("|", "\x01"),
  );
  await socket.write(new TextEncoder().encode(logon));
  await socket.read(new Uint8Array(1024));
  return socket;
}

/** What comes on a connection until the other side closes it, with | between fields. */
async function restOf(socket: Deno.TcpConn): Promise<string> {
  let text = "";
  for await (const chunk of socket.readable) {
    text += new TextDecoder().decode(chunk);
  }
  return text.replaceAll("\x01", "|");
}

function binaryClient(
  appliance: RunningAppliance,
  session: number,
  key: bigint,
): Promise<BinaryClient> {
  return BinaryClient.connect({
    link: "tcp",
    hostname: "127.0.0.1",
    port: appliance.binaryTcpPort,
    session,
    key,
  });
}

/** True if it can log on; it is cut otherwise. */
async function mayLogOn(
  appliance: RunningAppliance,
  name: string,
  password: string,
): Promise<boolean> {
  const made = await client(appliance, name, password);
  try {
    await made.logon(true);
    await made.logout();
    return true;
  } catch {
    return false;
  } finally {
    await made.close();
  }
}

async function report(from: FixClient): Promise<FixMessage> {
  for (;;) {
    const message = await from.receive(WAIT_MS_MAX);
    if (message.type === "8") return message;
  }
}

/** Buys, and returns ExecType (150) with the text (58) of a refusal. */
async function buy(
  from: FixClient,
  symbol: string,
  quantity: string,
  clOrdId: string,
): Promise<string> {
  from.newOrder({ clOrdId, side: "buy", symbol, quantity, price: "10" });
  const message = await report(from);
  return `${message.get(150)} ${message.has(58) ? message.get(58) : ""}`.trim();
}

/** Waits for a log line. */
async function line(
  appliance: RunningAppliance,
  message: string,
): Promise<Record<string, unknown>> {
  for (let waitedMs = 0; waitedMs < WAIT_MS_MAX; waitedMs += 20) {
    const found = appliance.log.find((one) => one.message === message);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`no line "${message}" in time`);
}

/** Other work on this machine's disk must not refuse orders. */
const PATIENT = { journalToml: "slow_after_ms = 0" };
const BEFORE = toml({
  instruments: INSTRUMENT("AAPL") + INSTRUMENT("MSFT"),
  sessions: FIX("A", "a") + FIX("B", "b") + BINARY(1, "11") + BINARY(3, "33"),
});
const AFTER = toml({
  level: "debug",
  accounts: '[[accounts]]\nname = "DESK"\nquantity = 5\n',
  instruments: INSTRUMENT("AAPL", 'max_quantity = "10"') + INSTRUMENT("MSFT") +
    INSTRUMENT("NEW", 'state = "halt"') + INSTRUMENT("NEWER"),
  sessions: FIX("A", "changed") + FIX("C", "c", 'account = "DESK"') +
    BINARY(1, "12") + BINARY(2, "22"),
});

for (const topology of ["single", "pinned"]) {
  Deno.test(`a reload adds, changes and removes while clients trade, topology ${topology}`, async () => {
    const dataDirectory = await Deno.makeTempDir({ prefix: "ferrule-reload-" });
    const options = { ...PATIENT, topology, dataDirectory, extraToml: BEFORE };
    const after = { ...options, extraToml: AFTER };
    try {
      let hash: unknown;
      let sequence: unknown;
      {
        await using appliance = await startAppliance(options);
        const a = await client(appliance, "A", "a");
        await a.logon(true);
        const b = await rawClient(appliance, "B", "b");
        assertEquals(await buy(a, "AAPL", "100", "a1"), "0");
        assertEquals(await mayLogOn(appliance, "C", "c"), false);
        const three = await binaryClient(appliance, 3, 33n);
        assertEquals((await three.logon()).type, ServerType.LOGON_ACCEPTED);

        await rewrite(appliance, after);
        const { status, body } = await reload(appliance);
        assertEquals(status, 200, JSON.stringify(body));
        assertEquals(body.changed, {
          "settings changed": 1,
          "sessions added": 2,
          "sessions changed": 2,
          "sessions removed": 2,
          "accounts added": 1,
          "instruments added": 2,
          "instruments changed": 1,
        });
        assert(body.commands! > 0);

        // The session that is gone is told so, and stays outside.
        assertStringIncludes(await restOf(b), "|35=5|");
        let last = await three.receive(WAIT_MS_MAX);
        while (last?.type === ServerType.HEARTBEAT) {
          last = await three.receive(WAIT_MS_MAX);
        }
        assertEquals(
          [last?.type, last?.reason],
          [ServerType.END, Reason.UNKNOWN_SESSION],
        );
        await three.close();
        const outside = await binaryClient(appliance, 3, 33n);
        await assertRejects(() => outside.logon(), LogonError);
        await outside.close();
        assertEquals(await mayLogOn(appliance, "B", "b"), false);

        // Who was connected has seen nothing of it but what holds now.
        assertStringIncludes(await buy(a, "AAPL", "11", "a2"), "8");
        assertEquals(await buy(a, "AAPL", "10", "a3"), "0");
        assertEquals(await buy(a, "NEWER", "11", "a4"), "0");
        assertStringIncludes(await buy(a, "NEW", "1", "a5"), "8");

        // Who is new is there, with the new account's limit.
        const c = await client(appliance, "C", "c");
        await c.logon(true);
        assertEquals(await buy(c, "MSFT", "5", "c1"), "0");
        assertStringIncludes(await buy(c, "MSFT", "6", "c2"), "8");
        const two = await binaryClient(appliance, 2, 22n);
        assertEquals((await two.logon()).type, ServerType.LOGON_ACCEPTED);
        await two.close();

        // A secret holds from the next logon on.
        await a.logout();
        await a.close();
        assertEquals(await mayLogOn(appliance, "A", "a"), false);
        assertEquals(await mayLogOn(appliance, "A", "changed"), true);
        await c.logout();
        await c.close();

        // The same file again: nothing to do.
        const again = await reload(appliance);
        assertEquals([again.status, again.body.commands], [200, 0]);
        if (topology === "single") {
          // Who hung up is logged off by a command of its own.
          while (await appliance.metric("ferrule_connections_open") !== 0);
          const state = await appliance.get("/state");
          for (;;) {
            const health = await appliance.get("/health");
            if (health.journalLag === 0) break;
          }
          ({ stateHash: hash, sequence } = state);
          await appliance.kill();
        } else {
          // The keeper has taken the change along: its snapshot has the new sessions.
          assertEquals(await appliance.stop(), 0);
          const kept = await line(appliance, "snapshot taken");
          ({ stateHash: hash, sequence } = kept);
        }
      }
      await using appliance = await startAppliance(after);
      const live = await line(appliance, "live");
      assertEquals([live.sequence, live.stateHash], [sequence, hash]);
      assertEquals(
        live.snapshotSequence,
        topology === "single" ? 0 : sequence,
      );
      assertEquals(await mayLogOn(appliance, "C", "c"), true);
      assertEquals(await appliance.stop(), 0);
    } finally {
      await Deno.remove(dataDirectory, { recursive: true });
    }
  });
}

Deno.test("a reload that asks for what can not change is refused as a whole", async () => {
  const options = { ...PATIENT, extraToml: BEFORE };
  await using appliance = await startAppliance(options);
  const a = await client(appliance, "A", "a");
  await a.logon(true);
  assertEquals(await buy(a, "AAPL", "1", "a1"), "0");
  const before = await appliance.get("/state");

  await rewrite(appliance, {
    ...PATIENT,
    capacityToml: "orders = 2000",
    fixToml: "logon_timeout_ms = 5000",
    extraToml: toml({
      instruments: INSTRUMENT("AAPL", "", "0.05") + INSTRUMENT("NEW"),
      sessions: FIX("A", "a") + FIX("C", "c") + BINARY(1, "11") +
        BINARY(3, "33"),
    }),
  });
  const { status, body } = await reload(appliance);
  assertEquals(status, 409);
  assertEquals(
    body.problems!.map(({ key }) => key).sort(),
    [
      "capacity.orders",
      "capacity.special_orders",
      "fix.logon_timeout_ms",
      "instruments",
      "instruments.tick_size",
    ],
  );
  const orders = body.problems!.find(({ key }) => key === "capacity.orders")!;
  assertEquals(orders.value, "2000");
  assertEquals(
    orders.text,
    "was 1048576 and can not change while it runs: memory is laid out at start; " +
      "put the old value back, or restart",
  );
  // Nothing of it holds: no instrument, no session, no command.
  const state = await appliance.get("/state");
  assertEquals(
    [state.sequence, state.stateHash],
    [before.sequence, before.stateHash],
  );
  assertEquals(await mayLogOn(appliance, "C", "c"), false);
  assertStringIncludes(await buy(a, "NEW", "1", "a2"), "8");

  // A file that is none changes nothing either, and the process goes on.
  await Deno.writeTextFile(appliance.configFile, "[fix\nport = 1");
  assertEquals((await reload(appliance)).status, 400);
  assertEquals(await buy(a, "AAPL", "1", "a3"), "0");

  // What only the exchange knows: the order in the book counts for no account.
  await rewrite(appliance, {
    ...PATIENT,
    extraToml: toml({
      accounts: '[[accounts]]\nname = "DESK"\n',
      instruments: INSTRUMENT("AAPL") + INSTRUMENT("MSFT") + INSTRUMENT("NEW"),
      sessions: FIX("A", "a", 'account = "DESK"') + FIX("B", "b") +
        FIX("C", "c") + BINARY(1, "11") +
        BINARY(3, "33"),
    }),
  });
  const refused = await reload(appliance);
  assertEquals(refused.status, 409);
  assertStringIncludes(refused.body.error!, "Nothing was changed. Session A");
  assertStringIncludes(refused.body.error!, "2 open orders");
  assertEquals(await mayLogOn(appliance, "C", "c"), false);
  assertStringIncludes(await buy(a, "NEW", "1", "a4"), "8");
  await a.logout();
  await a.close();
});

Deno.test("SIGHUP and main.ts reload read the file again, and the second tells what came of it", async () => {
  await using appliance = await startAppliance({ extraToml: BEFORE });
  await rewrite(appliance, { extraToml: AFTER });
  appliance.process.kill("SIGHUP");
  const done = await line(appliance, "configuration reloaded");
  assertStringIncludes(String(done.changed), '"instruments added":2');

  const ask = async () => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        ...runFlags(appliance.dataDirectory, appliance.configFile),
        `${ROOT}main.ts`,
        "reload",
        "--config",
        appliance.configFile,
        "--port",
        String(appliance.adminPort),
      ],
      cwd: ROOT,
    }).output();
    const text = new TextDecoder();
    return { code, text: text.decode(stdout) + text.decode(stderr) };
  };
  await rewrite(appliance, { extraToml: BEFORE });
  const refused = await ask();
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.text, "NEWER is gone from the file");
  await rewrite(appliance, {
    extraToml: AFTER.replace('"debug"', '"warn"'),
  });
  const taken = await ask();
  assertEquals(taken.code, 0, taken.text);
  assertStringIncludes(taken.text, '"settings changed": 1');
});

Deno.test("a reload changes what is asked of the journal's disk, there and back", async () => {
  await using appliance = await startAppliance({
    ...PATIENT,
    extraToml: BEFORE,
  });
  const a = await client(appliance, "A", "a");
  await a.logon(true);
  assertEquals(await buy(a, "AAPL", "1", "a1"), "0");
  const status = async (wanted: string): Promise<void> => {
    for (let waitedMs = 0; waitedMs < WAIT_MS_MAX; waitedMs += 50) {
      if ((await appliance.get("/health")).status === wanted) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`never ${wanted}`);
  };
  // More than the disk has.
  await rewrite(appliance, {
    journalToml: `${PATIENT.journalToml}\nfree_reserve_mib = 1048576`,
    extraToml: BEFORE,
  });
  assertEquals((await reload(appliance)).body.changed, {
    "settings changed": 1,
  });
  await status("degraded");
  assertStringIncludes(await buy(a, "AAPL", "1", "a2"), "8");
  await rewrite(appliance, { ...PATIENT, extraToml: BEFORE });
  assertEquals((await reload(appliance)).status, 200);
  await status("ok");
  assertEquals(await buy(a, "AAPL", "1", "a3"), "0");
  await a.logout();
  await a.close();
});
