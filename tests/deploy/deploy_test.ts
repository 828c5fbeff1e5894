// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * From the archive to a service that trades, on a Debian 12 machine without
 * internet: the playbook installs it, changes nothing when run again, and
 * the orders of an ordinary FIX client outlive a restart of the unit.
 *
 * ```
 *   make artifact --> ansible-playbook --ssh--> container: systemd, appliance
 *   QuickFIX client ----------FIX------------->
 * ```
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  type Artifact,
  buildArtifact,
  signArtifact,
} from "../../ansible/artifact.ts";
import {
  buildClient,
  type QuickfixOptions,
  type QuickfixReport,
  startClient,
} from "../quickfix/quickfix_client.ts";
import { Container, execute, type Output, whyNot } from "./container.ts";
import {
  ansiblePlaybook,
  books,
  booksOf,
  get,
  inside,
  recap,
  ROOT,
} from "./hosts.ts";

/** CLIENT2's password, with what TOML must escape. */
const VAULTED = "from-the-vault-\\-of-CLIENT2";

/** Runs the playbook against the container, from the peer namespace. */
async function play(
  container: Container,
  archive: string,
  extra: readonly string[] = [],
): Promise<Output> {
  const inventory = `${container.directory}/inventory.json`;
  const publicKey = await Deno.readTextFile(`${container.directory}/key.pub`);
  const host = {
    ansible_host: container.address,
    ansible_user: "root",
    ansible_ssh_common_args: container.sshOptions.join(" "),
    ferrule_release_public_key: publicKey.trim(),
    ferrule_engine_listen_address: container.address,
    // Prometheus of the same host reads it, and has another port.
    ferrule_engine_admin_address: container.address,
    ferrule_engine_secrets_directory: `${container.directory}/secrets`,
    // What the tests ask the admin port of, in the container and out of it.
    ferrule_firewall_sources: {
      fix: [container.peerAddress],
      metrics: ["10.77.0.128/25"],
    },
    ferrule_engine_configuration: {
      snapshot: { seconds_between: 7, keep: 3 },
      journal: { segment_mib: 8 },
      log: { level: "info" },
    },
    ferrule_network_interfaces: [{ name: "clients0", features: { gro: true } }],
    ferrule_clock_ntp_servers: ["192.0.2.1"],
    ferrule_backup_destination: "/srv/backup",
  };
  await Deno.writeTextFile(
    inventory,
    JSON.stringify({
      ferrule_engines: { hosts: { engine1: host } },
      ferrule_monitors: { hosts: { engine1: {} } },
    }),
  );
  return await ansiblePlaybook(container, [
    `--inventory=${inventory}`,
    `--vault-password-file=${container.directory}/vault-password`,
    `--extra-vars=@${container.directory}/vault.yml`,
    `--extra-vars=ferrule_release_archive=${archive}`,
    ...extra.some((argument) => argument.endsWith(".yml"))
      ? extra
      : [...extra, "site.yml"],
  ]);
}

/** A vault with the password of one client; the others' are generated. */
async function writeVault(directory: string): Promise<void> {
  await Deno.writeTextFile(`${directory}/vault-password`, "open, sesame\n");
  await Deno.writeTextFile(
    `${directory}/vault.yml`,
    `ferrule_engine_passwords:\n  CLIENT2: ${VAULTED}\n`,
  );
  const { code, text } = await execute([
    "ansible-vault",
    "encrypt",
    `--vault-password-file=${directory}/vault-password`,
    `${directory}/vault.yml`,
  ]);
  assertEquals(code, 0, text);
  const vault = await Deno.readTextFile(`${directory}/vault.yml`);
  assertStringIncludes(vault, "$ANSIBLE_VAULT");
}

/** How many orders rest in all books. */
async function ordersOpen(container: Container): Promise<number> {
  return (await get(container, "/health") as { ordersOpen: number }).ordersOpen;
}

/** Trades through the container with QuickFIX, from the peer namespace. */
async function trade(
  container: Container,
  sender: string,
  options: Pick<QuickfixOptions, "orders" | "seed" | "keepOpen" | "alone">,
): Promise<QuickfixReport> {
  const password = sender === "CLIENT2" ? VAULTED : await Deno.readTextFile(
    `${container.directory}/secrets/${sender}.password`,
  );
  const files = `${container.directory}/${sender}`;
  await Deno.mkdir(files);
  const { code, report, stderr } = await startClient({
    ...options,
    host: container.address,
    port: 9878,
    sender,
    password: password.trim(),
    mode: "steady",
    files,
    seconds: 30,
    launcher: container.fromPeer([]),
  }).result();
  if (report === undefined) throw new Error(`QuickFIX: ${code}: ${stderr}`);
  assertEquals(report.violations, [], `${sender}, seed ${options.seed}`);
  assertEquals(code, 0, stderr);
  return report;
}

/** An archive that differs in one byte from what was signed. */
async function tamper(artifact: Artifact, directory: string): Promise<string> {
  const path = `${directory}/ferrule-0.0.0.tar.gz`;
  await Deno.copyFile(artifact.path, path);
  await Deno.copyFile(`${artifact.path}.sig`, `${path}.sig`);
  await Deno.writeFile(path, new Uint8Array([0]), { append: true });
  return path;
}

/** The same archive, signed by somebody else. */
async function signedByStranger(
  artifact: Artifact,
  directory: string,
): Promise<string> {
  const path = `${directory}/ferrule-0.0.1.tar.gz`;
  await Deno.copyFile(artifact.path, path);
  await signArtifact(path, `${directory}/stranger`);
  return path;
}

/** `make test-deploy` does all of it; `make test` the steps below. */
const WHOLE = Deno.env.get("FERRULE_DEPLOY") === "whole";
const SHORT: ReadonlySet<string> = new Set([
  "the archive is the same when built again",
  "the container reaches nothing but its peer",
  "the first run installs, starts and waits for health",
  "the second run changes nothing",
  "the unit is clean, and sealed as far as it says",
  "orders outlive a restart of the unit",
  "it stops in order",
]);

Deno.test("the playbook deploys a service that trades and keeps its orders", async (t) => {
  const reason = await whyNot() ?? await buildClient();
  if (reason !== undefined) {
    console.log(`SKIPPED: deployment into a container: ${reason}`);
    return;
  }
  const step = (name: string, part: () => Promise<void>): Promise<boolean> =>
    WHOLE || SHORT.has(name) ? t.step(name, part) : Promise.resolve(true);
  await using container = await Container.start();
  const { directory } = container;
  let artifact: Artifact | undefined;
  const archive = (): string => artifact!.path;

  await step("the archive is the same when built again", async () => {
    artifact = await buildArtifact(ROOT, Deno.execPath(), `${directory}/one`);
    const again = await buildArtifact(
      ROOT,
      Deno.execPath(),
      `${directory}/two`,
    );
    assertEquals(again.sha256, artifact.sha256);
    await signArtifact(artifact.path, `${directory}/key`);
    await writeVault(directory);
  });
  if (artifact === undefined) return;

  await step("the container reaches nothing but its peer", async () => {
    const routes = await inside(container, "cut -f 2 /proc/net/route");
    assertEquals(routes.includes("00000000"), false, routes);
    // Debian starts it on the engine's port; the hosts of engines have none.
    await inside(container, "systemctl disable --now prometheus 2>/dev/null");
  });

  await step(
    "an archive that was not signed so, or by a stranger, is refused",
    async () => {
      for (const forge of [tamper, signedByStranger]) {
        const path = await forge(artifact!, directory);
        const output = await play(container, path, ["--tags=release"]);
        assertEquals(recap(output.text)["failed"], 1, output.text);
        assertStringIncludes(output.text, "is not what was signed");
        assertEquals((await container.run("test -e /opt/ferrule")).code, 1);
      }
    },
  );

  await step(
    "a dry run on a fresh host fails nowhere and changes nothing",
    async () => {
      const before = await inside(
        container,
        "find /etc /opt /usr/local | sort",
      );
      const output = await play(container, archive(), ["--check", "--diff"]);
      assertEquals(output.code, 0, output.text);
      assert(recap(output.text)["changed"]! > 10, output.text);
      assertStringIncludes(output.text, "+vm.swappiness = 0");
      assert(
        !/password = "|-of-CLIENT2/.test(output.text),
        "secrets are shown",
      );
      assertEquals(
        await inside(container, "find /etc /opt /usr/local | sort"),
        before,
      );
    },
  );

  await step(
    "the first run installs, starts and waits for health",
    async () => {
      const output = await play(container, archive());
      const log = (await container.run("journalctl -u ferrule -n 50")).text;
      assertEquals(output.code, 0, output.text + log);
      await inside(container, "systemctl is-active ferrule");
      const health = await get(container, "/health") as { status: string };
      assertEquals(health.status, "ok");
      // The play ends with the doctor, which sees the service that runs.
      assertStringIncludes(output.text, "the appliance runs as process");
      assertStringIncludes(output.text, "0 errors");
      assert(!output.text.includes("-of-CLIENT2"), "secrets are shown");
    },
  );

  await step("the second run changes nothing", async () => {
    const pid = "systemctl show -P MainPID ferrule";
    const before = await inside(container, pid);
    const output = await play(container, archive());
    assertEquals(output.code, 0, output.text);
    assertEquals(recap(output.text)["changed"], 0, output.text);
    assertEquals(await inside(container, pid), before);
  });

  await step("a dry run then has nothing to say", async () => {
    const output = await play(container, archive(), ["--check", "--diff"]);
    assertEquals(output.code, 0, output.text);
    assertEquals(recap(output.text)["changed"], 0, output.text);
    assert(!/^[+-]/m.test(output.text), output.text);
  });

  await step("the unit is clean, and sealed as far as it says", async () => {
    const unit = "/etc/systemd/system/ferrule.service";
    assertEquals(await inside(container, `systemd-analyze verify ${unit}`), "");
    await inside(
      container,
      `systemd-analyze security --offline=true --threshold=20 ${unit}`,
    );
    const status = await inside(
      container,
      "cat /proc/$(systemctl show -P MainPID ferrule)/status",
    );
    // CAP_IPC_LOCK and nothing else.
    assertStringIncludes(status, "CapEff:\t0000000000004000");
    assertStringIncludes(status, "NoNewPrivs:\t1");
  });

  await step("the secrets are the group's alone", async () => {
    const modes = await inside(
      container,
      "stat -c '%a %U %G' /etc/ferrule /etc/ferrule/ferrule.toml /var/lib/ferrule",
    );
    assertEquals(
      modes,
      "750 root ferrule\n640 root ferrule\n750 ferrule ferrule\n",
    );
  });

  await step("the doctor finds no error as the service's user", async () => {
    const { code, text } = await container.run(
      "cd /opt/ferrule/current && setpriv --reuid=ferrule --regid=ferrule " +
        "--init-groups env DENO_DIR=$PWD/cache NO_COLOR=1 bin/deno run " +
        "--no-prompt --cached-only --frozen --allow-ffi --allow-env " +
        "--allow-read=/opt/ferrule,/etc/ferrule main.ts doctor " +
        "--config /etc/ferrule/ferrule.toml",
    );
    assert(code <= 1, text);
    assertStringIncludes(text, "0 errors");
    assertStringIncludes(text, "any (CAP_IPC_LOCK)");
  });

  await step("orders outlive a restart of the unit", async () => {
    const first = await trade(container, "CLIENT1", {
      orders: 300,
      seed: 1,
      keepOpen: true,
      alone: true,
    });
    assert(first.received.accepted > 0);
    assert(first.open.length > 0, "no order rests");
    assertEquals(await books(container), booksOf(first.open));
    assertEquals(await ordersOpen(container), first.open.length);
    await inside(container, "systemctl restart ferrule");
    assertEquals(await books(container), booksOf(first.open));
    assertEquals(await ordersOpen(container), first.open.length);
    // Another client meets the orders of the first.
    const second = await trade(container, "CLIENT2", {
      orders: 300,
      seed: 2,
      keepOpen: true,
    });
    assert(second.received.fills > 0);
  });

  await step("systemd starts it again where it was killed", async () => {
    const before = await books(container);
    assert(await ordersOpen(container) > 0, "no order rests");
    const pid = await inside(container, "systemctl show -P MainPID ferrule");
    await inside(
      container,
      "systemctl kill --kill-whom=main --signal=KILL ferrule",
    );
    // Until it is ready, with another process.
    await inside(
      container,
      `for i in $(seq 100); do sleep 0.2; systemctl -q is-active ferrule && ` +
        `test $(systemctl show -P MainPID ferrule) != ${pid.trim()} && exit; ` +
        `done; journalctl -u ferrule -n 50; exit 1`,
    );
    assertEquals(await books(container), before);
  });

  await step("clients that are not named reach no port", async () => {
    const reach = async (port: number) =>
      (await execute(container.fromPeer([
        "python3",
        "-c",
        `import socket; socket.create_connection(("${container.address}", ${port}), 2)`,
      ]))).code === 0;
    assertEquals(
      [await reach(9878), await reach(9010), await reach(9090)],
      [true, false, false],
    );
    const rules = await inside(container, "nft list table inet ferrule");
    assertMatch(rules, /tcp dport 9010 counter packets [1-9].*"binary"/);
  });

  await step("Prometheus reads the engine and its host", async () => {
    const up = `python3 -c "import urllib.request as r; print(r.urlopen(` +
      `'http://127.0.0.1:9091/api/v1/query?query=sum(up)').read().decode())"`;
    await inside(
      container,
      `for i in $(seq 60); do ${up} | grep -q '"3"' && exit; sleep 0.5; done; ${up}; exit 1`,
    );
  });

  await step("a backup under way is whole", async () => {
    // The clock goes on: the engine may sequence more meanwhile.
    const { sequence } = await get(container, "/health") as {
      sequence: number;
    };
    await inside(container, "systemctl start ferrule-backup");
    const verdict = await inside(
      container,
      "cd /opt/ferrule/current && env DENO_DIR=$PWD/cache NO_COLOR=1 bin/deno run " +
        "--no-prompt --cached-only --frozen --allow-ffi --allow-env --allow-read " +
        "main.ts verify --json /srv/backup/data",
    );
    const { lastSequence, problems } = JSON.parse(
      verdict.slice(verdict.lastIndexOf('{"record":"verdict"')),
    ) as { lastSequence: number; problems: unknown[] };
    assertEquals(problems, []);
    assert(lastSequence >= sequence, `${lastSequence} of ${sequence}`);
  });

  await step("the card that Ansible came in on is refused", async () => {
    const cards = { ferrule_network_interfaces: [{ name: "data0" }] };
    const output = await play(container, archive(), [
      "--tags=network",
      `--extra-vars=${JSON.stringify(cards)}`,
    ]);
    assertEquals(recap(output.text)["failed"], 1, output.text);
    assertStringIncludes(output.text, "data0 stays as it is: Ansible came in");
    const others = await inside(container, "ethtool -k clients0");
    assertStringIncludes(others, "generic-receive-offload: on");
  });

  await step("a mistake in the configuration replaces nothing", async () => {
    const wrong = { ferrule_engine_configuration: { fix: { prot: 1 } } };
    const sum = "sha256sum /etc/ferrule/ferrule.toml";
    const before = await inside(container, sum);
    const output = await play(container, archive(), [
      "--tags=engine",
      `--extra-vars=${JSON.stringify(wrong)}`,
    ]);
    assertEquals(recap(output.text)["failed"], 1, output.text);
    assertStringIncludes(output.text, "did you mean port?");
    assertEquals(await inside(container, sum), before);
    assertEquals(
      (await get(container, "/health") as { status: string }).status,
      "ok",
    );
  });

  await step(
    "cores are put on the boot line, and missing words told",
    async () => {
      const asked = {
        ferrule_cores: [1],
        ferrule_interrupts_housekeeping: "0",
        ferrule_power_sleep_state_max: 1,
        ferrule_hugepages_at_boot: true,
        ferrule_boot_reboot_allowed: true,
      };
      const options = [
        "--tags=hugepages,cpu,interrupts,power,boot",
        `--extra-vars=${JSON.stringify(asked)}`,
      ];
      const output = await play(container, archive(), options);
      assertEquals(output.code, 0, output.text);
      const line = await inside(
        container,
        "GRUB_CMDLINE_LINUX=quiet; for f in /etc/default/grub.d/*.cfg; do . $f; done; " +
          'echo "$GRUB_CMDLINE_LINUX"',
      );
      assertEquals(
        line.trim(),
        "quiet hugepagesz=2M hugepages=1024 " +
          "isolcpus=managed_irq,domain,1 nohz_full=1 rcu_nocbs=1 irqaffinity=0 " +
          "processor.max_cstate=1 intel_idle.max_cstate=1",
      );
      assertStringIncludes(output.text, "was booted without: hugepagesz=2M");
      const again = await play(container, archive(), options);
      assertEquals(recap(again.text)["changed"], 0, again.text);
    },
  );

  await step(
    "real-time priority is allowed where it is asked for, and only there",
    async () => {
      const schedule = () =>
        inside(
          container,
          "for t in /proc/$(systemctl show -P MainPID ferrule)/task/*; do " +
            "grep -q ferrule-engine $t/comm && chrt -p ${t##*/}; done; true",
        );
      assertStringIncludes(await schedule(), "SCHED_OTHER");
      const core =
        (await inside(container, "taskset -cp $$")).match(/\d+$/m)![0];
      const asked = JSON.stringify({
        ferrule_engine_cores: [Number(core)],
        ferrule_engine_real_time_priority: 20,
      });
      // Where systemd itself may raise no limit (no CAP_SYS_RESOURCE), the right comes another way.
      const test = "/etc/systemd/system/ferrule.service.d/20-test.conf";
      const rights = await inside(container, "grep CapEff /proc/1/status");
      const raises = BigInt(`0x${rights.split(/\s+/)[1]}`) >> 24n & 1n;
      if (raises === 0n) {
        await inside(
          container,
          `mkdir -p $(dirname ${test}); printf '[Service]\n` +
            "AmbientCapabilities=CAP_SYS_NICE\nCapabilityBoundingSet=CAP_SYS_NICE\n' " +
            `> ${test}`,
        );
      }
      const output = await play(container, archive(), [
        "--tags=engine",
        `--extra-vars=${asked}`,
      ]);
      const tail = (await container.run("journalctl -u ferrule -n 20")).text;
      assertEquals(output.code, 0, output.text + tail);
      assertEquals(
        (await inside(container, "systemctl show -P LimitRTPRIO ferrule"))
          .trim(),
        "20",
      );
      assertStringIncludes(await schedule(), "priority: 20");
      const log = await inside(
        container,
        "journalctl -o cat _PID=$(systemctl show -P MainPID ferrule)",
      );
      // The unit's filter lets memory be bound, and asked about.
      assertStringIncludes(log, "NUMA node");
      assert(!log.includes("memory is not bound"), log);
      await inside(container, `rm -f ${test}`);
      const back = await play(container, archive(), ["--tags=engine"]);
      assertEquals(back.code, 0, back.text);
      assertStringIncludes(await schedule(), "SCHED_OTHER");
    },
  );

  await step("it stops in order", async () => {
    await inside(container, "systemctl stop ferrule");
    const result = await inside(
      container,
      "systemctl show -P Result -P ExecMainStatus ferrule",
    );
    assertEquals(result.trim().split(/\s+/).sort(), ["0", "success"]);
  });

  await step(
    "what the roles set can be undone, and the data stays",
    async () => {
      const output = await play(container, archive(), [
        "--tags=undo",
        "undo.yml",
      ]);
      assertEquals(output.code, 0, output.text);
      const left = await inside(
        container,
        "find /etc /usr/local /opt -name '*ferrule*' ! -type d ! -path '/etc/prometheus/*'; nft list tables; " +
          "ethtool -k clients0 | grep generic-receive; ls /var/lib/ferrule",
      );
      assertEquals(
        left.trim().split("\n"),
        ["generic-receive-offload: off", "journal", "outbound", "snapshots"],
      );
    },
  );
});
