// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Who of a pair is primary: the lease, and the rules by which the main thread
 * of an appliance takes, renews and loses it. A model of `ReplicationDesk`,
 * which waits for servers and can not be stepped; the words that it sets for
 * the agents are the same.
 *
 * @module
 */
import type { MembershipStore } from "../../engine/replication/mod.ts";
import {
  CONTROL_EXCHANGE,
  CONTROL_LEASE_VALUE,
  CONTROL_REPLICATION_VALUE,
  CONTROL_REPLICATOR,
  CONTROL_ROLE,
  ExchangeState,
  ReplicationValue,
  ReplicatorState,
  Role,
} from "../../engine/ring/mod.ts";
import type { SimProcess } from "./sim_process.ts";

const LEASE_NS = 1e9;
const LEASE = CONTROL_LEASE_VALUE >>> 1;
const VALUE = CONTROL_REPLICATION_VALUE >>> 1;

/** What the lease's servers remember. One for both; it never lies. */
export interface LeaseRecord {
  holder: string;
  epoch: number;
  untilNs: number;
  /** Newest sequence that the holder had acknowledged, at its last renewal. */
  sequence: number;
}

/** A lease that nobody had yet. */
export function newLease(): LeaseRecord {
  return { holder: "", epoch: 0, untilNs: 0, sequence: 0 };
}

/** One process's desk. */
export class SimDesk {
  /** The servers can be reached. */
  reachable = true;
  readonly #process: SimProcess;
  readonly #lease: LeaseRecord;
  readonly #memberships: MembershipStore;
  #renewAtNs = 0;
  /** Taken, while following ends. */
  #taken: { readonly epoch: number; readonly untilNs: number } | undefined;

  constructor(
    process: SimProcess,
    lease: LeaseRecord,
    memberships: MembershipStore,
  ) {
    this.#process = process;
    this.#lease = lease;
    this.#memberships = memberships;
  }

  get role(): number {
    return this.#process.control[CONTROL_ROLE]!;
  }

  /** A look. @returns What was done; "fenced" = the process must end. */
  step(nowNs: number): string {
    const { control } = this.#process;
    const exchange = control[CONTROL_EXCHANGE];
    switch (this.role) {
      case Role.UNDECIDED:
        return exchange === ExchangeState.RECOVERED ? this.#decide(nowNs) : "";
      case Role.STANDBY:
        return exchange === ExchangeState.FOLLOWING && this.#take(nowNs)
          ? this.#promote()
          : "";
      case Role.PROMOTING:
        return this.#promote();
      default:
        return this.#lead(nowNs);
    }
  }

  #decide(nowNs: number): string {
    if (this.#take(nowNs)) return this.#becomePrimary();
    if (!this.reachable) return "";
    this.#process.control[CONTROL_ROLE] = Role.STANDBY;
    return "standby";
  }

  /** Takes the lease if it is free, and this journal has what was acknowledged. */
  #take(nowNs: number): boolean {
    const lease = this.#lease;
    const own = lease.holder === this.#memberships.read().id;
    if (!this.reachable) return false;
    if (!own && lease.holder !== "" && nowNs < lease.untilNs) return false;
    if (!own && this.#process.sequence < lease.sequence) return false;
    const { id, epoch } = this.#memberships.read();
    lease.epoch = Math.max(lease.epoch, epoch) + 1;
    lease.holder = id;
    lease.untilNs = nowNs + LEASE_NS;
    this.#taken = { epoch: lease.epoch, untilNs: lease.untilNs };
    return true;
  }

  /** Ends following first: nothing of the old primary is taken from there on. */
  #promote(): string {
    const { control } = this.#process;
    if (this.role === Role.STANDBY) {
      control[CONTROL_ROLE] = Role.PROMOTING;
      return "stops following";
    }
    if (control[CONTROL_REPLICATOR] !== ReplicatorState.HANDED) return "";
    return this.#becomePrimary();
  }

  #becomePrimary(): string {
    const { epoch, untilNs } = this.#taken!;
    const membership = this.#memberships.read();
    this.#memberships.write({ ...membership, epoch, primary: true });
    const { control, controlF64 } = this.#process;
    controlF64[LEASE + 1] = epoch;
    controlF64[LEASE] = untilNs;
    control[CONTROL_ROLE] = Role.PRIMARY;
    return `primary of epoch ${epoch}`;
  }

  #lead(nowNs: number): string {
    const { controlF64 } = this.#process;
    const epoch = controlF64[LEASE + 1]!;
    if (controlF64[VALUE + ReplicationValue.EPOCH]! > epoch) return "fenced";
    const lease = this.#lease;
    if (this.reachable && nowNs >= this.#renewAtNs) {
      if (
        lease.holder !== this.#memberships.read().id || lease.epoch !== epoch
      ) return "fenced";
      lease.untilNs = nowNs + LEASE_NS;
      lease.sequence = Math.max(lease.sequence, this.#process.durable);
      controlF64[LEASE] = lease.untilNs;
      this.#renewAtNs = nowNs + LEASE_NS / 3;
    }
    return nowNs < controlF64[LEASE]! ? "" : "fenced";
  }
}
