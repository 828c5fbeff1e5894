// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes the main thread's part of a pair: its clock, and its lease if the
 * configuration names servers that keep one.
 *
 * @module
 */
import { Clock } from "../../ffi/mod.ts";
import { Lease, membershipFile } from "../replication/mod.ts";
import { NatsLeaseStore } from "../replication/nats_lease_store.ts";
import {
  ReplicationDesk,
  type ReplicationDeskOptions,
} from "./replication_desk.ts";

/** The desk of a configuration. */
export function buildReplicationDesk(
  options: Omit<ReplicationDeskOptions, "lease" | "memberships" | "nowNs">,
): ReplicationDesk {
  const { config } = options;
  const { leaseServers, leaseReplicas, leaseMs, group } = config.replication;
  const clock = new Clock();
  const nowNs = (): number => {
    clock.boottime();
    return clock.toNumber();
  };
  return new ReplicationDesk({
    ...options,
    nowNs,
    memberships: membershipFile(config.appliance.dataDirectory),
    lease: (id) => {
      if (leaseServers.length === 0) return undefined;
      const store = new NatsLeaseStore({
        servers: leaseServers,
        key: group,
        replicas: leaseReplicas,
        timeoutMs: Math.max(500, leaseMs / 4),
      });
      const { name } = config.appliance;
      return new Lease({ store, id, name, leaseMs, nowNs });
    },
  });
}
