// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Entries of the lists of tables: sessions, accounts, instruments. Their
 * shape, what does not go together in one of them, and how decimals become
 * ticks and lots. A request to the running appliance takes the same entries
 * as the file.
 *
 * @module
 */
import * as v from "valibot";
import {
  decimal,
  decimalE8,
  decimalOrZero,
  INT32_MAX,
  isU64,
  limit,
  oneOf,
  text,
  whole,
} from "./fields.ts";
import {
  type AddProblem,
  ConfigError,
  type ConfigProblem,
  problemsOf,
  shownValue,
} from "./problems.ts";
import {
  ACCOUNT_LIMIT_NAMES,
  type AccountConfig,
  type InstrumentConfig,
  SELF_TRADE_MODES,
  SELF_TRADE_SCOPES,
  type SessionRulesConfig,
  TRADING_STATES,
} from "./types.ts";

/** Steps that a tick table has at most. */
const TICK_BANDS_MAX = 8;
const DAY_MS = 86_400_000;

/** Name of a FIX party. */
export const compId = text(
  /^[A-Za-z0-9_.-]{1,32}$/,
  "1 to 32 letters, digits and any of _ . -",
);
/** Name of an instrument. */
export const symbol = text(
  /^[A-Za-z0-9._/-]{1,20}$/,
  "1 to 20 letters, digits and any of . _ / -",
);
/** Number of a group of instruments, sessions or accounts. */
export const group = whole(0, INT32_MAX);

const line = (max: number) =>
  text(
    new RegExp(`^[\\x20-\\x7e]{1,${max}}$`),
    `1 to ${max} printable ASCII characters`,
  );
const KEY_ALLOWED =
  "a decimal number from 0 to 18446744073709551615, in quotes";

/** What every session may have, whatever it speaks. */
const sessionRules = {
  account: v.optional(compId),
  group: v.optional(group, 0),
  self_trade_prevention: v.optional(oneOf(SELF_TRADE_MODES), "none"),
  self_trade_scope: v.optional(oneOf(SELF_TRADE_SCOPES), "session"),
  messages_max: v.optional(whole(0, 1_000_000_000), 0),
  messages_interval_ms: v.optional(whole(1, DAY_MS), 1000),
};

const secretFile = v.optional(
  text(/^\/[^\0]{1,1023}$/, "an absolute path"),
);
const secretCredential = v.optional(
  text(
    /^[A-Za-z0-9_.-]{1,255}$/,
    "1 to 255 letters, digits and any of _ . -, as in LoadCredential=",
  ),
);

/** One of `[[binary.sessions]]` or `[[dpdk.sessions]]`. */
export const binarySessionEntry = v.strictObject({
  number: whole(1, 0xffffffff),
  key: v.optional(v.pipe(
    v.string(KEY_ALLOWED),
    v.check((value) => isU64(value), KEY_ALLOWED),
  )),
  key_file: secretFile,
  key_credential: secretCredential,
  ...sessionRules,
}, "a table with number and key");

/** One of `[[fix.sessions]]`. */
export const fixSessionEntry = v.strictObject({
  sender_comp_id: compId,
  username: v.optional(line(64)),
  password: v.optional(line(64)),
  password_file: secretFile,
  password_credential: secretCredential,
  ...sessionRules,
}, "a table with sender_comp_id, username and password");

const accountLimit = v.optional(whole(1, Number.MAX_SAFE_INTEGER));

/** One of `[[accounts]]`. */
export const accountEntry = v.strictObject({
  name: compId,
  group: v.optional(group, 0),
  quantity: accountLimit,
  soft_quantity: accountLimit,
  notional: accountLimit,
  soft_notional: accountLimit,
  open_orders: accountLimit,
  soft_open_orders: accountLimit,
  position: accountLimit,
  soft_position: accountLimit,
  restricted: v.optional(v.array(symbol, 'a list such as ["AAPL"]'), []),
}, "a table with name");

const TICK_TABLE_ALLOWED =
  `a list of 1 to ${TICK_BANDS_MAX} such as [{ from = "0", step = "0.01" }]`;

/** One of `[[instruments]]`. */
export const instrumentEntry = v.strictObject({
  symbol,
  tick_size: decimal,
  lot_size: decimal,
  max_quantity: v.optional(limit),
  max_notional: v.optional(limit),
  tick_table: v.optional(
    v.pipe(
      v.array(
        v.strictObject(
          { from: decimalOrZero, step: decimal },
          "a table with from and step",
        ),
        TICK_TABLE_ALLOWED,
      ),
      v.minLength(1, TICK_TABLE_ALLOWED),
      v.maxLength(TICK_BANDS_MAX, TICK_TABLE_ALLOWED),
    ),
  ),
  lot_step: v.optional(decimal),
  reference_price: v.optional(decimal),
  price_collar: v.optional(decimal),
  market_collar: v.optional(decimal),
  price_band: v.optional(
    v.strictObject({ low: decimal, high: decimal }, "a table of low and high"),
  ),
  volatility_range: v.optional(decimal),
  volatility_auction_ms: v.optional(whole(0, DAY_MS), 300_000),
  group: v.optional(group, 0),
  state: v.optional(oneOf(TRADING_STATES), "open"),
}, "a table with symbol, tick_size and lot_size");

type SessionEntry = Pick<
  v.InferOutput<typeof fixSessionEntry>,
  keyof typeof sessionRules
>;
type AccountEntry = v.InferOutput<typeof accountEntry>;
type InstrumentEntry = v.InferOutput<typeof instrumentEntry>;

/** The rules of a session's entry. */
export function toSessionRules(entry: SessionEntry): SessionRulesConfig {
  return {
    account: entry.account ?? "",
    group: entry.group,
    selfTradePrevention: entry.self_trade_prevention,
    selfTradeScope: entry.self_trade_scope,
    messagesMax: entry.messages_max,
    messagesIntervalMs: entry.messages_interval_ms,
  };
}

/** What does not go together in an account's entry. */
export function accountProblems(
  entry: AccountEntry,
  key: string,
  add: AddProblem,
): void {
  for (const name of ACCOUNT_LIMIT_NAMES) {
    const hard = entry[name];
    const soft = entry[`soft_${name}`];
    if (hard === undefined || soft === undefined || soft < hard) continue;
    add(
      `${key}soft_${name}`,
      soft,
      `must be below ${name}, ${hard}: what passes that is refused`,
    );
  }
  entry.restricted.forEach((name, i) => {
    if (entry.restricted.indexOf(name) === i) return;
    add(`${key}restricted[${i}]`, name, "stands in the list already");
  });
}

/** The program's form of an account's entry. */
export function toAccount(entry: AccountEntry): AccountConfig {
  return {
    name: entry.name,
    group: entry.group,
    limits: ACCOUNT_LIMIT_NAMES.map((name) => ({
      hard: entry[name] ?? 0,
      soft: entry[`soft_${name}`] ?? 0,
    })),
    restricted: entry.restricted,
  };
}

/** Limits in lots and in ticks x lots; null = more than the engine can count. */
function limitsOf(
  entry: InstrumentEntry,
): { quantityLots: bigint; notional: bigint; whole: boolean } {
  const tick = decimalE8(entry.tick_size) ?? 1n;
  const lot = decimalE8(entry.lot_size) ?? 1n;
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  const quantity = decimalE8(entry.max_quantity ?? "");
  const notional = decimalE8(entry.max_notional ?? "");
  return {
    quantityLots: quantity === null ? most : quantity / lot,
    notional: notional === null ? most : notional * 100_000_000n / (tick * lot),
    whole: quantity === null || quantity % lot === 0n,
  };
}

/** What does not go together in an instrument's entry. @param key Prefix, such as "instruments[0]." */
export function instrumentProblems(
  entry: InstrumentEntry,
  key: string,
  add: AddProblem,
): void {
  checkLimits(entry, key, add);
  const prices = [
    ["reference_price", entry.reference_price],
    ["price_collar", entry.price_collar],
    ["market_collar", entry.market_collar],
    ["volatility_range", entry.volatility_range],
    ["price_band.low", entry.price_band?.low],
    ["price_band.high", entry.price_band?.high],
  ] as const;
  for (const [name, value] of prices) {
    if (value !== undefined) checkTicks(entry, value, key + name, add);
  }
  const { price_band: band, lot_step: step } = entry;
  if (
    band !== undefined &&
    (decimalE8(band.low) ?? 0n) > (decimalE8(band.high) ?? 0n)
  ) {
    add(
      `${key}price_band.low`,
      band.low,
      `must be at most price_band.high, ${band.high}`,
    );
  }
  if (step !== undefined) {
    const lot = decimalE8(entry.lot_size) ?? 1n;
    if ((decimalE8(step) ?? 0n) % lot !== 0n) {
      add(
        `${key}lot_step`,
        step,
        `must be a multiple of lot_size, ${entry.lot_size}`,
      );
    }
  }
  checkTickTable(entry, key, add);
}

function checkLimits(
  entry: InstrumentEntry,
  key: string,
  add: AddProblem,
): void {
  const { quantityLots, notional, whole } = limitsOf(entry);
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  if (!whole) {
    add(
      `${key}max_quantity`,
      entry.max_quantity,
      `must be a multiple of lot_size, ${entry.lot_size}`,
    );
  } else if (quantityLots > most) {
    add(
      `${key}max_quantity`,
      entry.max_quantity,
      `must be at most ${most} lots of ${entry.lot_size}`,
    );
  }
  if (notional < 1n || notional > most) {
    add(
      `${key}max_notional`,
      entry.max_notional,
      `must be 1 to ${most} times tick_size x lot_size`,
    );
  }
}

/** A price or a distance between prices must be whole ticks that int32 holds. */
function checkTicks(
  entry: InstrumentEntry,
  value: string,
  key: string,
  add: AddProblem,
): void {
  const tick = decimalE8(entry.tick_size) ?? 1n;
  const e8 = decimalE8(value) ?? 0n;
  if (e8 % tick !== 0n) {
    add(key, value, `must be a multiple of tick_size, ${entry.tick_size}`);
  } else if (e8 / tick > BigInt(INT32_MAX)) {
    add(key, value, `must be at most ${INT32_MAX} ticks of ${entry.tick_size}`);
  }
}

function checkTickTable(
  entry: InstrumentEntry,
  key: string,
  add: AddProblem,
): void {
  const table = entry.tick_table ?? [];
  table.forEach(({ from, step }, i) => {
    const place = `${key}tick_table[${i}]`;
    checkTicks(entry, from, `${place}.from`, add);
    checkTicks(entry, step, `${place}.step`, add);
    const price = decimalE8(from) ?? 0n;
    if (i === 0) {
      if (price !== 0n) {
        add(`${place}.from`, from, 'must be "0": all prices need a step');
      }
    } else if (price <= (decimalE8(table[i - 1]!.from) ?? 0n)) {
      add(
        `${place}.from`,
        from,
        `must be above that of the one before, ${table[i - 1]!.from}`,
      );
    }
  });
}

/** The program's form of an instrument's entry. */
export function toInstrument(entry: InstrumentEntry): InstrumentConfig {
  const { quantityLots, notional } = limitsOf(entry);
  const tick = decimalE8(entry.tick_size) ?? 1n;
  const lot = decimalE8(entry.lot_size) ?? 1n;
  const ticks = (value: string | undefined): number =>
    Number((decimalE8(value ?? "0") ?? 0n) / tick);
  return {
    symbol: entry.symbol,
    tickSizeE8: Number(tick),
    lotSizeE8: Number(lot),
    quantityLotsMax: Number(quantityLots),
    notionalMax: Number(notional),
    tickTable: (entry.tick_table ?? []).map(({ from, step }) => ({
      fromTicks: ticks(from),
      stepTicks: ticks(step),
    })),
    lotStepLots: Number((decimalE8(entry.lot_step ?? "") ?? lot) / lot),
    referencePriceTicks: ticks(entry.reference_price),
    priceCollarTicks: ticks(entry.price_collar),
    marketCollarTicks: ticks(entry.market_collar),
    bandLowTicks: ticks(entry.price_band?.low),
    bandHighTicks: ticks(entry.price_band?.high),
    volatilityRangeTicks: ticks(entry.volatility_range),
    volatilityAuctionMs: entry.volatility_auction_ms,
    group: entry.group,
    state: entry.state,
  };
}

/**
 * Reads one entry that comes from somewhere else than the file.
 *
 * @param source What was asked, for the message.
 * @throws {ConfigError} With every problem there is.
 */
export function readInstrument(
  value: unknown,
  source: string,
): InstrumentConfig {
  return read(instrumentEntry, instrumentProblems, toInstrument, value, source);
}

/**
 * Reads one entry that comes from somewhere else than the file.
 *
 * @param source What was asked, for the message.
 * @throws {ConfigError} With every problem there is.
 */
export function readAccount(value: unknown, source: string): AccountConfig {
  return read(accountEntry, accountProblems, toAccount, value, source);
}

function read<Schema extends v.GenericSchema, Result>(
  schema: Schema,
  check: (
    entry: v.InferOutput<Schema>,
    key: string,
    add: AddProblem,
  ) => void,
  convert: (entry: v.InferOutput<Schema>) => Result,
  value: unknown,
  source: string,
): Result {
  const result = v.safeParse(schema, value);
  if (!result.success) {
    throw new ConfigError(source, problemsOf(schema, result.issues));
  }
  const problems: ConfigProblem[] = [];
  check(
    result.output,
    "",
    (key, found, text) =>
      problems.push({ key, value: shownValue(key, found), text }),
  );
  if (problems.length > 0) throw new ConfigError(source, problems);
  return convert(result.output);
}
