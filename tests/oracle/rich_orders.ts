// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Random requests of clients about orders: most are good, some bad, a few
 * absurd.
 *
 * @module
 */
import {
  CMD_FLAG_REFUSE,
  CommandKind,
  OrdType,
  Reason,
  TermFlag,
  TimeInForce,
} from "../../engine/record/mod.ts";
import type { TestCommand } from "../exchange/support.ts";
import {
  HUGE,
  ODD_PRICES,
  ODD_QUANTITIES,
  type RichContext,
} from "./rich_context.ts";

/** Makes requests. */
export class RichOrders {
  readonly #context: RichContext;

  constructor(context: RichContext) {
    this.#context = context;
  }

  /** NEW_ORDER. */
  newOrder(): TestCommand {
    const random = this.#context.random;
    const { sessions, references, instruments, special, auctionOnly, wrong } =
      this.#context.shape;
    const command: TestCommand = {
      kind: CommandKind.NEW_ORDER,
      session: 1 + random.draw(sessions),
      inSequence: ++this.#context.count,
      reference: 1 + random.draw(references),
      instrument: random.draw(instruments),
      side: 1 + random.draw(2),
      ordType: random.draw(10) === 0 ? OrdType.MARKET : OrdType.LIMIT,
      timeInForce: random.pick([1, 0, 1, 0, 1, 3, 4]),
    };
    command.quantity = this.#context.quantity(command.side!);
    command.price = this.#context.price(command.side!);
    this.#context.note(command.session!, command.reference!);
    const k = random.draw(100);
    if (k < special) this.#makeSpecial(command);
    else if (k < special + auctionOnly) this.#makeAuctionOnly(command);
    if (this.#context.one(wrong)) this.#spoil(command);
    this.#mark(command);
    this.#context.texts(command);
    return command;
  }

  /** Makes an order one that is only for auctions. */
  #makeAuctionOnly(command: TestCommand): void {
    command.timeInForce = this.#context.random.pick([2, 7, 11, 11]);
    command.ordType = 1 + this.#context.random.draw(2);
    if (this.#context.random.draw(4) === 0) {
      command.account = this.#context.account();
    }
  }

  /** Gives an order one of the special types, or terms, mostly valid. */
  #makeSpecial(command: TestCommand): void {
    const random = this.#context.random;
    const { MARKET_TO_LIMIT, TRAILING_STOP, PEG_PRIMARY, LIMIT } = OrdType;
    command.timeInForce = random.pick([0, 1, 1, 6]);
    command.ordType = random.pick([2, 2, 2, 2, 2, 3, 4, 4, 5, 6, 7, 8, 9]);
    const { ordType } = command;
    if (ordType === LIMIT) this.#limitTerms(command);
    else if (ordType < MARKET_TO_LIMIT) {
      // Stops lie on the far side of the market.
      command.stopPrice = this.#context.price(3 - command.side!);
      if (random.draw(4) === 0) this.#hide(command);
    } else if (ordType === TRAILING_STOP) {
      command.offset = 1 + random.draw(this.#context.shape.spread);
      if (random.draw(3) === 0) {
        command.termFlags = TermFlag.BASIS_POINTS;
        command.offset = 1 + random.draw(200);
      }
      if (random.draw(2) === 0) {
        command.stopPrice = this.#context.price(3 - command.side!);
      }
    } else if (ordType >= PEG_PRIMARY) {
      command.offset = random.draw(7) - 3;
      if (random.draw(2) === 0) command.price = 0;
    }
    if (command.timeInForce === TimeInForce.GTD) {
      const { time } = this.#context;
      command.expireTime = this.#context.end(
        time + 1000 + random.draw(100_000),
      );
    }
    if (random.draw(5) === 0) {
      command.linkReference = this.#context.known(command.session!);
    }
    if (random.draw(6) === 0) command.account = this.#context.account();
    if (random.draw(6) === 0) {
      const mode = random.pick([1, 2, 3, 4, 5, 7]);
      command.termFlags = (command.termFlags ?? 0) |
        mode << TermFlag.STP_SHIFT;
    }
  }

  /** Slices, conditions, post-only. */
  #limitTerms(command: TestCommand): void {
    const random = this.#context.random;
    const k = random.draw(12);
    if (k < 4) this.#hide(command);
    else if (k < 6) {
      command.minQuantity = 1 + random.draw(command.quantity! || 1);
      if (random.draw(3) === 0) command.timeInForce = TimeInForce.IOC;
    } else if (k < 8) {
      command.termFlags = TermFlag.ALL_OR_NONE;
      if (random.draw(3) === 0) command.timeInForce = TimeInForce.IOC;
    } else if (k < 10) {
      command.termFlags = random.pick([1, 2, 2]) |
        (random.draw(4) === 0 ? TermFlag.HIDDEN : 0);
    }
  }

  /** An iceberg, or a hidden order. */
  #hide(command: TestCommand): void {
    const random = this.#context.random;
    const quantity = command.quantity!;
    const few = this.#context.shape.quantityMax > HUGE;
    if (few || random.draw(3) === 0 || !(quantity > 1)) {
      command.termFlags = (command.termFlags ?? 0) | TermFlag.HIDDEN;
      return;
    }
    const shown = 1 + random.draw(Math.min(quantity, 8));
    command.displayQuantity = shown;
    if (random.draw(2) === 0) command.displayRange = random.draw(shown);
  }

  /** Makes one field of an order something else. */
  #spoil(command: TestCommand): void {
    const random = this.#context.random;
    const { instruments, accounts } = this.#context.shape;
    const small = () => random.pick([-1, 0, 0.5, 1, 3, 1e9, NaN]);
    const spoilers: readonly (() => void)[] = [
      () => command.instrument = instruments + random.draw(9),
      () => command.side = random.pick([0, 3, 4, 128, 255]),
      () => command.ordType = random.draw(12),
      () => command.timeInForce = random.draw(14),
      () => command.price = random.pick(ODD_PRICES),
      () => command.quantity = this.#context.quantity(command.side!),
      () => command.quantity = random.pick(ODD_QUANTITIES.slice(0, 6)),
      () =>
        command.stopPrice = random.draw(2) === 0 ? 0 : this.#context.price(1),
      () => command.displayQuantity = small(),
      () => command.displayRange = small(),
      () => command.minQuantity = small(),
      () => command.expireTime = this.#context.time + random.draw(3000) - 500,
      () => command.linkReference = random.draw(200),
      () => command.offset = random.draw(20_000) - 10_000,
      () => command.account = random.draw(accounts + 3),
      () => command.termFlags = 1 << random.draw(12),
      () => command.termFlags = random.draw(2048),
    ];
    random.pick(spoilers)();
  }

  /** A request about an order, mostly one that was there. */
  request(kind: number): TestCommand {
    const random = this.#context.random;
    const { sessions, references, instruments } = this.#context.shape;
    const command: TestCommand = {
      kind,
      session: 1 + random.draw(sessions),
      inSequence: ++this.#context.count,
      reference: 1 + random.draw(references),
      instrument: random.draw(6) === 0 ? random.draw(instruments + 1) : 0xffff,
      side: random.draw(6) === 0 ? random.draw(3) : 0,
    };
    if (this.#context.recent.length > 0 && random.draw(8) !== 0) {
      Object.assign(command, random.pick(this.#context.recent.filter(Boolean)));
    }
    if (kind === CommandKind.ORDER_STATUS) command.detail = random.draw(2);
    this.#context.texts(command);
    return command;
  }

  /** REPLACE_ORDER. */
  replace(): TestCommand {
    const random = this.#context.random;
    const command = this.request(CommandKind.REPLACE_ORDER);
    command.price = random.draw(9) === 0
      ? 0
      : this.#context.price(1 + random.draw(2));
    // Lots of the other side's size would be too many for an iceberg.
    const side = 1 + random.draw(2);
    command.quantity = this.#context.quantity(side);
    if (command.quantity > HUGE) command.side = side;
    if (random.draw(3) === 0) {
      command.newReference = random.draw(this.#context.shape.references + 1);
    }
    if (random.draw(3) === 0) command.termFlags = TermFlag.OPEN_QUANTITY;
    if (random.draw(4) === 0) {
      command.termFlags = (command.termFlags ?? 0) | TermFlag.REPLACE_STOP;
      command.stopPrice = this.#context.price(1 + random.draw(2));
    }
    if (this.#context.one(this.#context.shape.wrong)) {
      command.termFlags = random.draw(256);
    }
    this.#mark(command);
    if (command.flags !== undefined && random.draw(2) === 0) {
      command.price = 0;
      command.quantity = 1;
    }
    return command;
  }

  /** Now and then the sequencer wants no more liability. */
  #mark(command: TestCommand): void {
    if (!this.#context.one(2 * this.#context.shape.wrong)) return;
    command.flags = CMD_FLAG_REFUSE;
    command.reason = Reason.JOURNAL_FULL + this.#context.random.draw(2);
  }

  /** REDUCE_ORDER. */
  reduce(): TestCommand {
    const command = this.request(CommandKind.REDUCE_ORDER);
    command.quantity = this.#context.random.draw(3) === 0
      ? this.#context.quantity(1)
      : 1 + this.#context.random.draw(6);
    return command;
  }

  /** REFUSED. */
  refused(): TestCommand {
    const random = this.#context.random;
    const command = this.request(CommandKind.REFUSED);
    command.detail = 1 + random.draw(4);
    command.reason = random.draw(6) === 0
      ? Reason.SHUTTING_DOWN
      : 1 + random.draw(30);
    command.price = this.#context.price(1);
    command.quantity = 1 + random.draw(9);
    command.ordType = 1 + random.draw(9);
    return command;
  }
}
