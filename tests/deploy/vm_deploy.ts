// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A fresh virtual machine without internet becomes a host that trades: with
 * its own kernel, boot line, huge pages and limits, which a container only
 * borrows. Run again the playbook changes nothing; after a reboot the host
 * trades by itself; a second build takes over under load. Minutes long: part
 * of `make test-deploy`.
 *
 * ```
 *   site.yml ─▶ trade ─▶ site.yml: changed=0 ─▶ reboot ─▶ trade ─▶ upgrade.yml under load
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
  type QuickfixOptions,
  type QuickfixReport,
  startClient,
} from "../quickfix/quickfix_client.ts";
import { whyNot } from "./container.ts";
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
  until,
  withoutPrometheus,
} from "./hosts.ts";
import { VirtualMachine, whyNoVm } from "./vm.ts";

const SECONDS_MAX = 1200;
const VARIABLES = {
  // The machine is many times slower than its host.
  ferrule_engine_health_wait_s: 300,
  ferrule_upgrade_gate_wait_s: 300,
  ferrule_upgrade_stop_wait_s: 120,
  ferrule_clock_ntp_servers: ["10.78.0.1"],
  ferrule_firewall_sources: { fix: ["10.78.0.1"] },
};

/** Starts a client in the namespace of the machine. */
async function trader(
  machine: VirtualMachine,
  sender: string,
  options: Pick<QuickfixOptions, "orders" | "seed" | "mode">,
): Promise<QuickfixClient> {
  const { directory } = machine;
  const password = await Deno.readTextFile(
    `${directory}/secrets/${sender}.password`,
  );
  const files = `${directory}/${sender}`;
  await Deno.mkdir(files, { recursive: true });
  return startClient({
    ...options,
    host: machine.address,
    port: 9878,
    sender,
    password: password.trim(),
    files,
    seconds: SECONDS_MAX,
    paceUs: 20_000,
    prefix: `s${options.seed}`,
    keepOpen: true,
    expectLogout: true,
    launcher: machine.fromPeer([]),
  });
}

/** What a client found, in which nothing is wrong. */
async function clean(client: QuickfixClient): Promise<QuickfixReport> {
  const { code, report, stderr } = await client.result();
  assertEquals(report?.violations, [], stderr);
  assertEquals(code, 0, stderr);
  assertEquals(report!.unanswered, 0);
  return report!;
}

Deno.test("a fresh machine becomes a host that trades, also after a reboot and an upgrade", async (t) => {
  const reason = await whyNot() ?? await whyNoVm() ?? await buildClient();
  if (reason !== undefined) {
    console.log(`SKIPPED: a virtual machine: ${reason}`);
    return;
  }
  await using machine = await VirtualMachine.start();
  const { directory } = machine;
  const hosts: Inventory = { engine1: { host: machine, vars: VARIABLES } };
  let first: Artifact | undefined;
  let client: QuickfixClient | undefined;
  let rests: QuickfixReport | undefined;
  const log = async () =>
    (await machine.run("journalctl -o cat -u ferrule -n 40")).text;
  const told = (what: string, since: number) =>
    console.log(`${what}: ${Math.round((performance.now() - since) / 1000)} s`);
  try {
    await t.step("it reaches nothing but its peer", async () => {
      const routes = await inside(machine, "cut -f 2 /proc/net/route");
      assertEquals(routes.includes("00000000"), false, routes);
    });

    await t.step("the playbook deploys it from nothing", async () => {
      await withoutPrometheus(machine);
      first = await buildArtifact(ROOT, Deno.execPath(), `${directory}/one`);
      await signArtifact(first.path, `${directory}/key`);
      const since = performance.now();
      const output = await play(hosts, "site.yml", {
        ferrule_release_archive: first.path,
      });
      told("first run", since);
      assertEquals(output.code, 0, output.text + await log());
      assertEquals((await get(machine, "/health"))["status"], "ok");
      client = await trader(machine, "CLIENT1", {
        orders: 200,
        seed: 1,
        mode: "steady",
      });
      rests = await clean(client);
      assert(rests.open.length > 0, "no order rests");
      await sameBooks(machine, rests);
    });
    if (rests === undefined) return;

    await t.step("the second run changes nothing", async () => {
      const since = performance.now();
      const output = await play(hosts, "site.yml", {
        ferrule_release_archive: first!.path,
      });
      told("second run", since);
      assertEquals(output.code, 0, output.text);
      assertEquals(recap(output.text)["changed"], 0, output.text);
    });

    await t.step("after a reboot it trades by itself", async () => {
      const boot = await inside(machine, "cat /proc/sys/kernel/random/boot_id");
      const since = performance.now();
      await machine.run("systemctl --no-block reboot");
      await machine.answered(boot.trim());
      await until(
        "it is healthy",
        async () => (await get(machine, "/health"))["status"] === "ok",
        log,
      );
      told("reboot", since);
      await sameBooks(machine, rests!);
      const pages = await inside(machine, "cat /proc/sys/vm/nr_hugepages");
      assert(Number(pages) >= 1024, `${pages} huge pages`);
      const limits = await inside(
        machine,
        "cat /proc/$(systemctl show -P MainPID ferrule)/limits",
      );
      assertStringIncludes(limits, "Max locked memory         unlimited");
      const exporter = await inside(
        machine,
        "systemctl is-active prometheus-node-exporter; " +
          "journalctl -b --no-pager -u prometheus-node-exporter | tail -20",
      );
      assert(exporter.startsWith("active"), exporter);
      const output = await play(hosts, "site.yml", {
        ferrule_release_archive: first!.path,
      });
      assertEquals(output.code, 0, output.text);
      assertEquals(recap(output.text)["changed"], 0, output.text);
    });

    await t.step("a second build takes over under load", async () => {
      const second = await packVersion("99.0.0", directory);
      client = await trader(machine, "CLIENT2", {
        orders: 0,
        seed: 2,
        mode: "resume",
      });
      await until(
        "it trades",
        async () => Number((await get(machine, "/health"))["sequence"]) > 1000,
      );
      const since = performance.now();
      const output = await play(hosts, "upgrade.yml", {
        ferrule_release_archive: second.path,
      });
      told("upgrade", since);
      assertEquals(output.code, 0, output.text + await log());
      assertStringIncludes(output.text, "in both releases");
      assertStringIncludes(await current(machine), "99.0.0-");
      client.finish();
      const report = await clean(client);
      assertEquals(report.session.logons, 2);
    });
  } finally {
    client?.kill();
    await client?.result();
  }
});
