// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The engine's displayed book as lines, as `ItchBook.lines()` gives them. It
 * walks the engine's queues and knows nothing of the feed.
 *
 * @module
 */
import {
  KEY_MARKET,
  LEVEL_HEAD,
  LEVEL_KEY,
  ORDER_LEAVES_F64,
  ORDER_NEXT,
  ORDER_OWNER,
  ORDER_TERMS_BIT,
  SIDE_BEST,
  TERMS_DISPLAY_F64,
  TERMS_SHOWN_F64,
} from "../../engine/book/mod.ts";
import type { Exchange } from "../../engine/exchange/mod.ts";

/** Units of 1e-4 of a tick, and shares of a lot, by instrument. */
export type UnitsOf = (
  instrument: number,
) => { readonly price: number; readonly shares: number };

const U32_MAX = 4294967295;

/** The queue of each price of the displayed halves; without what no message can tell. */
export function displayedLines(exchange: Exchange, units: UnitsOf): string[] {
  const { book } = exchange;
  const { i32, f64 } = book;
  const lines: string[] = [];
  for (let index = 0; index < book.instrumentsMax; index++) {
    if (!book.isDefined(index)) continue;
    for (let bit = 0; bit < 2; bit++) {
      const side = book.sideOf(index, bit);
      let level = i32[side + SIDE_BEST]!;
      for (; level !== 0; level = book.nextLevel(side, level)) {
        if (i32[level + LEVEL_KEY] === KEY_MARKET) continue;
        const shares: number[] = [];
        let order = i32[level + LEVEL_HEAD]!;
        for (; order !== 0; order = i32[order + ORDER_NEXT]!) {
          let lots = f64[(order >> 1) + ORDER_LEAVES_F64]!;
          if ((i32[order + ORDER_OWNER]! & ORDER_TERMS_BIT) !== 0) {
            const terms = book.termsOf(order) >> 1;
            if (f64[terms + TERMS_DISPLAY_F64] !== 0) {
              lots = f64[terms + TERMS_SHOWN_F64]!;
            }
          }
          lots *= units(index).shares;
          if (lots <= U32_MAX) shares.push(lots);
        }
        const price = book.priceOf(level) * units(index).price;
        if (price <= 0 || price > U32_MAX || shares.length === 0) continue;
        lines.push(`${index + 1} ${bit} ${price}: ${shares}`);
      }
    }
  }
  return lines.sort();
}
