// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Checks before the book: how large one order may be.
 *
 * Limits are part of the exchange's state: they start from fixed defaults and
 * change by commands only, so that a replay judges every order as it was
 * judged the first time. Owned by the exchange's thread; checks allocate
 * nothing. It keeps no positions and no credit.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { Reason } from "../record/mod.ts";

/** Lots: as many as a record can hold exactly. */
export const MAX_QUANTITY_DEFAULT = Number.MAX_SAFE_INTEGER;
/** Ticks x lots: so that the notional of an order at its limit stays exact. */
export const MAX_NOTIONAL_DEFAULT = Number.MAX_SAFE_INTEGER;

/** Limits of one order, by instrument. */
export class RiskLimits {
  /** Lots, by instrument. */
  readonly quantityMax: Float64Array;
  /** Ticks x lots, by instrument. */
  readonly notionalMax: Float64Array;

  /** @param instrumentsMax Instruments have indexes below this. */
  constructor(instrumentsMax: number) {
    this.quantityMax = new Float64Array(instrumentsMax)
      .fill(MAX_QUANTITY_DEFAULT);
    this.notionalMax = new Float64Array(instrumentsMax)
      .fill(MAX_NOTIONAL_DEFAULT);
  }

  /** Gives every instrument the defaults again. */
  reset(): void {
    this.quantityMax.fill(MAX_QUANTITY_DEFAULT);
    this.notionalMax.fill(MAX_NOTIONAL_DEFAULT);
  }

  /**
   * Sets the limits of an instrument.
   *
   * @param quantityMax Lots; 0 = the default.
   * @param notionalMax Ticks x lots; 0 = the default.
   */
  set(instrument: number, quantityMax: number, notionalMax: number): void {
    assert(
      quantityMax >= 0 && notionalMax >= 0,
      `limits of instrument ${instrument}: ${quantityMax} lots, ${notionalMax} ticks x lots: must not be below 0`,
    );
    // A record holds no more: a quantity within its limit is an exact number.
    this.quantityMax[instrument] = quantityMax === 0
      ? MAX_QUANTITY_DEFAULT
      : Math.min(quantityMax, MAX_QUANTITY_DEFAULT);
    this.notionalMax[instrument] = notionalMax === 0
      ? MAX_NOTIONAL_DEFAULT
      : notionalMax;
  }

  /**
   * Judges an order.
   *
   * @param f64 Where the quantity stands (a float64 argument might be allocated).
   * @param quantityAt Element of `f64` that holds the lots.
   * @param price Ticks: the limit; for a market order the best price that it
   *   would meet, or 0 if there is none.
   * @returns `NONE`, `MAX_QUANTITY` or `MAX_NOTIONAL`.
   */
  check(
    instrument: number,
    f64: Float64Array,
    quantityAt: number,
    price: number,
  ): Reason {
    const quantity = f64[quantityAt]!;
    if (quantity > this.quantityMax[instrument]!) return Reason.MAX_QUANTITY;
    if (quantity * price > this.notionalMax[instrument]!) {
      return Reason.MAX_NOTIONAL;
    }
    return Reason.NONE;
  }
}
