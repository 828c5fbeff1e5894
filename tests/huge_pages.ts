// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Huge pages for a run of tests or benchmarks: reserves what is missing, if it
 * may, and gives it back afterwards.
 *
 * @module
 */

const COUNT_FILE = "/proc/sys/vm/nr_hugepages";
/** Pages of 2 MiB: two appliances and the ports of the DPDK tests. */
const PAGES_WANTED = 384;

/**
 * Raises the number of huge pages of this machine, if it is too low.
 *
 * @returns What puts the old number back.
 */
export function reserveHugePages(): () => void {
  let before: number;
  try {
    before = Number(Deno.readTextFileSync(COUNT_FILE));
    if (before >= PAGES_WANTED) return () => {};
    Deno.writeTextFileSync(COUNT_FILE, String(PAGES_WANTED));
  } catch (error) {
    console.log(`huge pages are left as they are: ${error}`);
    return () => {};
  }
  const got = Number(Deno.readTextFileSync(COUNT_FILE));
  console.log(
    `huge pages for this run: ${got} (before and afterwards ${before})`,
  );
  return () => Deno.writeTextFileSync(COUNT_FILE, String(before));
}
