// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Deliberate faults: each breaks one rule of `docs/matching.md` by a small edit
 * of the engine. A suite that does not notice one of them proves nothing about
 * that rule.
 *
 * @module
 */

/** One edit. */
export interface Fault {
  /** The rule that it breaks. */
  readonly rule: string;
  readonly file: string;
  /** Stands once in the file. */
  readonly search: string;
  readonly replacement: string;
  /** Names of the streams that lean on the rule; all kinds if left out. */
  readonly shapes?: readonly string[];
}
const BOOK = "engine/book/queues.ts";
const MATCHING = "engine/matching/special_matching.ts";
const SLICE = "engine/matching/slice.ts";
const SPECIALS = "engine/exchange/specials.ts";
const OWNERS = "engine/matching/owners.ts";
const CHECKS = "engine/exchange/request_checks.ts";
const PEGS = "engine/matching/peg_price.ts";
const LIVE = "engine/exchange/live_orders.ts";
const AUCTION = "engine/matching/auction.ts";
const STATES = "engine/exchange/trading_states.ts";
const ACCOUNTS = "engine/risk/accounts.ts";
const MASS = "engine/exchange/mass_requests.ts";
const SEARCH = "engine/exchange/order_search.ts";
const REQUESTS = "engine/exchange/requests.ts";
const PLAIN = "engine/matching/matching.ts";
const RATE = "engine/risk/message_rate.ts";
const SHORT = "engine/exchange/plain_path.ts";
const SHORT_REPLACE = "engine/exchange/plain_replace.ts";

/** All of them. */
export const FAULTS: readonly Fault[] = [
  {
    rule: "the journal's disk: a marked new order is refused",
    file: CHECKS,
    search: "return marked !== Reason.NONE\n      ? marked",
    replacement: "return marked === Reason.JOURNAL_SLOW\n      ? marked",
  },
  {
    rule: "the journal's disk: a marked replace at another price is refused",
    file: CHECKS,
    search:
      "return this.price !== 0 && this.price !== i32[order + Fixed.ORDER_PRICE];",
    replacement: "return false;",
  },
  {
    rule: "the journal's disk: a marked replace that adds nothing goes through",
    file: CHECKS,
    search: "reason !== Reason.NONE && this.#addsLiability(order, type)",
    replacement: "reason !== Reason.NONE",
  },
  {
    rule: "time priority: a new order goes to the end of its queue",
    file: BOOK,
    search: `    words[tail | Fixed.ORDER_NEXT] = order;
    words[order | Fixed.ORDER_PREVIOUS] = tail;
    words[order | Fixed.ORDER_LEVEL] = level;
    words[level | Fixed.LEVEL_TAIL] = order;`,
    replacement: `    const head = words[level | Fixed.LEVEL_HEAD]!;
    words[order | Fixed.ORDER_NEXT] = head;
    words[order | Fixed.ORDER_PREVIOUS] = tail & 0;
    words[order | Fixed.ORDER_LEVEL] = level;
    words[head | Fixed.ORDER_PREVIOUS] = order;
    words[level | Fixed.LEVEL_HEAD] = order;`,
  },
  {
    rule: "priority: at one price displayed before hidden",
    file: MATCHING,
    search:
      "this.#i32[displayed + LEVEL_KEY]! <= this.#i32[hidden + LEVEL_KEY]!",
    replacement:
      "this.#i32[displayed + LEVEL_KEY]! < this.#i32[hidden + LEVEL_KEY]!",
    shapes: ["order types and terms"],
  },
  {
    rule: "iceberg: the next slice goes to the end of the queue",
    file: MATCHING,
    search:
      "else if (iceberg && offered === traded) this.#refresh(maker, terms);",
    replacement:
      "else if (iceberg && offered === traded) this.newSlice(maker, terms);",
    shapes: ["order types and terms"],
  },
  {
    rule: "iceberg: a slice is display quantity less or more the range",
    file: SLICE,
    search: "random % (2 * range + 1)",
    replacement: "random % (2 * range)",
    shapes: ["order types and terms"],
  },
  {
    rule: "trade: at most the slice that is shown",
    file: MATCHING,
    search: `      ? f64[(terms >> 1) + TERMS_SHOWN_F64]!
      : f64[(maker >> 1) + ORDER_LEAVES_F64]!;
    const wanted`,
    replacement: `      ? f64[(maker >> 1) + ORDER_LEAVES_F64]!
      : f64[(maker >> 1) + ORDER_LEAVES_F64]!;
    const wanted`,
    shapes: ["order types and terms"],
  },
  {
    rule: "hidden orders are not displayed",
    file: SPECIALS,
    search: `      ((this.#i32[terms + TERMS_FLAGS]! & TermFlag.HIDDEN) !== 0 ||
        this.#isConditional(terms)`,
    replacement: `      (this.#isConditional(terms) ||
        this.#isConditional(terms)`,
    shapes: ["order types and terms"],
  },
  {
    rule: "self-trade prevention: CANCEL_NEWEST ends the taker only",
    file: MATCHING,
    search:
      "      : mode === StpMode.CANCEL_OLDEST || mode === StpMode.CANCEL_BOTH;",
    replacement: "      : true;",
    shapes: ["self-trade prevention"],
  },
  {
    rule: "self-trade prevention: CANCEL_OLDEST ends the maker only",
    file: MATCHING,
    search: "      : mode !== StpMode.CANCEL_OLDEST;",
    replacement: "      : true;",
    shapes: ["self-trade prevention"],
  },
  {
    rule: "self-trade prevention: CANCEL_BOTH ends both",
    file: MATCHING,
    search:
      "      : mode === StpMode.CANCEL_OLDEST || mode === StpMode.CANCEL_BOTH;",
    replacement: "      : mode === StpMode.CANCEL_OLDEST;",
    shapes: ["self-trade prevention"],
  },
  {
    rule: "self-trade prevention: DECREMENT lets the taker go on",
    file: MATCHING,
    search: `    const takerEnds = mode === StpMode.DECREMENT
`,
    replacement: `    const takerEnds = mode === StpMode.NONE
`,
    shapes: ["self-trade prevention"],
  },
  {
    rule: "self-trade prevention: DECREMENT_AND_CANCEL takes lots off first",
    file: MATCHING,
    search: `    const less = mode === StpMode.DECREMENT ||
      mode === StpMode.DECREMENT_AND_CANCEL;`,
    replacement: "    const less = mode === StpMode.DECREMENT;",
    shapes: ["self-trade prevention"],
  },
  {
    rule: "self-trade prevention: sessions without a group are in no group",
    file: OWNERS,
    search: `    return group !== 0 &&
      group ===`,
    replacement: "    return group ===",
    shapes: ["self-trade prevention"],
  },
  {
    rule: "self-trade prevention: scope ACCOUNT goes by the order's account",
    file: OWNERS,
    search: "      return account !== 0 && account === this.accountOf(maker);",
    replacement: "      return account !== 0 && session === other;",
    shapes: ["self-trade prevention"],
  },
  {
    rule: "fill or kill: all of it at once",
    file: MATCHING,
    search: "    count[0] = all ? leaves : this.requirement(taker);",
    replacement: "    count[0] = all ? leaves - 1 : this.requirement(taker);",
    shapes: ["order types and terms", "self-trade prevention"],
  },
  {
    rule: "fill or kill counts no lots behind one's own order",
    file: MATCHING,
    search: "      if (own && ends) return true;",
    replacement: "      if (own && ends) return false;",
    shapes: ["self-trade prevention"],
  },
  {
    rule: "minimum quantity: the smaller of it and the leaves",
    file: MATCHING,
    search: "    return min < leaves ? min : leaves;",
    replacement: "    return min;",
    shapes: ["order types and terms"],
  },
  {
    rule: "all or none asks for all leaves",
    file: MATCHING,
    search:
      `    if ((this.#i32[terms + TERMS_FLAGS]! & TermFlag.ALL_OR_NONE) !== 0) {
      return leaves;`,
    replacement:
      `    if ((this.#i32[terms + TERMS_FLAGS]! & TermFlag.ALL_OR_NONE) !== 0) {
      return 1;`,
    shapes: ["order types and terms"],
  },
  {
    rule: "a maker whose requirement is too large is passed over",
    file: MATCHING,
    search: "        if (this.requirement(order) <= leaves) return order;",
    replacement:
      "        if (this.requirement(order) <= leaves + 1) return order;",
    shapes: ["order types and terms"],
  },
  {
    rule: "post-only: an order that would trade is refused",
    file: CHECKS,
    search: "best > (this.price ^ -bit)",
    replacement: "best >= (this.price ^ -bit)",
    shapes: ["order types and terms"],
  },
  {
    rule: "post-slide: to the next valid price that is worse",
    file: CHECKS,
    search: `      ? this.#ticks.below(instrument, price)
      : this.#ticks.above(instrument, price);`,
    replacement: `      ? this.#ticks.floor(instrument, price)
      : this.#ticks.above(instrument, price);`,
    shapes: ["order types and terms"],
  },
  {
    rule: "stops: a buy triggers at its stop price, not above it only",
    file: SPECIALS,
    search: "last >= stop : last <= stop",
    replacement: "last > stop : last <= stop",
    shapes: ["order types and terms"],
  },
  {
    rule: "stops: of a buy and a sell the older triggers first",
    file: SPECIALS,
    search: "this.#isOlder(buy, sell)",
    replacement: "!this.#isOlder(buy, sell)",
    shapes: ["order types and terms", "a deep book"],
  },
  {
    rule: "trailing stops follow the market, never back",
    file: PEGS,
    search:
      "  return isBuy ? Math.min(stopPrice, price) : Math.max(stopPrice, price);",
    replacement:
      "  return isBuy ? Math.max(stopPrice, price) : Math.min(stopPrice, price);",
    shapes: ["order types and terms"],
  },
  {
    rule: "trailing stops: basis points of the last price",
    file: PEGS,
    search: "Math.floor(last * offset / 10000)",
    replacement: "Math.ceil(last * offset / 10000)",
    shapes: ["order types and terms"],
  },
  {
    rule: "pegs stay one tick below the best offer",
    file: PEGS,
    search: "Math.min(price, ticks.below(instrument, ask))",
    replacement: "Math.min(price, ask)",
    shapes: ["order types and terms"],
  },
  {
    rule: "midpoint pegs: a buy rounds down, a sell up",
    file: PEGS,
    search: "isBuy ? Math.floor((bid + ask) / 2) : Math.ceil((bid + ask) / 2)",
    replacement:
      "isBuy ? Math.ceil((bid + ask) / 2) : Math.floor((bid + ask) / 2)",
    shapes: ["order types and terms"],
  },
  {
    rule: "one cancels the other",
    file: LIVE,
    search: `    this.unlink(terms);
    this.end(other, Reason.LINKED);`,
    replacement: "    this.unlink(terms);",
    shapes: ["order types and terms"],
  },
  {
    rule: "auction: the smallest imbalance",
    file: AUCTION,
    search: "    if (other > imbalance) return;",
    replacement: "    if (other >= imbalance) return;",
    shapes: ["calls of few orders"],
  },
  {
    rule: "auction: nearest to the reference price",
    file: AUCTION,
    search: "    if (nearest <= low) return low;",
    replacement: "    if (nearest <= low) return high;",
    shapes: ["calls of few orders"],
  },
  {
    rule: "auction: the higher of two that are equally near",
    file: AUCTION,
    search: "above - nearest <= nearest - below ? above : below",
    replacement: "above - nearest < nearest - below ? above : below",
    shapes: ["calls of few orders", "tick tables and lot steps"],
  },
  {
    rule: "auction: its price becomes the reference price",
    file: STATES,
    search: "    instruments.setReference(instrument, price);",
    replacement: "    instruments.setReference(instrument, price & 0);",
    shapes: ["auctions and states"],
  },
  {
    rule: "good till date: ends at its time, not after it",
    file: STATES,
    search: "timeLo >>> 0 >= this.due[0]!",
    replacement: "timeLo >>> 0 > this.due[0]!",
    shapes: ["order types and terms"],
  },
  {
    rule: "position limit: reached is not passed",
    file: ACCOUNTS,
    search:
      "if (hard !== 0 && value > hard) return ACCOUNT_LIMIT_REASONS[limit]!;",
    replacement:
      "if (hard !== 0 && value >= hard) return ACCOUNT_LIMIT_REASONS[limit]!;",
    shapes: ["limits and kill switches"],
  },
  {
    rule: "positions: a sell takes lots off",
    file: ACCOUNTS,
    search: "this.#add(position, 0, f64, lotsAt, 1 - 2 * bit);",
    replacement: "this.#add(position, 0, f64, lotsAt, 1);",
    shapes: ["limits and kill switches"],
  },
  {
    rule: "kill switch: a blocked session enters no orders",
    file: CHECKS,
    search: "    if (this.#sessions[blocked] !== 0) return Reason.BLOCKED;",
    replacement:
      "    if (this.#sessions[blocked] === 3) return Reason.BLOCKED;",
    shapes: ["limits and kill switches"],
  },
  {
    rule: "kill switch: a session does not take the appliance's block away",
    file: MASS,
    search: `      if (
        (blocks & AccountBlock.CLIENT) === 0 &&
        (blocks & AccountBlock.APPLIANCE) !== 0
      ) return Reason.NOT_AUTHORIZED;`,
    replacement: "      if (blocks === 4) return Reason.NOT_AUTHORIZED;",
    shapes: ["limits and kill switches"],
  },
  {
    rule: "mass cancel: only the side that is named",
    file: SEARCH,
    search:
      "    if (filter.side !== 0 && (kind >>> 16 & 0xff) !== filter.side) return false;",
    replacement:
      "    if (filter.side > 2 && (kind >>> 16 & 0xff) !== filter.side) return false;",
    shapes: ["limits and kill switches"],
  },
  {
    rule: "replace: more lots lose the place",
    file: REQUESTS,
    search: "where !== Fixed.Where_NOWHERE && (grows ||",
    replacement: "where !== Fixed.Where_NOWHERE && (",
    shapes: ["order types and terms"],
  },
  {
    rule: "replace: another price loses the place",
    file: REQUESTS,
    search:
      "        : !peg && this.#checks.price !== i32[order + Fixed.ORDER_PRICE]));",
    replacement:
      "        : !peg && this.#checks.price > i32[order + Fixed.ORDER_PRICE]!));",
    shapes: ["order types and terms"],
  },
  {
    rule: "replace: a plain order that shrinks keeps its place",
    file: PLAIN,
    search:
      "    if (price === i32[order + Fixed.ORDER_PRICE] && quantity <= before) {",
    replacement:
      "    if (price < i32[order + Fixed.ORDER_PRICE]! && quantity <= before) {",
  },
  {
    rule: "replace: a plain order that shrinks keeps its place, the short way",
    file: SHORT_REPLACE,
    search: `      f64[lots + Fixed.ORDER_LEAVES_F64]! <=
        f64[(order >> 1)`,
    replacement: `      f64[lots + Fixed.ORDER_LEAVES_F64]! <
        f64[(order >> 1)`,
    shapes: ["plain orders"],
  },
  {
    rule: "replace: a plain order that grows loses its place, the short way",
    file: SHORT_REPLACE,
    search: `      setLots(order);
      moveBack(order);`,
    replacement: "      setLots(order);",
    shapes: ["plain orders"],
  },
  {
    rule: "replace: a plain order that trades keeps its id, the short way",
    file: SHORT,
    search:
      "    const id = isNew ? sequence : f64[mine + Fixed.ORDER_ID_F64]!;",
    replacement: "    const id = sequence;",
    shapes: ["plain orders"],
  },
  {
    rule: "stops: a trade on the short way triggers them",
    file: SHORT,
    search: "    return i32[stops + Fixed.SIDE_BEST_KEY]! <= price ||",
    replacement: "    return i32[stops + Fixed.SIDE_BEST_KEY]! < price ||",
    shapes: ["order types and terms"],
  },
  {
    rule: "pegs follow the best price when its last order goes the short way",
    file: SHORT,
    search: `      (key === i32[side + Fixed.SIDE_BEST_KEY] &&
        (i32[`,
    replacement: `      (key < i32[side + Fixed.SIDE_BEST_KEY]! &&
        (i32[`,
    shapes: ["order types and terms"],
  },
  {
    rule: "replace: OPEN_QUANTITY is what shall be open",
    file: CHECKS,
    search: `      ? filled + asked
`,
    replacement: `      ? asked
`,
  },
  {
    rule: "volatility: a trade at the end of the range is made",
    file: MATCHING,
    search: "return away > range || away < -range;",
    replacement: "return away >= range || away < -range;",
    shapes: ["volatility"],
  },
  {
    rule: "states: nothing is entered in a halt",
    file: CHECKS,
    search: `  TradingState.PAUSE,
`,
    replacement: `  TradingState.PAUSE,
  TradingState.HALT,
`,
    shapes: ["auctions and states"],
  },
  {
    rule: "states: pegs and conditional orders sleep outside of OPEN",
    file: STATES,
    search: "      specials.shelve(instrument);",
    replacement: "      specials.settle(instrument);",
    shapes: ["auctions and states"],
  },
  {
    rule: "market collar: a market order goes no further",
    file: SPECIALS,
    search: "        ? Math.min(worst, price + collar)",
    replacement: "        ? Math.min(worst, price + collar + 1)",
    shapes: ["volatility"],
  },
  {
    rule: "message rate: as many as may be, no more",
    file: RATE,
    search: "    return messages <= max;",
    replacement: "    return messages <= max + 1;",
    shapes: ["limits and kill switches"],
  },
  {
    rule: "price band: its ends are inside",
    file: CHECKS,
    search: "        price <= this.#settings[at + Fixed.SETTING_GATE_HIGH]!)",
    replacement:
      "        price < this.#settings[at + Fixed.SETTING_GATE_HIGH]!)",
    shapes: ["limits and kill switches"],
  },
];
