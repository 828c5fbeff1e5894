// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assert, assertEquals, assertThrows } from "@std/assert";
import { AccountLimit, Reason } from "../../engine/record/mod.ts";
import {
  ACCOUNT_LIMIT_REASONS,
  AccountBlock,
  Accounts,
  ALL_INSTRUMENTS,
} from "../../engine/risk/mod.ts";

const OPTIONS = { accountsMax: 4, instrumentsMax: 3 };
const MOST = Number.MAX_SAFE_INTEGER;
const BUY = 0;
const SELL = 1;

function accounts(): Accounts {
  const made = new Accounts(
    new ArrayBuffer(64 + Accounts.bytes(OPTIONS)),
    64,
    OPTIONS,
  );
  assert(made.define(1, 0) && made.define(2, 7));
  return made;
}

/** Places for what hot functions read. */
const f64 = new Float64Array(4);

function at(lots: number): number {
  f64[1] = lots;
  return 1;
}

function check(
  made: Accounts,
  bit: number,
  lots: number,
  price = 1,
  account = 1,
): Reason {
  return made.check(account, 2, bit, f64, at(lots), price);
}

function checkReplace(
  made: Accounts,
  bit: number,
  total: number,
  leaves: number,
  own: number,
  price = 1,
): Reason {
  f64.set([total, leaves, own], 1);
  return made.checkReplace(1, 2, bit, f64, 1, 2, 3, price);
}

function open(made: Accounts, bit: number, lots: number): void {
  made.opened(1, 2, bit, f64, at(lots));
}

/** An order that comes and trades in full. */
function trade(made: Accounts, bit: number, lots: number): void {
  open(made, bit, lots);
  made.filled(1, 2, bit, f64, at(lots));
  made.closed(1, 2, bit, f64, at(0));
}

Deno.test("Accounts.bytes() is whole cache lines, and says what is too much", () => {
  for (const accountsMax of [1, 2, 5]) {
    for (const instrumentsMax of [1, 3, 8]) {
      assertEquals(Accounts.bytes({ accountsMax, instrumentsMax }) % 64, 0);
    }
  }
  assertThrows(
    () => Accounts.bytes({ accountsMax: 65536, instrumentsMax: 65535 }),
    Error,
    "lower accountsMax",
  );
  assertThrows(
    () => Accounts.bytes({ accountsMax: 0, instrumentsMax: 1 }),
    Error,
    "accountsMax is 0",
  );
});

Deno.test("Accounts.define() makes accounts; 0 is always there", () => {
  const made = accounts();
  const defined = [-1, 0, 1, 2, 3, 4, 0xffffffff].map((account) =>
    made.isDefined(account)
  );
  assertEquals(defined, [false, true, true, true, false, false, false]);
  assertEquals([made.groupOf(0), made.groupOf(1), made.groupOf(2)], [0, 0, 7]);
  assert(!made.define(0, 1) && !made.define(4, 1) && !made.define(-1, 1));
  assertEquals(made.groupOf(0), 0);
});

Deno.test("Accounts.define() again changes the group and nothing else", () => {
  const made = accounts();
  made.setLimit(1, AccountLimit.QUANTITY, 10, 0);
  made.setBlock(1, AccountBlock.CLIENT, true);
  trade(made, BUY, 5);
  assert(made.define(1, 9));
  assertEquals(made.groupOf(1), 9);
  assertEquals(made.hardOf(1, AccountLimit.QUANTITY), 10);
  assertEquals(made.blocksOf(1), AccountBlock.CLIENT);
  assertEquals(made.netOf(1, 2), 5);
});

Deno.test("Accounts.check() judges quantity and notional at each limit -1, 0 and +1", () => {
  const made = accounts();
  made.setLimit(1, AccountLimit.QUANTITY, 100, 0);
  made.setLimit(1, AccountLimit.NOTIONAL, 5000, 0);
  assertEquals(check(made, BUY, 99), Reason.NONE);
  assertEquals(check(made, BUY, 100), Reason.NONE);
  assertEquals(check(made, BUY, 101), Reason.ACCOUNT_MAX_QUANTITY);
  assertEquals(check(made, SELL, 100, 50), Reason.NONE);
  assertEquals(check(made, SELL, 100, 51), Reason.ACCOUNT_MAX_NOTIONAL);
  assertEquals(check(made, SELL, 98, 51), Reason.NONE);
  assertEquals(check(made, SELL, 100, 0), Reason.NONE);
  assertEquals(check(made, BUY, 101, 1000, 2), Reason.NONE, "another account");
});

Deno.test("Accounts.check() compares a notional beyond 2^53 exactly", () => {
  const made = accounts();
  made.setLimit(1, AccountLimit.NOTIONAL, MOST, 0);
  assertEquals(check(made, BUY, MOST, 1), Reason.NONE);
  assertEquals(check(made, BUY, 2 ** 52, 2), Reason.ACCOUNT_MAX_NOTIONAL);
  assertEquals(
    check(made, BUY, MOST, 0x7fffffff),
    Reason.ACCOUNT_MAX_NOTIONAL,
  );
});

Deno.test("Accounts.check() counts live orders", () => {
  const made = accounts();
  made.setLimit(1, AccountLimit.OPEN_ORDERS, 2, 0);
  open(made, BUY, 5);
  assertEquals(check(made, BUY, 1), Reason.NONE);
  open(made, SELL, 5);
  assertEquals(made.openOrdersOf(1), 2);
  assertEquals(check(made, BUY, 1), Reason.MAX_OPEN_ORDERS);
  assertEquals(checkReplace(made, BUY, 9, 9, 5), Reason.NONE);
  made.closed(1, 2, SELL, f64, at(5));
  assertEquals(check(made, BUY, 1), Reason.NONE);
});

Deno.test("Accounts.check() judges the position that buys could lead to", () => {
  const made = accounts();
  made.setLimit(1, AccountLimit.POSITION, 100, 0);
  trade(made, BUY, 30);
  open(made, BUY, 40);
  open(made, SELL, 1000);
  assertEquals(check(made, BUY, 29), Reason.NONE);
  assertEquals(check(made, BUY, 30), Reason.NONE);
  assertEquals(check(made, BUY, 31), Reason.MAX_POSITION);
  trade(made, SELL, 60);
  assertEquals(made.netOf(1, 2), -30);
  assertEquals(check(made, BUY, 90), Reason.NONE);
  assertEquals(check(made, BUY, 91), Reason.MAX_POSITION);
});

Deno.test("Accounts.check() judges the position that sells could lead to", () => {
  const made = accounts();
  made.setLimit(1, AccountLimit.POSITION, 100, 0);
  trade(made, BUY, 30);
  open(made, SELL, 40);
  open(made, BUY, 1000);
  assertEquals(check(made, SELL, 90), Reason.NONE);
  assertEquals(check(made, SELL, 91), Reason.MAX_POSITION);
  trade(made, SELL, 60);
  assertEquals(check(made, SELL, 30), Reason.NONE);
  assertEquals(check(made, SELL, 31), Reason.MAX_POSITION);
});

Deno.test("Accounts.check() keeps positions of instruments apart", () => {
  const made = accounts();
  made.setLimit(1, AccountLimit.POSITION, 100, 0);
  open(made, BUY, 100);
  assertEquals(check(made, BUY, 1), Reason.MAX_POSITION);
  assertEquals(made.check(1, 0, BUY, f64, at(100), 1), Reason.NONE);
  assertEquals(made.check(1, 1, BUY, f64, at(101), 1), Reason.MAX_POSITION);
});

Deno.test("Accounts.check() gives the first reason in the order of the limits", () => {
  const made = accounts();
  open(made, BUY, 50);
  open(made, BUY, 50);
  for (const limit of [3, 2, 1, 0]) {
    made.setLimit(1, limit, 2, 0);
    assertEquals(check(made, BUY, 3), ACCOUNT_LIMIT_REASONS[limit]!);
  }
  for (const limit of [0, 1, 2]) {
    made.setLimit(1, limit, 0, 0);
    assertEquals(check(made, BUY, 3), ACCOUNT_LIMIT_REASONS[limit + 1]!);
  }
  made.setLimit(1, 3, 0, 0);
  assertEquals(check(made, BUY, 3), Reason.NONE);
});

Deno.test("Accounts.check() collects the soft limits that are passed", () => {
  const made = accounts();
  open(made, BUY, 5);
  made.setLimit(1, AccountLimit.QUANTITY, 0, 10);
  made.setLimit(1, AccountLimit.NOTIONAL, 0, 1000);
  made.setLimit(1, AccountLimit.OPEN_ORDERS, 0, 1);
  made.setLimit(1, AccountLimit.POSITION, 100, 16);
  assertEquals(check(made, BUY, 10, 100), Reason.NONE);
  assertEquals(made.softPassed, 1 << AccountLimit.OPEN_ORDERS);
  assertEquals(check(made, BUY, 12, 100), Reason.NONE);
  assertEquals(made.softPassed, 0b1111);
  assertEquals([...made.observed], [12, 1200, 2, 17]);
  assertEquals([0, 1, 2, 3].map((i) => made.softOf(1, i)), [10, 1000, 1, 16]);
  assertEquals(checkReplace(made, BUY, 12, 11, 5, 100), Reason.NONE);
  assertEquals(
    made.softPassed,
    1 << AccountLimit.QUANTITY | 1 << AccountLimit.NOTIONAL,
  );
});

Deno.test("Accounts.softPassed is 0 after a refusal, and after an order without limits", () => {
  const made = accounts();
  made.setLimit(1, AccountLimit.QUANTITY, 20, 10);
  made.setLimit(1, AccountLimit.POSITION, 15, 0);
  check(made, BUY, 11);
  assertEquals(made.softPassed, 1);
  assertEquals(check(made, BUY, 16), Reason.MAX_POSITION);
  assertEquals(made.softPassed, 0);
  check(made, BUY, 11);
  check(made, BUY, 11, 1, 2);
  assertEquals(made.softPassed, 0);
});

Deno.test("Accounts.checkReplace() takes the order's own open lots out", () => {
  const made = accounts();
  made.setLimit(1, AccountLimit.QUANTITY, 70, 0);
  made.setLimit(1, AccountLimit.POSITION, 100, 0);
  open(made, BUY, 50);
  made.filled(1, 2, BUY, f64, at(20));
  open(made, BUY, 40);
  assertEquals([made.netOf(1, 2), made.openOf(1, 2, BUY)], [20, 70]);
  const before = made.i32.slice();
  assertEquals(checkReplace(made, BUY, 60, 40, 30), Reason.NONE);
  assertEquals(checkReplace(made, BUY, 61, 41, 30), Reason.MAX_POSITION);
  assertEquals(
    checkReplace(made, BUY, 71, 1, 30),
    Reason.ACCOUNT_MAX_QUANTITY,
  );
  assertEquals(made.i32, before);
  open(made, SELL, 110);
  assertEquals(checkReplace(made, SELL, 70, 120, 110), Reason.NONE);
  assertEquals(checkReplace(made, SELL, 70, 121, 110), Reason.MAX_POSITION);
});

Deno.test("Accounts keeps positions without limits, so that one may be set later", () => {
  const made = accounts();
  assert(!made.hasLimits(1));
  open(made, BUY, 10);
  made.changed(1, 2, BUY, f64, at(-4));
  made.changed(1, 2, BUY, f64, at(3));
  made.filled(1, 2, BUY, f64, at(2));
  assertEquals([made.netOf(1, 2), made.openOf(1, 2, BUY)], [2, 7]);
  assert(made.setLimit(1, AccountLimit.POSITION, 10, 0));
  assert(made.hasLimits(1));
  assertEquals(check(made, BUY, 1), Reason.NONE);
  assertEquals(check(made, BUY, 2), Reason.MAX_POSITION);
  made.closed(1, 2, BUY, f64, at(7));
  assertEquals([made.openOf(1, 2, BUY), made.openOrdersOf(1)], [0, 0]);
  assertEquals(check(made, BUY, 8), Reason.NONE);
  made.setLimit(1, AccountLimit.POSITION, 0, 0);
  assert(!made.hasLimits(1));
});

Deno.test("Accounts keeps nothing for account 0, and gives it no limits", () => {
  const made = accounts();
  made.opened(0, 2, BUY, f64, at(5));
  made.filled(0, 2, BUY, f64, at(5));
  made.changed(0, 2, BUY, f64, at(5));
  made.closed(0, 2, BUY, f64, at(5));
  assertEquals(
    [made.openOrdersOf(0), made.netOf(0, 2), made.openOf(0, 2, BUY)],
    [0, 0, 0],
  );
  assert(!made.setLimit(0, AccountLimit.QUANTITY, 1, 1));
  assert(!made.setRestriction(0, ALL_INSTRUMENTS, true));
  assert(!made.setBlock(0, AccountBlock.CLIENT, true));
  assertEquals(check(made, BUY, MOST, 0x7fffffff, 0), Reason.NONE);
  assert(!made.isRestricted(0, 2));
  assertEquals(made.blocksOf(0), 0);
});

Deno.test("Accounts sums lots exactly beyond 2^53, and comes back", () => {
  const made = accounts();
  made.setLimit(1, AccountLimit.POSITION, MOST, 0);
  for (const bit of [BUY, SELL]) {
    for (const lots of [MOST, MOST, 3]) open(made, bit, lots);
    assertEquals(check(made, bit, 1), Reason.MAX_POSITION);
    for (const lots of [MOST, MOST]) made.closed(1, 2, bit, f64, at(lots));
    assertEquals(made.openOf(1, 2, bit), 3);
    assertEquals(check(made, bit, MOST - 3), Reason.NONE);
    assertEquals(check(made, bit, MOST - 2), Reason.MAX_POSITION);
  }
});

Deno.test("Accounts.check() is exact with net positions beyond 2^53", () => {
  const made = accounts();
  made.setLimit(1, AccountLimit.POSITION, MOST, 0);
  for (let i = 0; i < 3; i++) trade(made, SELL, MOST);
  assertEquals(check(made, SELL, 1), Reason.MAX_POSITION);
  for (let i = 0; i < 3; i++) open(made, BUY, MOST);
  open(made, BUY, 1);
  // Net and open buys are 1 together.
  assertEquals(check(made, BUY, MOST - 1), Reason.NONE);
  assertEquals(check(made, BUY, MOST), Reason.MAX_POSITION);
  for (let i = 0; i < 3; i++) trade(made, BUY, MOST);
  assertEquals(made.netOf(1, 2), 0);
  assertEquals(check(made, SELL, MOST), Reason.NONE);
});

Deno.test("Accounts.setLimit() refuses unknown accounts and numbers that are not whole", () => {
  const made = accounts();
  assert(!made.setLimit(3, AccountLimit.QUANTITY, 1, 1), "not defined");
  assert(!made.setLimit(4, AccountLimit.QUANTITY, 1, 1), "beyond the last");
  assert(!made.setLimit(1, 4, 1, 1) && !made.setLimit(1, -1, 1, 1));
  for (const wrong of [-1, 0.5, NaN, MOST + 1]) {
    assert(!made.setLimit(1, 0, wrong, 0) && !made.setLimit(1, 0, 0, wrong));
  }
  assert(!made.hasLimits(1));
  assert(made.setLimit(1, 0, MOST, MOST) && made.hasLimits(1));
});

Deno.test("Accounts.setBlock() keeps blocks by client and appliance apart", () => {
  const made = accounts();
  made.setBlock(1, AccountBlock.CLIENT, true);
  made.setBlock(1, AccountBlock.APPLIANCE, true);
  assertEquals([made.blocksOf(1), made.blocksOf(2)], [3, 0]);
  made.setBlock(1, AccountBlock.CLIENT, false);
  assertEquals(made.blocksOf(1), AccountBlock.APPLIANCE);
  made.setBlock(1, AccountBlock.APPLIANCE, false);
  assertEquals(made.blocksOf(1), 0);
  assert(made.isDefined(1));
  assert(!made.setBlock(3, AccountBlock.CLIENT, true), "not defined");
});

Deno.test("Accounts.setRestriction() restricts one instrument, or all", () => {
  const made = accounts();
  const restricted = (account = 1) =>
    [0, 1, 2].map((instrument) => made.isRestricted(account, instrument));
  assert(made.setRestriction(1, 1, true));
  assertEquals(restricted(), [false, true, false]);
  assert(made.setRestriction(1, ALL_INSTRUMENTS, true));
  assertEquals(restricted(), [true, true, true]);
  made.setRestriction(1, 0, false);
  assertEquals(restricted(), [true, true, true]);
  assert(made.setRestriction(1, ALL_INSTRUMENTS, false));
  assertEquals(restricted(), [false, true, false], "that of one stays");
  made.setRestriction(1, 1, false);
  assertEquals(restricted(), [false, false, false]);
  assert(!made.setRestriction(1, 3, true) && !made.setRestriction(3, 0, true));
  assertEquals(restricted(2), [false, false, false]);
});

Deno.test("Accounts.check() judges as sums of whole numbers without end do", () => {
  const seed = 77123;
  console.log(`seed ${seed}`);
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  const SIZES = [1, 7, 1000, 2 ** 40, 2 ** 52, MOST - 1, MOST];
  const made = accounts();
  let net = 0n;
  const orders: { bit: number; leaves: number }[] = [];
  for (let step = 0; step < 4000; step++) {
    const bit = random(2);
    const lots = SIZES[random(SIZES.length)]!;
    const limit = SIZES[random(SIZES.length)]!;
    made.setLimit(1, AccountLimit.POSITION, limit, 0);
    const sum = orders.filter((order) => order.bit === bit)
      .reduce((sum, order) => sum + BigInt(order.leaves), 0n) +
      (bit === BUY ? net : -net);
    const allowed = sum + BigInt(lots) <= BigInt(limit);
    assertEquals(
      check(made, bit, lots),
      allowed ? Reason.NONE : Reason.MAX_POSITION,
      `step ${step}: ${sum} + ${lots}, limit ${limit}`,
    );
    const chosen = orders[random(orders.length)];
    if (chosen === undefined || orders.length < random(20)) {
      orders.push({ bit, leaves: lots });
      made.opened(1, 2, bit, f64, at(lots));
      continue;
    }
    const part = Math.min(lots, chosen.leaves);
    if (random(3) > 0) {
      chosen.leaves -= part;
      net += BigInt(chosen.bit === BUY ? part : -part);
      made.filled(1, 2, chosen.bit, f64, at(part));
    } else {
      chosen.leaves -= part;
      made.changed(1, 2, chosen.bit, f64, at(-part));
    }
    if (random(2) === 0) {
      orders.splice(orders.indexOf(chosen), 1);
      made.closed(1, 2, chosen.bit, f64, at(chosen.leaves));
    }
    assertEquals(made.openOrdersOf(1), orders.length);
  }
});

Deno.test("Accounts over a copy of the memory is a snapshot", () => {
  const memory = new ArrayBuffer(Accounts.bytes(OPTIONS));
  const made = new Accounts(memory, 0, OPTIONS);
  made.define(1, 5);
  made.setLimit(1, AccountLimit.POSITION, 10, 0);
  open(made, BUY, 6);
  const copy = new Accounts(memory.slice(0), 0, OPTIONS);
  open(made, BUY, 4);
  assertEquals(check(copy, BUY, 4), Reason.NONE);
  assertEquals(check(made, BUY, 4), Reason.MAX_POSITION);
  assertEquals([copy.groupOf(1), copy.openOrdersOf(1)], [5, 1]);
});
