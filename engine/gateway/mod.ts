// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Client sessions: the gateway agent and one folder for each protocol.
 *
 * @module
 */
export * from "./gateway_agent.ts";
export type { SavedFile } from "./outbound_store.ts";
export * from "./protocol.ts";
export type { GatewayFlight } from "./stage_times.ts";
