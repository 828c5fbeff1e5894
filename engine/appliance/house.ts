// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Takes the events that belong to session 0, the appliance itself: states of
 * instruments, auctions, warnings, answers to what the operator asked.
 *
 * ```
 *   exchange ─house ring─▶ House ─▶ register, log
 * ```
 *
 * Both ends of the ring are on the exchange's thread: it is drained after each
 * round, and in the middle of a command if it is full. Allocates nothing but
 * for log lines, of which there is at most one a second for warnings of one
 * reason.
 *
 * @module
 */
import { TRADING_STATES } from "../config/mod.ts";
import type { Exchange } from "../exchange/mod.ts";
import { SESSION_BLOCKED } from "../matching/mod.ts";
import {
  EVENT_SLOT_BYTES,
  EventKind,
  EVT_DETAIL_U8,
  EVT_INSTRUMENT_U16,
  EVT_KIND_U8,
  EVT_LEAVES_F64,
  EVT_ORDER_ID_F64,
  EVT_PRICE_I32,
  EVT_QUANTITY_F64,
  EVT_REASON_U16,
  EVT_REFERENCE_F64,
  EVT_TIME_HI_U32,
  EVT_TIME_LO_U32,
  REASON_TEXT,
  TradingState,
} from "../record/mod.ts";
import type { SpscRing } from "../ring/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import type { Register } from "./register.ts";
import { blockers, RegisterWord, WARNING_REASONS } from "./register_layout.ts";

const NS_PER_MS = 1e6;
const WARNING_LOG_MS = 1000;
/** Sessions and accounts that are looked at in one visit. */
const BLOCKS_SHOWN = 256;

/** What the house works with. */
export interface HouseOptions {
  /** Consumer end of the ring of session 0's events. */
  readonly events: SpscRing;
  readonly register: Register;
  readonly log: Log;
}

/** The reader of session 0's events. */
export class House {
  /** False while a journal is replayed: its events are counted, not logged. */
  live = false;
  readonly #events: SpscRing;
  readonly #register: Register;
  readonly #log: Log;
  /** By reason: when it was logged last, and how many came since. */
  readonly #loggedMs = new Float64Array(WARNING_REASONS);
  readonly #unlogged = new Float64Array(WARNING_REASONS);
  /** The next of sessions and accounts to look at. */
  #nextBlock = 0;

  constructor(options: HouseOptions) {
    this.#events = options.events;
    this.#register = options.register;
    this.#log = options.log;
  }

  /** Takes what is there; returns how much it was. */
  drain(): number {
    const events = this.#events;
    const count = events.available();
    if (count === 0) return 0;
    for (let i = 0; i < count; i++) {
      this.#take(events.peek(i) * EVENT_SLOT_BYTES);
    }
    events.release(count);
    return count;
  }

  /**
   * Shows who is blocked: clients may block themselves, of which no event tells us.
   *
   * @param all False = the next few sessions and accounts only.
   */
  showBlocks(exchange: Exchange, all: boolean): void {
    const { words } = this.#register;
    const sessions = words[RegisterWord.SESSIONS]!;
    const accounts = words[RegisterWord.ACCOUNTS]!;
    const count = sessions + accounts;
    const some = all ? count : Math.min(count, BLOCKS_SHOWN);
    for (let i = 0; i < some; i++) {
      if (this.#nextBlock >= count) this.#nextBlock = 0;
      const index = this.#nextBlock++;
      if (index < sessions) this.#showSession(exchange, index);
      else this.#showAccount(exchange, index - sessions);
    }
  }

  #showSession(exchange: Exchange, session: number): void {
    if (session === 0) return;
    const blocks = exchange.sessionWord(session, SESSION_BLOCKED);
    if (!this.#register.setSessionBlocks(session, blocks)) return;
    this.#logBlocks("session", this.#register.sessionName(session), blocks);
  }

  #showAccount(exchange: Exchange, account: number): void {
    if (account === 0) return;
    const blocks = exchange.accounts.blocksOf(account);
    if (!this.#register.setAccountBlocks(account, blocks)) return;
    this.#logBlocks("account", this.#register.accountName(account), blocks);
  }

  #logBlocks(what: string, name: string, blocks: number): void {
    if (!this.live) return;
    const by = blockers(blocks).join(", ");
    if (by === "") this.#log.warn("unlocked", { [what]: name });
    else this.#log.warn("kill switch", { [what]: name, by });
  }

  #take(at: number): void {
    const { u8, u16, i32, f64 } = this.#events;
    const register = this.#register;
    const instrument = u16[(at >>> 1) + EVT_INSTRUMENT_U16]!;
    const price = i32[(at >>> 2) + EVT_PRICE_I32]!;
    const quantity = f64[(at >>> 3) + EVT_QUANTITY_F64]!;
    switch (u8[at + EVT_KIND_U8]!) {
      case EventKind.STATE_CHANGED:
        return this.#stateChanged(at, instrument, quantity);
      case EventKind.INDICATIVE:
        return register.setIndicative(
          instrument,
          price,
          quantity,
          f64[(at >>> 3) + EVT_LEAVES_F64]!,
        );
      case EventKind.UNCROSSED:
        register.setUncrossed(instrument, price, quantity);
        if (this.live) {
          this.#log.info("uncrossed", {
            symbol: register.symbolOf(instrument),
            price: register.priceOf(instrument, price),
            quantity: register.quantityOf(instrument, quantity),
          });
        }
        return;
      case EventKind.WARNING:
        return this.#warning(at, instrument);
      case EventKind.MASS_CANCELED:
      case EventKind.KILLED:
      case EventKind.UNLOCKED:
        return this.#answered(at, quantity);
    }
  }

  #stateChanged(at: number, instrument: number, lastsNs: number): void {
    const { u8, f64 } = this.#events;
    const state = u8[at + EVT_DETAIL_U8]!;
    const follows = f64[(at >>> 3) + EVT_REFERENCE_F64]!;
    const untilMs = lastsNs === 0
      ? 0
      : this.#timeMs(at) + Math.ceil(lastsNs / NS_PER_MS);
    this.#register.setState(instrument, state, untilMs, follows);
    if (!this.live) return;
    // Nobody asked for an interruption.
    const level = state === TradingState.VOLATILITY_AUCTION ? "warn" : "info";
    this.#log.log(level, "state changed", {
      symbol: this.#register.symbolOf(instrument),
      state: TRADING_STATES[state] ?? String(state),
      ...(lastsNs === 0 ? {} : {
        lastsMs: lastsNs / NS_PER_MS,
        follows: TRADING_STATES[follows] ?? String(follows),
      }),
    });
  }

  #warning(at: number, instrument: number): void {
    const { u16, f64 } = this.#events;
    const reason = u16[(at >>> 1) + EVT_REASON_U16]! % WARNING_REASONS;
    this.#register.addWarning(reason);
    if (!this.live) return;
    const nowMs = this.#timeMs(at);
    this.#unlogged[reason]! += 1;
    if (nowMs - this.#loggedMs[reason]! < WARNING_LOG_MS) return;
    const count = this.#unlogged[reason]!;
    this.#loggedMs[reason] = nowMs;
    this.#unlogged[reason] = 0;
    this.#log.warn("soft limit passed", {
      limit: REASON_TEXT[reason] ?? `reason ${reason}`,
      account: this.#register.accountName(f64[(at >>> 3) + EVT_ORDER_ID_F64]!),
      session: this.#register.sessionName(f64[(at >>> 3) + EVT_REFERENCE_F64]!),
      symbol: this.#register.symbolOf(instrument),
      value: f64[(at >>> 3) + EVT_QUANTITY_F64]!,
      softLimit: f64[(at >>> 3) + EVT_LEAVES_F64]!,
      ...(count > 1 ? { sinceLast: count } : {}),
    });
  }

  /** What the operator asked for is done; who is blocked shows in `showBlocks()`. */
  #answered(at: number, orders: number): void {
    const { u8, u16 } = this.#events;
    const reason = u16[(at >>> 1) + EVT_REASON_U16]!;
    const { words } = this.#register;
    words[RegisterWord.CANCELED]! += orders;
    words[RegisterWord.REASON] = reason;
    if (!this.live || u8[at + EVT_KIND_U8] !== EventKind.MASS_CANCELED) return;
    this.#log.warn("mass cancel", { orders });
  }

  /** Milliseconds since 1970 of the command that caused an event. */
  #timeMs(at: number): number {
    const { u32 } = this.#events;
    const hi = u32[(at >>> 2) + EVT_TIME_HI_U32]!;
    const lo = u32[(at >>> 2) + EVT_TIME_LO_U32]!;
    return Math.floor((hi * 4294967296 + lo) / NS_PER_MS);
  }
}
