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
export const PACKAGES: readonly string[] = [
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

/** The first four are the first container's network, and so on. */
const NETWORK = "10.77.0";
const BUILD_TIMEOUT_MS = 900_000;
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
export async function cacheDirectory(): Promise<string> {
  const base = Deno.env.get("XDG_CACHE_HOME") ??
    `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  await Deno.mkdir(`${base}/ferrule-test`, { recursive: true });
  return `${base}/ferrule-test`;
}

/** Whether there is something of that name. */
export async function exists(path: string): Promise<boolean> {
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
export async function debianRoot(
  cache: string,
  packages: readonly string[] = PACKAGES,
): Promise<string> {
  const key = createHash("sha256").update(packages.join()).digest("hex");
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
      `--include=${packages.join()}`,
      // A boot loader is put onto a disk later, not while it is unpacked.
      "--essential-hook=echo grub-pc grub-pc/install_devices_empty boolean true | " +
      'chroot "$1" debconf-set-selections',
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
  readonly address: string;
  /** Who it sees coming from there. */
  readonly peerAddress: string;
  /** Scratch directory of this container; goes away with it. */
  readonly directory: string;
  readonly #name: string;
  /** Whose peer namespace it shares; undefined = it has its own. */
  readonly #beside: Container | undefined;
  #nspawn: Deno.ChildProcess | undefined;
  #log: Promise<void> = Promise.resolve();

  private constructor(name: string, directory: string, beside?: Container) {
    this.#name = name;
    this.directory = directory;
    this.#beside = beside;
    const from = beside === undefined ? 0 : 4;
    this.peerAddress = `${NETWORK}.${from + 1}`;
    this.address = `${NETWORK}.${from + 2}`;
  }

  /**
   * Builds the root where it is missing, boots, and waits for sshd.
   *
   * @param beside Shares its peer namespace, through which the two reach each other.
   */
  static async start(beside?: Container): Promise<Container> {
    const cache = await cacheDirectory();
    const lower = await debianRoot(cache);
    const directory = await Deno.makeTempDir({ dir: cache, prefix: "run-" });
    const name = `ferrule-${Deno.pid}${beside === undefined ? "" : "b"}`;
    const container = new Container(name, directory, beside);
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

  get #peer(): string {
    return `${(this.#beside ?? this).#name}-peer`;
  }

  /** A command that runs in the peer namespace. */
  fromPeer(command: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.#peer, ...command];
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
      this.fromPeer([
        "ssh",
        ...this.sshOptions,
        `root@${this.address}`,
        script,
      ]),
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
      `${this.address} ${hostKey}`,
    );
    // Empty: the container gives itself an identity at its first boot.
    await Deno.writeTextFile(`${root}/etc/machine-id`, "");
    await Deno.writeTextFile(`${root}/etc/hostname`, `${this.#name}\n`);
    await this.#connect();
  }

  async #connect(): Promise<void> {
    const name = this.#name;
    const peer = this.#peer;
    const own = this.#beside === undefined ? [name, peer] : [name];
    for (const namespace of own) {
      await require(["ip", "netns", "add", namespace]);
      await require(["ip", "-n", namespace, "link", "set", "lo", "up"]);
    }
    const far = this.#beside === undefined ? "data0" : "data1";
    await require(
      `ip -n ${name} link add data0 type veth peer name ${far} netns ${peer}`
        .split(" "),
    );
    const ends = [
      [name, "data0", this.address],
      [peer, far, this.peerAddress],
    ] as const;
    for (const [namespace, device, address] of ends) {
      await require(
        `ip -n ${namespace} address add ${address}/30 dev ${device}`.split(" "),
      );
      await require(`ip -n ${namespace} link set ${device} up`.split(" "));
    }
    if (this.#beside !== undefined) await this.#route(this.#beside);
    // A card that nobody came in on, for the roles to set.
    await require(
      `ip -n ${name} link add clients0 type veth peer name clients1`.split(" "),
    );
  }

  /** Lets the two containers reach each other, and nobody else. */
  async #route(other: Container): Promise<void> {
    const ways = [[this, other], [other, this]] as const;
    for (const [from, to] of ways) {
      await require(
        `ip -n ${from.#name} route add ${to.peerAddress} via ${from.peerAddress}`
          .split(" "),
      );
      await require(
        `ip -n ${from.#name} route add ${to.address} via ${from.peerAddress}`
          .split(" "),
      );
    }
    await require(
      this.fromPeer(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]),
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

  /** Pulls the plug: without its init, nothing of it runs on. */
  async pull(): Promise<void> {
    const nspawn = this.#nspawn!;
    const children = await Deno.readTextFile(
      `/proc/${nspawn.pid}/task/${nspawn.pid}/children`,
    );
    for (const pid of children.trim().split(/\s+/)) {
      Deno.kill(Number(pid), "SIGKILL");
    }
    await nspawn.status;
    await this.#log;
    this.#nspawn = undefined;
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
    const own = this.#beside === undefined ? [this.#peer] : [];
    for (const namespace of [this.#name, ...own]) {
      await execute(["ip", "netns", "delete", namespace]);
    }
    await execute(["umount", `${this.directory}/root`]);
    await require(["rm", "-rf", "--one-file-system", this.directory]);
  }
}
