// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The Dockerfile, the compose file and what prepares their volumes, as far as
 * they can be checked without a container engine.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { parse } from "@std/yaml";
import { loadConfig } from "../../engine/config/mod.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const read = (path: string) => Deno.readTextFile(`${ROOT}${path}`);

interface Service {
  readonly image: string;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly privileged?: boolean;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

async function services(): Promise<Record<string, Service>> {
  const file = parse(await read("containers/compose.yml"), { merge: true });
  return (file as { services: Record<string, Service> }).services;
}

/** Instructions of the Dockerfile, continued lines joined, comments left out. */
async function instructions(): Promise<string[][]> {
  const text = (await read("containers/Dockerfile"))
    .split("\n").filter((line) => !line.startsWith("#")).join("\n");
  return text.replaceAll(/\\\n\s*/g, "").split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => line.split(/\s+/));
}

function pinned(image: string): boolean {
  return /:[^:/]+$/.test(image) && !image.endsWith(":latest");
}

Deno.test("Dockerfile: several stages of pinned images, no root, a health check", async () => {
  const all = await instructions();
  const from = all.filter(([name]) => name === "FROM");
  assert(from.length >= 2);
  for (const [, image] of from) assert(pinned(image!), image);
  const last = all.slice(all.lastIndexOf(from.at(-1)!));
  const users = last.filter(([name]) => name === "USER");
  assertEquals(users.length, 1);
  const uid = Number(users[0]![1]!.split(":")[0]);
  assert(Number.isInteger(uid) && uid > 0, "a number that is not root's");
  const after = last.slice(last.indexOf(users[0]!));
  assert(!after.some(([name]) => name === "RUN" || name === "COPY"));
  const names = last.map(([name]) => name);
  for (const name of ["HEALTHCHECK", "ENTRYPOINT", "CMD", "STOPSIGNAL"]) {
    assert(names.includes(name), name);
  }
  assert(!all.some(([name]) => name === "ADD"), "COPY says what it does");
});

Deno.test("Dockerfile: packages without recommendations, their lists removed; no compiler in the last stage", async () => {
  const all = await instructions();
  const last = all.findLastIndex(([name]) => name === "FROM");
  for (const [place, words] of all.entries()) {
    const line = words.join(" ");
    if (!line.includes("apt-get install")) continue;
    assert(line.includes("--no-install-recommends"), line);
    assert(line.includes("rm -rf /var/lib/apt/lists"), line);
    assert(place < last, "the last stage installs nothing");
  }
});

Deno.test("Dockerfile copies what is there and what its ignore file lets through", async () => {
  const ignored = (await read("containers/Dockerfile.dockerignore"))
    .split("\n").filter((line) => line.startsWith("!"))
    .map((line) => line.slice(1));
  for (const words of await instructions()) {
    if (words[0] !== "COPY" || words[1]!.startsWith("--from")) continue;
    for (const source of words.slice(1, -1)) {
      Deno.statSync(`${ROOT}${source}`);
      const path = source.replace(/\/$/, "");
      assert(
        ignored.some((kept) => kept === path || kept.startsWith(`${path}/`)),
        source,
      );
    }
  }
  for (const kept of ignored) {
    assert(!/secret|data$|\.git|inventory/.test(kept), kept);
  }
});

Deno.test("Dockerfile starts the appliance with the permissions of the unit", async () => {
  const flags = (text: string) =>
    [...text.matchAll(/--(?:allow|no-prompt|cached|frozen)[a-z-]*/g)]
      .map(([flag]) => flag).sort();
  const entry = (await instructions()).find(([name]) => name === "ENTRYPOINT")!;
  const [start] = (await read("systemd/ferrule.service")).split("ExecReload=");
  const unit = start!.split("\n")
    .filter((line) => /^(ExecStart=| {4}--)/.test(line)).join(" ");
  assertEquals(flags(entry.join(" ")), flags(unit));
});

Deno.test("compose: pinned images, no capability, every port on loopback", async () => {
  const all = Object.entries(await services());
  assertEquals(all.map(([name]) => name), [
    "setup",
    "appliance",
    "prometheus",
    "grafana",
  ]);
  for (const [name, service] of all) {
    assert(pinned(service.image), service.image);
    assertEquals(service.cap_drop, ["ALL"], name);
    assertEquals(service.security_opt, ["no-new-privileges:true"], name);
    assertEquals(service.privileged, undefined);
    for (const port of service.ports ?? []) {
      assert(port.startsWith("127.0.0.1:"), `${name}: ${port}`);
    }
    for (const volume of service.volumes ?? []) {
      const [source] = volume.split(":");
      if (!source!.startsWith(".")) continue;
      assert(Deno.statSync(`${ROOT}containers/${source}`).isFile, source);
      assert(volume.endsWith(":ro"), volume);
    }
  }
});

Deno.test("compose: Grafana's password comes from a file, and nothing here knows one", async () => {
  const { grafana } = await services();
  const { environment } = grafana!;
  assertEquals(
    environment!.GF_SECURITY_ADMIN_PASSWORD__FILE,
    "/run/grafana-secret/admin_password",
  );
  assert(!Object.keys(environment!).includes("GF_SECURITY_ADMIN_PASSWORD"));
  assert(grafana!.volumes!.includes("grafana-secret:/run/grafana-secret:ro"));
});

Deno.test("setup.ts makes a configuration that loads, with secrets of its own, once", async () => {
  const setup = async (folder: string): Promise<string> => {
    await Deno.mkdir(`${folder}/etc`, { recursive: true });
    await Deno.mkdir(`${folder}/grafana`, { recursive: true });
    const { success, stdout, stderr } = await new Deno.Command(
      Deno.execPath(),
      {
        args: [
          "run",
          "--no-prompt",
          "--cached-only",
          "--frozen",
          `--allow-write=${folder}/etc,${folder}/grafana`,
          `${ROOT}containers/setup.ts`,
          `${folder}/etc`,
          `${folder}/grafana`,
        ],
        cwd: ROOT,
      },
    ).output();
    const text = new TextDecoder();
    assert(success, text.decode(stderr));
    return text.decode(stdout);
  };
  const top = await Deno.makeTempDir({ prefix: "ferrule-setup-" });
  try {
    const said = await setup(`${top}/a`);
    await setup(`${top}/b`);
    const file = `${top}/a/etc/ferrule.toml`;
    const text = await Deno.readTextFile(file);
    const config = loadConfig(text, file);
    assertEquals(config.fix.address, "0.0.0.0");
    assertEquals(config.appliance.dataDirectory, "/var/lib/ferrule");
    const secrets = [
      ...config.fix.sessions.map(({ password }) => password),
      ...config.binary.sessions.map(({ key }) => key),
      await Deno.readTextFile(`${top}/a/grafana/admin_password`),
    ];
    assertEquals(new Set(secrets).size, 5);
    for (const secret of secrets) {
      assert(secret.length >= 10, "long enough");
      assert(!said.includes(secret), "is not printed");
    }
    assertEquals(Deno.statSync(file).mode! & 0o777, 0o600);
    assertNotEquals(await Deno.readTextFile(`${top}/b/etc/ferrule.toml`), text);
    await setup(`${top}/a`);
    assertEquals(await Deno.readTextFile(file), text, "what is there stays");
  } finally {
    await Deno.remove(top, { recursive: true });
  }
});

Deno.test("promtool accepts the scrape configuration of the containers", async () => {
  const folder = await Deno.makeTempDir({ prefix: "ferrule-promtool-" });
  try {
    for (
      const path of [
        "containers/prometheus.yml",
        "ansible/roles/ferrule_monitoring/files/ferrule_rules.yml",
      ]
    ) {
      await Deno.copyFile(
        `${ROOT}${path}`,
        `${folder}/${path.split("/").pop()}`,
      );
    }
    const { success, stderr } = await new Deno.Command("promtool", {
      args: ["check", "config", `${folder}/prometheus.yml`],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log(
      "SKIPPED: promtool, containers: apt install prometheus (Debian)",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
