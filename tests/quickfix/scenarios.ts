// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * One scenario for each order type, time in force and request that FIX clients
 * have: what two traders send, and what each of them is told. The same
 * scenarios run against a gateway and an exchange in memory, and against the
 * running appliance with QuickFIX between.
 *
 * A report is written as `150 39 14/151`, then the fill (`32@31`), or price
 * (44) and stop price (99), a prevented match or 378 in brackets, and the text:
 *
 * ```
 *   "00 0/100 10.00"      accepted, nothing filled, 100 open, limit 10.00
 *   "F1 60/40 60@10.00"   filled 60 of 100 at 10.00
 * ```
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Reason, REASON_TEXT } from "../../engine/record/mod.ts";

/** A message by tag. */
export type Message = ReadonlyMap<number, string>;

/** Where a scenario plays. */
export interface Venue {
  /** An instrument with a tick of 0.01 and lots of 1 that nothing has happened to. */
  readonly symbol: string;
  /** Starts the ids of the scenario's orders, so that they are new. */
  readonly prefix: string;
  /** Milliseconds since 1970, as the appliance sees them. */
  now(): number;
  /** Sends one message as client 0 or 1; 60 is added. */
  send(client: number, type: string, fields: string): void;
  /** The next message to a client. */
  next(client: number): Promise<Message>;
  /** Sets the instrument's trading state. */
  setState(state: string): Promise<void>;
  /** Lets time go on until an order that expires in `ms` has expired. */
  pass(ms: number): void;
}

/** A scenario: its name says what it shows. */
export type Scenario = readonly [
  name: string,
  /** Plays it; returns how many orders are open at the end, 0 if it says nothing. */
  play: (stage: Stage) => Promise<number | void>,
];

/** What a message says, in short. */
export function brief(m: Message): string {
  const get = (tag: number) => m.get(tag) ?? "-";
  const text = m.has(58) ? [get(58)] : [];
  switch (m.get(35)) {
    case "8": {
      const parts = [`${get(150)}${get(39)}`, `${get(14)}/${get(151)}`];
      if (m.get(150) === "F") parts.push(`${get(32)}@${get(31)}`);
      else if (m.has(44)) parts.push(get(44));
      if (m.has(99)) parts.push(`stop ${get(99)}`);
      if (m.has(20006)) {
        parts.push(`prevented ${get(20006)}@${get(20007)}`);
      } else if (m.has(378)) parts.push(`(${get(378)})`);
      return [...parts, ...text].join(" ");
    }
    case "9":
      return ["9", get(434), get(102), ...text].join(" ");
    case "r":
      return ["r", get(531), m.has(533) ? get(533) : get(532), ...text]
        .join(" ");
    default:
      return [get(35), get(380), get(371), ...text].join(" ");
  }
}

const why = (reason: number) => REASON_TEXT[reason];
const LIMIT = (price: string) => `40=2|44=${price}|`;

/** One side of a scenario. */
export class Trader {
  readonly #venue: Venue;
  readonly #client: number;

  constructor(venue: Venue, client: number) {
    this.#venue = venue;
    this.#client = client;
  }

  /** The next messages are these. */
  async expect(...expected: string[]): Promise<Message[]> {
    const messages: Message[] = [];
    for (const _ of expected) {
      messages.push(await this.#venue.next(this.#client));
    }
    assertEquals(messages.map(brief), expected, `client ${this.#client + 1}`);
    return messages;
  }

  next(): Promise<Message> {
    return this.#venue.next(this.#client);
  }

  buy(id: string, quantity: number, tags: string, ...expected: string[]) {
    return this.#order(id, 1, quantity, tags, expected);
  }

  sell(id: string, quantity: number, tags: string, ...expected: string[]) {
    return this.#order(id, 2, quantity, tags, expected);
  }

  /** Replaces `orig`, an order on `side`. */
  replace(
    [id, orig, side]: [string, string, number],
    quantity: number,
    tags: string,
    ...expected: string[]
  ) {
    this.#venue.send(
      this.#client,
      "G",
      `${this.#name(id, orig, side)}38=${quantity}|${tags}`,
    );
    return this.expect(...expected);
  }

  cancel(id: string, orig: string, side: number, ...expected: string[]) {
    const fields = `${this.#name(id, orig, side)}38=1|`;
    this.#venue.send(this.#client, "F", fields);
    return this.expect(...expected);
  }

  status(id: string, side: number, ...expected: string[]) {
    const { prefix, symbol } = this.#venue;
    const fields = `11=${prefix}${id}|55=${symbol}|54=${side}|`;
    this.#venue.send(this.#client, "H", fields);
    return this.expect(...expected);
  }

  mass(id: string, tags: string, ...expected: string[]) {
    const fields = `11=${this.#venue.prefix}${id}|${tags}`;
    this.#venue.send(this.#client, "q", fields);
    return this.expect(...expected);
  }

  #order(
    id: string,
    side: number,
    quantity: number,
    tags: string,
    expected: string[],
  ) {
    const { prefix, symbol } = this.#venue;
    this.#venue.send(
      this.#client,
      "D",
      `11=${prefix}${id}|55=${symbol}|54=${side}|38=${quantity}|${tags}`,
    );
    return this.expect(...expected);
  }

  #name(id: string, orig: string, side: number): string {
    const { prefix, symbol } = this.#venue;
    return `11=${prefix}${id}|41=${prefix}${orig}|55=${symbol}|54=${side}|`;
  }
}

/** Two traders and a venue. */
export class Stage {
  readonly a: Trader;
  readonly b: Trader;
  readonly venue: Venue;
  #trades = 0;

  constructor(venue: Venue) {
    this.venue = venue;
    this.a = new Trader(venue, 0);
    this.b = new Trader(venue, 1);
  }

  /** A trade of one lot; `a` buys, and is told what follows. */
  async trade(price: string, ...follows: string[]): Promise<void> {
    const n = ++this.#trades;
    await this.b.sell(`ts${n}`, 1, LIMIT(price), `00 0/1 ${price}`);
    await this.a.buy(
      `tb${n}`,
      1,
      LIMIT(price),
      `00 0/1 ${price}`,
      `F2 1/0 1@${price}`,
      ...follows,
    );
    await this.b.expect(`F2 1/0 1@${price}`);
  }

  /** Everything was said, and `left` orders are open. */
  async end(left: number): Promise<void> {
    const fields = `530=1|55=${this.venue.symbol}|`;
    let open = 0;
    for (const [id, trader] of [["ea", this.a], ["eb", this.b]] as const) {
      this.venue.send(
        trader === this.a ? 0 : 1,
        "q",
        `11=${this.venue.prefix}${id}|${fields}`,
      );
      const report = await trader.next();
      assertEquals(report.get(35), "r", brief(report));
      const count = Number(report.get(533));
      for (let i = 0; i < count; i++) {
        const canceled = await trader.next();
        assertEquals(
          [canceled.get(39), canceled.get(58)],
          ["4", why(Reason.MASS_CANCEL)],
          brief(canceled),
        );
      }
      open += count;
    }
    assertEquals(open, left, "open orders at the end");
  }
}

/** Order types, tag 40. */
const ORDER_TYPES: readonly Scenario[] = [
  ["market order", async ({ a, b }) => {
    await b.sell("s", 60, LIMIT("10.00"), "00 0/60 10.00");
    await a.buy(
      "m",
      100,
      "40=1|",
      "00 0/100",
      "F1 60/40 60@10.00",
      `44 60/0 ${why(Reason.NO_LIQUIDITY)}`,
    );
    await b.expect("F2 60/0 60@10.00");
  }],
  ["limit order", async ({ a, b }) => {
    await a.buy("l", 100, LIMIT("10.00"), "00 0/100 10.00");
    await b.sell(
      "s",
      40,
      LIMIT("9.99"),
      "00 0/40 9.99",
      "F2 40/0 40@10.00",
    );
    await a.expect("F1 40/60 40@10.00");
    await a.cancel("c", "l", 1, "44 40/0 10.00");
  }],
  ["stop order", async (stage) => {
    const { a, b } = stage;
    await stage.trade("10.00");
    await b.sell("s", 100, LIMIT("10.20"), "00 0/100 10.20");
    await a.buy("st", 50, "40=3|99=10.10|", "00 0/50 stop 10.10");
    await stage.trade(
      "10.10",
      "L0 0/50 stop 10.10",
      "F2 50/0 50@10.20 stop 10.10",
    );
    await b.expect("F1 50/50 50@10.20");
    // A price that the market has passed triggers at once.
    await a.buy(
      "now",
      20,
      "40=3|99=10.05|",
      "00 0/20 stop 10.05",
      "L0 0/20 stop 10.05",
      "F2 20/0 20@10.20 stop 10.05",
    );
    await b.expect("F1 70/30 20@10.20");
    await b.cancel("c", "s", 2, "44 70/0 10.20");
  }],
  ["stop limit order", async (stage) => {
    const { a, b } = stage;
    await stage.trade("10.00");
    await b.sell("s", 100, LIMIT("10.20"), "00 0/100 10.20");
    await a.buy(
      "sl",
      50,
      "40=4|44=10.15|99=10.10|",
      "00 0/50 10.15 stop 10.10",
    );
    await stage.trade("10.10", "L0 0/50 10.15 stop 10.10");
    await b.sell("t", 50, LIMIT("10.15"), "00 0/50 10.15", "F2 50/0 50@10.15");
    await a.expect("F2 50/0 50@10.15 stop 10.10");
    await b.cancel("c", "s", 2, "44 0/0 10.20");
  }],
  ["market to limit order", async ({ a, b }) => {
    await a.buy(
      "e",
      10,
      "40=K|",
      "00 0/10",
      `44 0/0 ${why(Reason.NO_LIQUIDITY)}`,
    );
    await b.sell("s", 60, LIMIT("10.00"), "00 0/60 10.00");
    await b.sell("t", 60, LIMIT("10.01"), "00 0/60 10.01");
    await a.buy(
      "k",
      100,
      "40=K|",
      "00 0/100",
      "F1 60/40 60@10.00",
      "D1 60/40 10.00 (3)",
    );
    await b.expect("F2 60/0 60@10.00");
    await b.sell("u", 40, LIMIT("10.00"), "00 0/40 10.00", "F2 40/0 40@10.00");
    await a.expect("F2 100/0 40@10.00");
    await b.cancel("c", "t", 2, "44 0/0 10.01");
  }],
  ["trailing stop by price and by ticks", async (stage) => {
    const { a, b } = stage;
    await stage.trade("10.00");
    await b.buy("bid", 50, LIMIT("9.90"), "00 0/50 9.90");
    await a.sell("t", 20, "40=P|18=a|211=0.04|", "00 0/20 stop 9.96");
    await a.sell("u", 30, "40=P|18=a|211=8|836=2|", "00 0/30 stop 9.92");
    // Both follow the market up.
    await stage.trade("10.05");
    await a.status("t", 2, "I0 0/20 stop 10.01");
    await a.status("u", 2, "I0 0/30 stop 9.97");
    await b.sell("ts", 1, LIMIT("10.00"), "00 0/1 10.00");
    await a.buy(
      "tb",
      1,
      LIMIT("10.00"),
      "00 0/1 10.00",
      "F2 1/0 1@10.00",
      "L0 0/20 stop 10.01",
      "F2 20/0 20@9.90 stop 10.01",
      "L0 0/30 stop 9.97",
      "F2 30/0 30@9.90 stop 9.97",
    );
    await b.expect("F2 1/0 1@10.00", "F1 20/30 20@9.90", "F2 50/0 30@9.90");
  }],
  ["trailing stop by basis points", async (stage) => {
    const { a } = stage;
    await stage.trade("20.00");
    await a.buy("t", 20, "40=P|18=a|211=100|836=1|", "00 0/20 stop 20.20");
    await stage.trade("19.00");
    await a.status("t", 1, "I0 0/20 stop 19.19");
    await a.cancel("c", "t", 1, "44 0/0 stop 19.19");
  }],
  ["primary peg", async ({ a, b }) => {
    await b.buy("bid", 10, LIMIT("9.90"), "00 0/10 9.90");
    await b.sell("ask", 10, LIMIT("10.00"), "00 0/10 10.00");
    await a.buy("p", 10, "40=P|18=R|211=0.02|", "00 0/10 9.92");
    await b.sell("s", 4, LIMIT("9.92"), "00 0/4 9.92", "F2 4/0 4@9.92");
    const [fill] = await a.expect("F1 4/6 4@9.92");
    assertEquals([fill!.get(40), fill!.get(18)], ["P", "R"]);
    // It follows the best price of its side.
    await b.buy("bid2", 10, LIMIT("9.95"), "00 0/10 9.95");
    await b.sell("s2", 6, LIMIT("9.97"), "00 0/6 9.97", "F2 6/0 6@9.97");
    await a.expect("F2 10/0 6@9.97");
    return 3;
  }],
  ["market peg", async ({ a, b }) => {
    await b.sell("ask", 10, LIMIT("10.00"), "00 0/10 10.00");
    await a.buy("p", 10, "40=P|18=P|211=-5|836=2|", "00 0/10 9.95");
    await b.sell("s", 10, LIMIT("9.95"), "00 0/10 9.95", "F2 10/0 10@9.95");
    const [fill] = await a.expect("F2 10/0 10@9.95");
    assertEquals([fill!.get(40), fill!.get(18)], ["P", "P"]);
    return 1;
  }],
  ["midpoint peg", async ({ a, b }) => {
    await b.buy("bid", 10, LIMIT("9.90"), "00 0/10 9.90");
    await b.sell("ask", 10, LIMIT("10.00"), "00 0/10 10.00");
    await a.buy("p", 10, "40=P|18=M|", "00 0/10 9.95");
    await a.buy("q", 10, "40=P|18=M|44=9.93|", "00 0/10 9.93");
    await b.sell(
      "s",
      15,
      LIMIT("9.90"),
      "00 0/15 9.90",
      "F1 10/5 10@9.95",
      "F2 15/0 5@9.93",
    );
    await a.expect("F2 10/0 10@9.95", "F1 5/5 5@9.93");
    await a.cancel("c", "q", 1, "44 5/0 9.93");
    return 2;
  }],
];

/** What makes an order special beside its type. */
const TERMS: readonly Scenario[] = [
  ["iceberg", async ({ a, b }) => {
    await b.sell("i", 100, `${LIMIT("10.00")}111=20|`, "00 0/100 10.00");
    await b.sell("n", 20, LIMIT("10.00"), "00 0/20 10.00");
    await a.buy(
      "t",
      50,
      LIMIT("10.00"),
      "00 0/50 10.00",
      "F1 20/30 20@10.00",
      "F1 40/10 20@10.00",
      "F2 50/0 10@10.00",
    );
    // The second slice stands behind the order that came later.
    const fills = await b.expect(
      "F1 20/80 20@10.00",
      "F2 20/0 20@10.00",
      "F1 30/70 10@10.00",
    );
    assertEquals(fills[0]!.get(37), fills[2]!.get(37));
    return 1;
  }],
  ["iceberg with random slices", async ({ a, b }) => {
    const random = "1138=20|1084=3|1085=15|1086=25|";
    await b.sell("i", 200, LIMIT("10.00") + random, "00 0/200 10.00");
    await a.buy("t", 200, LIMIT("10.00"), "00 0/200 10.00");
    let leaves = 200;
    for (let fills = 0; leaves > 0; fills++) {
      const taken = await a.next();
      const given = await b.next();
      assertEquals([taken.get(150), given.get(150)], ["F", "F"]);
      const slice = Number(taken.get(32));
      leaves = Number(taken.get(151));
      assert(slice <= 25 && (slice >= 15 || leaves === 0), `slice of ${slice}`);
      assertEquals(given.get(151), taken.get(151));
      assert(fills < 14, "too many slices");
    }
  }],
  ["hidden order", async ({ a, b }) => {
    await b.sell("h", 10, `${LIMIT("10.00")}111=0|`, "00 0/10 10.00");
    await b.sell("d", 10, LIMIT("10.00"), "00 0/10 10.00");
    await b.sell("h2", 10, `${LIMIT("10.00")}1084=4|`, "00 0/10 10.00");
    const take = ["00 0/10 10.00", "F2 10/0 10@10.00"];
    // What is displayed goes first.
    await a.buy("t", 10, LIMIT("10.00"), ...take);
    const [first] = await b.expect("F2 10/0 10@10.00");
    assert(first!.get(11)!.endsWith("d"), first!.get(11));
    await a.buy("u", 10, LIMIT("10.00"), ...take);
    const [second] = await b.expect("F2 10/0 10@10.00");
    assert(second!.get(11)!.endsWith("h"), second!.get(11));
    return 1;
  }],
  ["post-only order", async ({ a, b }) => {
    await b.sell("s", 10, LIMIT("10.00"), "00 0/10 10.00");
    const would = why(Reason.POST_ONLY_WOULD_TRADE);
    const post = `${LIMIT("10.00")}18=6|`;
    await a.buy("p", 10, post, `88 0/0 10.00 ${would}`);
    await a.buy("r", 10, `${post}20001=R|`, `88 0/0 10.00 ${would}`);
    await a.buy("s", 10, `${LIMIT("10.05")}18=6|20001=S|`, "00 0/10 9.99");
    await a.buy("w", 10, `${LIMIT("9.98")}18=6|`, "00 0/10 9.98");
    return 3;
  }],
  ["minimum quantity", async ({ a, b }) => {
    const min = `${LIMIT("10.00")}110=50|59=3|`;
    await b.sell("s", 30, LIMIT("10.00"), "00 0/30 10.00");
    await a.buy(
      "m",
      100,
      min,
      "00 0/100 10.00",
      `44 0/0 10.00 ${why(Reason.MIN_QUANTITY_NOT_MET)}`,
    );
    await b.sell("t", 30, LIMIT("10.00"), "00 0/30 10.00");
    await a.buy(
      "n",
      100,
      min,
      "00 0/100 10.00",
      "F1 30/70 30@10.00",
      "F1 60/40 30@10.00",
      `44 60/0 10.00 ${why(Reason.IOC_REMAINDER)}`,
    );
    await b.expect("F2 30/0 30@10.00", "F2 30/0 30@10.00");
  }],
  ["all or none", async ({ a, b }) => {
    await a.buy("n", 100, `${LIMIT("10.00")}18=G|`, "00 0/100 10.00");
    await b.sell("s", 60, LIMIT("10.00"), "00 0/60 10.00");
    await b.sell(
      "t",
      40,
      LIMIT("10.00"),
      "00 0/40 10.00",
      "F2 60/0 60@10.00",
      "F2 40/0 40@10.00",
    );
    await a.expect("F1 60/40 60@10.00", "F2 100/0 40@10.00");
  }],
  ["one cancels the other", async ({ a, b, venue }) => {
    await a.buy("x", 10, LIMIT("9.90"), "00 0/10 9.90");
    const link = `1385=1|583=${venue.prefix}x|`;
    await a.sell("y", 10, LIMIT("10.10") + link, "00 0/10 10.10");
    const unknown = why(Reason.UNKNOWN_LINK);
    await a.sell("z", 10, LIMIT("10.20") + link, `88 0/0 10.20 ${unknown}`);
    await b.buy("t", 4, LIMIT("10.10"), "00 0/4 10.10", "F2 4/0 4@10.10");
    await a.expect(
      "F1 4/6 4@10.10",
      `44 0/0 9.90 (8) ${why(Reason.LINKED)}`,
    );
    const late = why(Reason.TOO_LATE);
    await a.cancel("c", "x", 1, `9 1 0 ${late}`);
    return 1;
  }],
  ["account", async ({ a, b }) => {
    const [own] = await a.buy("o", 10, LIMIT("9.90"), "00 0/10 9.90");
    assertEquals(own!.get(1), undefined);
    const house = `${LIMIT("9.91")}1=HOUSE|`;
    const [named] = await a.buy("h", 10, house, "00 0/10 9.91");
    assertEquals(named!.get(1), "HOUSE");
    await b.sell("s", 4, LIMIT("9.91"), "00 0/4 9.91", "F2 4/0 4@9.91");
    const [fill] = await a.expect("F1 4/6 4@9.91");
    assertEquals(fill!.get(1), "HOUSE");
    const [refused] = await a.buy(
      "u",
      10,
      `${LIMIT("9.91")}1=NOBODY|`,
      `88 0/0 9.91 ${why(Reason.UNKNOWN_ACCOUNT)}`,
    );
    assertEquals(refused!.get(103), "15");
    return 2;
  }],
];

/** Tag 59. */
const TIMES_IN_FORCE: readonly Scenario[] = [
  ["day and good till cancel", async ({ a, venue }) => {
    await a.buy("d", 10, `${LIMIT("9.90")}59=0|`, "00 0/10 9.90");
    await a.buy("g", 10, `${LIMIT("9.80")}59=1|`, "00 0/10 9.80");
    await venue.setState("closed");
    await a.expect(`CC 0/0 9.90 ${why(Reason.EXPIRED)}`);
    const [refused] = await a.buy(
      "n",
      10,
      LIMIT("9.90"),
      `88 0/0 9.90 ${why(Reason.STATE_FORBIDS)}`,
    );
    assertEquals(refused!.get(103), "2");
    await venue.setState("open");
    await a.cancel("c", "g", 1, "44 0/0 9.80");
    await a.cancel("c2", "d", 1, `9 1 0 ${why(Reason.TOO_LATE)}`);
  }],
  ["immediate or cancel, fill or kill", async ({ a, b }) => {
    await b.sell("s", 60, LIMIT("10.00"), "00 0/60 10.00");
    await a.buy(
      "f",
      100,
      `${LIMIT("10.00")}59=4|`,
      "00 0/100 10.00",
      `44 0/0 10.00 ${why(Reason.FOK_NOT_FILLABLE)}`,
    );
    await a.buy(
      "g",
      20,
      `${LIMIT("10.00")}59=4|`,
      "00 0/20 10.00",
      "F2 20/0 20@10.00",
    );
    await a.buy(
      "i",
      100,
      `${LIMIT("10.00")}59=3|`,
      "00 0/100 10.00",
      "F1 40/60 40@10.00",
      `44 40/0 10.00 ${why(Reason.IOC_REMAINDER)}`,
    );
    await b.expect("F1 20/40 20@10.00", "F2 60/0 40@10.00");
  }],
  ["good till date and time", async ({ a, venue }) => {
    const at = (ms: number) =>
      new Date(venue.now() + ms).toISOString().replaceAll("-", "")
        .replace("T", "-").replace("Z", "");
    const until = `126=${at(400)}000123|`;
    const day = `432=${at(48 * 3_600_000).slice(0, 8)}|`;
    const past = `126=${at(-1000)}|`;
    const late = why(Reason.INVALID_EXPIRE_TIME);
    await a.buy("p", 10, `${LIMIT("9.90")}59=6|${past}`, `88 0/0 9.90 ${late}`);
    await a.buy("d", 10, `${LIMIT("9.90")}59=6|${day}`, "00 0/10 9.90");
    await a.buy("t", 10, `${LIMIT("9.91")}59=6|${until}`, "00 0/10 9.91");
    venue.pass(401);
    await a.expect(`CC 0/0 9.91 ${why(Reason.EXPIRED)}`);
    await a.status("d", 1, "I0 0/10 9.90");
    return 1;
  }],
  ["at the opening", async ({ a, b, venue }) => {
    const open = "59=2|";
    const forbids = why(Reason.STATE_FORBIDS);
    await a.buy("n", 10, LIMIT("10.00") + open, `88 0/0 10.00 ${forbids}`);
    await venue.setState("pre-open");
    await a.buy("o", 10, LIMIT("10.00") + open, "00 0/10 10.00");
    await b.sell("s", 6, LIMIT("9.90") + open, "00 0/6 9.90");
    await venue.setState("opening-auction");
    await venue.setState("open");
    await a.expect(
      "F1 6/4 6@9.95",
      `44 6/0 10.00 (8) ${why(Reason.AUCTION_ENDED)}`,
    );
    await b.expect("F2 6/0 6@9.95");
  }],
  ["at the close", async (stage) => {
    const { a, b, venue } = stage;
    await stage.trade("10.00");
    await a.buy("c", 10, `${LIMIT("10.00")}59=7|`, "00 0/10 10.00");
    await b.sell("m", 6, "40=1|59=7|", "00 0/6");
    await venue.setState("closing-auction");
    await venue.setState("closed");
    await a.expect(
      "F1 6/4 6@10.00",
      `CC 6/0 10.00 ${why(Reason.EXPIRED)}`,
    );
    await b.expect("F2 6/0 6@10.00");
    await venue.setState("open");
  }],
  ["good for auction", async (stage) => {
    const { a, b, venue } = stage;
    await stage.trade("10.00");
    await a.buy("g", 10, `${LIMIT("10.10")}59=B|`, "00 0/10 10.10");
    await venue.setState("reopening-auction");
    await b.sell("s", 4, LIMIT("9.90"), "00 0/4 9.90");
    await b.sell("m", 2, "40=1|59=B|", "00 0/2");
    await venue.setState("open");
    // The market order goes first.
    await a.expect(
      "F1 2/8 2@10.00",
      "F1 6/4 4@10.00",
      `44 6/0 10.10 (8) ${why(Reason.AUCTION_ENDED)}`,
    );
    await b.expect("F2 2/0 2@10.00", "F2 4/0 4@10.00");
  }],
  ["volume of an auction", async ({ a, b, venue }) => {
    await venue.setState("opening-auction");
    // Displayed orders may cross while the call runs.
    await a.buy("x", 30, LIMIT("10.10"), "00 0/30 10.10");
    await a.buy("y", 30, LIMIT("10.00"), "00 0/30 10.00");
    await b.sell("s", 40, LIMIT("9.95"), "00 0/40 9.95");
    await b.sell("t", 20, LIMIT("10.05"), "00 0/20 10.05");
    await venue.setState("open");
    // 40 lots trade from 9.95 to 10.00; 10.00 is nearest to the middle of 10.10 and 9.95.
    await a.expect("F2 30/0 30@10.00", "F1 10/20 10@10.00");
    await b.expect("F1 30/10 30@10.00", "F2 40/0 10@10.00");
    return 2;
  }],
];

const selfTrade = why(Reason.SELF_TRADE);

/**
 * Self-trade prevention: an order `t` of 50 meets `m` of 30, of the same session.
 *
 * @param ends Which orders end, in this order.
 * @param maker Lots that are open of `m` when they have met.
 */
function prevention(
  value: string,
  ends: readonly ("m" | "t")[],
  maker: number,
  taker: number,
): Scenario[1] {
  return async ({ a }) => {
    await a.sell("m", 30, LIMIT("10.00"), "00 0/30 10.00");
    const reports = await a.buy(
      "t",
      50,
      `${LIMIT("10.00")}2964=${value}|`,
      "00 0/50 10.00",
      `D0 0/${maker} 10.00 prevented 30@10.00 ${selfTrade}`,
      `D0 0/${taker} 10.00 prevented 30@10.00 ${selfTrade}`,
      ...ends.map(() => `44 0/0 10.00 (8) ${selfTrade}`),
    );
    assertEquals(
      reports.map((report) => report.get(11)!.at(-1)),
      ["t", "m", "t", ...ends],
    );
    assertEquals(reports[1]!.get(20008), reports[2]!.get(20008));
    return 2 - ends.length;
  };
}

const SELF_TRADE: readonly Scenario[] = [
  [
    "self-trade prevention: cancel newest",
    prevention("1", ["t"], 30, 50),
  ],
  [
    "self-trade prevention: cancel oldest",
    prevention("2", ["m"], 30, 50),
  ],
  [
    "self-trade prevention: cancel both",
    prevention("3", ["m", "t"], 30, 50),
  ],
  [
    "self-trade prevention: decrement",
    prevention("100", ["m"], 0, 20),
  ],
  [
    "self-trade prevention: decrement and cancel",
    prevention("101", ["m", "t"], 0, 20),
  ],
  ["self-trade prevention: none", async ({ a }) => {
    await a.sell("m", 30, LIMIT("10.00"), "00 0/30 10.00");
    await a.buy(
      "t",
      50,
      `${LIMIT("10.00")}2964=N|`,
      "00 0/50 10.00",
      "F2 30/0 30@10.00",
      "F1 30/20 30@10.00",
    );
    return 1;
  }],
];

const REQUESTS: readonly Scenario[] = [
  ["replace: total and open quantity", async ({ a, b }) => {
    await a.buy("o", 100, LIMIT("10.00"), "00 0/100 10.00");
    await b.sell("s", 40, LIMIT("10.00"), "00 0/40 10.00", "F2 40/0 40@10.00");
    await a.expect("F1 40/60 40@10.00");
    await a.replace(["r", "o", 1], 80, LIMIT("10.00"), "51 40/40 10.00");
    const open = `${LIMIT("10.01")}20002=O|`;
    const [report] = await a.replace(["p", "r", 1], 80, open, "51 40/80 10.01");
    assertEquals(report!.get(38), "120");
    const total = `${LIMIT("10.01")}20002=T|`;
    const below = why(Reason.QUANTITY_BELOW_FILLED);
    await a.replace(["q", "p", 1], 40, total, `9 2 99 ${below}`);
    await a.cancel("c", "p", 1, "44 40/0 10.01");
  }],
  ["replace: less keeps the place, more loses it", async ({ a, b }) => {
    await a.buy("x", 30, LIMIT("10.00"), "00 0/30 10.00");
    await a.buy("y", 10, LIMIT("10.00"), "00 0/10 10.00");
    await a.replace(["x2", "x", 1], 10, LIMIT("10.00"), "50 0/10 10.00");
    const sold = ["00 0/10 10.00", "F2 10/0 10@10.00"];
    await b.sell("s", 10, LIMIT("10.00"), ...sold);
    const [first] = await a.expect("F2 10/0 10@10.00");
    assert(first!.get(11)!.endsWith("x2"), first!.get(11));
    await a.buy("z", 10, LIMIT("10.00"), "00 0/10 10.00");
    await a.replace(["y2", "y", 1], 20, LIMIT("10.00"), "50 0/20 10.00");
    await b.sell("t", 10, LIMIT("10.00"), ...sold);
    const [second] = await a.expect("F2 10/0 10@10.00");
    assert(second!.get(11)!.endsWith("z"), second!.get(11));
    await a.cancel("c", "y2", 1, "44 0/0 10.00");
  }],
  ["replace: stop price", async (stage) => {
    const { a, b } = stage;
    await stage.trade("10.00");
    await a.buy("s", 10, "40=3|99=10.10|", "00 0/10 stop 10.10");
    await a.replace(["r", "s", 1], 10, "40=3|99=10.05|", "50 0/10 stop 10.05");
    await a.replace(["q", "r", 1], 20, "40=3|", "50 0/20 stop 10.05");
    await b.sell("o", 20, LIMIT("10.20"), "00 0/20 10.20");
    await stage.trade(
      "10.05",
      "L0 0/20 stop 10.05",
      "F2 20/0 20@10.20 stop 10.05",
    );
    await b.expect("F2 20/0 20@10.20");
    await a.buy("l", 10, LIMIT("9.90"), "00 0/10 9.90");
    const no = why(Reason.INVALID_STOP_PRICE);
    await a.replace(
      ["m", "l", 1],
      10,
      `${LIMIT("9.90")}99=9.95|`,
      `9 2 99 ${no}`,
    );
    await a.cancel("c", "l", 1, "44 0/0 9.90");
  }],
  ["mass cancel by instrument, side and price", async ({ a, b, venue }) => {
    const canceled = (price: string) =>
      `44 0/0 ${price} ${why(Reason.MASS_CANCEL)}`;
    for (const price of ["9.70", "9.80", "9.90"]) {
      await a.buy(`b${price}`, 10, LIMIT(price), `00 0/10 ${price}`);
    }
    await a.sell("s", 10, LIMIT("10.00"), "00 0/10 10.00");
    await b.buy("o", 10, LIMIT("9.85"), "00 0/10 9.85");
    const here = `530=1|55=${venue.symbol}|`;
    await a.mass(
      "m1",
      `${here}20003=9.75|20004=9.80|`,
      "r 1 1",
      canceled("9.80"),
    );
    const [report] = await a.mass(
      "m2",
      `${here}54=1|`,
      "r 1 2",
      canceled("9.70"),
      canceled("9.90"),
    );
    assertEquals([report!.get(530), report!.get(54)], ["1", "1"]);
    assertEquals(report!.get(11), `${venue.prefix}m2`);
    await a.mass("m3", here, "r 1 1", canceled("10.00"));
    await a.mass("m4", "530=7|", "r 7 0");
    await a.mass("m5", "530=2|", `r 0 0 ${why(Reason.UNSUPPORTED)}`);
    await b.cancel("c", "o", 1, "44 0/0 9.85");
  }],
  ["mass cancel of everything, and of an account", async ({ a, b }) => {
    const canceled = (price: string) =>
      `44 0/0 ${price} ${why(Reason.MASS_CANCEL)}`;
    await a.buy("x", 10, LIMIT("9.70"), "00 0/10 9.70");
    await a.sell("y", 10, LIMIT("10.00"), "00 0/10 10.00");
    await a.buy("h", 10, `${LIMIT("9.60")}1=HOUSE|`, "00 0/10 9.60");
    await b.buy("o", 10, LIMIT("9.85"), "00 0/10 9.85");
    const denied = why(Reason.NOT_AUTHORIZED);
    await a.mass("m1", "530=7|1=OTHER|", `r 0 99 ${denied}`);
    await a.mass(
      "m2",
      "530=7|1=HOUSE|",
      "r 7 3",
      canceled("9.70"),
      canceled("10.00"),
      canceled("9.60"),
    );
    await a.buy("z", 10, LIMIT("9.70"), "00 0/10 9.70");
    await a.mass("m3", "530=7|", "r 7 1", canceled("9.70"));
    await b.cancel("c", "o", 1, "44 0/0 9.85");
  }],
  ["kill switch", async ({ a, b }) => {
    await a.buy("x", 10, LIMIT("9.90"), "00 0/10 9.90");
    await b.sell("o", 10, LIMIT("10.00"), "00 0/10 10.00");
    const [killed] = await a.mass(
      "k",
      "530=7|20005=Y|",
      "r 7 1",
      `44 0/0 9.90 ${why(Reason.KILL_SWITCH)}`,
    );
    assertEquals(killed!.get(20005), "Y");
    const blocked = why(Reason.BLOCKED);
    await a.buy("y", 10, LIMIT("9.90"), `88 0/0 9.90 ${blocked}`);
    // The other session trades on.
    await b.buy("z", 10, LIMIT("9.90"), "00 0/10 9.90");
    const [unlocked] = await a.mass("u", "530=7|20005=N|", "r 7 0");
    assertEquals(unlocked!.get(20005), "N");
    const denied = why(Reason.NOT_AUTHORIZED);
    await a.mass("v", "530=7|20005=Y|1=HOUSE|", `r 0 99 ${denied}`);
    await a.buy("w", 10, LIMIT("10.00"), "00 0/10 10.00", "F2 10/0 10@10.00");
    await b.expect("F2 10/0 10@10.00");
    return 1;
  }],
];

/** All of them. */
export const SCENARIOS: readonly Scenario[] = [
  ...ORDER_TYPES,
  ...TERMS,
  ...TIMES_IN_FORCE,
  ...SELF_TRADE,
  ...REQUESTS,
];

/** Plays a scenario to its end; what is open then is canceled. */
export async function play(scenario: Scenario, venue: Venue): Promise<void> {
  const stage = new Stage(venue);
  const open = await scenario[1](stage);
  await stage.end(open ?? 0);
}
