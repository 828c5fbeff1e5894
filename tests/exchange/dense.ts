// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Short lists of commands over very few sessions, references, prices and lots,
 * so that everything meets: fast-check makes them, and makes those small that
 * fail. The streams of `streams.ts` are long and wide; these are dense.
 *
 * @module
 */
import fc from "fast-check";
import {
  CommandKind,
  InstrumentSetting,
  MassScope,
  TermFlag,
} from "../../engine/record/mod.ts";
import { firstDifference } from "./differential.ts";
import { asTest } from "./shrink.ts";
import type { TestCommand } from "./support.ts";

const SETUP = {
  ordersMax: 40,
  instrumentsMax: 1,
  sessionsMax: 4,
  accountsMax: 3,
  slots: 8,
};

const price = fc.integer({ min: 8, max: 13 });
const lots = fc.integer({ min: 1, max: 6 });
const session = fc.integer({ min: 1, max: 3 });
const reference = fc.integer({ min: 1, max: 7 });
const side = fc.integer({ min: 1, max: 2 });
const sometimes = <T>(one: fc.Arbitrary<T>) =>
  fc.option(one, { nil: undefined, freq: 2 });

/** A record without what is undefined in it. */
function without(command: Record<string, unknown>): TestCommand {
  return Object.fromEntries(
    Object.entries(command).filter(([, value]) => value !== undefined),
  ) as unknown as TestCommand;
}

const newOrder = fc.record({
  kind: fc.constant(CommandKind.NEW_ORDER),
  session,
  reference,
  side,
  ordType: fc.oneof(
    { weight: 4, arbitrary: fc.constant(2) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 9 }) },
  ),
  timeInForce: fc.constantFrom(0, 1, 1, 2, 3, 4, 6, 7, 11),
  price,
  quantity: lots,
  stopPrice: sometimes(price),
  offset: sometimes(fc.integer({ min: -2, max: 3 })),
  displayQuantity: sometimes(fc.integer({ min: 1, max: 3 })),
  displayRange: sometimes(fc.integer({ min: 0, max: 2 })),
  minQuantity: sometimes(lots),
  linkReference: sometimes(reference),
  expireTime: sometimes(fc.integer({ min: 1, max: 40 })),
  account: sometimes(fc.integer({ min: 0, max: 2 })),
  termFlags: sometimes(fc.constantFrom(
    TermFlag.POST_ONLY,
    TermFlag.POST_SLIDE,
    TermFlag.HIDDEN,
    TermFlag.ALL_OR_NONE,
    TermFlag.BASIS_POINTS,
    ...[1, 2, 3, 4, 5, 7].map((mode) => mode << TermFlag.STP_SHIFT),
  )),
}).map((command) => without(fitting(command)));

/** Leaves away what does not go with the type, so that most orders are valid. */
function fitting(command: Record<string, unknown>): Record<string, unknown> {
  const type = command.ordType as number;
  const stop = type === 3 || type === 4 || type === 6;
  const rests = [0, 1, 6].includes(command.timeInForce as number);
  const plain = type === 1 || type === 2;
  return {
    ...command,
    timeInForce: plain || rests ? command.timeInForce : 1,
    stopPrice: stop ? command.stopPrice ?? 11 : undefined,
    offset: type < 6
      ? undefined
      : type === 6
      ? Math.abs(command.offset as number ?? 1) || 1
      : command.offset,
    displayQuantity: type === 2 || type === 4
      ? command.displayQuantity
      : undefined,
    expireTime: command.timeInForce === 6
      ? command.expireTime ?? 30
      : undefined,
  };
}

const named = { session, reference, instrument: fc.constant(0xffff) };

const request = fc.oneof(
  fc.record({ kind: fc.constant(CommandKind.CANCEL_ORDER), ...named }),
  fc.record({
    kind: fc.constant(CommandKind.REDUCE_ORDER),
    ...named,
    quantity: lots,
  }),
  fc.record({
    kind: fc.constant(CommandKind.REPLACE_ORDER),
    ...named,
    price,
    quantity: lots,
    stopPrice: sometimes(price),
    newReference: sometimes(reference),
    termFlags: sometimes(fc.constantFrom(
      TermFlag.OPEN_QUANTITY,
      TermFlag.REPLACE_STOP,
      TermFlag.OPEN_QUANTITY | TermFlag.REPLACE_STOP,
    )),
  }).map(without),
);

const house = fc.oneof(
  fc.record({
    kind: fc.constant(CommandKind.SET_STATE),
    session: fc.constant(0),
    detail: fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 5, 7, 9),
    quantity: fc.constantFrom(0, 3),
  }),
  fc.record({
    kind: fc.constant(CommandKind.SET_INSTRUMENT),
    session: fc.constant(0),
    detail: fc.constantFrom(
      InstrumentSetting.REFERENCE_PRICE,
      InstrumentSetting.MARKET_COLLAR,
      InstrumentSetting.VOLATILITY,
    ),
    price,
    quantity: fc.integer({ min: 0, max: 2 }),
  }),
  fc.record({
    kind: fc.constant(CommandKind.SET_SESSION),
    session,
    detail: fc.integer({ min: 0, max: 5 }),
  }),
  fc.record({
    kind: fc.constant(CommandKind.MASS_CANCEL),
    session,
    instrument: fc.constant(0xffff),
    side: fc.integer({ min: 0, max: 2 }),
    detail: fc.constant(MassScope.SESSION),
    reason: session,
  }),
);

const commands = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: newOrder },
    { weight: 4, arbitrary: request },
    { weight: 1, arbitrary: house },
  ),
  { maxLength: 40, size: "max" },
);

/** Definitions before, and a time for each command. */
function whole(list: readonly TestCommand[]): TestCommand[] {
  const define = CommandKind.DEFINE_ACCOUNT;
  return [
    { kind: CommandKind.DEFINE_INSTRUMENT, session: 0 },
    { kind: define, session: 0, reason: 1 },
    { kind: define, session: 0, reason: 2 },
    ...list,
  ].map((command, i) => ({ ...command, time: i }));
}

/** Fails, with a small test to paste, if one of so many lists differs anywhere. */
export function assertDenseAgrees(seed: number, numRuns: number): void {
  fc.assert(
    fc.property(commands, (list) => {
      const all = whole(list);
      const found = firstDifference(SETUP, all, { stateEvery: 1 });
      if (found === undefined) return;
      throw new Error(
        `command ${found.index}: ${found.what}\n${
          asTest(`dense, seed ${seed}`, SETUP, all.slice(0, found.index + 1))
        }`,
      );
    }),
    { seed, numRuns },
  );
}
