// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Alert rules, dashboard and scrape configuration, against a running appliance
 * and Debian's own Prometheus.
 *
 * ```
 *   appliance ─/metrics─▶ Prometheus ─rules─▶ its API ─▶ test
 *   rules, dashboard ─names─▶ compared with /metrics and with the docs
 * ```
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/yaml";
import { Reason } from "../../engine/record/mod.ts";
import { type RunningAppliance, startAppliance } from "../appliance/harness.ts";
import { freePort, until } from "../replication/pair.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const FILES = `${ROOT}ansible/roles/ferrule_monitoring/files`;
const PAGE = `${ROOT}docs/operations/monitoring.md`;
const RULES = `${FILES}/ferrule_rules.yml`;
const METRIC = /\b(?:ferrule|node)_[A-Za-z0-9_]+/g;

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}

interface Dashboard {
  readonly panels: readonly {
    readonly type: string;
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

async function rules(): Promise<Rule[]> {
  const { groups } = parse(await Deno.readTextFile(RULES)) as {
    groups: { rules: Rule[] }[];
  };
  return groups.flatMap((group) => group.rules);
}

/** Every query of the dashboard, as Prometheus would get it. */
async function queries(): Promise<string[]> {
  const { panels } = JSON.parse(
    await Deno.readTextFile(`${FILES}/ferrule_dashboard.json`),
  ) as Dashboard;
  return panels.flatMap(({ targets }) => targets ?? []).map(({ expr }) =>
    expr.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*")
  );
}

/** Names of all metrics in a text, by their TYPE lines, and of a histogram's parts. */
function namesIn(text: string): Set<string> {
  const names = new Set<string>();
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    names.add(name!);
    if (type !== "histogram") continue;
    for (const part of ["bucket", "sum", "count"]) names.add(`${name}_${part}`);
  }
  return names;
}

async function metricsOf(appliance: RunningAppliance): Promise<string> {
  const url = `http://127.0.0.1:${appliance.adminPort}/metrics`;
  return await (await fetch(url)).text();
}

/** Runs a tool of Debian's; undefined if it is not there. */
async function run(
  name: string,
  args: readonly string[],
): Promise<{ ok: boolean; text: string } | undefined> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(name, {
      args: [...args],
      cwd: FILES,
    }).output();
    const text = new TextDecoder();
    return { ok: success, text: text.decode(stdout) + text.decode(stderr) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  }
}

for (
  const [what, ...args] of [
    ["the scrape configuration", "check", "config", "prometheus.yml"],
    ["the alert rules", "check", "rules", "ferrule_rules.yml"],
    ["each alert, firing and quiet", "test", "rules", "ferrule_rules_test.yml"],
  ] as const
) {
  Deno.test(`promtool accepts ${what}`, async () => {
    const result = await run("promtool", args);
    if (result === undefined) {
      console.log(`SKIPPED: promtool ${what}: apt install prometheus (Debian)`);
      return;
    }
    assert(result.ok, result.text);
  });
}

Deno.test("rules and dashboard name only metrics that the appliance has", async () => {
  await using appliance = await startAppliance();
  const known = namesIn(await metricsOf(appliance));
  const used = [...(await rules()).map(({ expr }) => expr), ...await queries()]
    .flatMap((expr) => expr.match(METRIC) ?? [])
    .filter((name) => name.startsWith("ferrule_"));
  assert(used.length > 50);
  assertEquals([...new Set(used)].filter((name) => !known.has(name)), []);
});

Deno.test("rules and dashboard name only metrics that Debian's node exporter has", async () => {
  const port = freePort();
  let exporter: Deno.ChildProcess;
  try {
    exporter = new Deno.Command("prometheus-node-exporter", {
      args: [`--web.listen-address=127.0.0.1:${port}`],
      stdout: "null",
      stderr: "null",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log("SKIPPED: node metrics: apt install prometheus-node-exporter");
    return;
  }
  let text = "";
  try {
    await until("the exporter answers", async () => {
      try {
        text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
        return true;
      } catch {
        return false;
      }
    });
  } finally {
    exporter.kill("SIGTERM");
    await exporter.status;
  }
  const known = namesIn(text);
  const used = [...(await rules()).map(({ expr }) => expr), ...await queries()]
    .flatMap((expr) => expr.match(METRIC) ?? [])
    .filter((name) => name.startsWith("node_"));
  assert(used.length > 8);
  assertEquals([...new Set(used)].filter((name) => !known.has(name)), []);
});

Deno.test("the operator's page has every metric of the appliance, and no other", async () => {
  await using appliance = await startAppliance();
  const text = await metricsOf(appliance);
  const page = await Deno.readTextFile(PAGE);
  const rows = new Set(
    [...page.matchAll(/^\| `(ferrule_\w+)` \|/gm)].map(([, name]) => name!),
  );
  const missing: string[] = [];
  for (const [, name, help] of text.matchAll(/^# HELP (\S+) (.*)$/gm)) {
    const type = text.match(new RegExp(`^# TYPE ${name} (\\S+)$`, "m"))![1];
    if (!rows.delete(name!)) {
      missing.push(`| \`${name}\` | ${type} |  | ${help} |`);
    }
  }
  assertEquals(missing.join("\n"), "", "add these rows to monitoring.md");
  assertEquals([...rows], [], "these are gone: take them out of monitoring.md");
});

Deno.test("every alert has a severity, a summary, a remedy and its place in the operator's page", async () => {
  const page = await Deno.readTextFile(PAGE);
  const all = await rules();
  assertEquals(new Set(all.map(({ alert }) => alert)).size, all.length);
  for (const { alert, labels, annotations } of all) {
    assert(["critical", "warning", "info"].includes(labels.severity), alert);
    assert(annotations.summary!.length > 10, alert);
    const words = annotations.description!.trim().replaceAll(/\s+/g, " ");
    assert(page.includes(`\n#### ${alert}\n\n\`${labels.severity}\``), alert);
    assert(page.includes(words), `${alert}: the page says it otherwise`);
    const link = `/opt/ferrule/current/docs/operations/monitoring.md#`;
    assertEquals(
      annotations.runbook_url,
      `file:${link}${alert.toLowerCase()}`,
    );
  }
  const headings = [...page.matchAll(/^#### (\w+)$/gm)].map(([, name]) =>
    name!
  );
  assertEquals(headings.sort(), all.map(({ alert }) => alert).sort());
});

Deno.test("codes of reasons in the rules are those of the records", async () => {
  const all = await rules();
  const find = (name: string) => all.find(({ alert }) => alert === name)!;
  assert(
    find("FerruleMessageRate").expr.includes(`"${Reason.MESSAGE_RATE}"`),
  );
  const { description } = find("FerruleJournalPressure").annotations;
  assert(description!.includes(`${Reason.JOURNAL_FULL}: no room`));
  assert(description!.includes(`${Reason.JOURNAL_SLOW}: too slow`));
});

Deno.test("the dashboard has the rows of the status page", async () => {
  const { panels } = JSON.parse(
    await Deno.readTextFile(`${FILES}/ferrule_dashboard.json`),
  ) as Dashboard;
  const rows = panels.filter(({ type }) => type === "row")
    .map(({ title }) => title);
  const html = await Deno.readTextFile(
    `${ROOT}engine/appliance/status/index.html`,
  );
  const headings = [...html.matchAll(/<h2[^>]*>([^<]+)<\/h2>/g)]
    .map(([, title]) => title!.replace(" findings", ""));
  assertEquals(rows.toSorted(), ["State", ...headings].toSorted());
});

Deno.test("a real Prometheus scrapes a real appliance, and notices when it stops", async () => {
  const folder = await Deno.makeTempDir({ prefix: "ferrule-prometheus-" });
  await using appliance = await startAppliance();
  const port = freePort();
  const config = (await Deno.readTextFile(`${FILES}/prometheus.yml`))
    .replaceAll("127.0.0.1:9090", `127.0.0.1:${appliance.adminPort}`)
    .replaceAll("127.0.0.1:9091", `127.0.0.1:${port}`)
    .replaceAll(/(scrape|evaluation)_(interval|timeout): \ds/g, "$1_$2: 1s");
  await Deno.writeTextFile(`${folder}/prometheus.yml`, config);
  await Deno.copyFile(RULES, `${folder}/ferrule_rules.yml`);
  let prometheus: Deno.ChildProcess;
  try {
    prometheus = new Deno.Command("prometheus", {
      args: [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      stdout: "null",
      stderr: "null",
    }).spawn();
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log("SKIPPED: a real Prometheus: apt install prometheus (Debian)");
    return;
  }
  const ask = async (path: string): Promise<{ data: unknown }> =>
    await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json();
  const value = async (query: string): Promise<string> => {
    const { data } = await ask(`query?query=${encodeURIComponent(query)}`);
    const { result } = data as { result: { value: [number, string] }[] };
    return result[0]?.value[1] ?? "";
  };
  try {
    await until("Prometheus is ready", async () => {
      try {
        const ready = await fetch(`http://127.0.0.1:${port}/-/ready`);
        await ready.body?.cancel();
        return ready.ok;
      } catch (error) {
        // Not listening yet.
        if (error instanceof TypeError) return false;
        throw error;
      }
    });
    await until(
      "it is scraped",
      async () =>
        await value('up{job="ferrule"}') === "1" &&
        await value("ferrule_up") === "1",
    );
    assertEquals(await value('ferrule_state{state="ok"}'), "1");
    for (const query of await queries()) {
      const answer = await ask(`query?query=${encodeURIComponent(query)}`);
      assert("data" in answer, `${query}: ${JSON.stringify(answer)}`);
    }
    const states = async () => {
      const { data } = await ask("rules?type=alert") as {
        data: { groups: { rules: Record<string, string>[] }[] };
      };
      return data.groups.flatMap((group) => group.rules);
    };
    await until(
      "all rules are evaluated",
      async () => (await states()).every(({ health }) => health === "ok"),
    );
    const state = async (name: string) =>
      (await states()).find((rule) => rule.name === name)!.state;
    assertEquals(await state("FerruleDown"), "inactive");
    assertEquals(await state("FerruleFailed"), "inactive");
    assertEquals(await appliance.stop(), 0);
    await until(
      "it is noticed",
      async () => await state("FerruleDown") !== "inactive",
    );
  } finally {
    prometheus.kill("SIGTERM");
    await prometheus.status;
    await Deno.remove(folder, { recursive: true });
  }
});
