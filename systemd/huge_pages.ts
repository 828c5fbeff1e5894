// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Reserves huge pages of 2 MB on each NUMA node, and gives them back.
 *
 * ```
 *   /etc/ferrule/hugepages ─ start ─▶ /sys/.../nodeN/.../nr_hugepages
 *   what was there before  ◀─ stop ──┘ noted in /run/ferrule-hugepages
 * ```
 *
 * Run by `ferrule-hugepages.service` as root, before any engine. It fails, and
 * leaves what was before, if a node has less room than is asked for. Pages
 * that others reserved count: a number is the node's whole.
 *
 * @module
 */

/** Where things are; tests have folders of their own. */
export interface HugePagePlaces {
  /** One line for each node: its number, and how many pages. */
  readonly file: string;
  /** `/sys/devices/system/node`. */
  readonly nodes: string;
  /** `/proc/sys/vm/compact_memory`. */
  readonly compact: string;
  /** Where it notes what was there before. */
  readonly notes: string;
}

const PLACES: HugePagePlaces = {
  file: "/etc/ferrule/hugepages",
  nodes: "/sys/devices/system/node",
  compact: "/proc/sys/vm/compact_memory",
  notes: "/run/ferrule-hugepages/before",
};
const PAGES_MAX = 1 << 24;

/**
 * Pages by node.
 *
 * @throws {Error} Naming the line that is no pair of numbers, or stands twice.
 */
export function readPages(text: string, source: string): Map<number, number> {
  const pages = new Map<number, number>();
  text.split("\n").forEach((line, i) => {
    const words = line.replace(/#.*/, "").trim();
    if (words === "") return;
    const match = /^(\d{1,4})\s+(\d{1,8})$/.exec(words);
    const place = `${source}, line ${i + 1}`;
    if (match === null || Number(match[2]) > PAGES_MAX) {
      throw new Error(
        `${place}: "${words}" is not "NODE PAGES", such as "0 512": a node's ` +
          `number and 0 to ${PAGES_MAX} pages of 2 MB`,
      );
    }
    const node = Number(match[1]);
    if (pages.has(node)) throw new Error(`${place}: node ${node} stands twice`);
    pages.set(node, Number(match[2]));
  });
  if (pages.size === 0) {
    throw new Error(
      `${source} names no node: write "0 512" for 1 GiB on node 0`,
    );
  }
  return pages;
}

function counterOf(places: HugePagePlaces, node: number): string {
  return `${places.nodes}/node${node}/hugepages/hugepages-2048kB/nr_hugepages`;
}

function readCount(places: HugePagePlaces, node: number): number {
  try {
    return Number(Deno.readTextFileSync(counterOf(places, node)));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(
      `This host has no node ${node} with pages of 2 MB: ${
        counterOf(places, node)
      } is not there. numactl --hardware, or ls ${places.nodes}, names the nodes; ` +
        `correct ${places.file}`,
      { cause: error },
    );
  }
}

/** Asks for so many pages; returns how many there are then. */
function reserve(places: HugePagePlaces, node: number, pages: number): number {
  Deno.writeTextFileSync(counterOf(places, node), String(pages));
  const had = readCount(places, node);
  if (had >= pages) return had;
  // Memory that others have scattered may be gathered again.
  Deno.writeTextFileSync(places.compact, "1");
  Deno.writeTextFileSync(counterOf(places, node), String(pages));
  return readCount(places, node);
}

/**
 * Reserves what the file says.
 *
 * @returns A line for each node.
 * @throws {Error} If a node does not have them; then all are as before.
 */
export function startHugePages(places: HugePagePlaces = PLACES): string[] {
  const wanted = readPages(Deno.readTextFileSync(places.file), places.file);
  const before = new Map(
    [...wanted.keys()].map((node) => [node, readCount(places, node)]),
  );
  Deno.writeTextFileSync(places.notes, JSON.stringify([...before]));
  const lines: string[] = [];
  for (const [node, pages] of wanted) {
    const had = reserve(places, node, pages);
    if (had < pages) {
      stopHugePages(places);
      throw new Error(
        `Node ${node} has room for ${had} pages of 2 MB, and ${places.file} asks for ` +
          `${pages}: memory is full or scattered. Ask for fewer, or reserve them at boot ` +
          `with hugepages=${pages} on the kernel's command line. All is as before`,
      );
    }
    lines.push(
      `node ${node}: ${had} pages of 2 MB, before ${before.get(node)}`,
    );
  }
  return lines;
}

/** Gives back what was there before; returns a line for each node. */
export function stopHugePages(places: HugePagePlaces = PLACES): string[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(places.notes);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return ["nothing was reserved"];
  }
  const lines = (JSON.parse(text) as [number, number][]).map(
    ([node, pages]) => {
      Deno.writeTextFileSync(counterOf(places, node), String(pages));
      return `node ${node}: ${readCount(places, node)} pages of 2 MB`;
    },
  );
  Deno.removeSync(places.notes);
  return lines;
}

if (import.meta.main) {
  const [act] = Deno.args;
  try {
    const lines = act === "stop" ? stopHugePages() : startHugePages();
    Deno.stdout.writeSync(new TextEncoder().encode(lines.join("\n") + "\n"));
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    Deno.stderr.writeSync(
      new TextEncoder().encode(`ferrule-hugepages: ${text}\n`),
    );
    Deno.exit(1);
  }
}
