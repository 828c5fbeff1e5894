// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Every counter and gauge of the appliance, in one table.
 *
 * Values lie as float64 in one shared block. Each agent has a lane of its own
 * in it and is the lane's only writer; whoever reports adds the lanes up. An
 * id is the place in `COUNTERS`.
 *
 * @module
 */

/** `counter` only grows, `gauge` goes both ways. Lanes are summed for both. */
export interface CounterDefinition {
  readonly name: string;
  readonly kind: "counter" | "gauge";
  readonly help: string;
}

/** The table. Prometheus names carry the prefix `ferrule_`. */
export const COUNTERS = [
  { name: "commands_total", kind: "counter", help: "Commands sequenced" },
  { name: "orders_total", kind: "counter", help: "New orders sequenced" },
  { name: "cancels_total", kind: "counter", help: "Cancel requests sequenced" },
  {
    name: "replaces_total",
    kind: "counter",
    help: "Replace requests sequenced",
  },
  { name: "trades_total", kind: "counter", help: "Trades" },
  { name: "events_total", kind: "counter", help: "Events written" },
  { name: "orders_open", kind: "gauge", help: "Orders in the books" },
  {
    name: "journal_bytes_total",
    kind: "counter",
    help: "Bytes appended to the journal",
  },
  {
    name: "journal_groups_total",
    kind: "counter",
    help: "Groups written to the journal",
  },
  {
    name: "journal_syncs_total",
    kind: "counter",
    help: "Syncs of the journal",
  },
  {
    name: "journal_errors_total",
    kind: "counter",
    help: "Journal writes or syncs that failed",
  },
  {
    name: "journal_full_total",
    kind: "counter",
    help: "Times that new orders began to be refused: no room for the journal",
  },
  {
    name: "journal_slow_total",
    kind: "counter",
    help: "Times that new orders began to be refused: the journal was slow",
  },
  {
    name: "connections_accepted_total",
    kind: "counter",
    help: "Connections accepted",
  },
  {
    name: "connections_refused_total",
    kind: "counter",
    help: "Connections closed at once: no room, or stopping",
  },
  { name: "connections_open", kind: "gauge", help: "Connections open" },
  {
    name: "connections_silent_total",
    kind: "counter",
    help: "Connections cut off because they never logged on",
  },
  {
    name: "connections_slow_total",
    kind: "counter",
    help: "Connections cut off because they did not read",
  },
  {
    name: "connections_garbled_total",
    kind: "counter",
    help: "Connections cut off because of what they sent",
  },
  {
    name: "bytes_received_total",
    kind: "counter",
    help: "Bytes received from clients",
  },
  { name: "bytes_sent_total", kind: "counter", help: "Bytes sent to clients" },
  {
    name: "fix_messages_received_total",
    kind: "counter",
    help: "FIX messages received",
  },
  {
    name: "fix_messages_sent_total",
    kind: "counter",
    help: "FIX messages sent",
  },
  {
    name: "fix_messages_garbled_total",
    kind: "counter",
    help: "FIX messages ignored as garbled",
  },
  {
    name: "fix_messages_resent_total",
    kind: "counter",
    help: "FIX messages sent again on request",
  },
  {
    name: "fix_session_rejects_total",
    kind: "counter",
    help: "FIX session rejects sent",
  },
  { name: "fix_logons_total", kind: "counter", help: "FIX logons accepted" },
  {
    name: "fix_logons_refused_total",
    kind: "counter",
    help: "FIX logons refused",
  },
  {
    name: "fix_sessions_active",
    kind: "gauge",
    help: "FIX sessions logged on",
  },
  {
    name: "binary_packets_received_total",
    kind: "counter",
    help: "Binary packets received",
  },
  {
    name: "binary_packets_garbled_total",
    kind: "counter",
    help: "Binary packets that were refused whole",
  },
  {
    name: "binary_messages_received_total",
    kind: "counter",
    help: "Binary messages received",
  },
  {
    name: "binary_messages_sent_total",
    kind: "counter",
    help: "Binary messages sent",
  },
  {
    name: "binary_duplicates_total",
    kind: "counter",
    help: "Binary messages recognised as repeated",
  },
  {
    name: "binary_gaps_total",
    kind: "counter",
    help: "Binary packets that came too early",
  },
  {
    name: "binary_logons_total",
    kind: "counter",
    help: "Binary logons accepted",
  },
  {
    name: "binary_logons_refused_total",
    kind: "counter",
    help: "Binary logons refused",
  },
  {
    name: "binary_sessions_active",
    kind: "gauge",
    help: "Binary sessions logged on",
  },
  {
    name: "keeper_sequence",
    kind: "gauge",
    help: "Newest command that the keeper has computed again",
  },
  {
    name: "feed_sequence",
    kind: "gauge",
    help: "Newest command that the feed has published",
  },
  {
    name: "feed_messages_total",
    kind: "counter",
    help: "Messages of market data",
  },
  {
    name: "feed_packets_total",
    kind: "counter",
    help: "Packets sent on the lines of the feed",
  },
  {
    name: "feed_requests_answered_total",
    kind: "counter",
    help: "Requests for lost messages that were answered",
  },
  {
    name: "feed_requests_unanswered_total",
    kind: "counter",
    help: "Requests that were none, or for messages that are not kept",
  },
  {
    name: "feed_requests_limited_total",
    kind: "counter",
    help: "Requests of addresses that asked too often",
  },
  {
    name: "feed_logins_rejected_total",
    kind: "counter",
    help: "Logins to the feed's snapshots that were rejected",
  },
  {
    name: "feed_snapshots_total",
    kind: "counter",
    help: "Snapshots of the feed that were asked for",
  },
  { name: "snapshots_total", kind: "counter", help: "Snapshots taken" },
  {
    name: "snapshot_failures_total",
    kind: "counter",
    help: "Snapshots that could not be written",
  },
  {
    name: "snapshot_sequence",
    kind: "gauge",
    help: "Last command in the newest snapshot of this run",
  },
  {
    name: "snapshot_bytes",
    kind: "gauge",
    help: "Bytes of the newest snapshot of this run",
  },
  {
    name: "snapshot_ms",
    kind: "gauge",
    help: "Milliseconds that the newest snapshot of this run took",
  },
  {
    name: "snapshot_timestamp_seconds",
    kind: "gauge",
    help: "When the newest snapshot of this run was taken, seconds since 1970",
  },
  {
    name: "replication_connected",
    kind: "gauge",
    help: "1 if the other half of the pair is connected",
  },
  {
    name: "replication_lag",
    kind: "gauge",
    help:
      "Commands that the primary has written and the standby has not acknowledged",
  },
  {
    name: "replication_losses_total",
    kind: "counter",
    help: "Connections to the other half that ended",
  },
  {
    name: "segments_archived_total",
    kind: "counter",
    help: "Journal segments moved to the archive",
  },
  {
    name: "archive_failures_total",
    kind: "counter",
    help: "Tries to archive a segment that failed",
  },
  { name: "rounds_total", kind: "counter", help: "Rounds of agents" },
  {
    name: "rounds_busy_total",
    kind: "counter",
    help: "Rounds of agents that found work",
  },
] as const satisfies readonly CounterDefinition[];

/** Name of a counter. */
export type CounterName = typeof COUNTERS[number]["name"];

/** Id by name: `COUNTER.trades_total`. */
export const COUNTER: Readonly<Record<CounterName, number>> = Object.freeze(
  Object.fromEntries(COUNTERS.map((counter, id) => [counter.name, id])),
) as Record<CounterName, number>;

/** Refusals are counted by `Reason`; this many reasons have room. */
export const REASONS_MAX = 512;
/** Lanes: one for each agent that counts. */
export const LANES_MAX = 16;
/** Float64 slots of a lane: counters, then refusals by reason. */
export const LANE_SLOTS = 64 + REASONS_MAX;
