// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Prepares one network card for an engine, and gives it back as it was.
 *
 * ```
 *   /etc/ferrule/nic/CARD ─┬ driver = vfio-pci ─▶ /sys/bus/pci: unbound, bound anew
 *                          └ channels, coalescing, rings ─▶ ethtool
 *   as it was ◀── stop ── noted in /run/ferrule-nic/CARD
 * ```
 *
 * Run by `ferrule-nic@CARD.service` as root. It never touches the card that
 * the default route leaves by, nor one that such a bond, bridge or VLAN stands
 * on: who does that to a host from afar has lost it.
 *
 * @module
 */

/** Where things are; tests have folders of their own. */
export interface NicPlaces {
  /** Folder of the files. */
  readonly files: string;
  /** `/proc` and `/sys`. */
  readonly proc: string;
  readonly sys: string;
  /** Folder of the notes. */
  readonly notes: string;
  /** Runs a command; returns what it printed. @throws {Error} With what it said. */
  readonly run: (command: string, args: readonly string[]) => string;
}

/** What a file may say: a key, and the ethtool option and word that it is. */
const SETTINGS: Readonly<Record<string, readonly [set: string, get: string]>> =
  {
    "combined": ["-L", "-l"],
    "rx": ["-L", "-l"],
    "tx": ["-L", "-l"],
    "rx-usecs": ["-C", "-c"],
    "tx-usecs": ["-C", "-c"],
    "rx-frames": ["-C", "-c"],
    "adaptive-rx": ["-C", "-c"],
    "adaptive-tx": ["-C", "-c"],
    "rx-ring": ["-G", "-g"],
    "tx-ring": ["-G", "-g"],
  };

/** What a file asks for. */
export interface NicWish {
  /** "" = the kernel keeps the card. */
  readonly driver: string;
  readonly settings: ReadonlyMap<string, string>;
}

/** How a card was. */
interface Notes {
  readonly pci: string;
  readonly driver: string;
  readonly settings: readonly (readonly [string, string])[];
}

/**
 * Reads "key = value" lines.
 *
 * @throws {Error} Naming the line that is none, and what is allowed.
 */
export function readWish(text: string, source: string): NicWish {
  const settings = new Map<string, string>();
  let driver = "";
  text.split("\n").forEach((line, i) => {
    const words = line.replace(/#.*/, "").trim();
    if (words === "") return;
    const [, key, value] = /^([a-z-]+)\s*=\s*([a-z0-9-]+)$/.exec(words) ?? [];
    const place = `${source}, line ${i + 1}: "${words}"`;
    if (key === "driver" && value === "vfio-pci") driver = value;
    else if (
      key !== undefined && Object.hasOwn(SETTINGS, key) &&
      (key.startsWith("adaptive-")
        ? /^(on|off)$/.test(value!)
        : /^\d{1,6}$/.test(value!))
    ) settings.set(key, value!);
    else {
      throw new Error(
        `${place} is none of driver = vfio-pci, ${
          Object.keys(SETTINGS).map((name) =>
            `${name} = ${name.startsWith("adaptive-") ? "on|off" : "NUMBER"}`
          ).join(", ")
        }`,
      );
    }
  });
  if (driver !== "" && settings.size > 0) {
    throw new Error(
      `${source}: a card of vfio-pci has no settings of the kernel's: leave ${
        [...settings.keys()].join(", ")
      } out, or driver`,
    );
  }
  if (driver === "" && settings.size === 0) {
    throw new Error(`${source} asks for nothing`);
  }
  return { driver, settings };
}

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Interfaces that a default route leaves by, IPv4 and IPv6. */
function defaultInterfaces({ proc }: NicPlaces): string[] {
  const zeros = "0".repeat(32);
  const four = textOf(`${proc}/net/route`).split("\n").map((line) =>
    line.split(/\s+/)
  ).filter(([, to, , , , , , mask]) => to === "00000000" && mask === to)
    .map(([name]) => name!);
  const six = textOf(`${proc}/net/ipv6_route`).split("\n").map((line) =>
    line.trim().split(/\s+/)
  ).filter(([to, bits]) => to === zeros && bits === "00")
    .map((words) => words.at(-1)!);
  return [...new Set([...four, ...six])].filter((name) => name !== "lo");
}

/** What an interface stands on, and what that stands on. */
function below(name: string, places: NicPlaces): string[] {
  const found: string[] = [];
  try {
    for (const entry of Deno.readDirSync(`${places.sys}/class/net/${name}`)) {
      if (!entry.name.startsWith("lower_")) continue;
      const lower = entry.name.slice("lower_".length);
      found.push(lower, ...below(lower, places));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

/**
 * Refuses a card that this host is reached by.
 *
 * @throws {Error} Naming the route.
 */
export function guard(card: string, places: NicPlaces): void {
  for (const name of defaultInterfaces(places)) {
    const lower = below(name, places);
    if (name !== card && !lower.includes(card)) continue;
    throw new Error(
      `${card} is the card of the default route${
        name === card ? "" : ` (through ${name})`
      }: this host would be gone from the network. Choose another card, or give the ` +
        "default route another interface first. Nothing was changed",
    );
  }
}

/** The values that ethtool prints as current, by key. */
function currentOf(
  printed: string,
  keys: readonly string[],
): Map<string, string> {
  // -l and -g print two parts: what can be, then what is.
  const parts = printed.split(/^Current hardware settings:$/m);
  const current = parts.at(-1)!;
  const found = new Map<string, string>();
  for (const key of keys) {
    const word = key.replace(/-ring$/, "");
    const adaptive = /^Adaptive RX:\s*(\S+)\s+TX:\s*(\S+)/m.exec(current);
    const value = key === "adaptive-rx"
      ? adaptive?.[1]
      : key === "adaptive-tx"
      ? adaptive?.[2]
      : new RegExp(`^${word}:\\s*(\\S+)`, "mi").exec(current)?.[1];
    if (value === undefined || value === "n/a") {
      throw new Error(
        `This card has no ${key}: ethtool says nothing of it. Take it out of the file`,
      );
    }
    found.set(key, value);
  }
  return found;
}

/** Keys by the ethtool option that reads them. */
function byOption(keys: Iterable<string>): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const key of keys) {
    const [, get] = SETTINGS[key]!;
    groups.set(get, [...groups.get(get) ?? [], key]);
  }
  return groups;
}

function readSettings(
  card: string,
  keys: Iterable<string>,
  { run }: NicPlaces,
): Map<string, string> {
  const found = new Map<string, string>();
  for (const [get, group] of byOption(keys)) {
    for (const [key, value] of currentOf(run("ethtool", [get, card]), group)) {
      found.set(key, value);
    }
  }
  return found;
}

/** Sets what is not so yet: ethtool refuses what changes nothing. */
function writeSettings(
  card: string,
  wanted: ReadonlyMap<string, string>,
  places: NicPlaces,
): void {
  const current = readSettings(card, wanted.keys(), places);
  for (const [, keys] of byOption(wanted.keys())) {
    const other = keys.filter((key) => current.get(key) !== wanted.get(key));
    if (other.length === 0) continue;
    const [set] = SETTINGS[keys[0]!]!;
    const pairs = other.flatMap((key) => [
      key.replace(/-ring$/, ""),
      wanted.get(key)!,
    ]);
    places.run("ethtool", [set, card, ...pairs]);
  }
}

/** Gives a device of the PCI bus to a driver; "" = to whoever wants it. */
function bind(pci: string, driver: string, { sys }: NicPlaces): void {
  const device = `${sys}/bus/pci/devices/${pci}`;
  Deno.writeTextFileSync(`${device}/driver_override`, `${driver}\n`);
  try {
    Deno.writeTextFileSync(`${device}/driver/unbind`, pci);
  } catch (error) {
    // Nobody has it.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.writeTextFileSync(`${sys}/bus/pci/drivers_probe`, pci);
}

function driverOf(pci: string, { sys }: NicPlaces): string {
  try {
    const link = Deno.readLinkSync(`${sys}/bus/pci/devices/${pci}/driver`);
    return link.slice(link.lastIndexOf("/") + 1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function bindToVfio(card: string, places: NicPlaces): Notes {
  const { sys, run } = places;
  const device = `${sys}/class/net/${card}/device`;
  let pci: string;
  try {
    pci = Deno.realPathSync(device).split("/").at(-1)!;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(
      `${card} is no card of the PCI bus (no ${device}): only such a one goes to vfio-pci`,
      { cause: error },
    );
  }
  const notes = { pci, driver: driverOf(pci, places), settings: [] };
  run("modprobe", ["vfio-pci"]);
  bind(pci, "vfio-pci", places);
  const now = driverOf(pci, places);
  if (now !== "vfio-pci") {
    bind(pci, "", places);
    throw new Error(
      `${card} (${pci}) did not go to vfio-pci, its driver is ${
        now || "none"
      }: is the ` +
        "IOMMU on (intel_iommu=on, amd_iommu=on), and its group this card's alone? It was given back",
    );
  }
  return notes;
}

/**
 * Does what the card's file asks for, and notes how the card was.
 *
 * @returns A line for people.
 * @throws {Error} If it is the card of the default route, or can't do it.
 */
export function startNic(card: string, places: NicPlaces): string {
  const source = `${places.files}/${card}`;
  const wish = readWish(Deno.readTextFileSync(source), source);
  guard(card, places);
  const path = `${places.notes}/${card}`;
  if (wish.driver !== "") {
    const notes = bindToVfio(card, places);
    Deno.writeTextFileSync(path, JSON.stringify(notes));
    return `${card} is ${notes.pci} of ${wish.driver}, before of ${notes.driver}`;
  }
  const before = readSettings(card, wish.settings.keys(), places);
  const notes: Notes = { pci: "", driver: "", settings: [...before] };
  Deno.writeTextFileSync(path, JSON.stringify(notes));
  try {
    writeSettings(card, wish.settings, places);
  } catch (error) {
    stopNic(card, places);
    throw error;
  }
  const text = [...wish.settings].map(([key, value]) =>
    `${key} ${value} (before ${before.get(key)})`
  );
  return `${card}: ${text.join(", ")}`;
}

/** Gives the card back as it was; returns a line for people. */
export function stopNic(card: string, places: NicPlaces): string {
  const path = `${places.notes}/${card}`;
  const text = textOf(path);
  if (text === "") return `${card}: nothing was changed`;
  const { pci, settings } = JSON.parse(text) as Notes;
  if (pci !== "") bind(pci, "", places);
  else writeSettings(card, new Map(settings), places);
  Deno.removeSync(path);
  return `${card} is as it was`;
}

function runCommand(command: string, args: readonly string[]): string {
  const { success, stdout, stderr } = new Deno.Command(command, {
    args: [...args],
    stdin: "null",
  }).outputSync();
  const text = new TextDecoder();
  if (success) return text.decode(stdout);
  throw new Error(
    `${command} ${args.join(" ")}: ${text.decode(stderr).trim()}`,
  );
}

if (import.meta.main) {
  const [act, card = ""] = Deno.args;
  const places: NicPlaces = {
    files: "/etc/ferrule/nic",
    proc: "/proc",
    sys: "/sys",
    notes: "/run/ferrule-nic",
    run: runCommand,
  };
  try {
    const line = act === "stop"
      ? stopNic(card, places)
      : startNic(card, places);
    Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    Deno.stderr.writeSync(new TextEncoder().encode(`ferrule-nic: ${text}\n`));
    Deno.exit(1);
  }
}
