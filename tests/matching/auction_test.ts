// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The price of an auction: rule by rule, and against a search that tries each
 * price. A line of a book is `buy|sell lots@price`, `hidden` before it puts it
 * into the hidden half; price M is a market order.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  Book,
  KEY_NONE,
  keyOf,
  ORDER_KIND,
  ORDER_LEAVES_F64,
  ORDER_LEVEL,
  ORDER_PRICE,
} from "../../engine/book/mod.ts";
import { AuctionPrice, TickTables } from "../../engine/matching/mod.ts";

const PRICE_MAX = 0x7fffffff;
const MOST = Number.MAX_SAFE_INTEGER;
const KEY_MARKET = -0x80000000;

interface Order {
  readonly bit: number;
  readonly hidden: boolean;
  /** Ticks; Infinity for a market buy, -Infinity for a market sell. */
  readonly price: number;
  readonly lots: number;
}

/** One instrument whose orders come and go. */
class Desk {
  readonly book: Book;
  readonly ticks: TickTables;
  readonly auction: AuctionPrice;
  readonly #resting: [order: number, side: number][] = [];

  constructor() {
    const options = { ordersMax: 64, instrumentsMax: 2, pagesMax: 128 };
    this.book = new Book(new ArrayBuffer(Book.bytes(options)), 0, options);
    this.book.define(1);
    this.ticks = new TickTables(
      new ArrayBuffer(TickTables.bytes(options)),
      0,
      options,
    );
    this.auction = new AuctionPrice(this.book, this.ticks);
  }

  add({ bit, hidden, price, lots }: Order): void {
    const { book } = this;
    const order = book.allocate();
    book.i32[order + ORDER_PRICE] = Number.isFinite(price) ? price : 0;
    book.i32[order + ORDER_KIND] = 1 | (bit + 1) << 16;
    book.f64[(order >> 1) + ORDER_LEAVES_F64] = lots;
    const side = hidden ? book.hiddenSideOf(1, bit) : book.sideOf(1, bit);
    const key = Number.isFinite(price) ? keyOf(bit, price) : KEY_MARKET;
    assert(key !== KEY_NONE && book.hasRoom(side, key));
    book.rest(order, side, key);
    this.#resting.push([order, side]);
  }

  clear(): void {
    for (const [order, side] of this.#resting) {
      this.book.unlinkFrom(order, side);
      assertEquals(this.book.i32[order + ORDER_LEVEL], 0);
      this.book.free(order);
    }
    this.#resting.length = 0;
    this.ticks.set(1, 0, 0, 0);
  }

  /** `lots@price imbalance`, or `none`. */
  find(nearest = 0, low = 1, high = PRICE_MAX): string {
    const { auction } = this;
    const found = auction.find(1, nearest, low, high);
    const [volume, imbalance] = auction.result;
    assertEquals(found, auction.price !== 0);
    assertEquals(found, volume !== 0);
    assert(!Object.is(imbalance, -0), "imbalance is -0");
    if (!found) assertEquals(imbalance, 0);
    return found ? `${volume}@${auction.price} ${imbalance}` : "none";
  }
}

function parse(line: string): Order {
  const words = line.trim().split(" ");
  const hidden = words[0] === "hidden";
  if (hidden) words.shift();
  const bit = words[0] === "buy" ? 0 : 1;
  const [lots, price] = words[1]!.split("@");
  return {
    bit,
    hidden,
    lots: Number(lots),
    price: price === "M" ? (bit === 0 ? Infinity : -Infinity) : Number(price),
  };
}

function desk(...lines: string[]): Desk {
  const made = new Desk();
  for (const line of lines) made.add(parse(line));
  return made;
}

Deno.test("AuctionPrice.find() finds none without orders that cross", () => {
  assertEquals(desk().find(10), "none");
  assertEquals(desk("buy 5@10").find(10), "none");
  assertEquals(desk("sell 5@10").find(10), "none");
  assertEquals(desk("buy 5@10", "sell 5@11").find(10), "none");
  assertEquals(desk("buy 5@M").find(10), "none");
  assertEquals(desk("sell 5@M").find(10), "none");
});

Deno.test("AuctionPrice.find() leaves nothing of the result before", () => {
  const made = desk("buy 5@10", "sell 3@10");
  assertEquals(made.find(), "3@10 2");
  made.clear();
  assertEquals(made.find(), "none");
});

Deno.test("AuctionPrice.find() wants the largest volume first", () => {
  // At 11 five would trade, and the imbalance would be 1.
  const made = desk("buy 5@10", "sell 5@10", "buy 6@12", "sell 3@12");
  assertEquals(made.find(10), "6@12 -2");
  assertEquals(desk("buy 4@20", "buy 6@10", "sell 10@10").find(20), "10@10 0");
});

Deno.test("AuctionPrice.find() wants the smallest imbalance second", () => {
  const below = desk("buy 10@20", "buy 5@15", "sell 10@10");
  assertEquals(below.find(10), "10@16 0");
  const above = desk("buy 10@20", "sell 5@15", "sell 10@10");
  assertEquals(above.find(20), "10@14 0");
  const bought = desk("buy 10@20", "buy 5@15", "sell 7@10");
  assertEquals(bought.find(10), "7@16 3");
  const sold = desk("buy 7@20", "sell 5@15", "sell 10@10");
  assertEquals(sold.find(20), "7@14 -3");
});

Deno.test("AuctionPrice.find() wants the nearest to the given price third", () => {
  const made = desk("buy 5@20", "sell 5@10");
  for (
    const [nearest, price] of [[0, 10], [9, 10], [10, 10], [14, 14], [20, 20], [
      21,
      20,
    ], [PRICE_MAX, 20]]
  ) assertEquals(made.find(nearest), `5@${price} 0`);
});

Deno.test("AuctionPrice.find() wants the higher of two at one distance", () => {
  const made = desk("buy 5@30", "sell 5@10");
  made.ticks.set(1, 0, 0, 10);
  assertEquals(made.find(14), "5@10 0");
  assertEquals(made.find(15), "5@20 0");
  assertEquals(made.find(16), "5@20 0");
  assertEquals(made.find(25), "5@30 0");
});

Deno.test("AuctionPrice.find() compares an imbalance of buys with one of sells", () => {
  // At 10 all 5 sold at 10 and 5 + b bought; at 11 5 bought and 5 + s sold.
  const books: [b: number, s: number, nearest: number, found: string][] = [
    [2, 3, 11, "5@10 2"],
    [3, 2, 10, "5@11 -2"],
    [2, 2, 10, "5@10 2"],
    [2, 2, 11, "5@11 -2"],
  ];
  for (const [b, s, nearest, found] of books) {
    const made = desk("buy 5@11", `buy ${b}@10`, "sell 5@10", `sell ${s}@11`);
    assertEquals(made.find(nearest), found, `${b} ${s} ${nearest}`);
  }
  const wide = desk("buy 5@20", "buy 2@10", "sell 5@5", "sell 2@20");
  wide.ticks.set(1, 0, 0, 10);
  assertEquals(wide.find(14), "5@10 2");
  assertEquals(wide.find(15), "5@20 -2", "the higher of both at one distance");
});

Deno.test("AuctionPrice.find() counts hidden orders, at one price with displayed ones", () => {
  const made = desk(
    "buy 5@12",
    "hidden buy 7@12",
    "hidden buy 1@13",
    "sell 4@10",
    "hidden sell 9@10",
  );
  assertEquals(made.find(11), "13@11 0");
  assertEquals(desk("hidden buy 3@9", "hidden sell 2@8").find(20), "2@9 1");
  assertEquals(desk("hidden buy 3@9", "sell 2@8").find(20), "2@9 1");
});

Deno.test("AuctionPrice.find() lets market orders count at every price", () => {
  assertEquals(desk("buy 5@M", "sell 3@M").find(77), "3@77 2");
  assertEquals(desk("buy 5@M", "sell 3@M").find(0), "3@1 2");
  assertEquals(
    desk("buy 5@M", "sell 5@M").find(PRICE_MAX),
    `5@${PRICE_MAX} 0`,
  );
  assertEquals(desk("buy 5@M", "sell 3@40").find(7), "3@40 2");
  assertEquals(desk("buy 5@40", "sell 7@M").find(70), "5@40 -2");
  assertEquals(desk("buy 5@M", "buy 2@30", "sell 6@20").find(50), "6@30 1");
  assertEquals(
    desk("buy 5@M", `buy 1@${PRICE_MAX}`, "sell 6@M").find(9),
    "6@9 0",
  );
});

Deno.test("AuctionPrice.find() stays inside the price band", () => {
  const lines = ["buy 5@20", "sell 5@10"];
  assertEquals(desk(...lines).find(1, 12, 18), "5@12 0");
  assertEquals(desk(...lines).find(30, 12, 18), "5@18 0");
  assertEquals(desk(...lines).find(30, 20, 40), "5@20 0");
  assertEquals(desk(...lines).find(1, 1, 10), "5@10 0");
  assertEquals(desk(...lines).find(1, 1, 9), "none", "no sell in the band");
  assertEquals(desk(...lines).find(1, 21, 40), "none", "no buy in the band");
  assertEquals(desk(...lines).find(1, 15, 14), "none", "the band is empty");
  assertEquals(desk("buy 5@M", "sell 3@M").find(1, 30, 40), "3@30 2");
  // Beyond the band prices are as at its edge.
  assertEquals(
    desk("buy 5@30", "buy 4@25", "sell 3@2", "sell 8@1").find(1, 10, 20),
    "9@10 -2",
  );
});

Deno.test("AuctionPrice.find() gives prices of the tick table only", () => {
  const made = desk("buy 5@19", "sell 5@11");
  made.ticks.set(1, 0, 0, 5);
  assertEquals(made.find(11), "5@15 0");
  assertEquals(made.find(1, 16, 19), "none", "no valid price in the band");
  assertEquals(made.find(1, 1, 14), "none");
  made.ticks.set(1, 0, 0, 7);
  assertEquals(made.find(1), "5@14 0");
  made.ticks.set(1, 0, 0, 20);
  assertEquals(made.find(1), "none", "no valid price where they cross");
  made.ticks.set(1, 0, 0, PRICE_MAX);
  assertEquals(made.find(1), "none");
  const wide = desk("buy 5@M", "sell 5@M");
  wide.ticks.set(1, 0, 0, 2_000_000_000);
  assertEquals(wide.find(1), "5@2000000000 0");
  wide.clear();
  wide.add(parse("buy 5@M"));
  wide.add(parse("sell 5@1999999999"));
  wide.ticks.set(1, 0, 0, 2_000_000_000);
  assertEquals(wide.find(1), "5@2000000000 0");
  assertEquals(wide.find(1, 2_000_000_001), "none", "no valid price above");
});

Deno.test("AuctionPrice.find() ends sums at 2^53 - 1", () => {
  const most = `${MOST}`;
  assertEquals(
    desk(`buy ${most}@20`, "buy 9@15", `sell ${most}@10`, "sell 1@16").find(12),
    `${most}@12 0`,
    "what comes on top changes nothing",
  );
  assertEquals(
    desk(`buy ${most}@20`, "buy 9@15", "sell 5@10").find(1),
    `5@10 ${MOST - 5}`,
    "the buys at 15 do not count",
  );
  assertEquals(
    desk("buy 5@20", `sell ${most}@10`, "sell 9@15").find(30),
    `5@20 ${5 - MOST}`,
    "the sells at 15 do not count",
  );
  assertEquals(
    desk(
      "buy 5@20",
      "buy 9@12",
      `sell ${MOST - 1}@10`,
      "sell 5@15",
      "sell 3@18",
    )
      .find(30),
    `14@12 ${15 - MOST}`,
  );
});

/** Tries each price from `from` to `to`. */
function search(
  orders: readonly Order[],
  valid: (price: number) => boolean,
  nearest: number,
  from: number,
  to: number,
): string {
  const most = BigInt(MOST);
  let best: readonly [bigint, bigint, number, number, bigint] | undefined;
  for (let price = from; price <= to; price++) {
    if (!valid(price)) continue;
    const sums = [0, 1].map((bit) => {
      const sum = orders
        .filter((order) =>
          order.bit === bit &&
          (bit === 0 ? order.price >= price : order.price <= price)
        )
        .reduce((sum, order) => sum + BigInt(order.lots), 0n);
      return sum < most ? sum : most;
    });
    const [bought, sold] = sums as [bigint, bigint];
    const volume = bought < sold ? bought : sold;
    const over = bought < sold ? sold - bought : bought - sold;
    const far = Math.abs(price - nearest);
    if (
      volume > 0n && (best === undefined || volume > best[0] ||
        volume === best[0] &&
          (over < best[1] || over === best[1] && far <= best[2]))
    ) best = [volume, over, far, price, bought - sold];
  }
  return best === undefined ? "none" : `${best[0]}@${best[3]} ${best[4]}`;
}

Deno.test("AuctionPrice.find() finds what a search over each price finds", () => {
  const seed = 4_711_2026;
  console.log(`seed ${seed}`);
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  const SIZES = [1, 1, 2, 2, 3, 5, 8];
  const HUGE = [1, 2, 2 ** 52, 2 ** 52 - 1, MOST - 2, MOST - 1, MOST];
  const made = new Desk();
  const seen = { none: 0, buys: 0, sells: 0, balanced: 0 };
  for (let round = 0; round < 12_000; round++) {
    // A window of prices; all that lies beyond it is as at its edge.
    const base = random(8) === 0 ? PRICE_MAX - 60 : 0;
    const sizes = random(10) === 0 ? HUGE : SIZES;
    const orders = new Map<string, Order>();
    const spread = 3 + random(28);
    for (let i = random(14); i > 0; i--) {
      const bit = random(2);
      const hidden = random(3) === 0;
      const price = random(8) === 0
        ? (bit === 0 ? Infinity : -Infinity)
        : base + 15 + random(spread);
      const lots = sizes[random(sizes.length)]!;
      // One order a level, so that no level's sum passes 2^53 - 1.
      orders.set(`${bit} ${hidden} ${price}`, { bit, hidden, price, lots });
    }
    const steps: [from: number, step: number][] = [];
    let from = 0;
    for (let band = random(3) === 0 ? random(4) : 0; band > 0; band--) {
      steps.push([from, 1 + random(base === 0 ? 9 : 4)]);
      from = Math.max(from, base + 10) + 1 + random(15);
    }
    steps.forEach(([from, step], i) =>
      assert(made.ticks.set(1, i, from, step))
    );
    const valid = (price: number) =>
      price % (steps.filter(([from]) => from <= price).at(-1)?.[1] ?? 1) === 0;
    const banded = random(4) === 0;
    const low = banded ? base + 1 + random(40) : 1;
    const high = banded ? low + random(30) : PRICE_MAX;
    const nearest = base + random(61);
    for (const order of orders.values()) made.add(order);
    const wanted = search(
      [...orders.values()],
      valid,
      nearest,
      Math.max(low, base - 20, 1),
      Math.min(high, base + 100, PRICE_MAX),
    );
    const story =
      `seed ${seed} round ${round}: near ${nearest}, ${low} to ${high}, ticks ${
        JSON.stringify(steps)
      }, ${
        [...orders.values()].map((order) =>
          `${order.bit === 0 ? "buy" : "sell"} ${order.lots}@${order.price}`
        ).join(", ")
      }`;
    assertEquals(made.find(nearest, low, high), wanted, story);
    made.clear();
    const over = Number(wanted.split(" ")[1] ?? NaN);
    if (wanted === "none") seen.none++;
    else if (over === 0) seen.balanced++;
    else if (over > 0) seen.buys++;
    else seen.sells++;
  }
  for (const [what, times] of Object.entries(seen)) {
    assert(times > 500, `${what}: ${times}`);
  }
});
