// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the oracle says: one function for each shape of an event.
 *
 * @module
 */
import { EventKind, OrdStatus, type Reason } from "../../engine/record/mod.ts";
import type { TestEvent } from "../exchange/support.ts";
import { filledOf, isPeg, type NaiveOrder, type World } from "./world.ts";

/** FIX status of a live order. */
export function statusOf(order: NaiveOrder): number {
  return order.leaves === order.quantity
    ? OrdStatus.NEW
    : OrdStatus.PARTIALLY_FILLED;
}

/** The price that events show: of a peg the one at which it stands. */
export function priceOf(order: NaiveOrder): number {
  return isPeg(order.ordType) ? order.at : order.price;
}

/** An event about an order; `asked` = with the texts of the request, if it has some. */
export function tell(
  world: World,
  kind: number,
  order: NaiveOrder,
  more: Partial<TestEvent> = {},
  asked = false,
): void {
  const { command } = world;
  const theirs = asked && command.clOrdId !== undefined;
  const text = theirs ? command.clOrdId : order.clOrdId;
  emit(world, {
    kind,
    session: order.session,
    instrument: order.instrument,
    side: order.side,
    ordType: order.ordType,
    timeInForce: order.timeInForce,
    price: priceOf(order),
    quantity: order.quantity,
    orderId: order.id,
    reference: order.reference,
    leaves: order.leaves,
    cum: filledOf(order),
    notional: order.notional,
    inSequence: order === world.subject ? command.inSequence ?? 0 : 0,
    ordStatus: statusOf(order),
    stopPrice: order.stopPrice,
    account: order.givenAccount,
    ...(text === undefined ? {} : {
      flags: 1,
      clOrdId: text,
      text,
      origClOrdId: theirs ? command.origClOrdId ?? "" : "",
    }),
    ...more,
  });
}

/** An order ended with lots left. */
export function tellEnd(
  world: World,
  order: NaiveOrder,
  reason: Reason,
  ordStatus: number = OrdStatus.CANCELED,
): void {
  const asked = reason === 203 || reason === 215;
  tell(
    world,
    EventKind.CANCELED,
    order,
    { reason, ordStatus, leaves: 0 },
    asked,
  );
}

/** Two orders traded. */
export function tellFill(
  world: World,
  order: NaiveOrder,
  lastPrice: number,
  lastQuantity: number,
  aggressor: number,
): void {
  tell(world, EventKind.FILLED, order, {
    ordStatus: order.leaves === 0
      ? OrdStatus.FILLED
      : OrdStatus.PARTIALLY_FILLED,
    lastPrice,
    lastQuantity,
    match: world.trades,
    aggressor,
  });
}

/** A refusal of the exchange: the request's fields, or those of the live order that it names. */
export function refuse(
  world: World,
  kind: number,
  detail: number,
  reason: Reason,
  order: NaiveOrder | undefined,
): void {
  if (order === undefined) {
    echo(world, kind, { detail, reason, ordStatus: OrdStatus.REJECTED });
    return;
  }
  tell(world, kind, order, {
    detail,
    reason,
    ...requestTexts(world),
    inSequence: world.command.inSequence ?? 0,
  });
}

/** A gateway's refusal: the request's fields, and how far the order is that it names. */
export function passRefusal(
  world: World,
  kind: number,
  detail: number,
  reason: Reason,
  order: NaiveOrder | undefined,
): void {
  echo(world, kind, {
    detail,
    reason,
    ordStatus: OrdStatus.REJECTED,
    ...(order === undefined ? {} : {
      orderId: order.id,
      leaves: order.leaves,
      cum: filledOf(order),
      notional: order.notional,
      ordStatus: statusOf(order),
      stopPrice: order.stopPrice,
      account: order.givenAccount,
    }),
  });
}

/** The texts of the request, and none if it has none. */
function requestTexts(world: World): Partial<TestEvent> {
  const { clOrdId, origClOrdId } = world.command;
  return clOrdId === undefined
    ? { flags: 0, clOrdId: "", origClOrdId: "", text: "" }
    : { flags: 1, clOrdId, origClOrdId: origClOrdId ?? "", text: clOrdId };
}

/** An answer to the session that asked, with the fields of its request. */
export function echo(
  world: World,
  kind: number,
  more: Partial<TestEvent>,
): void {
  const { command } = world;
  emit(world, {
    kind,
    session: world.asker,
    instrument: command.instrument ?? 0,
    side: command.side ?? 0,
    ordType: command.ordType ?? 0,
    timeInForce: command.timeInForce ?? 0,
    price: command.price ?? 0,
    quantity: command.quantity ?? 0,
    reference: command.reference ?? 0,
    inSequence: command.inSequence ?? 0,
    ...requestTexts(world),
    ...more,
  });
}

/** The echo of a session's own command; `numbered` = takes an outbound number. */
export function echoSession(
  world: World,
  kind: number,
  numbered: boolean,
): void {
  const { command } = world;
  if (!numbered) world.session(world.asker).outSequence--;
  echo(world, kind, {
    detail: command.detail ?? 0,
    reason: command.reason ?? 0,
    ...(command.text === undefined ? {} : {
      flags: 1,
      clOrdId: command.text.slice(0, 20),
      origClOrdId: command.text.slice(20, 40),
      text: command.text,
    }),
  });
}

/** An event to the appliance itself. */
export function tellHouse(
  world: World,
  kind: number,
  fields: Partial<TestEvent>,
): void {
  emit(world, { kind, session: 0, ...fields });
}

function emit(
  world: World,
  fields: Partial<TestEvent> & { kind: number; session: number },
): void {
  const session = world.session(fields.session);
  session.outSequence++;
  world.events.push({
    index: world.events.length,
    flags: 0,
    sequence: world.sequence,
    time: world.now,
    outSequence: session.outSequence,
    instrument: 0,
    side: 0,
    ordType: 0,
    timeInForce: 0,
    detail: 0,
    reason: 0,
    price: 0,
    lastPrice: 0,
    quantity: 0,
    orderId: 0,
    reference: 0,
    leaves: 0,
    cum: 0,
    lastQuantity: 0,
    notional: 0,
    inSequence: 0,
    ordStatus: 0,
    aggressor: 0,
    match: 0,
    stopPrice: 0,
    account: 0,
    clOrdId: "",
    origClOrdId: "",
    text: "",
    ...fields,
  });
}
