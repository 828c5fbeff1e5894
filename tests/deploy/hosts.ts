// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Hosts under the playbooks: runs a playbook against machines of a test, asks
 * their admin ports, makes releases that differ from this one, and compares
 * books with what a client believes.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  type Artifact,
  buildArtifact,
  sha256File,
  signArtifact,
} from "../../ansible/artifact.ts";
import { defaultConfig } from "../../engine/config/mod.ts";
import type { DepthView } from "../../engine/marketdata/mod.ts";
import type { QuickfixReport } from "../quickfix/quickfix_client.ts";
import { execute, type Output, require } from "./container.ts";

/** The repository's top folder. */
export const ROOT = new URL("../..", import.meta.url).pathname.replace(
  /\/$/,
  "",
);
const PLAYBOOK_TIMEOUT_MS = 1_800_000;
const WAIT_MS_MAX = 120_000;
const SYMBOLS = ["AAPL", "MSFT", "BTC-USD"];
/** What a release is made of, besides its runtime and packages. */
const SOURCES = ["main.ts", "deno.json", "deno.lock", "LICENSE"];
const FOLDERS = ["engine", "ffi", "systemd", "docs", "native/build"];

/** A machine that is reached by ssh. */
export interface Host {
  readonly address: string;
  readonly peerAddress: string;
  readonly directory: string;
  readonly sshOptions: string[];
  /** A command that runs where the machine is reached from. */
  fromPeer(command: readonly string[]): string[];
  /** Runs a shell command on it, as root. */
  run(script: string): Promise<Output>;
}

/** Runs a script on a host and throws where it fails. */
export async function inside(host: Host, script: string): Promise<string> {
  const { code, text } = await host.run(script);
  if (code !== 0) throw new Error(`${script} ended with ${code}:\n${text}`);
  return text;
}

/** Stops Prometheus, which Debian starts where it is installed: it has the admin port's number. */
export async function withoutPrometheus(host: Host): Promise<void> {
  await inside(host, "systemctl disable --now prometheus");
}

/** Asks the admin port, from inside; status 503 has an answer too. */
export async function get(
  host: Host,
  path: string,
): Promise<Record<string, unknown>> {
  const text = await inside(
    host,
    `python3 - <<'END'
import urllib.request as r, urllib.error as e
try: print(r.urlopen('http://${host.address}:9090${path}', timeout=5).read().decode())
except e.HTTPError as x: print(x.read().decode())
except OSError as x: print('{"status": "no answer"}')
END`,
  );
  return JSON.parse(text);
}

/** Waits until something holds, two minutes at most. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  details: () => Promise<string> = () => Promise.resolve(""),
): Promise<void> {
  const deadline = performance.now() + WAIT_MS_MAX;
  while (!await holds()) {
    if (performance.now() > deadline) {
      throw new Error(`Never: ${what}\n${await details()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/** Hosts with their variables, by name: engine1, engine2. */
export type Inventory = Readonly<
  Record<string, { host: Host; vars?: Readonly<Record<string, unknown>> }>
>;

/**
 * Runs a playbook from where the hosts are reached. Files of the run lie in
 * the first host's directory.
 */
export async function play(
  inventory: Inventory,
  playbook: string,
  extra: Readonly<Record<string, unknown>> = {},
  options: readonly string[] = [],
): Promise<Output> {
  const first = Object.values(inventory)[0]!.host;
  const { directory } = first;
  const publicKey = await Deno.readTextFile(`${directory}/key.pub`);
  const hosts = Object.entries(inventory).map(([name, { host, vars }]) => [
    name,
    {
      ansible_host: host.address,
      ansible_user: "root",
      ansible_ssh_common_args: host.sshOptions.join(" "),
      ferrule_release_public_key: publicKey.trim(),
      ferrule_engine_listen_address: host.address,
      // Not the default: the unit's drop-in is there, and must survive.
      ferrule_engine_admin_address: host.address,
      ferrule_engine_secrets_directory: `${directory}/secrets`,
      ...vars,
    },
  ]);
  const file = `${directory}/inventory.json`;
  await Deno.writeTextFile(
    file,
    JSON.stringify({ ferrule_engines: { hosts: Object.fromEntries(hosts) } }),
  );
  return await ansiblePlaybook(first, [
    `--inventory=${file}`,
    `--extra-vars=${JSON.stringify(extra)}`,
    ...options,
    playbook,
  ]);
}

/** `ansible-playbook` from where a host is reached; what it leaves lies in the host's directory. */
export async function ansiblePlaybook(
  host: Host,
  options: readonly string[],
): Promise<Output> {
  const { directory } = host;
  return await execute(host.fromPeer(["ansible-playbook", ...options]), {
    cwd: `${ROOT}/ansible`,
    env: {
      ANSIBLE_CONFIG: `${ROOT}/ansible/ansible.cfg`,
      ANSIBLE_NOCOLOR: "1",
      ANSIBLE_HOME: `${directory}/ansible`,
      ANSIBLE_LOCAL_TEMP: `${directory}/ansible/tmp`,
      ANSIBLE_SSH_CONTROL_PATH_DIR: `${directory}/cp`,
    },
    timeoutMs: PLAYBOOK_TIMEOUT_MS,
  });
}

/** The counts of a play's recap for a host: ok, changed, failed, ... */
export function recap(
  output: string,
  host = "engine1",
): Record<string, number> {
  const line = output.split("\n").findLast((line) =>
    line.startsWith(`${host} `)
  );
  const counts = (line ?? "").matchAll(/(\w+)=(\d+)/g);
  return Object.fromEntries(
    [...counts].map(([, name, n]) => [name, Number(n)]),
  );
}

/** The release that `current` names. */
export async function current(host: Host): Promise<string> {
  const path = await inside(host, "readlink /opt/ferrule/current");
  return path.trim().replace(/^releases\//, "");
}

/** Packs and signs this tree under another version: the second build. */
export async function packVersion(
  version: string,
  directory: string,
): Promise<Artifact> {
  const tree = `${directory}/tree-${version}`;
  await Deno.mkdir(`${tree}/native`, { recursive: true });
  for (const path of SOURCES) {
    await Deno.copyFile(`${ROOT}/${path}`, `${tree}/${path}`);
  }
  for (const path of FOLDERS) {
    await require(["cp", "-a", `${ROOT}/${path}`, `${tree}/${path}`]);
  }
  const project = JSON.parse(await Deno.readTextFile(`${tree}/deno.json`));
  await Deno.writeTextFile(
    `${tree}/deno.json`,
    JSON.stringify({ ...project, version }, null, 2),
  );
  const artifact = await buildArtifact(tree, Deno.execPath(), `${tree}/build`);
  await signArtifact(artifact.path, `${directory}/key`);
  return artifact;
}

/**
 * Lays a changed copy of the release that runs beside it, on the host.
 *
 * @param edit A file of it, a text in it, and what stands there instead.
 */
export async function spoil(
  host: Host,
  name: string,
  edit: { file: string; search: string; replacement: string },
): Promise<void> {
  const source = await Deno.readTextFile(`${ROOT}/${edit.file}`);
  if (source.split(edit.search).length !== 2) {
    throw new Error(`${edit.search} is not once in ${edit.file}`);
  }
  const spoiled = `${host.directory}/${name}.ts`;
  await Deno.writeTextFile(
    spoiled,
    source.replace(edit.search, edit.replacement),
  );
  const folder = `/opt/ferrule/releases/${name}`;
  await inside(host, `cp -a $(realpath /opt/ferrule/current) ${folder}`);
  await require(
    host.fromPeer([
      "scp",
      "-q",
      ...host.sshOptions,
      spoiled,
      `root@${host.address}:${folder}/${edit.file}`,
    ]),
  );
  const digest = await sha256File(spoiled);
  await inside(
    host,
    `sed -i 's|^[0-9a-f]*  ${edit.file}$|${digest}  ${edit.file}|' ${folder}/MANIFEST && ` +
      `cd ${folder} && sha256sum --check --strict --quiet MANIFEST`,
  );
}

/** A level of a book: price, quantity, orders. */
export type Level = readonly [price: string, quantity: string, orders: number];

function level(price: number, quantity: number, orders: number): Level {
  return [price.toFixed(2), quantity.toFixed(8), orders];
}

/** Both sides of each book, as the admin port shows them. */
export async function books(host: Host): Promise<Record<string, Level[]>> {
  const found: Record<string, Level[]> = {};
  for (const symbol of SYMBOLS) {
    const { bids, asks } = await get(
      host,
      `/book/${symbol}`,
    ) as unknown as DepthView;
    for (const [side, levels] of [["1", bids], ["2", asks]] as const) {
      found[`${symbol} ${side}`] = levels.map((one) =>
        level(one.price, one.quantity, one.orders)
      );
    }
  }
  return found;
}

/** The same books, made from the orders that a client believes open. */
export function booksOf(open: QuickfixReport["open"]): Record<string, Level[]> {
  const made: Record<string, Level[]> = {};
  for (const symbol of SYMBOLS) {
    for (const side of ["1", "2"]) {
      const levels = new Map<number, { quantity: number; orders: number }>();
      for (const order of open) {
        if (order.symbol !== symbol || order.side !== side) continue;
        const price = Number(order.price);
        const one = levels.get(price) ?? { quantity: 0, orders: 0 };
        one.quantity += Number(order.leaves);
        one.orders += 1;
        levels.set(price, one);
      }
      made[`${symbol} ${side}`] = [...levels]
        .sort(([a], [b]) => side === "1" ? b - a : a - b)
        .slice(0, defaultConfig().capacity.depthLevels)
        .map(([price, one]) => level(price, one.quantity, one.orders));
    }
  }
  return made;
}

/** What a client believes open, and nothing else, stands in the books. */
export async function sameBooks(
  host: Host,
  report: QuickfixReport,
): Promise<void> {
  assertEquals(await books(host), booksOf(report.open));
  const { ordersOpen } = await get(host, "/health");
  assertEquals(ordersOpen, report.open.length);
}
