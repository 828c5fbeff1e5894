// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * How large the next slice of an iceberg is: drawn from the command, so that a
 * replay draws the same. Pure functions; allocate nothing.
 *
 * @module
 */

/**
 * Slices that an iceberg has at most: one command can meet them all, and no
 * client may make it last longer.
 */
export const SLICES_MAX = 65536;

/** A well mixing bijection of 32-bit words. */
export function mix(word: number): number {
  let x = word >>> 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return (x ^ x >>> 16) >>> 0;
}

/**
 * Lots of a slice, leaves not considered.
 *
 * @param display Lots.
 * @param range Lots that it may be more or less; 0 = none.
 * @param draw How many slices the order has drawn before.
 */
export function slice(
  display: number,
  range: number,
  timeLo: number,
  sequenceLow: number,
  orderIdLow: number,
  draw: number,
): number {
  if (range === 0) return display;
  const random = mix(
    mix(mix(timeLo) ^ sequenceLow) ^ orderIdLow ^ Math.imul(draw, 0x9e3779b9),
  );
  return display - range + random % (2 * range + 1);
}
