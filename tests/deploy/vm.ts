// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A Debian 12 virtual machine for the deployment tests: QEMU with software
 * emulation over a cached disk image with GRUB and Debian's own kernel, on a
 * tap in a namespace of its own. What a container shares with its host is its
 * own here: kernel, boot line, sysctls, huge pages, limits, reboots.
 *
 * ```
 *   namespace <name>
 *   ansible, ssh, FIX client, qemu ── tap ── virtio: Debian 12, appliance
 *   10.78.0.1                                10.78.0.2
 * ```
 *
 * The namespace has no route to anywhere else. Stops and removes only what it
 * made; the disk image stays in the cache.
 *
 * @module
 */
import { createHash } from "node:crypto";
import {
  cacheDirectory,
  debianRoot,
  execute,
  exists,
  type Output,
  PACKAGES,
  require,
} from "./container.ts";

/** What makes a root bootable, and what a container does not need. */
const VM_PACKAGES = [
  ...PACKAGES,
  "grub-pc",
  "ifupdown",
  "init",
  "kmod",
  "linux-image-amd64",
  "procps",
  "udev",
];
/** What must be on PATH here besides the tools of a container. */
const TOOLS: Readonly<Record<string, string>> = {
  "qemu-system-x86_64": "qemu-system-x86",
  "qemu-img": "qemu-utils",
  "sfdisk": "fdisk",
  "mkfs.ext4": "e2fsprogs",
  "losetup": "mount",
  "partx": "util-linux",
};
/** Part of the image's name: a change of what is written into it makes another. */
const IMAGE_VERSION = 1;
const DISK = "8G";
/** Where the second partition begins: behind the table, and GRUB's own. */
const ROOT_OFFSET_BYTES = 2 * 2 ** 20;
const MEMORY_MIB = 4096;
const MAC = "52:54:00:00:00:01";
const ADDRESS = "10.78.0.2";
const PEER_ADDRESS = "10.78.0.1";
const BUILD_TIMEOUT_MS = 900_000;
const BOOT_TIMEOUT_MS = 600_000;
const STOP_TIMEOUT_MS = 120_000;
const COMMAND_TIMEOUT_MS = 300_000;

/** Why no virtual machine can run here, or undefined where it can. */
export async function whyNoVm(): Promise<string | undefined> {
  for (const [tool, debianPackage] of Object.entries(TOOLS)) {
    const { code } = await execute(["sh", "-c", `command -v ${tool}`]);
    if (code !== 0) return `needs ${tool} (Debian package ${debianPackage})`;
  }
  return undefined;
}

/** Files of the guest, by path. */
const FILES: Readonly<Record<string, string>> = {
  "etc/hostname": "guest\n",
  "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 guest\n",
  "etc/fstab": "LABEL=root / ext4 noatime,errors=remount-ro 0 1\n",
  "etc/machine-id": "",
  "etc/systemd/network/10-data.link":
    `[Match]\nMACAddress=${MAC}\n[Link]\nName=data0\n`,
  "etc/network/interfaces":
    `auto lo\niface lo inet loopback\nauto data0\niface data0 inet static\n` +
    `    address ${ADDRESS}/30\n`,
  "etc/default/grub.d/10-test.cfg": 'GRUB_TIMEOUT=0\nGRUB_TERMINAL="serial"\n' +
    'GRUB_SERIAL_COMMAND="serial --speed=115200"\n' +
    'GRUB_CMDLINE_LINUX_DEFAULT=""\nGRUB_CMDLINE_LINUX="console=ttyS0"\n' +
    "GRUB_DISABLE_OS_PROBER=true\n",
};

/** The cached disk image, built where it is missing. */
async function diskImage(cache: string): Promise<string> {
  const root = await debianRoot(cache, VM_PACKAGES);
  const key = createHash("sha256")
    .update(`${IMAGE_VERSION}${root}${DISK}${JSON.stringify(FILES)}`)
    .digest("hex").slice(0, 12);
  const image = `${cache}/disk-${key}.raw`;
  if (await exists(image)) return image;
  const work = await Deno.makeTempDir({ dir: cache, prefix: ".disk-" });
  try {
    await writeImage(root, work);
    await Deno.rename(`${work}/disk.raw`, image);
  } finally {
    await require(["rm", "-rf", "--one-file-system", work]);
  }
  return image;
}

/** Partitions, file system, files, boot loader. */
async function writeImage(root: string, work: string): Promise<void> {
  const disk = `${work}/disk.raw`;
  const mnt = `${work}/mnt`;
  await Deno.mkdir(mnt);
  await require(["truncate", "-s", DISK, disk]);
  await require([
    "sh",
    "-c",
    "printf 'label: gpt\\nsize=1MiB,type=21686148-6449-6E6F-744E-656564454649\\n" +
    `type=0FC63DAF-8483-4772-8E79-3D69D8477DE4\\n' | sfdisk -q ${disk}`,
  ]);
  const loop = (await require(["losetup", "--find", "--show", disk])).trim();
  try {
    // In user space: not every kernel reads GPT tables.
    await require(["partx", "--add", loop]);
    for (const part of [1, 2]) await deviceNode(loop, part);
    await require(["mkfs.ext4", "-q", "-F", "-L", "root", `${loop}p2`], {
      timeoutMs: BUILD_TIMEOUT_MS,
    });
    await require(["mount", `${loop}p2`, mnt]);
    await require(["cp", "-a", `${root}/.`, mnt], {
      timeoutMs: BUILD_TIMEOUT_MS,
    });
    for (const [path, text] of Object.entries(FILES)) {
      const folder = `${mnt}/${path.slice(0, path.lastIndexOf("/"))}`;
      await Deno.mkdir(folder, { recursive: true });
      await Deno.writeTextFile(`${mnt}/${path}`, text);
    }
    await Deno.mkdir(`${mnt}/root/.ssh`, { recursive: true, mode: 0o700 });
    await bootLoader(mnt, loop);
  } finally {
    await execute(["umount", "-R", mnt]);
    await execute(["partx", "--delete", loop]);
    await require(["losetup", "-d", loop]);
  }
}

/** Without udev nobody makes the nodes of partitions. */
async function deviceNode(loop: string, part: number): Promise<void> {
  const node = `${loop}p${part}`;
  if (await exists(node)) return;
  const name = loop.slice("/dev/".length);
  const numbers = await Deno.readTextFile(
    `/sys/class/block/${name}p${part}/dev`,
  );
  await require(["mknod", node, "b", ...numbers.trim().split(":")]);
}

async function bootLoader(mnt: string, loop: string): Promise<void> {
  for (const part of ["dev", "proc", "sys"]) {
    await require(["mount", "--rbind", `/${part}`, `${mnt}/${part}`]);
    await require(["mount", "--make-rslave", `${mnt}/${part}`]);
  }
  try {
    await require([
      "chroot",
      mnt,
      "grub-install",
      "--target=i386-pc",
      "--recheck",
      loop,
    ]);
    await require(["chroot", mnt, "update-grub"]);
  } finally {
    for (const part of ["dev", "proc", "sys"]) {
      await require(["umount", "-R", "-l", `${mnt}/${part}`]);
    }
  }
  // Made without udev, the menu names the loop device.
  const menu = `${mnt}/boot/grub/grub.cfg`;
  const text = await Deno.readTextFile(menu);
  const uuid = await require([
    "blkid",
    "-s",
    "UUID",
    "-o",
    "value",
    `${loop}p2`,
  ]);
  await Deno.writeTextFile(
    menu,
    text.replaceAll(`root=${loop}p2`, `root=UUID=${uuid.trim()}`),
  );
}

/** A running virtual machine. `await using` stops it. */
export class VirtualMachine {
  readonly address = ADDRESS;
  readonly peerAddress = PEER_ADDRESS;
  /** Scratch directory of this machine; goes away with it. */
  readonly directory: string;
  readonly #name: string;
  #qemu: Deno.ChildProcess | undefined;

  private constructor(name: string, directory: string) {
    this.#name = name;
    this.directory = directory;
  }

  /** Builds the image where it is missing, boots, and waits for sshd. */
  static async start(): Promise<VirtualMachine> {
    const cache = await cacheDirectory();
    const image = await diskImage(cache);
    const directory = await Deno.makeTempDir({ dir: cache, prefix: "vm-" });
    const machine = new VirtualMachine(`ferrule-vm-${Deno.pid}`, directory);
    try {
      await machine.#prepare(image);
      await machine.#connect();
      machine.#launch();
      await machine.answered();
      return machine;
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The serial console's output so far. */
  async console(): Promise<string> {
    return await Deno.readTextFile(`${this.directory}/console.log`)
      .catch(() => "");
  }

  /** A command that runs in the namespace from where the machine is reached. */
  fromPeer(command: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.#name, ...command];
  }

  /** The options with which ssh reaches the machine, and trusts only it. */
  get sshOptions(): string[] {
    return [
      "-F/dev/null",
      `-i${this.directory}/key`,
      "-oIdentitiesOnly=yes",
      `-oUserKnownHostsFile=${this.directory}/known_hosts`,
      "-oStrictHostKeyChecking=yes",
      "-oBatchMode=yes",
      "-oConnectTimeout=10",
      "-oLogLevel=ERROR",
    ];
  }

  /** Runs a shell command on the machine, as root. */
  async run(script: string): Promise<Output> {
    return await execute(
      this.fromPeer(["ssh", ...this.sshOptions, `root@${ADDRESS}`, script]),
      { timeoutMs: COMMAND_TIMEOUT_MS },
    );
  }

  /** Waits until ssh answers, in a boot other than `boot`; returns which boot it is. */
  async answered(boot = ""): Promise<string> {
    const deadline = performance.now() + BOOT_TIMEOUT_MS;
    for (;;) {
      const { code, text } = await this.run(
        "cat /proc/sys/kernel/random/boot_id",
      );
      if (code === 0 && text.trim() !== boot) return text.trim();
      if (performance.now() > deadline) {
        throw new Error(`No ssh to the machine:\n${await this.console()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  /** A disk over the image, which ssh of this machine alone is let into. */
  async #prepare(image: string): Promise<void> {
    const { directory } = this;
    const disk = `${directory}/disk.raw`;
    await require([
      ..."ssh-keygen -qt ed25519 -C deploy-test -N".split(" "),
      "",
      "-f",
      `${directory}/key`,
    ]);
    await require(["cp", "--sparse=always", "--reflink=auto", image, disk], {
      timeoutMs: BUILD_TIMEOUT_MS,
    });
    const mnt = `${directory}/mnt`;
    await Deno.mkdir(mnt);
    await require([
      "mount",
      "-o",
      `loop,offset=${ROOT_OFFSET_BYTES}`,
      disk,
      mnt,
    ]);
    try {
      await Deno.copyFile(
        `${directory}/key.pub`,
        `${mnt}/root/.ssh/authorized_keys`,
      );
      const hostKey = await Deno.readTextFile(
        `${mnt}/etc/ssh/ssh_host_ed25519_key.pub`,
      );
      await Deno.writeTextFile(
        `${directory}/known_hosts`,
        `${ADDRESS} ${hostKey}`,
      );
    } finally {
      await require(["umount", mnt]);
    }
  }

  async #connect(): Promise<void> {
    const name = this.#name;
    for (
      const command of [
        `ip netns add ${name}`,
        `ip -n ${name} link set lo up`,
        `ip -n ${name} tuntap add tap0 mode tap`,
        `ip -n ${name} address add ${PEER_ADDRESS}/30 dev tap0`,
        `ip -n ${name} link set tap0 up`,
      ]
    ) await require(command.split(" "));
  }

  #launch(): void {
    const { directory } = this;
    const [command, ...args] = this.fromPeer([
      "qemu-system-x86_64",
      ...`-name ${this.#name} -machine q35 -cpu max -smp 2 -m ${MEMORY_MIB}`
        .split(" "),
      "-accel",
      "tcg,thread=multi,tb-size=512",
      ..."-nodefaults -no-user-config -display none -vga none".split(" "),
      "-serial",
      `file:${directory}/console.log`,
      "-device",
      "virtio-rng-pci",
      "-drive",
      `if=none,id=d0,file=${directory}/disk.raw,format=raw,cache=unsafe,discard=unmap`,
      "-device",
      "virtio-blk-pci,drive=d0",
      "-netdev",
      "tap,id=n0,ifname=tap0,script=no,downscript=no",
      "-device",
      `virtio-net-pci,netdev=n0,mac=${MAC}`,
    ]);
    this.#qemu = new Deno.Command(command!, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
  }

  /** Pulls the plug. */
  async pull(): Promise<void> {
    this.#qemu?.kill("SIGKILL");
    await this.#qemu?.status;
    this.#qemu = undefined;
  }

  /** Shuts the machine down in order and removes all that was made for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    const qemu = this.#qemu;
    if (qemu !== undefined) {
      const kill = setTimeout(() => qemu.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await this.run("systemctl --no-block poweroff");
      await qemu.status;
      clearTimeout(kill);
    }
    await execute(["ip", "netns", "delete", this.#name]);
    await require(["rm", "-rf", "--one-file-system", this.directory]);
  }
}
