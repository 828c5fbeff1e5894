// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The FIX 4.4 gateway and its client.
 *
 * @module
 */
export {
  FixClient,
  type FixClientOptions,
  FixMessage,
  frameMessage,
  type OrderName,
  type OrderTerms,
  utcTimestamp,
} from "./client.ts";
export { FixGateway, type FixGatewayOptions } from "./gateway.ts";
