// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes `docs/rules.md` from the data in `docs/rules/`, from which the tests
 * of this folder are made too, so that page and tests say the same. Run it
 * after a change: `make rules`.
 *
 * @module
 */
import {
  type CheckRow,
  CHECKS,
  ORDER_TYPES,
  PRIORITY,
  type RaceRow,
  REASONS,
  SELF_TRADE,
  STATES,
} from "./data.ts";

/** A Markdown table. */
function table(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |")
      .replaceAll("|  |", "| |");
  return [line(head), line(head.map(() => "---")), ...rows.map(line)]
    .join("\n");
}

/** As code; nothing for nothing. */
function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}

function checkTable(rows: readonly CheckRow[]): string {
  return table(
    ["", "asks that", "else"],
    rows.map(({ reason, asks }, i) => [i + 1, asks, reason]),
  );
}

function checks(): string {
  return `## Checks

The first check that fails gives the reason. None of them changes anything.

### New order

${checkTable(CHECKS.newOrder)}

An order that will not rest (IOC, FOK, MARKET) needs no room: the last five are not asked of it.

### Replace

${checkTable(CHECKS.replace)}

### Reduce

${checkTable(CHECKS.reduce)}

### Cancel

${checkTable(CHECKS.cancel)}`;
}

function orderTypes(): string {
  const { types, times, terms } = ORDER_TYPES;
  const columns = times.map(({ time }) => time);
  const yes = (is: boolean) => is ? "yes" : "";
  return `## Order types

\`none\`: refused with INVALID_STOP_PRICE or INVALID_OFFSET where it is given. \`ignored\`: may stand there, means nothing.

${
    table(
      ["type", "code", "price", "stop price", "offset"],
      types.map((r) => [r.type, r.code, r.price, r.stopPrice, r.offset]),
    )
  }

### Time in force

Anything else is refused with INVALID_TIME_IN_FORCE.

${
    table(
      ["type", ...columns],
      types.map((
        r,
      ) => [r.type, ...columns.map((t) => yes(r.times.includes(t)))]),
    )
  }

${
    table(
      ["time in force", "code", "the order"],
      times.map((r) => [r.time, r.code, r.does]),
    )
  }

### Terms

What goes with a term. Anything else is refused with INVALID_COMBINATION. The last two belong to a replace.

${
    table(
      ["term", "types", "time in force", "not with"],
      terms.map((r) => [
        r.term,
        r.types.length === types.length - 1
          ? "all but MARKET"
          : r.types.join(", ") || "none",
        r.times.join(", "),
        r.notWith.join(", "),
      ]),
    )
  }`;
}

function states(): string {
  const columns = STATES.states.map(({ state }) => state);
  const { commands, orders, ends, interrupts } = STATES;
  return `## States

Where a row says nothing the command is refused with STATE_FORBIDS. A resting order is a LIMIT, a peg or a stop with DAY,
GTC or GTD. MARKET, MARKET_TO_LIMIT, IOC and FOK are immediate.

${
    table(
      ["state", "code", ""],
      STATES.states.map((r) => [r.state, r.code, r.what]),
    )
  }

${
    table(
      ["command", ...columns],
      commands.map((r) => [
        r.command,
        ...columns.map((s) => r.states.includes(s) ? "yes" : ""),
      ]),
    )
  }

Where an order is that was taken, and did not trade:

${
    table(
      ["order", ...Object.keys(orders[0]!.in)],
      orders.map((r) => [r.order, ...Object.values(r.in)]),
    )
  }

What a change of state ends:

${
    table(
      ["from", "to", "order", ""],
      ends.map((r) => [
        r.from,
        r.to,
        code(r.order.slice(3)),
        r.end === "" ? "stays" : r.end.slice(4),
      ]),
    )
  }

What an order does that would trade outside the volatility range: the reference price is 500, the range 5 ticks, order 8
sells 4 at 503, order 9 sells 4 at 506, last is 503.

${
    table(
      ["order 1 buys", "answer", "interrupted", "leaves", ""],
      interrupts.map((r) => [
        code(r.order),
        code(r.answer),
        r.interrupted ? "yes" : "",
        r.leaves,
        r.what + (r.market === undefined ? "" : " (without order 8)"),
      ]),
    )
  }`;
}

function race(row: RaceRow): string {
  if (row.reason !== "") return row.reason;
  return `${row.quantity}/${row.leaves}${row.place === "kept" ? "" : ", lost"}`;
}

function races(): string {
  const rows = PRIORITY.races;
  const filled = [...new Set(rows.map((r) => r.filled))];
  const asked = [...new Set(rows.map((r) => r.asked))];
  const part = (semantics: string) =>
    table(
      ["asked", ...filled.map((lots) => `${lots} filled`)],
      asked.map((lots) => [
        lots,
        ...filled.map((done) =>
          race(
            rows.find((r) =>
              r.semantics === semantics && r.asked === lots &&
              r.filled === done
            )!,
          )
        ),
      ]),
    );
  return `### A replace that races with fills

A client has ordered 10 and asks for another quantity at the same price, while fills are on their way to it. Quantity and
leaves after the replace; the place is kept unless it says lost. With the total nothing more is ever bought than was asked
for; with the open quantity as much is open afterwards as was asked for.

Total (without flag):

${part("total")}

Open quantity (flag OPEN_QUANTITY):

${part("open")}`;
}

function priority(): string {
  const { replace, calls, stops, reduce } = PRIORITY;
  return `## Priority

In the examples order 1 is the one that changes, a buy order; order 2 (5 lots, with terms like order 1) was placed behind
it, orders 3 (5 lots at 501) and 4 (5 lots at 499) later. The queue is that in which all of them trade afterwards. Sell
orders are alike. \`=1 10/6@500\` is quantity, leaves and price after the replace; \`!1\` is a refusal.

### Replace

${
    table(
      ["order", "filled", "replace", "answer", "place", "queue", ""],
      replace.map((r) => [
        code(r.order),
        r.filled,
        code(r.ask),
        code(r.answer),
        r.place,
        r.queue,
        r.why,
      ]),
    )
  }

### Replace before an auction

Orders 1 and 2 are placed, and order 1 replaced, in the state given; in the auction 7 lots are sold at 500, which is the
reference price too.

${
    table(
      [
        "order 1",
        "order 2",
        "state",
        "replace",
        "answer",
        "place",
        "they buy",
        "",
      ],
      calls.map((r) => [
        code(r.order),
        code(r.rival),
        r.state,
        code(r.ask),
        code(r.answer),
        r.place,
        r.trades,
        r.why,
      ]),
    )
  }

### Replace of a stop that waits

Order 2 waits behind order 1, order 3 at stop price 511.

${
    table(
      ["order", "replace", "answer", "place", "they trigger", ""],
      stops.map((r) => [
        code(r.order),
        code(r.ask),
        code(r.answer),
        r.place,
        r.triggers,
        r.why,
      ]),
    )
  }

${races()}

### Reduce

${
    table(
      ["order", "filled", "less", "answer", "queue", ""],
      reduce.map((r) => [
        code(r.order),
        r.filled,
        r.by,
        code(r.answer),
        r.queue,
        r.why,
      ]),
    )
  }`;
}

function selfTrade(): string {
  const { modes, outcomes, scopes, choices } = SELF_TRADE;
  const yes = (is: boolean) => is ? "yes" : "";
  return `## Self-trade prevention

${
    table(
      ["mode", "code", "maker", "taker"],
      modes.map((r) => [r.mode, r.code, r.maker, r.taker]),
    )
  }

The maker 1 sells 10 at 500. A taker 3 that it must not trade with buys at 501, where order 2 of somebody else sells 5.
Quantity and leaves afterwards; \`1#3 6@500\` is a trade of 6 lots that was prevented.

${
    table(
      ["mode", "maker", "taker", "maker after", "taker after", "answer"],
      outcomes.map((r) => [
        r.mode,
        r.maker,
        r.taker,
        r.makerAfter,
        r.takerAfter,
        code(r.answer),
      ]),
    )
  }

It applies, by the scope of the taker's session:

${
    table(
      ["orders of", "SESSION", "ACCOUNT", "GROUP"],
      scopes.map((r) => [r.who, yes(r.SESSION), yes(r.ACCOUNT), yes(r.GROUP)]),
    )
  }

The mode:

${
    table(
      ["the taker's session says", "its order says", "mode"],
      choices.map((r) => [r.session, r.order, r.mode]),
    )
  }`;
}

function reasons(): string {
  const number = (value: number | null) => value === null ? "" : value;
  return `## Reasons

The code is the number in events and in the binary protocol. In FIX it is Text (58) in words, and OrdRejReason (103) where it
refuses a new order, CxlRejReason (102) where it refuses a cancel or replace.

${
    REASONS.ranges.filter(({ who }) => who !== "").map(({ from, to, who }) => {
      const rows = REASONS.reasons.filter((r) =>
        r.code >= from && r.code <= to
      );
      return `### ${from} to ${to}: ${who}\n\n` + table(
        ["code", "name", "when", "103", "102", "text"],
        rows.map((r) => [
          r.code,
          r.name,
          r.when,
          number(r.ordRejReason),
          number(r.cxlRejReason),
          r.text,
        ]),
      );
    }).join("\n\n")
  }`;
}

/** The page. */
export function rulesPage(): string {
  return `# Rules

The tables of [How orders match](matching.md). \`make rules\` makes this page from the files in \`docs/rules/\`; the tests in
\`tests/rules/\` are made from the same files and run every row against the exchange.

${
    [checks(), orderTypes(), states(), priority(), selfTrade(), reasons()]
      .join("\n\n")
  }
`;
}

if (import.meta.main) {
  await Deno.writeTextFile(
    new URL("../../docs/rules.md", import.meta.url),
    rulesPage(),
  );
}
