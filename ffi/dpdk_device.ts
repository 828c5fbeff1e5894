// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Which devices DPDK can be asked for, and what their arguments may be. A
 * mistake is said here in our words, before DPDK is started: it can be
 * started only once.
 *
 * ```
 *   0000:03:00.0                            a card, bound to vfio-pci
 *   net_af_packet0,iface=eth1,qpairs=2      a driver, its number, its arguments
 * ```
 *
 * Pure functions.
 *
 * @module
 */

const PCI = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](,|$)/i;
const SHORT_PCI = /^[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/i;
const VIRTUAL = /^(net_[a-z_]+?)([0-9]*)$/;
const NAME_BYTES_MAX = 63;

interface Driver {
  readonly known: readonly string[];
  readonly needed: readonly string[];
}

/** Arguments of the drivers that are tested; others are left to DPDK. */
const DRIVERS: Readonly<Record<string, Driver>> = {
  net_af_packet: {
    known: [
      "iface",
      "qpairs",
      "blocksz",
      "framesz",
      "framecnt",
      "qdisc_bypass",
    ],
    needed: ["iface"],
  },
  net_af_xdp: {
    known: [
      "iface",
      "start_queue",
      "queue_count",
      "shared_umem",
      "xdp_prog",
      "busy_budget",
      "force_copy",
    ],
    needed: ["iface"],
  },
  net_memif: {
    known: [
      "id",
      "role",
      "bsize",
      "rsize",
      "socket",
      "socket-abstract",
      "mac",
      "secret",
      "zero-copy",
    ],
    needed: [],
  },
  net_null: { known: ["size", "copy", "no-rx"], needed: [] },
  net_tap: { known: ["iface", "remote", "mac", "persist"], needed: [] },
};

/** Whether a device is a card, by its whole PCI address. */
export function isPciAddress(device: string): boolean {
  return PCI.test(device);
}

function refuse(device: string, what: string, remedy: string): never {
  throw new TypeError(`DPDK device "${device}": ${what}. ${remedy}`);
}

/**
 * Checks a device as far as text can tell.
 *
 * @throws {TypeError} With the remedy, if there can be none like that.
 */
export function checkDpdkDevice(device: string): void {
  if (isPciAddress(device)) return;
  const [name = "", ...args] = device.split(",");
  if (SHORT_PCI.test(name)) {
    refuse(
      device,
      "a PCI address without its domain",
      `Write 0000:${name}; dpdk-devbind.py --status or lspci -D lists them`,
    );
  }
  const match = VIRTUAL.exec(name);
  if (match === null) {
    refuse(
      device,
      "neither a PCI address nor a virtual device",
      `For the kernel's interface NAME write "net_af_xdp0,iface=NAME" or ` +
        `"net_af_packet0,iface=NAME"; for a card bound to vfio-pci its ` +
        `address, such as "0000:03:00.0"`,
    );
  }
  if (name.length > NAME_BYTES_MAX) {
    refuse(
      device,
      `a name of ${name.length} characters`,
      `At most ${NAME_BYTES_MAX} are possible`,
    );
  }
  const driver = DRIVERS[match[1]!];
  if (driver !== undefined) checkArguments(device, match[1]!, driver, args);
}

function checkArguments(
  device: string,
  name: string,
  { known, needed }: Driver,
  args: readonly string[],
): void {
  const given = new Set<string>();
  for (const argument of args) {
    const key = argument.split("=", 1)[0]!;
    if (!known.includes(key)) {
      refuse(
        device,
        `${name} has no argument "${key}"`,
        `Known are ${known.join(", ")}`,
      );
    }
    if (argument.length < key.length + 2) {
      refuse(device, `"${key}" has no value`, `Write ${key}=VALUE`);
    }
    if (given.has(key)) refuse(device, `"${key}" stands twice`, "Take one out");
    given.add(key);
  }
  for (const key of needed) {
    if (given.has(key)) continue;
    refuse(device, `${name} needs ${key}=`, `Write "${name}0,${key}=..."`);
  }
}
