// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Tick tables, one price at a time.
 *
 * @module
 */
import { type NaiveInstrument, PRICE_MAX } from "./world.ts";

/** Sets a band; false, and nothing changes, if it does not go with its neighbours. */
export function setTicks(
  book: NaiveInstrument,
  band: number,
  from: number,
  step: number,
): boolean {
  const { ticks } = book;
  if (band > 7 || step > PRICE_MAX) return false;
  if (step === 0) {
    ticks.length = Math.min(ticks.length, band);
    return true;
  }
  if (band > ticks.length) return false;
  if (band > 0 && from <= ticks[band - 1]!.from) return false;
  if (band > 0 && band + 1 < ticks.length && from >= ticks[band + 1]!.from) {
    return false;
  }
  ticks[band] = { from: band === 0 ? 0 : from, step };
  return true;
}

/** True if a price may be used. */
export function isValid(book: NaiveInstrument, price: number): boolean {
  if (price <= 0 || price > PRICE_MAX) return false;
  if (book.ticks.length === 0) return true;
  const bands = book.ticks.filter((band) => band.from <= price);
  return price % (bands.at(-1)?.step ?? 1) === 0;
}

/** The highest valid price at or below this; 0 if there is none. */
export function validAtOrBelow(book: NaiveInstrument, price: number): number {
  let p = Math.min(price, PRICE_MAX);
  while (p > 0 && !isValid(book, p)) p--;
  return Math.max(p, 0);
}

/** The lowest valid price at or above this; 0 if there is none. */
export function validAtOrAbove(book: NaiveInstrument, price: number): number {
  let p = Math.max(price, 1);
  while (p <= PRICE_MAX && !isValid(book, p)) p++;
  return p > PRICE_MAX ? 0 : p;
}
