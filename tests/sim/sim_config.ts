// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The configuration of the simulated appliance: small, with accounts, limits
 * and both protocols.
 *
 * @module
 */
import { type Config, loadConfig } from "../../engine/config/mod.ts";
import {
  BINARY_KEY,
  BINARY_TCP_PORT,
  BINARY_UDP_PORT,
} from "./binary_client.ts";
import { FIX_PORT } from "./fix_client.ts";
import { SYMBOLS } from "./sim_orders.ts";

/** FIX sessions, and numbers of binary ones. */
export const FIX_NAMES = ["F1", "F2"] as const;
export const BINARY_NUMBERS = [11, 12, 13] as const;
/** Bytes of a segment; the configuration cannot say so few. */
export const SEGMENT_BYTES = 32 * 1024;
const DEEP_GROUP = 1;

function session(name: string): string {
  return `
[[fix.sessions]]
sender_comp_id = "${name}"
username = "${name}"
password = "secret"
account = "DESK"
group = ${DEEP_GROUP}
self_trade_prevention = "${name === "F1" ? "cancel-oldest" : "none"}"
`;
}

function binary(number: number): string {
  return `
[[binary.sessions]]
number = ${number}
key = "${BINARY_KEY}"
${number === 11 ? 'account = "HOUSE"' : ""}
`;
}

/** Port on which node `node` of a pair listens for its standby. */
export function pairPort(node: number): number {
  return 9020 + node;
}

function replication(node: number, local: string): string {
  return `
[replication]
role = "auto"
port = ${pairPort(node)}
peers = ["127.0.0.1:${pairPort(1 - node)}"]
local_durability = "${local}"
heartbeat_ms = 20
timeout_ms = 200
lease_servers = ["127.0.0.1:4222"]
lease_ms = 1000
`;
}

/**
 * What the appliance is started with.
 *
 * @param dataDirectory For FIX's stores.
 * @param node Of a pair; then `durability` is that of each machine.
 */
export function simConfig(
  durability: string,
  dataDirectory: string,
  node?: number,
): Config {
  return loadConfig(
    `
[appliance]
data_directory = ${JSON.stringify(dataDirectory)}
drain_timeout_ms = 2000
[memory]
huge_pages = "never"
[capacity]
orders = 400
special_orders = 120
sessions = 16
instruments = 4
accounts = 4
connections = 16
command_ring = 1024
event_ring = 1024
journal_ring = 1024
[journal]
durability = "${node === undefined ? durability : "replicated"}"
group_records_max = 64
[fix]
port = ${FIX_PORT}
${node === undefined ? "" : replication(node, durability)}
[binary]
tcp_port = ${BINARY_TCP_PORT}
udp_port = ${BINARY_UDP_PORT}
[[accounts]]
name = "DESK"
open_orders = 150
[[accounts]]
name = "HOUSE"
soft_quantity = 15
[[instruments]]
symbol = "${SYMBOLS[0]}"
tick_size = "0.01"
lot_size = "1"
[[instruments]]
symbol = "${SYMBOLS[1]}"
tick_size = "0.05"
lot_size = "1"
${FIX_NAMES.map(session).join("")}
${BINARY_NUMBERS.map(binary).join("")}
`,
    "simulation",
  );
}
