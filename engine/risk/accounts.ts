// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What accounts may do, and what they have: limits, blocks, restrictions, open
 * orders, and the position in each instrument.
 *
 * Positions are kept for every account but 0 ("no account"), whether it has
 * limits or not, so that limits may be set at any time. Sums of lots are exact
 * without end: each has a low part below 2^53 and a high part that counts
 * 2^53s. Comparing with a limit (at most 2^53 - 1) is exact too.
 *
 * A gate is the lower of a hard and a soft limit, or infinite: what is below it
 * needs no look at the limits. The plain path of the exchange reads and writes
 * accounts and positions in place, as laid out here.
 *
 * Owned by the exchange's thread. Allocates nothing after construction. All
 * state lies in the memory given; zeroed memory is no accounts. It knows no
 * sessions and writes no events.
 *
 * ```
 * account  (128 B): [hard: 4 x f64][soft: 4 x f64]
 *                   [flags group orders -][gates: 4 x f64][-]
 * position  (64 B): [net | open buys | open sells: low parts, f64]
 *                   [net buys sells: high parts, int32][restricted][-]
 * ```
 *
 * @module
 */
import { assert } from "../assert.ts";
import { Reason } from "../record/mod.ts";

// `tests/constants_test.ts` compares what is exported elsewhere.
const enum Fixed {
  AccountLimit_QUANTITY = 0,
  AccountLimit_NOTIONAL = 1,
  AccountLimit_OPEN_ORDERS = 2,
  AccountLimit_POSITION = 3,
  ACCOUNT_LIMITS = 4,
  ACCOUNT_WORDS = 32,
  SOFT_F64 = 4,
  ACCOUNT_FLAGS = 16,
  ACCOUNT_GROUP = 17,
  ACCOUNT_ORDERS = 18,
  ACCOUNT_GATES_F64 = 10,
  FLAG_DEFINED = 1,
  FLAG_LIMITS = 2,
  FLAG_RESTRICTED = 4,
  FLAG_BLOCKS_SHIFT = 4,
  FLAG_BLOCKS = 48,
  POSITION_WORDS = 16,
  POSITION_OPEN_F64 = 1,
  POSITION_HIGH = 6,
  POSITION_RESTRICTED = 9,
  LIMIT_MAX = 9007199254740991,
  HIGH_UNIT = 9007199254740992,
  ALL_INSTRUMENTS = 0xffff,
}

/** Words of an account, and those that the plain path of the exchange uses. */
export const ACCOUNT_WORDS = 32;
export const ACCOUNT_FLAGS = 16;
export const ACCOUNT_ORDERS = 18;
/** Float64 element: of quantity, notional, open orders, position. */
export const ACCOUNT_GATES_F64 = 10;
/** Bits of the flags: the account has limits; all instruments are restricted; both blocks. */
export const FLAG_LIMITS = 2;
export const FLAG_RESTRICTED = 4;
export const FLAG_BLOCKS = 48;
/** Words of a position, and the same of it. Float64 element 0 is the net. */
export const POSITION_WORDS = 16;
export const POSITION_OPEN_F64 = 1;
export const POSITION_HIGH = 6;
export const POSITION_RESTRICTED = 9;

/** In place of an instrument: all of them. */
export const ALL_INSTRUMENTS = 0xffff;

/** Who blocked an account; both may have. */
export const AccountBlock = { CLIENT: 1, APPLIANCE: 2 } as const;
export type AccountBlock = typeof AccountBlock[keyof typeof AccountBlock];

/** Reason of each `AccountLimit`, for refusals and for warnings. */
export const ACCOUNT_LIMIT_REASONS: readonly Reason[] = [
  Reason.ACCOUNT_MAX_QUANTITY,
  Reason.ACCOUNT_MAX_NOTIONAL,
  Reason.MAX_OPEN_ORDERS,
  Reason.MAX_POSITION,
];

/** How much is held. */
export interface AccountsOptions {
  /** Accounts have indexes below this; 0 is "no account". */
  readonly accountsMax: number;
  /** Instruments have indexes below this. */
  readonly instrumentsMax: number;
}

function wordsOf({ accountsMax, instrumentsMax }: AccountsOptions): number {
  assert(
    Number.isInteger(accountsMax) && accountsMax >= 1,
    `accountsMax is ${accountsMax}: must be a whole number, at least 1`,
  );
  assert(
    Number.isInteger(instrumentsMax) && instrumentsMax >= 1 &&
      instrumentsMax <= 65535,
    `instrumentsMax is ${instrumentsMax}: must be 1 to 65535`,
  );
  const words = accountsMax *
    (Fixed.ACCOUNT_WORDS + instrumentsMax * Fixed.POSITION_WORDS);
  assert(
    words < 2 ** 30,
    `accounts of ${
      words * 4
    } bytes: must be below 4294967296; lower accountsMax ${accountsMax} or instrumentsMax ${instrumentsMax}`,
  );
  return Math.ceil(words / 16) * 16;
}

/** Accounts of a shard. */
export class Accounts {
  /** All of the state, for a digest. */
  readonly i32: Int32Array;
  /** Bits 1 << `AccountLimit` of the soft limits that the order judged last passes; 0 if it was refused. */
  softPassed = 0;
  /** By `AccountLimit`: what was compared with the limits, if the account judged last has any. */
  readonly observed = new Float64Array(Fixed.ACCOUNT_LIMITS);
  readonly #f64: Float64Array;
  readonly #accountsMax: number;
  readonly #instrumentsMax: number;
  readonly #positions: number;

  /** Bytes that accounts of these options occupy; a multiple of 64. */
  static bytes(options: AccountsOptions): number {
    return wordsOf(options) * 4;
  }

  /**
   * @param memory Zeroed memory, or a copy of other accounts' memory.
   * @param byteOffset Where `Accounts.bytes(options)` of it start; k x 64.
   */
  constructor(
    memory: ArrayBufferLike,
    byteOffset: number,
    options: AccountsOptions,
  ) {
    assert(byteOffset % 64 === 0, `accounts at ${byteOffset}: must be k x 64`);
    const words = wordsOf(options);
    this.i32 = new Int32Array(memory, byteOffset, words);
    this.#f64 = new Float64Array(memory, byteOffset, words >>> 1);
    this.#accountsMax = options.accountsMax;
    this.#instrumentsMax = options.instrumentsMax;
    this.#positions = options.accountsMax * Fixed.ACCOUNT_WORDS;
  }

  /**
   * Makes an account ready, or gives it another group; all else stays.
   *
   * @param group Sessions of this group may use it; 0 = any.
   * @returns false if there is no room for it, or it is 0.
   */
  define(account: number, group: number): boolean {
    if (account <= 0 || account >= this.#accountsMax) return false;
    this.i32[account * Fixed.ACCOUNT_WORDS + Fixed.ACCOUNT_GROUP] = group;
    if (!this.isDefined(account)) {
      const gates = (account * Fixed.ACCOUNT_WORDS >> 1) +
        Fixed.ACCOUNT_GATES_F64;
      this.#f64.fill(Infinity, gates, gates + Fixed.ACCOUNT_LIMITS);
    }
    this.#setFlag(account, Fixed.FLAG_DEFINED, true);
    return true;
  }

  /** True for 0, and after `define()`; any number may be asked. */
  isDefined(account: number): boolean {
    return account === 0 ||
      account > 0 && account < this.#accountsMax &&
        (this.#flagsOf(account) & Fixed.FLAG_DEFINED) !== 0;
  }

  /** The account's group; 0 = any session may use it. */
  groupOf(account: number): number {
    return this.i32[account * Fixed.ACCOUNT_WORDS + Fixed.ACCOUNT_GROUP]!;
  }

  /**
   * Sets a limit of a defined account.
   *
   * @param limit `AccountLimit`.
   * @param hard Refused above this; 0 = none.
   * @param soft Warned of above this; 0 = none.
   * @returns false, and nothing changes, if the account is 0 or not defined,
   *   or a number is not whole, below 0 or above 2^53 - 1.
   */
  setLimit(
    account: number,
    limit: number,
    hard: number,
    soft: number,
  ): boolean {
    if (account === 0 || !this.isDefined(account)) return false;
    if (!(limit >= 0 && limit < Fixed.ACCOUNT_LIMITS)) return false;
    if (!isWhole(hard) || !isWhole(soft)) return false;
    const f64 = this.#f64;
    const first = account * Fixed.ACCOUNT_WORDS >> 1;
    f64[first + limit] = hard;
    f64[first + Fixed.SOFT_F64 + limit] = soft;
    let any = false;
    for (let at = first; at < first + 2 * Fixed.ACCOUNT_LIMITS; at++) {
      if (f64[at] !== 0) any = true;
    }
    this.#setFlag(account, Fixed.FLAG_LIMITS, any);
    f64[first + Fixed.ACCOUNT_GATES_F64 + limit] = Math.min(
      f64[first + limit]! || Infinity,
      f64[first + Fixed.SOFT_F64 + limit]! || Infinity,
    );
    return true;
  }

  /** A hard limit; 0 = none. @param limit `AccountLimit`. */
  hardOf(account: number, limit: number): number {
    return this.#f64[(account * Fixed.ACCOUNT_WORDS >> 1) + limit]!;
  }

  /** A soft limit; 0 = none. @param limit `AccountLimit`. */
  softOf(account: number, limit: number): number {
    return this.hardOf(account, Fixed.SOFT_F64 + limit);
  }

  /** True if the account has any limit, hard or soft: `check()` is worth a call. */
  hasLimits(account: number): boolean {
    return (this.#flagsOf(account) & Fixed.FLAG_LIMITS) !== 0;
  }

  /**
   * Blocks a defined account, or takes a block away.
   *
   * @param by `AccountBlock`.
   * @returns false, and nothing changes, if there is no such account, or it is 0.
   */
  setBlock(account: number, by: AccountBlock, blocked: boolean): boolean {
    if (account === 0 || !this.isDefined(account)) return false;
    this.#setFlag(account, by << Fixed.FLAG_BLOCKS_SHIFT, blocked);
    return true;
  }

  /** Bits of `AccountBlock`; 0 = not blocked. */
  blocksOf(account: number): number {
    return (this.#flagsOf(account) & Fixed.FLAG_BLOCKS) >>>
      Fixed.FLAG_BLOCKS_SHIFT;
  }

  /**
   * Restricts a defined account, or takes a restriction away. The one for all
   * instruments is kept apart from those of single instruments.
   *
   * @param instrument Its index, or `ALL_INSTRUMENTS`.
   * @returns false, and nothing changes, if there is no such account or
   *   instrument, or the account is 0.
   */
  setRestriction(
    account: number,
    instrument: number,
    restricted: boolean,
  ): boolean {
    if (account === 0 || !this.isDefined(account)) return false;
    if (instrument === Fixed.ALL_INSTRUMENTS) {
      this.#setFlag(account, Fixed.FLAG_RESTRICTED, restricted);
      return true;
    }
    if (!(instrument >= 0 && instrument < this.#instrumentsMax)) return false;
    const at = this.#positionOf(account, instrument);
    this.i32[at + Fixed.POSITION_RESTRICTED] = restricted ? 1 : 0;
    return true;
  }

  /** True if the account may not trade the instrument. */
  isRestricted(account: number, instrument: number): boolean {
    return (this.#flagsOf(account) & Fixed.FLAG_RESTRICTED) !== 0 ||
      this.i32[
          this.#positionOf(account, instrument) + Fixed.POSITION_RESTRICTED
        ] !== 0;
  }

  /**
   * Judges a new order by the account's limits; the first hard limit that it
   * passes is the reason. Sets `softPassed` and `observed`.
   *
   * @param bit 0 = buy, 1 = sell.
   * @param f64 Where the quantity stands (a float64 argument might be allocated).
   * @param quantityAt Element of `f64` that holds the lots.
   * @param price Ticks, by which the notional is judged; 0 if there is none.
   * @returns `NONE`, `ACCOUNT_MAX_QUANTITY`, `ACCOUNT_MAX_NOTIONAL`,
   *   `MAX_OPEN_ORDERS` or `MAX_POSITION`.
   */
  check(
    account: number,
    instrument: number,
    bit: number,
    f64: Float64Array,
    quantityAt: number,
    price: number,
  ): Reason {
    this.softPassed = 0;
    if (!this.hasLimits(account)) return Reason.NONE;
    const observed = this.observed;
    observed[Fixed.AccountLimit_QUANTITY] = f64[quantityAt]!;
    observed[Fixed.AccountLimit_NOTIONAL] = f64[quantityAt]! * price;
    observed[Fixed.AccountLimit_OPEN_ORDERS] = this.openOrdersOf(account) + 1;
    this.#observePosition(account, instrument, bit);
    observed[Fixed.AccountLimit_POSITION] =
      observed[Fixed.AccountLimit_POSITION]! + f64[quantityAt]!;
    return this.#judge(account);
  }

  /**
   * Judges an order as a replace would make it, likewise, but not the number
   * of open orders. Position: with its own open lots taken out and the new
   * ones put in.
   *
   * @param quantityAt Element of `f64` that holds the new quantity (total).
   * @param leavesAt Element of `f64` that holds what would be open then.
   * @param ownAt Element of `f64` that holds what is open now.
   */
  checkReplace(
    account: number,
    instrument: number,
    bit: number,
    f64: Float64Array,
    quantityAt: number,
    leavesAt: number,
    ownAt: number,
    price: number,
  ): Reason {
    this.softPassed = 0;
    if (!this.hasLimits(account)) return Reason.NONE;
    const observed = this.observed;
    observed[Fixed.AccountLimit_QUANTITY] = f64[quantityAt]!;
    observed[Fixed.AccountLimit_NOTIONAL] = f64[quantityAt]! * price;
    observed[Fixed.AccountLimit_OPEN_ORDERS] = 0;
    // Both sums are exact: the order's lots are among those that are open.
    const position = this.#positionOf(account, instrument);
    this.#add(position, bit + 1, f64, ownAt, -1);
    this.#observePosition(account, instrument, bit);
    this.#add(position, bit + 1, f64, ownAt, 1);
    observed[Fixed.AccountLimit_POSITION] =
      observed[Fixed.AccountLimit_POSITION]! + f64[leavesAt]!;
    return this.#judge(account);
  }

  /** An order is live now, with the leaves at `f64[leavesAt]`. @param bit 0 = buy, 1 = sell. */
  opened(
    account: number,
    instrument: number,
    bit: number,
    f64: Float64Array,
    leavesAt: number,
  ): void {
    if (account === 0) return;
    const orders = account * Fixed.ACCOUNT_WORDS + Fixed.ACCOUNT_ORDERS;
    this.i32[orders] = this.i32[orders]! + 1;
    const position = this.#positionOf(account, instrument);
    this.#add(position, bit + 1, f64, leavesAt, 1);
  }

  /** A live order ended, with the leaves at `f64[leavesAt]` (0 if it was filled). */
  closed(
    account: number,
    instrument: number,
    bit: number,
    f64: Float64Array,
    leavesAt: number,
  ): void {
    if (account === 0) return;
    const orders = account * Fixed.ACCOUNT_WORDS + Fixed.ACCOUNT_ORDERS;
    this.i32[orders] = this.i32[orders]! - 1;
    const position = this.#positionOf(account, instrument);
    this.#add(position, bit + 1, f64, leavesAt, -1);
  }

  /** Leaves of a live order changed without a fill: new less old at `f64[differenceAt]`. */
  changed(
    account: number,
    instrument: number,
    bit: number,
    f64: Float64Array,
    differenceAt: number,
  ): void {
    if (account === 0) return;
    const position = this.#positionOf(account, instrument);
    this.#add(position, bit + 1, f64, differenceAt, 1);
  }

  /** A live order traded the lots at `f64[lotsAt]`. */
  filled(
    account: number,
    instrument: number,
    bit: number,
    f64: Float64Array,
    lotsAt: number,
  ): void {
    if (account === 0) return;
    const position = this.#positionOf(account, instrument);
    this.#add(position, bit + 1, f64, lotsAt, -1);
    this.traded(account, instrument, bit, f64, lotsAt);
  }

  /** The account traded the lots at `f64[lotsAt]`; what is open is counted elsewhere. */
  traded(
    account: number,
    instrument: number,
    bit: number,
    f64: Float64Array,
    lotsAt: number,
  ): void {
    const position = this.#positionOf(account, instrument);
    this.#add(position, 0, f64, lotsAt, 1 - 2 * bit);
  }

  /** Indexes of accounts are below this. */
  get accountsMax(): number {
    return this.#accountsMax;
  }

  /** First of the `POSITION_WORDS` words of a position, for a digest. */
  positionAt(account: number, instrument: number): number {
    return this.#positionOf(account, instrument);
  }

  /** Live orders of an account. */
  openOrdersOf(account: number): number {
    return this.i32[account * Fixed.ACCOUNT_WORDS + Fixed.ACCOUNT_ORDERS]!;
  }

  /** Lots bought less lots sold; rounded beyond 2^53. */
  netOf(account: number, instrument: number): number {
    return this.#sumOf(this.#positionOf(account, instrument), 0);
  }

  /** Open lots of one side; rounded beyond 2^53. @param bit 0 = buy, 1 = sell. */
  openOf(account: number, instrument: number, bit: number): number {
    return this.#sumOf(this.#positionOf(account, instrument), bit + 1);
  }

  /** Compares `observed` with the limits, in the order of `AccountLimit`. */
  #judge(account: number): Reason {
    const f64 = this.#f64;
    const observed = this.observed;
    const first = account * Fixed.ACCOUNT_WORDS >> 1;
    let passed = 0;
    for (let limit = 0; limit < Fixed.ACCOUNT_LIMITS; limit++) {
      const value = observed[limit]!;
      const hard = f64[first + limit]!;
      if (hard !== 0 && value > hard) return ACCOUNT_LIMIT_REASONS[limit]!;
      const soft = f64[first + Fixed.SOFT_F64 + limit]!;
      if (soft !== 0 && value > soft) passed |= 1 << limit;
    }
    this.softPassed = passed;
    return Reason.NONE;
  }

  /**
   * Observes net + open buys, or open sells - net. Exact if it is below 2^53
   * on either side of 0; else it is beyond every limit, or so far below 0 that
   * no order brings it above one.
   */
  #observePosition(account: number, instrument: number, bit: number): void {
    const i32 = this.i32;
    const position = this.#positionOf(account, instrument);
    const lows = position >> 1;
    const highs = position + Fixed.POSITION_HIGH;
    const net = this.#f64[lows]!;
    const open = this.#f64[lows + Fixed.POSITION_OPEN_F64 + bit]!;
    let high = i32[highs + 1 + bit]!;
    let low = 0;
    if (bit === 0) {
      high += i32[highs]!;
      const room = Fixed.HIGH_UNIT - net;
      if (open >= room) {
        low = open - room;
        high++;
      } else low = open + net;
    } else {
      high -= i32[highs]!;
      low = open - net;
      if (low < 0) {
        low += Fixed.HIGH_UNIT;
        high--;
      }
    }
    this.observed[Fixed.AccountLimit_POSITION] = high * Fixed.HIGH_UNIT + low;
  }

  /**
   * Adds the lots at `f64[at]` to a sum, or takes them off.
   *
   * @param which 0 = net, 1 = open buys, 2 = open sells.
   * @param sign 1 or -1.
   */
  #add(
    position: number,
    which: number,
    f64: Float64Array,
    at: number,
    sign: number,
  ): void {
    const lots = f64[at]! * sign;
    const own = (position >> 1) + which;
    const high = position + Fixed.POSITION_HIGH + which;
    const low = this.#f64[own]!;
    if (lots >= 0) {
      const room = Fixed.HIGH_UNIT - low;
      if (lots < room) this.#f64[own] = low + lots;
      else {
        this.#f64[own] = lots - room;
        this.i32[high] = this.i32[high]! + 1;
      }
    } else if (low + lots >= 0) this.#f64[own] = low + lots;
    else {
      this.#f64[own] = low + lots + Fixed.HIGH_UNIT;
      this.i32[high] = this.i32[high]! - 1;
    }
  }

  #sumOf(position: number, which: number): number {
    return this.i32[position + Fixed.POSITION_HIGH + which]! * Fixed.HIGH_UNIT +
      this.#f64[(position >> 1) + which]!;
  }

  #positionOf(account: number, instrument: number): number {
    return this.#positions +
      (account * this.#instrumentsMax + instrument) * Fixed.POSITION_WORDS;
  }

  #flagsOf(account: number): number {
    return this.i32[account * Fixed.ACCOUNT_WORDS + Fixed.ACCOUNT_FLAGS]!;
  }

  #setFlag(account: number, flag: number, on: boolean): void {
    const at = account * Fixed.ACCOUNT_WORDS + Fixed.ACCOUNT_FLAGS;
    this.i32[at] = on ? this.i32[at]! | flag : this.i32[at]! & ~flag;
  }
}

/** True for what a limit may be. */
function isWhole(value: number): boolean {
  return value >= 0 && value <= Fixed.LIMIT_MAX && Math.floor(value) === value;
}
