// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Hot files repeat numbers of the layouts in a `const enum Fixed`, because V8
 * reads imported constants from memory. This compares each with its source.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import * as mix from "../bench/standard_mix.ts";
import * as book from "../engine/book/mod.ts";
import * as writer from "../engine/exchange/event_writer.ts";
import * as exchange from "../engine/exchange/mod.ts";
import * as fixIds from "../engine/gateway/fix/cl_ord_ids.ts";
import * as fixInstruments from "../engine/gateway/fix/instruments.ts";
import * as fixTypes from "../engine/gateway/fix/message_types.ts";
import * as fixTerms from "../engine/gateway/fix/order_terms.ts";
import * as fixTexts from "../engine/gateway/fix/texts.ts";
import * as matching from "../engine/matching/mod.ts";
import * as record from "../engine/record/mod.ts";
import * as fixWire from "../engine/wire/fix/mod.ts";
import * as risk from "../engine/risk/mod.ts";
import * as binary from "../engine/wire/binary/mod.ts";

const SOURCES: Readonly<Record<string, unknown>> = {
  ...binary,
  ...mix,
  ...book,
  ...writer,
  ...exchange,
  ...matching,
  ...record,
  ...risk,
  ...fixWire,
  ...fixIds,
  ...fixInstruments,
  ...fixTypes,
  ...fixTerms,
  ...fixTexts,
};

const FILES = [
  "engine/book/book.ts",
  "engine/book/price_index.ts",
  "engine/book/queues.ts",
  "engine/matching/auction.ts",
  "engine/matching/matching.ts",
  "engine/matching/ticks.ts",
  "engine/risk/accounts.ts",
  "engine/ring/flight_ring.ts",
  "engine/exchange/event_writer.ts",
  "engine/exchange/exchange.ts",
  "engine/exchange/look_ahead.ts",
  "engine/exchange/order_index.ts",
  "engine/exchange/request_checks.ts",
  "engine/exchange/requests.ts",
  "engine/exchange/plain_path.ts",
  "engine/exchange/plain_replace.ts",
  "engine/wire/binary/encode_event.ts",
  "engine/gateway/binary/decode_order.ts",
  "engine/gateway/binary/decode_message.ts",
  "engine/gateway/binary/numbered_packets.ts",
  "engine/gateway/binary/binary_gateway.ts",
  "engine/wire/fix/parser.ts",
  "engine/gateway/fix/encoder.ts",
  "engine/gateway/fix/id_follower.ts",
  "engine/gateway/fix/order_desk.ts",
  "engine/gateway/fix/order_terms.ts",
  "engine/gateway/fix/replies.ts",
  "engine/gateway/fix/sender.ts",
  "engine/gateway/fix/session_layer.ts",
  "bench/bare_book.ts",
  "bench/event_writing.ts",
  "bench/exchange_rig.ts",
];

/** The exported number that a member repeats; undefined if none has its name. */
function sourceOf(name: string): unknown {
  if (name in SOURCES) return SOURCES[name];
  const cut = name.indexOf("_");
  const table = SOURCES[name.slice(0, cut)];
  return typeof table === "object" && table !== null
    ? (table as Record<string, unknown>)[name.slice(cut + 1)]
    : undefined;
}

for (const file of FILES) {
  Deno.test(`${file} repeats numbers as they are`, async () => {
    const text = await Deno.readTextFile(
      new URL(`../${file}`, import.meta.url),
    );
    const body = /const enum Fixed \{\n([^}]*)\n\}/.exec(text)?.[1];
    if (body === undefined) throw new Error("no const enum Fixed");
    const members = new Map<string, number>();
    let compared = 0;
    for (const line of body.replaceAll(/\n {4,}/g, " ").split("\n")) {
      const [, name, formula] = /^ {2}(\w+) = (.*),$/.exec(line) ?? [];
      if (name === undefined || formula === undefined) throw new Error(line);
      const plain = formula.replaceAll(
        /[A-Z]\w*/g,
        (other) => String(members.get(other)),
      );
      const value = valueOf(plain);
      members.set(name, value);
      const source = sourceOf(name);
      if (source === undefined) continue;
      assertEquals(value, source, `${file}: ${name}`);
      compared++;
    }
    assert(compared > 0, "something was compared");
  });
}

/** Value of a formula of whole numbers with `+ - * >> &` and brackets. */
function valueOf(formula: string): number {
  const tokens = formula.match(/0x[0-9a-f]+|\d+|>>|[-+*&()]/g) ?? [];
  let at = 0;
  const atom = (): number => {
    const token = tokens[at++];
    if (token === "-") return -atom();
    if (token !== "(") return Number(token);
    const inner = level(0);
    at++;
    return inner;
  };
  const OPERATORS = [["&"], [">>"], ["+", "-"], ["*"]];
  const level = (depth: number): number => {
    if (depth === OPERATORS.length) return atom();
    let left = level(depth + 1);
    while (OPERATORS[depth]!.includes(tokens[at] ?? "")) {
      const operator = tokens[at++];
      const right = level(depth + 1);
      if (operator === "&") left &= right;
      else if (operator === ">>") left >>= right;
      else if (operator === "+") left += right;
      else if (operator === "-") left -= right;
      else left *= right;
    }
    return left;
  };
  return level(0);
}
