// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A Debian 12 machine for the deployment test: a systemd-nspawn container
 * over a cached root, on one end of a veth pair. The other end lies in a
 * namespace of its own, from where the test administers it and trades with
 * it. Neither namespace has a route to anywhere else.
 *
 * ```
 *   namespace <name>-peer                    namespace <name>
 *   ansible, ssh, FIX client                 Debian 12, systemd, sshd, appliance
 *   10.77.0.1 ──────────────── veth ──────────────── 10.77.0.2
 * ```
 *
 * Stops and removes only what it made.
 *
 * @module
 */
import { createHash } from "node:crypto";

/**
 * Packages of the root, besides the essential ones. Nothing in it is ours: the
 * second half is what the roles would install, if there were a mirror.
 */
const PACKAGES = [
  "ca-certificates",
  "dbus",
  "openssh-server",
  "python3",
  "systemd",
  "systemd-sysv",
  "chrony",
  "ethtool",
  "iproute2",
  "nftables",
  "prometheus",
  "prometheus-node-exporter",
  "rsync",
];

/** What must be on PATH here, with the Debian package that has it. */
const TOOLS: Readonly<Record<string, string>> = {
  "mmdebstrap": "mmdebstrap",
  "systemd-nspawn": "systemd-container",
  "ansible-playbook": "ansible-core",
  "ssh": "openssh-client",
  "ssh-keygen": "openssh-client",
  "ip": "iproute2",
  "tar": "tar",
};

const SUITE = "bookworm";
/** Where apt on Debian has its sources; without, mmdebstrap takes Debian's own. */
const APT_SOURCES = [
  "/etc/apt/sources.list.d/debian.sources",
  "/etc/apt/sources.list",
];

const PEER_ADDRESS = "10.77.0.1";
const ADDRESS = "10.77.0.2";
const BUILD_TIMEOUT_MS = 600_000;
const BOOT_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;

/** What a command left behind. */
export interface Output {
  readonly code: number;
  /** Standard output and standard error, in this order. */
  readonly text: string;
}

/** Runs a command to its end, at most for `timeoutMs`. */
export async function execute(
  command: readonly string[],
  options: { env?: Record<string, string>; cwd?: string; timeoutMs?: number } =
    {},
): Promise<Output> {
  const { timeoutMs = 120_000, ...rest } = options;
  const { code, stdout, stderr } = await new Deno.Command(command[0]!, {
    args: command.slice(1),
    stdin: "null",
    signal: AbortSignal.timeout(timeoutMs),
    ...rest,
  }).output();
  const text = new TextDecoder();
  return { code, text: text.decode(stdout) + text.decode(stderr) };
}

/** Like `execute()`, and throws with the output where the command fails. */
export async function require(
  command: readonly string[],
  options: { env?: Record<string, string>; cwd?: string; timeoutMs?: number } =
    {},
): Promise<string> {
  const { code, text } = await execute(command, options);
  if (code !== 0) {
    throw new Error(`${command.join(" ")} ended with ${code}:\n${text}`);
  }
  return text;
}

/** Why no container can run here, or undefined where it can. */
export async function whyNot(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "needs root";
  for (const [tool, debianPackage] of Object.entries(TOOLS)) {
    const { code } = await execute(["sh", "-c", `command -v ${tool}`]);
    if (code !== 0) return `needs ${tool} (Debian package ${debianPackage})`;
  }
  return undefined;
}

/** `${XDG_CACHE_HOME:-~/.cache}/ferrule-test`, made where missing. */
async function cacheDirectory(): Promise<string> {
  const base = Deno.env.get("XDG_CACHE_HOME") ??
    `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  await Deno.mkdir(`${base}/ferrule-test`, { recursive: true });
  return `${base}/ferrule-test`;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * The cached root, built where it is missing; its name is a hash of what is in
 * it. The packages come from where this machine gets its own.
 */
async function debianRoot(cache: string): Promise<string> {
  const key = createHash("sha256").update(PACKAGES.join()).digest("hex");
  const root = `${cache}/root-${key.slice(0, 12)}`;
  if (await exists(root)) return root;
  const sources: string[] = [];
  for (const path of APT_SOURCES) {
    if (!await exists(path)) continue;
    if ((await Deno.readTextFile(path)).includes(SUITE)) sources.push(path);
  }
  const incoming = await Deno.makeTempDir({ dir: cache, prefix: ".root-" });
  try {
    await require([
      "mmdebstrap",
      "--variant=minbase",
      "--format=directory",
      `--include=${PACKAGES.join()}`,
      // A frozen archive's lists look expired, and are as good.
      '--aptopt=Acquire::Check-Valid-Until "false"',
      '--aptopt=Acquire::Check-Date "false"',
      SUITE,
      `${incoming}/root`,
      ...sources,
    ], { timeoutMs: BUILD_TIMEOUT_MS });
    await Deno.rename(`${incoming}/root`, root);
  } catch (error) {
    // Another run may have been faster.
    if (!await exists(root)) throw error;
  } finally {
    await require(["rm", "-rf", "--one-file-system", incoming]);
  }
  return root;
}

/** A running container. `await using` stops it. */
export class Container {
  /** Where the container is reached from the peer namespace. */
  readonly address = ADDRESS;
  /** Who it sees coming from there. */
  readonly peerAddress = PEER_ADDRESS;
  /** Scratch directory of this container; goes away with it. */
  readonly directory: string;
  readonly #name: string;
  #nspawn: Deno.ChildProcess | undefined;
  #log: Promise<void> = Promise.resolve();

  private constructor(name: string, directory: string) {
    this.#name = name;
    this.directory = directory;
  }

  /** Builds the root where it is missing, boots, and waits for sshd. */
  static async start(): Promise<Container> {
    const cache = await cacheDirectory();
    const lower = await debianRoot(cache);
    const directory = await Deno.makeTempDir({ dir: cache, prefix: "run-" });
    const container = new Container(`ferrule-${Deno.pid}`, directory);
    try {
      await container.#prepare(lower);
      await container.#boot();
      return container;
    } catch (error) {
      await container[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The console's output so far, for the message of a failure. */
  async console(): Promise<string> {
    return await Deno.readTextFile(`${this.directory}/console.log`);
  }

  /** A command that runs in the peer namespace. */
  fromPeer(command: readonly string[]): string[] {
    return ["ip", "netns", "exec", `${this.#name}-peer`, ...command];
  }

  /** The options with which ssh reaches the container, and trusts only it. */
  get sshOptions(): string[] {
    return [
      "-F/dev/null",
      `-i${this.directory}/key`,
      "-oIdentitiesOnly=yes",
      `-oUserKnownHostsFile=${this.directory}/known_hosts`,
      "-oStrictHostKeyChecking=yes",
      "-oBatchMode=yes",
      "-oConnectTimeout=5",
      "-oLogLevel=ERROR",
    ];
  }

  /** Runs a shell command in the container, as root. */
  async run(script: string): Promise<Output> {
    return await execute(
      this.fromPeer(["ssh", ...this.sshOptions, `root@${ADDRESS}`, script]),
    );
  }

  async #prepare(lower: string): Promise<void> {
    const { directory } = this;
    for (const name of ["upper", "work", "root"]) {
      await Deno.mkdir(`${directory}/${name}`);
    }
    await require([
      "mount",
      "-t",
      "overlay",
      "-o",
      `lowerdir=${lower},upperdir=${directory}/upper,workdir=${directory}/work`,
      this.#name,
      `${directory}/root`,
    ]);
    const root = `${directory}/root`;
    await require([
      "ssh-keygen",
      "-qt",
      "ed25519",
      "-N",
      "",
      "-C",
      "deploy-test",
      "-f",
      `${directory}/key`,
    ]);
    await Deno.mkdir(`${root}/root/.ssh`, { recursive: true, mode: 0o700 });
    await Deno.copyFile(
      `${directory}/key.pub`,
      `${root}/root/.ssh/authorized_keys`,
    );
    const hostKey = await Deno.readTextFile(
      `${root}/etc/ssh/ssh_host_ed25519_key.pub`,
    );
    await Deno.writeTextFile(
      `${directory}/known_hosts`,
      `${ADDRESS} ${hostKey}`,
    );
    // Empty: the container gives itself an identity at its first boot.
    await Deno.writeTextFile(`${root}/etc/machine-id`, "");
    await Deno.writeTextFile(`${root}/etc/hostname`, `${this.#name}\n`);
    await this.#connect();
  }

  async #connect(): Promise<void> {
    const name = this.#name;
    for (const namespace of [name, `${name}-peer`]) {
      await require(["ip", "netns", "add", namespace]);
      await require(["ip", "-n", namespace, "link", "set", "lo", "up"]);
    }
    await require(
      `ip -n ${name} link add data0 type veth peer name data0 netns ${name}-peer`
        .split(" "),
    );
    const ends = [[name, ADDRESS], [`${name}-peer`, PEER_ADDRESS]] as const;
    for (const [namespace, address] of ends) {
      await require(
        `ip -n ${namespace} address add ${address}/30 dev data0`.split(" "),
      );
      await require(`ip -n ${namespace} link set data0 up`.split(" "));
    }
    // A card that nobody came in on, for the roles to set.
    await require(
      `ip -n ${name} link add clients0 type veth peer name clients1`.split(" "),
    );
  }

  async #boot(): Promise<void> {
    const { directory } = this;
    const nspawn = new Deno.Command("systemd-nspawn", {
      args: [
        "--register=no",
        "--keep-unit",
        "--boot",
        "--quiet",
        `--directory=${directory}/root`,
        `--machine=${this.#name}`,
        `--network-namespace-path=/run/netns/${this.#name}`,
        // The second for the firewall of the container's own namespace.
        "--capability=CAP_IPC_LOCK,CAP_NET_ADMIN",
        "--resolv-conf=off",
        "--link-journal=no",
        "--console=pipe",
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#nspawn = nspawn;
    const log = await Deno.open(`${directory}/console.log`, {
      create: true,
      write: true,
    });
    this.#log = nspawn.stdout.pipeTo(log.writable);
    const deadline = Date.now() + BOOT_TIMEOUT_MS;
    while ((await this.run("true")).code !== 0) {
      if (Date.now() > deadline) {
        throw new Error(`No ssh to the container:\n${await this.console()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** Shuts the container down in order and removes all that was made for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#nspawn !== undefined) {
      const nspawn = this.#nspawn;
      // nspawn passes the first TERM on as an orderly shutdown; the second ends the container at once.
      const kill = setTimeout(() => nspawn.kill("SIGTERM"), STOP_TIMEOUT_MS);
      nspawn.kill("SIGTERM");
      await nspawn.status;
      clearTimeout(kill);
      await this.#log;
    }
    for (const namespace of [this.#name, `${this.#name}-peer`]) {
      await execute(["ip", "netns", "delete", namespace]);
    }
    await execute(["umount", `${this.directory}/root`]);
    await require(["rm", "-rf", "--one-file-system", this.directory]);
  }
}
