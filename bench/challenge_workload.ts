// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A workload of the challenge's shape from a generator of our own: new orders
 * around a price that walks, 15 % of them immediate-or-cancel; of the others
 * a fifth is modified (one lot more, mostly one tick nearer) and most are
 * canceled in the end, a few of them twice, some modified when they are gone.
 *
 * Seeded, whole numbers only: the same everywhere.
 *
 * @module
 */
import { type ChallengeMessage, MessageType } from "./challenge.ts";

const MID_START = 33_504;
const IOC_PERCENT = 15;
const MODIFY_PERCENT = 20;
const REPRICE_PERCENT = 80;
const CANCEL_PERCENT = 95;
const TWICE_PERCENT = 2;
const DEPTH_TICKS = 24;
const QUANTITY_MAX = 100;
/** New orders between an order and the latest moment of its change or cancel. */
const CHANGE_AFTER = 40;
const LIFE = 600;

interface Due {
  readonly at: number;
  readonly message: ChallengeMessage;
}

/** Whole numbers below a bound, by xorshift32. */
function drawer(seed: number): (below: number) => number {
  let state = (seed * 2654435761 >>> 0) || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/**
 * Makes a workload.
 *
 * @param orders New orders in it; about twice as many messages.
 */
export function challengeWorkload(
  orders: number,
  seed: number,
): ChallengeMessage[] {
  const draw = drawer(seed);
  const due: Due[] = [];
  let mid = MID_START;
  for (let at = 0; at < orders; at++) {
    mid += draw(3) - 1;
    const side = draw(2);
    const away = 1 + Math.min(draw(DEPTH_TICKS), draw(DEPTH_TICKS));
    const order = {
      type: MessageType.NEW,
      side,
      ioc: draw(100) < IOC_PERCENT,
      quantity: 1 + draw(QUANTITY_MAX),
      id: at + 1,
      // Now and then an order crosses the mid: it trades.
      price: mid + (side === 0 ? 4 - away : away - 4),
    };
    due.push({ at, message: order });
    if (!order.ioc) expand(order, at, draw, due);
  }
  return due.sort((a, b) => a.at - b.at).map(({ message }) => message);
}

/** What happens to an order later. */
function expand(
  order: ChallengeMessage,
  at: number,
  draw: (below: number) => number,
  due: Due[],
): void {
  let now = at;
  const modify = {
    ...order,
    type: MessageType.MODIFY,
    quantity: order.quantity + 1,
    price: order.price +
      (draw(100) < REPRICE_PERCENT ? 1 - 2 * order.side : 0),
  };
  const modified = draw(100) < MODIFY_PERCENT;
  if (modified) {
    now += 1 + draw(CHANGE_AFTER);
    due.push({ at: now, message: modify });
  }
  if (draw(100) >= CANCEL_PERCENT) return;
  now += 1 + draw(LIFE);
  const cancel = { ...order, type: MessageType.CANCEL };
  due.push({ at: now, message: cancel });
  if (draw(100) < TWICE_PERCENT) due.push({ at: now + 1, message: cancel });
  if (modified && draw(100) < TWICE_PERCENT) {
    due.push({ at: now + 2, message: modify });
  }
}
