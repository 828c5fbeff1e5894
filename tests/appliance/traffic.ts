// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Seeded traffic of FIX and binary sessions, as commands that a gateway would
 * write, and the journal that a rig makes of it.
 *
 * @module
 */
import {
  CommandKind,
  OrdType,
  Protocol,
  Side,
  TimeInForce,
} from "../../engine/record/mod.ts";
import type { TestCommand } from "../exchange/support.ts";
import { Random } from "../oracle/random.ts";
import { ExchangeRig } from "./exchange_rig.ts";

/** Two FIX sessions and two binary ones, in this order from index 1 on. */
export const TRAFFIC_TOML = `
[[accounts]]
name = "DESK"
soft_quantity = 25
[[instruments]]
symbol = "A"
tick_size = "0.01"
lot_size = "1"
[[instruments]]
symbol = "B"
tick_size = "0.05"
lot_size = "0.001"
[[fix.sessions]]
sender_comp_id = "ONE"
password = "p"
account = "DESK"
[[fix.sessions]]
sender_comp_id = "TWO"
password = "p"
[[binary.sessions]]
number = 7
key = "1"
[[binary.sessions]]
number = 8
key = "2"
`;

const FIX_SESSIONS = 2;
const SESSIONS = 4;
const TYPE_HEARTBEAT = 0x30;

interface Sender {
  inSequence: number;
  references: number;
}

/** Makes commands; the same seed gives the same. */
export class Traffic {
  readonly #random: Random;
  readonly #senders: Sender[] = Array.from(
    { length: SESSIONS },
    () => ({ inSequence: 0, references: 0 }),
  );

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** The next command. */
  next(): TestCommand {
    const session = 1 + this.#random.draw(SESSIONS);
    const sender = this.#senders[session - 1]!;
    const fix = session <= FIX_SESSIONS;
    const draw = this.#random.draw(1000);
    if (draw < 3) return this.#logon(session, sender, fix);
    const base = { session, inSequence: ++sender.inSequence };
    if (draw < 20) {
      return fix
        ? {
          ...base,
          kind: CommandKind.SESSION_MESSAGE,
          detail: TYPE_HEARTBEAT,
          text: "",
        }
        : { ...base, kind: CommandKind.ORDER_STATUS, reference: 1 };
    }
    if (draw < 600 || sender.references === 0) {
      return this.#newOrder(base, sender, fix);
    }
    const reference = Math.max(
      1,
      sender.references - this.#random.draw(40),
    );
    const named = {
      ...base,
      instrument: 0xffff,
      reference,
    };
    if (draw < 850) {
      return {
        ...named,
        kind: CommandKind.CANCEL_ORDER,
        ...(fix
          ? { clOrdId: `C${base.inSequence}`, origClOrdId: `O${reference}` }
          : {}),
      };
    }
    const newReference = ++sender.references;
    return {
      ...named,
      kind: CommandKind.REPLACE_ORDER,
      price: 95 + this.#random.draw(10),
      quantity: 1 + this.#random.draw(30),
      newReference,
      ...(fix
        ? { clOrdId: `O${newReference}`, origClOrdId: `O${reference}` }
        : {}),
    };
  }

  #newOrder(
    base: { session: number; inSequence: number },
    sender: Sender,
    fix: boolean,
  ): TestCommand {
    const reference = ++sender.references;
    const side = 1 + this.#random.draw(2);
    return {
      ...base,
      kind: CommandKind.NEW_ORDER,
      instrument: this.#random.draw(2),
      side,
      ordType: OrdType.LIMIT,
      timeInForce: this.#random.draw(8) === 0
        ? TimeInForce.IOC
        : TimeInForce.GTC,
      price: (side === Side.BUY ? 95 : 99) + this.#random.draw(7),
      quantity: 1 + this.#random.draw(30),
      reference,
      ...(fix ? { clOrdId: `O${reference}` } : {}),
    };
  }

  /** A logon; one of three that resets numbers, if it is FIX. */
  #logon(session: number, sender: Sender, fix: boolean): TestCommand {
    const reset = fix && this.#random.draw(3) === 0;
    if (reset) sender.inSequence = 1;
    return {
      kind: CommandKind.SESSION_LOGON,
      session,
      detail: reset ? 1 : 0,
      inSequence: sender.inSequence,
      reason: fix ? Protocol.FIX : Protocol.BINARY,
    };
  }
}

/** A rig that has done so much traffic; its journal is in `rig.journal`. */
export function trafficRig(seed: number, count: number): ExchangeRig {
  const rig = new ExchangeRig({ toml: TRAFFIC_TOML }).start();
  const traffic = new Traffic(seed);
  for (let i = 0; i < count; i++) {
    rig.send(traffic.next());
    if (i % 7 === 0) rig.wait(3);
    if (i % 500 === 499) {
      rig.ask({ command: "state", instrument: "B", state: "opening-auction" });
    }
    if (i % 500 === 99) {
      rig.ask({ command: "state", instrument: "B", state: "open" });
    }
  }
  return rig;
}
