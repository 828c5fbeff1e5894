// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The units on a machine that has booted: two engines of the template side by
 * side, secrets as credentials, a reload, an ordered stop, and the watchdog
 * where an engine stands still.
 *
 * ```
 *   container: systemd ─┬─ ferrule@a ── its file, its folder, its credentials
 *                       └─ ferrule@b
 * ```
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { buildArtifact } from "../../ansible/artifact.ts";
import { Container, require, whyNot } from "./container.ts";

const ROOT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const DENO = "/opt/ferrule/current/bin/deno run --no-prompt --cached-only " +
  "--frozen --allow-all --unstable-net main.ts";
/** First of the three ports of each engine. */
const PORTS: Readonly<Record<string, number>> = { a: 9100, b: 9200 };

function configOf(name: string, more = ""): string {
  const port = PORTS[name]!;
  return `
[appliance]
data_directory = "/var/lib/ferrule/${name}"
[capacity]
orders = 10000
instruments = 16
sessions = 16
accounts = 16
[memory]
huge_pages = "never"
[journal]
segment_mib = 4
free_reserve_mib = 1
slow_after_ms = 0
[admin]
port = ${port}
[fix]
port = ${port + 1}
[[fix.sessions]]
sender_comp_id = "CLIENT1"
password_credential = "CLIENT1"
[[fix.sessions]]
sender_comp_id = "CLIENT2"
password_credential = "CLIENT2"
[[fix.sessions]]
sender_comp_id = "CLIENT3"
password_file = "/etc/ferrule/secrets/CLIENT3"
[binary]
tcp_port = ${port + 2}
udp_port = ${port + 2}
[[binary.sessions]]
number = 1
key_credential = "KEY1"
[[instruments]]
symbol = "AAPL"
tick_size = "0.01"
lot_size = "1"
${more}`;
}

/** What the machine needs besides the release. */
const SETUP = `
systemctl disable --now prometheus prometheus-node-exporter 2>/dev/null || true
useradd --system --no-create-home ferrule
ln -s releases/test /opt/ferrule/current
cp /opt/ferrule/current/systemd/* /etc/systemd/system/
install -d -m 0750 -g ferrule /etc/ferrule /etc/ferrule/secrets
install -d -m 0700 /etc/ferrule/credentials
umask 077
echo first > /etc/ferrule/credentials/CLIENT1
echo 123456789 > /etc/ferrule/credentials/KEY1
echo second | systemd-creds encrypt --name=CLIENT2 --with-key=host - /etc/ferrule/credentials/CLIENT2.cred
echo third > /etc/ferrule/secrets/CLIENT3
chgrp ferrule /etc/ferrule/secrets/CLIENT3
chmod 0640 /etc/ferrule/secrets/CLIENT3
mkdir -m 0755 /etc/systemd/system/ferrule@.service.d
umask 022
cat > /etc/systemd/system/ferrule@.service.d/20-test.conf <<'END'
[Service]
LoadCredential=CLIENT1:/etc/ferrule/credentials/CLIENT1
LoadCredential=KEY1:/etc/ferrule/credentials/KEY1
LoadCredentialEncrypted=CLIENT2:/etc/ferrule/credentials/CLIENT2.cred
END
systemctl daemon-reload
`;

/** Stops one thread of a process, so that its others go on, until the process is gone. */
const FREEZE = `
import ctypes, glob, os, sys, time
pid, name = int(sys.argv[1]), sys.argv[2]
for comm in glob.glob(f"/proc/{pid}/task/*/comm"):
    if open(comm).read().strip() == name:
        thread = int(comm.split("/")[4])
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
    if libc.ptrace(request, thread, 0, 0) != 0:
        sys.exit(f"ptrace {request}: {os.strerror(ctypes.get_errno())}")
print("frozen", thread, flush=True)
os.waitpid(thread, 0x40000000)
while os.path.exists(f"/proc/{pid}/task/{thread}"):
    time.sleep(0.1)
    os.waitpid(thread, 0x40000001)
`;

/** Runs a script in the container and throws where it fails. */
async function inside(container: Container, script: string): Promise<string> {
  const { code, text } = await container.run(script);
  if (code !== 0) throw new Error(`${script} ended with ${code}:\n${text}`);
  return text;
}

async function show(
  container: Container,
  unit: string,
  property: string,
): Promise<string> {
  const text = await inside(
    container,
    `systemctl show -P ${property} ${unit}`,
  );
  return text.trim();
}

/** GET on an engine's admin port, from inside. */
async function get(
  container: Container,
  engine: string,
  path: string,
): Promise<unknown> {
  const url = `http://127.0.0.1:${PORTS[engine]}${path}`;
  const program =
    `import urllib.request as r;print(r.urlopen('${url}',timeout=5).read().decode())`;
  return JSON.parse(await inside(container, `python3 -c "${program}"`));
}

/** Places an order from inside; returns what is printed. */
async function send(
  container: Container,
  engine: string,
  options: string,
  order: string,
): Promise<string> {
  const { text } = await container.run(
    `cd /opt/ferrule/current && DENO_DIR=$PWD/cache NO_COLOR=1 ${DENO} send ` +
      `--config /etc/ferrule/${engine}.toml ${options} ${order}`,
  );
  return text;
}

async function logOf(container: Container, unit: string): Promise<string> {
  return (await container.run(`journalctl -o cat -u ${unit} -n 60`)).text;
}

/** Waits until a unit has been started again and is active. */
async function startedAgain(
  container: Container,
  unit: string,
  before: string,
): Promise<void> {
  await inside(
    container,
    `for i in $(seq 200); do sleep 0.3; systemctl -q is-active ${unit} && ` +
      `test $(systemctl show -P MainPID ${unit}) != ${before} && exit; ` +
      `done; journalctl -u ${unit} -n 50; exit 1`,
  );
}

Deno.test("engines of the template run, reload, stop and are restarted by systemd", async (t) => {
  const reason = await whyNot();
  if (reason !== undefined) {
    console.log(`SKIPPED: units in a container: ${reason}`);
    return;
  }
  await using container = await Container.start();
  const { directory } = container;
  const machine = `${directory}/root`;
  const write = (engine: string, more = ""): Promise<void> =>
    Deno.writeTextFile(
      `${machine}/etc/ferrule/${engine}.toml`,
      configOf(engine, more),
    );

  const started = await t.step(
    "two engines start side by side, each in its own",
    async () => {
      const { path } = await buildArtifact(ROOT, Deno.execPath(), directory);
      const release = `${machine}/opt/ferrule/releases/test`;
      await Deno.mkdir(release, { recursive: true });
      await require([
        "tar",
        "--extract",
        `--file=${path}`,
        `--directory=${release}`,
        "--strip-components=1",
        "--no-same-owner",
      ]);
      await inside(container, `set -e\n${SETUP}`);
      for (const engine of ["a", "b"]) await write(engine);
      await inside(
        container,
        "chgrp ferrule /etc/ferrule/*.toml; chmod 0640 /etc/ferrule/*.toml",
      );
      const { code, text } = await container.run(
        "systemctl start ferrule@a ferrule@b",
      );
      const log = await logOf(container, "'ferrule@*'");
      assertEquals(code, 0, text + log);
      for (const engine of ["a", "b"]) {
        const unit = `ferrule@${engine}`;
        const health = await get(container, engine, "/health");
        assertEquals((health as { status: string }).status, "ok");
        assertEquals(await show(container, unit, "Slice"), "ferrule.slice");
        await inside(container, `test -d /var/lib/ferrule/${engine}/journal`);
      }
      assertEquals(
        await inside(container, "stat -c '%a %U' /var/lib/ferrule/a"),
        "750 ferrule\n",
      );
    },
  );

  if (!started) return;

  await t.step("secrets come from credentials and files", async () => {
    const order = "buy 1 AAPL 10";
    const wrong = "--session CLIENT1 --password other";
    const refused = await send(container, "a", wrong, order);
    assert(!/accepted/i.test(refused), refused);
    for (
      const [session, password] of [
        ["CLIENT1", "first"],
        ["CLIENT2", "second"],
        ["CLIENT3", "third"],
      ]
    ) {
      const options = `--session ${session} --password ${password}`;
      const taken = await send(container, "a", options, order);
      assert(/accepted|150=0|new/i.test(taken), taken);
    }
    const binary = "--protocol binary --session 1 --password 123456789";
    const taken = await send(container, "a", binary, order);
    assert(/accepted/i.test(taken), taken);
    // Nobody else reads them, and they are in no log.
    const pid = await show(container, "ferrule@a", "MainPID");
    const environment = await inside(
      container,
      `tr '\\0' '\\n' < /proc/${pid}/environ`,
    );
    assertStringIncludes(
      environment,
      "CREDENTIALS_DIRECTORY=/run/credentials/ferrule@a.service",
    );
    const log = await logOf(container, "ferrule@a");
    for (const secret of ["first", "second", "third", "123456789"]) {
      assert(!log.includes(`"${secret}"`), secret);
    }
  });

  await t.step("a credential that is not there is named", async () => {
    await write(
      "b",
      '[[dpdk.sessions]]\nnumber = 2\nkey_credential = "KEY2"\n',
    );
    const { code, text } = await container.run("systemctl reload ferrule@b");
    assert(code !== 0, text);
    assertStringIncludes(
      await logOf(container, "ferrule@b"),
      "say LoadCredential=KEY2:/path in the unit",
    );
    await write("b");
  });

  await t.step(
    "systemctl reload takes what it can, and fails with the text",
    async () => {
      const pid = await show(container, "ferrule@a", "MainPID");
      const instrument = (symbol: string) =>
        `[[instruments]]\nsymbol = "${symbol}"\ntick_size = "0.01"\nlot_size = "1"\n`;
      await write("a", instrument("NEW"));
      await inside(container, "systemctl reload ferrule@a");
      const symbols = async () =>
        (await get(container, "a", "/instruments") as { symbol: string }[])
          .map(({ symbol }) => symbol);
      assertEquals(await symbols(), ["AAPL", "NEW"]);
      await write("a", `${instrument("OTHER")}[feed]\nenabled = true\n`);
      const { code } = await container.run("systemctl reload ferrule@a");
      assert(code !== 0);
      const log = await logOf(container, "ferrule@a");
      assertStringIncludes(log, "NEW is gone from the file");
      assertStringIncludes(
        log,
        "the feed's sockets and stores are made at start",
      );
      assertEquals(await symbols(), ["AAPL", "NEW"]);
      await write("a", instrument("NEW"));
      assertEquals(await show(container, "ferrule@a", "MainPID"), pid);
      assertEquals(await show(container, "ferrule@a", "ActiveState"), "active");
    },
  );

  await t.step(
    "it stops in order, within the time that the unit gives",
    async () => {
      await inside(container, "systemctl stop ferrule@a");
      // A stop that took too long has another result: "timeout".
      assertEquals(await show(container, "ferrule@a", "Result"), "success");
      assertEquals(await show(container, "ferrule@a", "ExecMainStatus"), "0");
      const log = await logOf(container, "ferrule@a");
      assertStringIncludes(log, '"message":"stopped"');
      assertStringIncludes(log, '"durable":true');
      // The other one has not noticed.
      assertEquals(await show(container, "ferrule@b", "NRestarts"), "0");
      await inside(container, "systemctl start ferrule@a");
      const found = await get(container, "a", "/health") as {
        ordersOpen: number;
      };
      assertEquals(found.ordersOpen, 4);
    },
  );

  await t.step(
    "an engine's thread that stands still is a kill and a start",
    async () => {
      const pid = await show(container, "ferrule@a", "MainPID");
      await Deno.writeTextFile(`${machine}/root/freeze.py`, FREEZE);
      // The main thread goes on all the while, and the service manager is not fed.
      const frozen = container.run(
        `timeout 60 python3 /root/freeze.py ${pid} ferrule-engine`,
      );
      await startedAgain(container, "ferrule@a", pid);
      assertStringIncludes((await frozen).text, "frozen");
      const log = (await container.run("journalctl -o cat -u ferrule@a -n 80"))
        .text;
      assertStringIncludes(log, "Watchdog timeout");
      assertEquals(await show(container, "ferrule@a", "NRestarts"), "1");
      const found = await get(container, "a", "/health") as {
        ordersOpen: number;
      };
      assertEquals(found.ordersOpen, 4);
    },
  );

  await t.step(
    "a wrong file is no reason to start again and again",
    async () => {
      await Deno.writeTextFile(
        `${machine}/etc/ferrule/b.toml`,
        "[appliance]\nnme = 'b'\n",
      );
      const { code } = await container.run("systemctl restart ferrule@b");
      assert(code !== 0);
      assertStringIncludes(
        await logOf(container, "ferrule@b"),
        "unknown key; did you mean name?",
      );
    },
  );
});
