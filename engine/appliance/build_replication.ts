// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes the agent of a pair: its end of the replica ring, its network.
 *
 * Runs once, on the thread that will drive the agent.
 *
 * @module
 */
import { Clock } from "../../ffi/mod.ts";
import { COMMAND_SLOT_BYTES } from "../record/mod.ts";
import { membershipFile, TcpLinks } from "../replication/mod.ts";
import { SpscRing } from "../ring/mod.ts";
import { journalDirectory } from "./build_journal.ts";
import { ReplicationAgent } from "./replication_agent.ts";
import type { Workshop } from "./workshop.ts";

/** The agent that follows, or is followed. */
export function buildReplication(workshop: Workshop): ReplicationAgent {
  const { config, plan, memory, control, controlF64 } = workshop;
  const clock = new Clock();
  return new ReplicationAgent({
    config,
    directory: journalDirectory(config.appliance.dataDirectory),
    memberships: membershipFile(config.appliance.dataDirectory),
    links: new TcpLinks(),
    replica: new SpscRing(
      memory,
      plan.replicaRing,
      COMMAND_SLOT_BYTES,
      plan.replicaSlots,
      "producer",
    ),
    control,
    controlF64,
    lane: workshop.lane("replicator"),
    nowNs: () => {
      clock.monotonic();
      return clock.toNumber();
    },
    log: workshop.log.child("replicator"),
  });
}
