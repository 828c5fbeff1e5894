// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Many orders at once: mass cancel and the kill switch.
 *
 * @module
 */
import { EventKind, MassScope, Reason } from "../../engine/record/mod.ts";
import { echo, priceOf } from "./events.ts";
import { end } from "./placing.ts";
import {
  ANY_INSTRUMENT,
  byEntry,
  type NaiveOrder,
  type World,
} from "./world.ts";

/** The scope without what is added to it. */
const BARE = 0x0f;

/** MASS_CANCEL. */
export function massCancel(world: World): void {
  const { command } = world;
  const detail = command.detail ?? 0;
  const { instrument = 0, side = 0, price = 0, quantity = 0 } = command;
  let wrong = judgeScope(world, true);
  if (wrong === Reason.NONE) {
    if (instrument !== ANY_INSTRUMENT && !world.instruments.has(instrument)) {
      wrong = Reason.UNKNOWN_INSTRUMENT;
    } else if (side > 2) wrong = Reason.INVALID_SIDE;
  }
  const ranged = (detail & MassScope.PRICE_RANGE) !== 0;
  const orders = wrong !== Reason.NONE
    ? []
    : inScope(world).filter((order) =>
      (instrument === ANY_INSTRUMENT || order.instrument === instrument) &&
      (side === 0 || order.side === side) &&
      (!ranged || isWithin(priceOf(order), price, quantity))
    );
  answer(world, EventKind.MASS_CANCELED, wrong, orders.length);
  for (const order of orders) endOnce(world, order, Reason.MASS_CANCEL);
}

/** Orders without a price are in no range. */
function isWithin(price: number, lowest: number, highest: number): boolean {
  return price !== 0 && price >= lowest && price <= highest;
}

/** KILL: blocks and cancels, or unlocks. */
export function kill(world: World): void {
  const unlock = ((world.command.detail ?? 0) & MassScope.UNLOCK) !== 0;
  const kind = unlock ? EventKind.UNLOCKED : EventKind.KILLED;
  const wrong = judgeScope(world, false);
  const blocks = wrong === Reason.NONE ? blocksOf(world) : undefined;
  if (blocks === undefined) {
    answer(world, kind, wrong, 0);
    return;
  }
  const who = world.asker === 0 ? "appliance" : "itself";
  if (unlock) {
    const others = !blocks.has(who) && blocks.size > 0 && who === "itself";
    blocks.delete(who);
    answer(world, kind, others ? Reason.NOT_AUTHORIZED : Reason.NONE, 0);
    return;
  }
  blocks.add(who);
  const orders = inScope(world);
  answer(world, kind, Reason.NONE, orders.length);
  for (const order of orders) endOnce(world, order, Reason.KILL_SWITCH);
}

function endOnce(world: World, order: NaiveOrder, reason: Reason): void {
  if (!order.ended) end(world, order, reason);
}

/** Who may ask for what: the appliance for everything. */
function judgeScope(world: World, account: boolean): Reason {
  const { detail = 0, reason: index = 0 } = world.command;
  const scope = detail & BARE;
  const own = world.session(world.asker).account;
  if (scope > MassScope.ALL) return Reason.UNSUPPORTED;
  if (world.asker === 0) {
    if (scope === MassScope.ALL && !account) return Reason.UNSUPPORTED;
    return scope === MassScope.ACCOUNT && !world.accounts.has(index)
      ? Reason.UNKNOWN_ACCOUNT
      : Reason.NONE;
  }
  const allowed = scope === MassScope.SESSION && index === world.asker ||
    account && scope === MassScope.ACCOUNT && index !== 0 && index === own;
  return allowed ? Reason.NONE : Reason.NOT_AUTHORIZED;
}

/** Live orders of the session or account that the command names, or all. */
function inScope(world: World): NaiveOrder[] {
  const { detail = 0, reason: index = 0 } = world.command;
  const scope = detail & BARE;
  return byEntry(
    [...world.live.values()].filter((order) =>
      scope === MassScope.SESSION
        ? order.session === index
        : scope === MassScope.ACCOUNT
        ? order.account === index
        : true
    ),
  );
}

function blocksOf(world: World): Set<"itself" | "appliance"> | undefined {
  const { detail = 0, reason: index = 0 } = world.command;
  return (detail & BARE) === MassScope.SESSION
    ? world.session(index).blocks
    : world.accounts.get(index)?.blocks;
}

/** The answer: what was asked, and how many orders it takes. */
function answer(
  world: World,
  kind: number,
  reason: Reason,
  quantity: number,
): void {
  echo(world, kind, { detail: world.command.detail ?? 0, reason, quantity });
}
