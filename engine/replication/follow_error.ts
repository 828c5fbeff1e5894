// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Following is over, and time does not mend it: the text says what an operator
 * must do.
 *
 * @module
 */

/** Stops a standby. */
export class FollowError extends Error {
  override name = "FollowError";
}
