// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Random commands besides orders: states, settings, owners, mass requests,
 * sessions, capacity.
 *
 * @module
 */
import {
  CommandKind,
  InstrumentSetting,
  MassScope,
  TradingState,
} from "../../engine/record/mod.ts";
import type { TestCommand } from "../exchange/support.ts";
import type { RichContext } from "./rich_context.ts";

/** Makes such commands. */
export class RichHouse {
  readonly #context: RichContext;

  constructor(context: RichContext) {
    this.#context = context;
  }

  /** Mostly back to OPEN, so that things happen. */
  state(): TestCommand {
    const random = this.#context.random;
    const group = random.draw(5) === 0;
    const states = Object.values(TradingState);
    const command: TestCommand = {
      kind: CommandKind.SET_STATE,
      session: 0,
      instrument: group ? 0xffff : random.draw(this.#context.shape.instruments),
      reason: group ? random.draw(3) : 0,
      detail: random.draw(5) < 2 ? TradingState.OPEN : random.pick(states),
    };
    if (random.draw(2) === 0) {
      command.quantity = 1 + random.draw(40_000);
      command.reference = random.draw(3) === 0
        ? random.pick(states)
        : TradingState.OPEN;
    }
    return command;
  }

  /** DEFINE_LIMITS, SET_TICKS, SET_INSTRUMENT. */
  setting(): TestCommand {
    const random = this.#context.random;
    const { instruments, mid, spread, quantityMax } = this.#context.shape;
    const base = { session: 0, instrument: random.draw(instruments) };
    const off = random.draw(2) === 0;
    const k = random.draw(9);
    if (k === 0) {
      return {
        ...base,
        kind: CommandKind.DEFINE_LIMITS,
        quantity: off ? 0 : quantityMax - random.draw(5),
        reference: off ? 0 : mid * Math.max(1, quantityMax - random.draw(9)),
      };
    }
    if (k === 1) {
      const detail = random.draw(4);
      return {
        ...base,
        kind: CommandKind.SET_TICKS,
        detail,
        price: mid + (random.draw(3) - 1) * spread + detail,
        reason: random.pick([0, 0, 1, 2, 3, 5]),
      };
    }
    const detail = random.draw(7);
    const command: TestCommand = {
      ...base,
      kind: CommandKind.SET_INSTRUMENT,
      detail,
    };
    const near = () => mid + random.draw(2 * spread + 1) - spread;
    switch (detail) {
      case InstrumentSetting.REFERENCE_PRICE:
        command.price = random.draw(4) === 0 ? 0 : near();
        break;
      case InstrumentSetting.PRICE_BAND:
        command.price = off ? 0 : mid - random.draw(2 * spread);
        command.quantity = off ? 0 : mid + random.draw(2 * spread);
        break;
      case InstrumentSetting.VOLATILITY:
        command.quantity = off ? 0 : random.draw(2 * spread);
        command.reference = random.draw(30_000);
        break;
      case InstrumentSetting.LOT_STEP:
        command.quantity = random.pick([0, 1, 1, 1, 2]);
        break;
      case InstrumentSetting.GROUP:
        command.quantity = random.draw(3);
        break;
      default:
        command.quantity = off ? 0 : random.draw(2 * spread);
    }
    return command;
  }

  /** SET_SESSION, and what is set for accounts. */
  owner(): TestCommand {
    const random = this.#context.random;
    const { sessions, accounts, instruments, quantityMax, mid } =
      this.#context.shape;
    const off = random.draw(2) === 0;
    const k = random.draw(8);
    if (k < 4 || accounts === 0) {
      return {
        kind: CommandKind.SET_SESSION,
        session: 1 + random.draw(sessions),
        reason: this.#context.account(),
        detail: random.draw(6) | random.draw(3) << 4,
        price: random.draw(3),
        quantity: random.draw(3) === 0 ? 1 + random.draw(6) : 0,
        reference: random.draw(20_000),
      };
    }
    const reason = 1 + random.draw(accounts);
    if (k === 4) {
      const group = random.draw(4) === 0 ? random.draw(3) : 0;
      return {
        kind: CommandKind.DEFINE_ACCOUNT,
        session: 0,
        reason,
        price: group,
        text: `ACC${reason}`,
      };
    }
    if (k === 5) {
      return {
        kind: CommandKind.SET_RESTRICTION,
        session: 0,
        reason,
        instrument: random.draw(4) === 0 ? 0xffff : random.draw(instruments),
        detail: random.draw(4) === 0 ? 1 : 0,
      };
    }
    const detail = random.draw(4);
    const most = [quantityMax, quantityMax * mid, 12, quantityMax * 3][detail]!;
    return {
      kind: CommandKind.SET_ACCOUNT_LIMIT,
      session: 0,
      reason,
      detail,
      quantity: off ? 0 : 1 + random.draw(most),
      reference: random.draw(2) === 0 ? 0 : 1 + random.draw(most),
    };
  }

  /** Mass cancels and kill switches; what was locked is unlocked more often. */
  mass(): TestCommand {
    const random = this.#context.random;
    const { sessions, instruments } = this.#context.shape;
    const asker = random.draw(3) === 0 ? 0 : 1 + random.draw(sessions);
    const kill = random.draw(2) === 0;
    let scope: number = random.pick([0, 0, 1]);
    const own = scope === MassScope.SESSION && random.draw(5) !== 0;
    let reason = scope === MassScope.SESSION
      ? 1 + random.draw(sessions)
      : 1 + random.draw(Math.max(1, this.#context.shape.accounts));
    if (own && asker !== 0) reason = asker;
    if (kill && random.draw(3) !== 0) scope |= MassScope.UNLOCK;
    if (!kill && random.draw(12) === 0) scope = MassScope.ALL;
    const command: TestCommand = {
      kind: kill ? CommandKind.KILL : CommandKind.MASS_CANCEL,
      session: asker,
      reason,
      reference: random.draw(1000),
      instrument: random.draw(2) === 0 ? 0xffff : random.draw(instruments),
      side: random.draw(2) === 0 ? 0 : 1 + random.draw(2),
    };
    if (asker !== 0) command.inSequence = ++this.#context.count;
    if (!kill && random.draw(2) === 0) {
      scope |= MassScope.PRICE_RANGE;
      command.price = this.#context.price(1);
      command.quantity = command.price +
        random.draw(this.#context.shape.spread);
    }
    command.detail = scope;
    if (asker !== 0) this.#context.texts(command);
    return command;
  }

  /** Logons, logouts, messages. */
  session(): TestCommand {
    const random = this.#context.random;
    const base = {
      session: 1 + random.draw(this.#context.shape.sessions),
      inSequence: ++this.#context.count,
    };
    const k = random.draw(4);
    if (k === 0) return { ...base, kind: CommandKind.SESSION_LOGOUT };
    if (k === 1) {
      return {
        ...base,
        kind: CommandKind.SESSION_LOGON,
        detail: random.draw(2),
      };
    }
    return {
      ...base,
      kind: CommandKind.SESSION_MESSAGE,
      detail: 48 + random.draw(10),
      text: "A text of at most sixty bytes, here.".slice(0, random.draw(36)),
    };
  }

  /** DEFINE_CAPACITY. */
  capacity(): TestCommand {
    const random = this.#context.random;
    const orders = 4 + random.draw(9);
    return {
      kind: CommandKind.DEFINE_CAPACITY,
      session: 0,
      quantity: orders,
      reference: random.draw(3) === 0 ? 0 : 1 + random.draw(orders),
    };
  }
}
