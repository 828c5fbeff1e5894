// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * How much depth a configuration has published.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";
import type { DepthShape } from "../marketdata/mod.ts";

/** The same for the thread that writes and for those that read. */
export function depthShape(config: Config): DepthShape {
  return {
    instrumentsMax: config.capacity.instruments,
    levels: config.capacity.depthLevels,
  };
}
