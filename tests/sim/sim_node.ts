// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * One machine of a pair: its disk, its folder, and the process that runs on it
 * now, if there is one.
 *
 * @module
 */
import type { Config } from "../../engine/config/mod.ts";
import {
  CONTROL_EXCHANGE,
  CONTROL_REPLICATION_VALUE,
  ExchangeState,
  ReplicationValue,
  Role,
} from "../../engine/ring/mod.ts";
import type {
  Membership,
  MembershipStore,
} from "../../engine/replication/mod.ts";
import { Random } from "../oracle/random.ts";
import { simConfig } from "./sim_config.ts";
import type { SimClock } from "./sim_clock.ts";
import { type LeaseRecord, SimDesk } from "./sim_desk.ts";
import { SimDisk } from "./sim_disk.ts";
import { type LinkNetwork, SimLinks } from "./sim_links.ts";
import type { SimNetwork } from "./sim_network.ts";
import { SimProcess } from "./sim_process.ts";
import { mix } from "./simulation.ts";

/** What a machine stands in. */
export interface NodeWorld {
  readonly seed: number;
  readonly localDurability: string;
  readonly clock: SimClock;
  readonly network: SimNetwork;
  readonly links: LinkNetwork;
  readonly lease: LeaseRecord;
  readonly onLine: (node: number, line: string) => void;
}

/** One machine. */
export class SimNode {
  readonly index: number;
  readonly config: Config;
  disk: SimDisk;
  process: SimProcess | undefined;
  desk: SimDesk | undefined;
  /** Step at which the process is started again. */
  startAt = 0;
  /** Steps for which the process stands still. */
  frozen = 0;
  /** It has everything that was ever acknowledged. */
  whole = true;
  starts = 0;
  readonly #world: NodeWorld;
  /** What it remembers of the pair; it is synced, so nothing takes it away. */
  #membership: Membership;
  #links: SimLinks | undefined;
  #lives = 0;

  constructor(index: number, world: NodeWorld) {
    this.index = index;
    this.#world = world;
    this.config = simConfig(world.localDurability, "none", index);
    this.#membership = this.#stranger();
    this.disk = this.#newDisk();
  }

  get role(): number {
    return this.desk?.role ?? Role.UNDECIDED;
  }

  /** It is primary, and clients are served. */
  get leads(): boolean {
    return this.process?.live === true && this.role === Role.PRIMARY;
  }

  get follows(): boolean {
    return this.process?.control[CONTROL_EXCHANGE] === ExchangeState.FOLLOWING;
  }

  /** It follows, and the primary has seen that its journal is the same so far. */
  get isWelcome(): boolean {
    const at = CONTROL_REPLICATION_VALUE >>> 1;
    return this.follows &&
      this.process!.controlF64[at + ReplicationValue.CONNECTED] === 1;
  }

  start(): void {
    const { seed, clock, network, links, lease, onLine } = this.#world;
    this.#links = new SimLinks(links);
    const memberships: MembershipStore = {
      read: () => this.#membership,
      write: (membership) => this.#membership = membership,
    };
    this.starts++;
    this.process = new SimProcess({
      config: this.config,
      clock,
      disk: this.disk,
      network,
      random: new Random(mix(seed, 1000 * (this.index + 1) + this.starts)),
      storeDirectory: undefined,
      onLine: (line) => onLine(this.index, line),
      node: this.index,
      pair: { links: this.#links, memberships },
    });
    this.desk = new SimDesk(this.process, lease, memberships);
  }

  /** The process is gone. */
  drop(): void {
    this.process?.drop();
    this.#links?.drop();
    this.process = undefined;
    this.desk = undefined;
    this.frozen = 0;
  }

  /** Its data directory is moved aside: it starts with an empty one. */
  giveUp(): void {
    this.#lives++;
    this.#membership = this.#stranger();
    this.disk = this.#newDisk();
    this.whole = false;
  }

  /** Somebody whom the pair does not know yet. */
  #stranger(): Membership {
    const place = `machine ${this.index}, folder ${this.#lives}`;
    return { id: place, place, epoch: 0, primary: false };
  }

  #newDisk(): SimDisk {
    return new SimDisk(
      new Random(mix(this.#world.seed, 50 + 2 * this.#lives + this.index)),
    );
  }
}
