// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The FIX 4.4 gateway and its client.
 *
 * @module
 */
export { FixGateway, type FixGatewayOptions } from "./gateway.ts";
