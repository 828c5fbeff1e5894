// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Two real appliances that a lease makes primary and standby, for tests.
 *
 * @module
 */
import type { RunningAppliance } from "../appliance/harness.ts";
import type { NatsCluster } from "./nats_cluster.ts";
import { freePort, logged, startHalf } from "./pair.ts";

/** How long a lease holds. */
export const LEASE_MS = 1500;

/** Name of one half of a pair. */
export type Half = "one" | "two";

/** TOML lines of `[replication]` for a lease of `ms` milliseconds. */
export function leaseToml(
  cluster: NatsCluster,
  group: string,
  ms: number,
): string {
  return `group = "${group}"
lease_ms = ${ms}
lease_servers = ${JSON.stringify(cluster.addresses)}`;
}

/** Two halves with role = "auto"; "one" was primary first. */
export interface Pair {
  readonly one: RunningAppliance;
  readonly two: RunningAppliance;
  readonly folders: Readonly<Record<Half, string>>;
  /** Starts a half again, in its folder. */
  again(half: Half): Promise<RunningAppliance>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts both halves and waits until "two" follows. */
export async function startPair(
  cluster: NatsCluster,
  group: string,
  durability: string,
  topology: string,
  leaseMs = LEASE_MS,
): Promise<Pair> {
  const ports = { one: freePort(), two: freePort() };
  const folders = {
    one: await Deno.makeTempDir({ prefix: "ferrule-one-" }),
    two: await Deno.makeTempDir({ prefix: "ferrule-two-" }),
  };
  const started: RunningAppliance[] = [];
  const start = async (half: Half): Promise<RunningAppliance> => {
    const appliance = await startHalf({
      role: "auto",
      name: half,
      topology,
      durability,
      dataDirectory: folders[half],
      port: ports[half],
      peerPort: half === "one" ? ports.two : ports.one,
      replicationToml: leaseToml(cluster, group, leaseMs),
    });
    started.push(appliance);
    return appliance;
  };
  const one = await start("one");
  const two = await start("two");
  await logged(two, "following");
  return {
    one,
    two,
    folders,
    again: start,
    async [Symbol.asyncDispose]() {
      for (const appliance of started) await appliance[Symbol.asyncDispose]();
      for (const folder of Object.values(folders)) {
        await Deno.remove(folder, { recursive: true });
      }
    },
  };
}

/** The FIX port of an appliance, once it is open. */
export async function openPort(appliance: RunningAppliance): Promise<number> {
  return Number((await logged(appliance, "ready")).fixPort);
}
