// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What a million resting orders need, beyond the empty exchange: by the pages
 * that the process touches, and by the sizes that the exchange asks for.
 *
 * The memory is ordinary here and not touched before it is used, so that the
 * kernel counts what is used: the appliance takes all of it at its start. A
 * process of its own for each book: orders at 2,000 prices, and at a million.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { Exchange } from "../engine/exchange/mod.ts";
import { Commands } from "./commands.ts";
import {
  capacityOf,
  EVERYTHING,
  ExchangeRig,
  FLOW_SEQUENCE,
  type RigOptions,
  sessionOf,
} from "./exchange_rig.ts";
import { figure, markdownTable, saveResult } from "./stats.ts";

const ORDERS = 1_000_000;
const PRICES: readonly number[] = [2000, 1_000_000];
/** Commands at a time, so that they need no memory to speak of. */
const BATCH = 1000;
const MEGABYTE = 1e6;
/** A step that is coprime to the numbers of prices: all get as many orders. */
const STEP = 7919;
const PAGE_PRICES = 256;
const SPARE_PAGES = 16;

interface Measured {
  /** Resident bytes of the process, by the kernel. */
  readonly emptyBytes: number;
  readonly fullBytes: number;
}

function residentBytes(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) * 1024;
}

function optionsOf(prices: number, ordersMax: number): RigOptions {
  return {
    instruments: 1,
    ordersMax,
    pagesMax: Math.ceil(prices / PAGE_PRICES) + SPARE_PAGES,
    rules: EVERYTHING,
    reference: prices,
    lazyMemory: true,
  };
}

/** Fills a book: buys below the middle, sells above, the same at each price. */
function child(prices: number): Measured {
  const rig = new ExchangeRig(optionsOf(prices, ORDERS));
  const commands = new Commands(BATCH * 64, FLOW_SEQUENCE);
  const batch = (from: number): void => {
    commands.clear();
    for (let id = from; id < from + BATCH; id++) {
      const place = id * STEP % prices;
      const bit = place < prices / 2 ? 0 : 1;
      commands.newOrder({
        session: sessionOf(bit, id, 1),
        reference: id + 1,
        side: bit + 1,
        price: place + 1,
        quantity: 1 + id % 100,
      });
    }
    rig.run(commands);
    rig.settle();
  };
  const emptyBytes = residentBytes();
  for (let from = 0; from < ORDERS; from += BATCH) batch(from);
  const fullBytes = residentBytes();
  if (rig.exchange.ordersOpen !== ORDERS) {
    throw new Error(`${rig.exchange.ordersOpen} orders rest`);
  }
  return { emptyBytes, fullBytes };
}

async function runChild(prices: number): Promise<Measured> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--frozen",
      "--allow-all",
      new URL(import.meta.url).pathname,
      `--prices=${prices}`,
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("A measurement failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Bytes that one order more in the capacity takes. */
function reserved(prices: number, more: { specialMax?: number }): number {
  const [one, two] = [ORDERS, 2 * ORDERS].map((ordersMax) =>
    Exchange.bytes({ ...capacityOf(optionsOf(prices, ordersMax)), ...more })
  );
  return (two! - one!) / ORDERS;
}

async function main(): Promise<void> {
  const rows = [[
    "prices",
    "beyond the empty exchange, MB",
    "bytes an order",
    "reserved for an order, bytes",
    "and for its terms, bytes",
  ]];
  const saved: Record<string, unknown> = {};
  for (const prices of PRICES) {
    const { emptyBytes, fullBytes } = await runChild(prices);
    const grownBytes = fullBytes - emptyBytes;
    const reservedBytes = reserved(prices, { specialMax: 1 });
    const termsBytes = reserved(prices, {}) - reservedBytes;
    rows.push([
      figure(prices),
      figure(grownBytes / MEGABYTE),
      figure(grownBytes / ORDERS),
      figure(reservedBytes),
      figure(termsBytes),
    ]);
    saved[prices] = { emptyBytes, fullBytes, reservedBytes, termsBytes };
  }
  console.log(`${ORDERS} resting orders\n`);
  console.log(markdownTable(rows));
  await saveResult("memory", saved);
}

const { prices } = parseArgs(Deno.args, { string: ["prices"] });
if (prices === undefined) await main();
else console.log(JSON.stringify(child(Number(prices))));
