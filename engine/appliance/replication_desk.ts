// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Decides what this appliance is to its pair, and watches over it: takes and
 * renews the lease, promotes, fences.
 *
 * ```
 *   recovered ─▶ primary  ─ renewals ─▶ … ─ expired, or another holds it ─▶ fenced: the process stops
 *          └───▶ standby  ─ by command, or the lease is free ─▶ primary, in a later epoch
 * ```
 *
 * Main thread; nobody waits for it. Gateways see in a control word until when
 * the lease holds and ask the clock themselves, so this thread may be late.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";
import {
  type Lease,
  type LeaseNews,
  type Membership,
  type MembershipStore,
} from "../replication/mod.ts";
import {
  CONTROL_ALONE,
  CONTROL_DURABLE,
  CONTROL_EXCHANGE,
  CONTROL_HOLD,
  CONTROL_JOURNAL,
  CONTROL_LEASE_VALUE,
  CONTROL_REPLICATION_VALUE,
  CONTROL_REPLICATOR,
  CONTROL_ROLE,
  CONTROL_STOP,
  ExchangeState,
  JournalState,
  ReplicationValue,
  ReplicatorState,
  Role,
} from "../ring/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import type { OperatorAnswer } from "./operator_desk.ts";
import { wholeSequence } from "./replication_agent.ts";

const TICK_MS = 20;
/** A standby that is this close behind is waited for again. */
const CAUGHT_UP_COMMANDS = 4096;
/** After an unanswered renewal. */
const RETRY_MS = 200;
const OPEN_WAIT_MS_MAX = 30_000;
const VALUE = CONTROL_REPLICATION_VALUE >>> 1;
const LEASE = CONTROL_LEASE_VALUE >>> 1;
const NS_PER_MS = 1e6;

/** What the desk works with. */
export interface ReplicationDeskOptions {
  readonly config: Config;
  readonly memberships: MembershipStore;
  readonly control: Int32Array;
  /** The same words as float64. */
  readonly controlF64: Float64Array;
  /** Sequence of the newest command. */
  readonly sequence: () => number;
  /** Makes the lease of this identity; undefined = there is none. */
  readonly lease: (id: string) => Lease | undefined;
  /** Nanoseconds of the clock that the lease is measured with. */
  readonly nowNs: () => number;
  /** Called once: the process must end. */
  readonly onFenced: (reason: string) => void;
  readonly log: Log;
}

/** What `/health` shows of it. */
export interface ReplicationHealth {
  readonly role: "undecided" | "standby" | "primary";
  readonly epoch: number;
  readonly connected: boolean;
  readonly alone: boolean;
  readonly [field: string]: unknown;
}

/** The desk of the pair. */
export class ReplicationDesk {
  readonly #options: ReplicationDeskOptions;
  readonly #lease: Lease | undefined;
  readonly #replicated: boolean;
  #membership: Membership;
  /** What the lease says of us; true until a standby has all that was acknowledged. */
  #alone = false;
  /** What the lease's record says of that. */
  #toldAlone = false;
  /** The lease is being told that we are alone: a standby that has all now may leave before that is done. */
  #tellsAlone = false;
  #waits = false;
  #fenced = false;
  /** Threads have ended. */
  #ended = false;
  #nextLookNs = 0;
  /** Calls to the lease, one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #said = "";
  #running: Promise<void> = Promise.resolve();

  /** Nothing may run before this: it holds ports and role back. */
  constructor(options: ReplicationDeskOptions) {
    this.#options = options;
    const { config, control } = options;
    this.#replicated = config.journal.durability === "replicated";
    this.#membership = options.memberships.read();
    this.#remember(this.#membership);
    this.#lease = options.lease(this.#membership.id);
    Atomics.store(control, CONTROL_ROLE, Role.UNDECIDED);
    Atomics.store(control, CONTROL_HOLD, 1);
  }

  get fenced(): boolean {
    return this.#fenced;
  }

  /** It may not be primary, and waits for the lease or for an operator. */
  get waits(): boolean {
    return this.#waits;
  }

  /** Starts to watch. */
  start(): void {
    this.#running = this.#run();
  }

  /** Ends; gives the lease back if nothing more will be acknowledged, and all is well. */
  async stop(orderly: boolean): Promise<void> {
    const { control, log } = this.#options;
    const lease = this.#lease;
    this.#ended = true;
    if (!orderly) {
      // Whatever is under way need not be waited for: the process ends.
      lease?.close().catch(() => {});
      return;
    }
    Atomics.store(control, CONTROL_STOP, 1);
    await this.#running;
    if (lease === undefined) return;
    if (!this.#fenced && this.#isPrimary()) {
      try {
        await this.#inTurn(() => lease.release(this.#news()));
        log.info("lease given back", { epoch: lease.epoch });
      } catch (error) {
        log.warn("the lease was not given back: it ends by itself", {
          error: textOf(error),
        });
      }
    }
    await lease.close().catch(() => {});
  }

  health(): ReplicationHealth {
    const { control, controlF64, config } = this.#options;
    const role = Atomics.load(control, CONTROL_ROLE);
    const leaseMs = (controlF64[LEASE]! - this.#options.nowNs()) / NS_PER_MS;
    return {
      role: role === Role.UNDECIDED
        ? "undecided"
        : role === Role.STANDBY
        ? "standby"
        : "primary",
      group: config.replication.group,
      epoch: role === Role.STANDBY
        ? controlF64[VALUE + ReplicationValue.EPOCH]!
        : this.#membership.epoch,
      connected: controlF64[VALUE + ReplicationValue.CONNECTED] === 1,
      alone: Atomics.load(control, CONTROL_ALONE) !== 0,
      sequence: controlF64[VALUE + ReplicationValue.SEQUENCE]!,
      port: controlF64[VALUE + ReplicationValue.PORT]!,
      ...(this.#lease === undefined || role !== Role.PRIMARY
        ? {}
        : { leaseMs: Math.round(leaseMs) }),
    };
  }

  /** `replication` of the operator: acknowledge without a standby, or only with one. */
  async setMode(mode: unknown): Promise<OperatorAnswer> {
    const { control, log } = this.#options;
    if (mode !== "alone" && mode !== "replicated") {
      return answer(400, `mode = ${mode}: must be alone or replicated`);
    }
    if (!this.#replicated) {
      return answer(409, 'It concerns durability = "replicated" only');
    }
    if (!this.#isPrimary()) return answer(409, "This is not the primary");
    if (mode === "replicated") {
      Atomics.store(control, CONTROL_ALONE, 0);
      log.warn("operator: a standby must acknowledge again");
      return { status: 200, body: { mode } };
    }
    // First of all nobody else may take over by itself any more.
    this.#alone = true;
    this.#tellsAlone = true;
    const told = this.#lease === undefined || await this.#renew(this.#lease);
    this.#tellsAlone = false;
    if (!told) {
      return answer(
        503,
        "The lease could not be told, so a standby might take over without what " +
          "would be acknowledged alone. Try again when the lease servers answer",
      );
    }
    Atomics.store(control, CONTROL_ALONE, 1);
    log.warn(
      "operator: acknowledging without a standby, until one has caught up",
    );
    return { status: 200, body: { mode } };
  }

  /** Makes this standby primary. */
  async promote(request: unknown): Promise<OperatorAnswer> {
    const { control, controlF64 } = this.#options;
    const force = typeof request === "object" && request !== null &&
      (request as Record<string, unknown>).force === true;
    const role = Atomics.load(control, CONTROL_ROLE);
    const exchange = Atomics.load(control, CONTROL_EXCHANGE);
    const waits = role === Role.UNDECIDED && this.#lease !== undefined;
    if (role !== Role.STANDBY && !waits) {
      return answer(409, "This is no standby");
    }
    if (
      exchange !== (waits ? ExchangeState.RECOVERED : ExchangeState.FOLLOWING)
    ) {
      return answer(503, "It is still recovering");
    }
    if (this.#lease !== undefined) {
      let refused: string;
      try {
        refused = await this.#inTurn(() => this.#takeOver(this.#lease!, force));
      } catch (error) {
        return answer(
          503,
          `The lease servers do not answer: ${
            textOf(error)
          }. If they are gone for good, ` +
            "empty [replication] lease_servers, and start with role = primary",
        );
      }
      if (refused !== "") return answer(409, refused);
    } else {
      if (controlF64[VALUE + ReplicationValue.CONNECTED] === 1 && !force) {
        return answer(
          409,
          "The primary is connected: stop it first, or say force=true",
        );
      }
      await this.#becomePrimary(undefined, Infinity, this.#mayBeAlone());
    }
    return await this.#opened();
  }

  async #opened(): Promise<OperatorAnswer> {
    const { control } = this.#options;
    const deadline = performance.now() + OPEN_WAIT_MS_MAX;
    while (Atomics.load(control, CONTROL_EXCHANGE) !== ExchangeState.LIVE) {
      if (performance.now() > deadline || this.#stopping()) {
        return answer(504, "It is promoted, but not live yet");
      }
      await sleep(TICK_MS);
    }
    const sequence = this.#options.sequence();
    const { epoch } = this.#membership;
    return { status: 200, body: { role: "primary", epoch, sequence } };
  }

  async #run(): Promise<void> {
    const { control, log } = this.#options;
    try {
      while (!this.#stopping()) {
        if (this.#fenced) return;
        const exchange = Atomics.load(control, CONTROL_EXCHANGE);
        const role = Atomics.load(control, CONTROL_ROLE);
        if (role === Role.UNDECIDED && exchange === ExchangeState.RECOVERED) {
          await this.#decide();
        } else if (role === Role.STANDBY) await this.#watch();
        else if (role === Role.PRIMARY) await this.#lead();
        await sleep(TICK_MS);
      }
    } catch (error) {
      log.error("replication", { error: textOf(error) });
      this.#fence(textOf(error));
    }
    // Draining clients and journal takes its time: the lease must hold.
    while (this.#isPrimary() && !this.#fenced && !this.#ended) {
      await this.#lead();
      await sleep(TICK_MS);
    }
  }

  /** After recovery: what are we? */
  async #decide(): Promise<void> {
    const { config, log } = this.#options;
    const { role } = config.replication;
    const { primary, epoch } = this.#membership;
    const lease = this.#lease;
    if (role === "standby") {
      if (primary) {
        log.warn(
          "this appliance was primary before; as role says, it starts as standby",
          { epoch },
        );
      }
      return this.#setRole(Role.STANDBY);
    }
    if (lease === undefined) {
      return await this.#becomePrimary(Math.max(1, epoch), Infinity, false);
    }
    if (!this.#isTime()) return;
    let refused: string;
    try {
      refused = await this.#inTurn(() => this.#takeOver(lease, false));
    } catch (error) {
      this.#sayOnce("no lease yet: its servers do not answer", textOf(error));
      this.#lookAgainIn(RETRY_MS);
      return;
    }
    if (refused === "") return;
    if (role === "auto") return this.#setRole(Role.STANDBY);
    this.#waits = true;
    this.#sayOnce("no lease yet", refused);
  }

  /** A standby with role = "auto" takes over when nobody holds the lease. */
  async #watch(): Promise<void> {
    const { config, control } = this.#options;
    const { role } = config.replication;
    const exchange = Atomics.load(control, CONTROL_EXCHANGE);
    const lease = this.#lease;
    if (
      role !== "auto" || lease === undefined ||
      exchange !== ExchangeState.FOLLOWING || !this.#isTime()
    ) return;
    try {
      const refused = await this.#inTurn(() => this.#takeOver(lease, false));
      if (refused === "") return;
      if (lease.isFree) this.#sayOnce("not promoted", refused);
    } catch (error) {
      this.#sayOnce("the lease servers do not answer", textOf(error));
    }
  }

  /**
   * Takes the lease, if it is free and this journal has what was acknowledged.
   *
   * @param force Even if it has not.
   * @returns Why not; "" = we are primary.
   */
  async #takeOver(lease: Lease, force: boolean): Promise<string> {
    const record = await lease.look();
    if (!lease.isFree) {
      return `${record!.name} holds the lease in epoch ${
        record!.epoch
      }, renewed ` +
        `${Math.round(lease.unchangedMs)} ms ago`;
    }
    const sequence = this.#options.sequence();
    const own = record?.holder === this.#membership.id;
    if (record !== undefined && !force) {
      if (record.alone && !own) {
        return `${record.name} acknowledged commands alone, which only it has: start it again, ` +
          "or promote with force=true and lose them";
      }
      if (sequence < record.sequence) {
        const lost = own ? " now, so its tail was lost" : "";
        return `${record.name} acknowledged up to sequence ${record.sequence}, and this journal ` +
          `ends at ${sequence}${lost}: start the machine that has it all, or promote with ` +
          "force=true and lose the rest";
      }
    }
    const promoted = !own && record !== undefined;
    const alone = promoted && this.#mayBeAlone();
    const news = { sequence, alone: alone || own && record.alone };
    const { epoch } = this.#options.memberships.read();
    const untilNs = await lease.take(epoch, news);
    if (untilNs === undefined) return "another was faster";
    this.#alone = this.#toldAlone = news.alone;
    await this.#becomePrimary(lease.epoch, untilNs, alone);
    return "";
  }

  #mayBeAlone(): boolean {
    return this.#replicated && this.#options.config.replication.promotedAlone;
  }

  /** @param given The epoch; none = the next one. */
  async #becomePrimary(
    given: number | undefined,
    untilNs: number,
    alone: boolean,
  ): Promise<void> {
    const { control, controlF64, config, log } = this.#options;
    const promoted = Atomics.load(control, CONTROL_ROLE) === Role.STANDBY;
    if (promoted) await this.#stopFollowing();
    const known = this.#options.memberships.read();
    const epoch = given ?? known.epoch + 1;
    this.#remember({ ...known, epoch, primary: true });
    controlF64[LEASE + 1] = epoch;
    controlF64[LEASE] = untilNs;
    if (promoted) {
      log.warn("promoted", { epoch, sequence: this.#options.sequence() });
    }
    if (alone) {
      Atomics.store(control, CONTROL_ALONE, 1);
      log.warn("acknowledging without a standby, until one has caught up");
    }
    this.#lookAgainIn(config.replication.leaseMs / 3);
    this.#setRole(Role.PRIMARY);
  }

  /** From here on nothing of the old primary is taken or acknowledged. */
  async #stopFollowing(): Promise<void> {
    const { control } = this.#options;
    this.#setRole(Role.PROMOTING);
    while (
      Atomics.load(control, CONTROL_REPLICATOR) !== ReplicatorState.HANDED
    ) {
      if (this.#stopping() || this.#ended) throw new Error("It is stopping");
      await sleep(1);
    }
  }

  /** A round as primary: the lease, the standby, and who may know better. */
  async #lead(): Promise<void> {
    const { control, controlF64 } = this.#options;
    const later = controlF64[VALUE + ReplicationValue.EPOCH]!;
    if (later > this.#membership.epoch) {
      return this.#fence(
        `a standby has followed epoch ${later}, and this is epoch ${this.#membership.epoch}: ` +
          "another appliance was made primary",
      );
    }
    const connected = controlF64[VALUE + ReplicationValue.CONNECTED] === 1;
    const acknowledged = controlF64[VALUE + ReplicationValue.SEQUENCE]!;
    const behind = this.#durable() - acknowledged;
    if (connected && behind <= CAUGHT_UP_COMMANDS) {
      if (Atomics.load(control, CONTROL_ALONE) !== 0) {
        Atomics.store(control, CONTROL_ALONE, 0);
        this.#options.log.info("a standby has caught up: it must acknowledge");
      } else if (behind <= 0 && this.#alone && !this.#tellsAlone) {
        this.#alone = false;
        // Until the record says so, nobody takes over by itself.
        this.#lookAgainIn(0);
      }
    }
    const lease = this.#lease;
    if (lease === undefined) return;
    if (Atomics.load(control, CONTROL_JOURNAL) === JournalState.FAILED) {
      return this.#fence(
        "its journal has failed: when the lease ends, another may take over",
      );
    }
    if (this.#isTime()) await this.#renew(lease);
    if (this.#fenced || this.#options.nowNs() < controlF64[LEASE]!) return;
    this.#fence(
      "the lease has ended: its servers did not answer in time, or this process stood still",
    );
  }

  /** Renews; false if it is not known whether it did. */
  async #renew(lease: Lease): Promise<boolean> {
    const { controlF64, config } = this.#options;
    const news = this.#news();
    const renewal = await this.#inTurn(() => lease.renew(news));
    if (renewal.kind === "held") {
      if (this.#toldAlone && !news.alone) {
        this.#options.log.info("a standby may take over by itself again");
      }
      this.#toldAlone = news.alone;
      controlF64[LEASE] = renewal.untilNs;
      this.#lookAgainIn(config.replication.leaseMs / 3);
      this.#said = "";
      return true;
    }
    if (renewal.kind === "lost") {
      const { to } = renewal;
      this.#fence(
        to === undefined
          ? "the lease's record is gone"
          : `${to.name} holds the lease in epoch ${to.epoch}`,
      );
      return false;
    }
    this.#sayOnce("the lease was not renewed", renewal.error);
    this.#lookAgainIn(RETRY_MS);
    return false;
  }

  #news(): LeaseNews {
    return { sequence: this.#durable(), alone: this.#alone };
  }

  /** Newest sequence that may have been acknowledged. */
  #durable(): number {
    const { control } = this.#options;
    return wholeSequence(
      Atomics.load(control, CONTROL_DURABLE),
      this.#options.sequence(),
    );
  }

  /** Primary no longer: nothing is acknowledged from here on. */
  #fence(reason: string): void {
    if (this.#fenced) return;
    this.#fenced = true;
    this.#options.controlF64[LEASE] = 0;
    this.#options.onFenced(reason);
  }

  #setRole(role: number): void {
    Atomics.store(this.#options.control, CONTROL_ROLE, role);
  }

  #isPrimary(): boolean {
    return Atomics.load(this.#options.control, CONTROL_ROLE) === Role.PRIMARY;
  }

  #stopping(): boolean {
    return Atomics.load(this.#options.control, CONTROL_STOP) !== 0;
  }

  #remember(membership: Membership): void {
    this.#options.memberships.write(membership);
    this.#membership = membership;
  }

  #isTime(): boolean {
    const nowNs = this.#options.nowNs();
    if (nowNs < this.#nextLookNs) return false;
    this.#lookAgainIn(this.#options.config.replication.leaseMs / 4);
    return true;
  }

  #lookAgainIn(ms: number): void {
    this.#nextLookNs = this.#options.nowNs() + ms * NS_PER_MS;
  }

  #sayOnce(what: string, reason: string): void {
    // Times in it change; what is told is the same.
    const said = what + reason.replaceAll(/\d+ ms/g, "");
    if (said === this.#said) return;
    this.#said = said;
    this.#options.log.warn(what, { reason });
  }

  #inTurn<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#last.then(call);
    this.#last = result.catch(() => {});
    return result;
  }
}

function answer(status: number, error: string): OperatorAnswer {
  return { status, body: { error } };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
