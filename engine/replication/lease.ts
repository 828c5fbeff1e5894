// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The lease: one record, somewhere that several machines agree on, that says
 * who is primary. Written by compare-and-set only.
 *
 * ```
 *   holder: renew at t0 ─────▶ holds until t0 + lease            by its own clock
 *   other:  sees it at t1 > t0, unchanged for lease and a quarter ─▶ may take it
 * ```
 *
 * No clock is compared with another machine's: each side measures a duration,
 * with a clock that goes on while a machine is suspended. A quarter of the
 * lease covers clocks that run at different speeds. Main thread; nobody else
 * waits for what happens here.
 *
 * @module
 */

/** What the record says. */
export interface LeaseRecord {
  /** Identity of the holder; "" = given back. */
  readonly holder: string;
  /** Its name, for people. */
  readonly name: string;
  /** Raised by one whenever the holder changes. */
  readonly epoch: number;
  /** Newest sequence that the holder acknowledged when it wrote this. */
  readonly sequence: number;
  /** The holder acknowledges what no standby has: nobody else may take over by itself. */
  readonly alone: boolean;
}

/** A record and which of its versions it is. */
export interface LeaseVersion {
  /** 0 = there is no record. */
  readonly revision: number;
  readonly record: LeaseRecord | undefined;
}

/** Where the record lies. Calls reject if the store can not be reached. */
export interface LeaseStore {
  read(): Promise<LeaseVersion>;
  /** Replaces that revision; undefined = it is not the newest. */
  write(record: LeaseRecord, revision: number): Promise<number | undefined>;
  close(): Promise<void>;
}

/** What a lease works with. */
export interface LeaseOptions {
  readonly store: LeaseStore;
  /** Identity and name of this appliance. */
  readonly id: string;
  readonly name: string;
  readonly leaseMs: number;
  /** Nanoseconds of a clock that never stops or goes back. */
  readonly nowNs: () => number;
}

/** What the holder says besides that it lives. */
export type LeaseNews = Pick<LeaseRecord, "sequence" | "alone">;

/** How a renewal went. */
export type Renewal =
  | { readonly kind: "held"; readonly untilNs: number }
  /** Not known: the store was not reached. */
  | { readonly kind: "unknown"; readonly error: string }
  | { readonly kind: "lost"; readonly to: LeaseRecord | undefined };

const NS_PER_MS = 1e6;
/** How much longer than the lease others wait. */
const PATIENCE = 1.25;

/** This appliance's view of the lease. */
export class Lease {
  readonly #options: LeaseOptions;
  #revision = 0;
  #record: LeaseRecord | undefined;
  /** When the revision was seen first. */
  #seenNs = 0;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** The record as it was seen last. */
  get record(): LeaseRecord | undefined {
    return this.#record;
  }

  /** Epoch that we hold it in; what was seen last, if we do not. */
  get epoch(): number {
    return this.#record?.epoch ?? 0;
  }

  /** Reads the record. Rejects if the store can not be reached. */
  async look(): Promise<LeaseRecord | undefined> {
    const { revision, record } = await this.#options.store.read();
    if (revision !== this.#revision || this.#seenNs === 0) {
      this.#revision = revision;
      this.#record = record;
      this.#seenNs = this.#options.nowNs();
    }
    return record;
  }

  /** Whether nobody else can hold it, by what was seen last. */
  get isFree(): boolean {
    const { id, leaseMs, nowNs } = this.#options;
    const record = this.#record;
    if (record === undefined || record.holder === "" || record.holder === id) {
      return true;
    }
    return nowNs() - this.#seenNs > leaseMs * PATIENCE * NS_PER_MS;
  }

  /** How long the record has not changed, by what was seen; milliseconds. */
  get unchangedMs(): number {
    return (this.#options.nowNs() - this.#seenNs) / NS_PER_MS;
  }

  /**
   * Takes it, in a new epoch, if it still is as it was seen last.
   *
   * @param epochKnown The newest epoch that this appliance has known.
   * @returns Until when it holds (`nowNs`), or undefined if another was faster.
   */
  async take(
    epochKnown: number,
    news: LeaseNews,
  ): Promise<number | undefined> {
    const { id, name, store } = this.#options;
    const record = {
      holder: id,
      name,
      epoch: Math.max(epochKnown, this.epoch) + 1,
      ...news,
    };
    const untilNs = this.#untilFromNow();
    const revision = await store.write(record, this.#revision);
    if (revision === undefined) return undefined;
    this.#note(revision, record);
    return untilNs;
  }

  /** Holds it for another while. */
  async renew(news: LeaseNews): Promise<Renewal> {
    const { id, store } = this.#options;
    const record = { ...this.#record!, ...news };
    // What counts is when it was asked for, not when the answer came.
    const untilNs = this.#untilFromNow();
    try {
      const revision = await store.write(record, this.#revision);
      if (revision !== undefined) {
        this.#note(revision, record);
        return { kind: "held", untilNs };
      }
      const found = await store.read();
      if (found.revision < this.#revision) {
        return { kind: "unknown", error: "a server that lags answered" };
      }
      if (found.record?.holder !== id || found.record.epoch !== record.epoch) {
        return { kind: "lost", to: found.record };
      }
      // An earlier renewal arrived whose answer did not.
      this.#note(found.revision, found.record);
      return { kind: "unknown", error: "an answer was lost on its way" };
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      return { kind: "unknown", error: text };
    }
  }

  /** Gives it back, so that nobody has to wait for its end. */
  async release(news: LeaseNews): Promise<void> {
    const { store } = this.#options;
    const record = { ...this.#record!, ...news, holder: "" };
    await store.write(record, this.#revision);
  }

  close(): Promise<void> {
    return this.#options.store.close();
  }

  #untilFromNow(): number {
    return this.#options.nowNs() + this.#options.leaseMs * NS_PER_MS;
  }

  #note(revision: number, record: LeaseRecord): void {
    this.#revision = revision;
    this.#record = record;
    this.#seenNs = this.#options.nowNs();
  }
}
