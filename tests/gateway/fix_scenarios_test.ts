// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The scenarios of FIX clients, with a gateway and an exchange in memory.
 *
 * @module
 */
import { TRADING_STATES } from "../../engine/config/mod.ts";
import { CommandKind } from "../../engine/record/mod.ts";
import {
  type Message,
  play,
  SCENARIOS,
  type Venue,
} from "../quickfix/scenarios.ts";
import { Client, Rig } from "./fix_harness.ts";
import { timestamp } from "./fix_harness.ts";

/** Sessions 1 and 2, and their accounts. */
function start(): { rig: Rig; clients: Client[] } {
  const rig = new Rig();
  for (const [index, name] of [[1, "HOUSE"], [2, "OTHER"]] as const) {
    const reason = index;
    rig.command({ kind: CommandKind.DEFINE_ACCOUNT, reason, clOrdId: name });
    rig.command({ kind: CommandKind.SET_SESSION, session: index, reason });
    rig.defineAccount(index, name);
  }
  const clients = [new Client(rig), new Client(rig, "CLIENT2")];
  for (const client of clients) client.logon();
  return { rig, clients };
}

function venueOf(rig: Rig, clients: readonly Client[]): Venue {
  const inboxes: Message[][] = clients.map(() => []);
  return {
    symbol: "AAPL",
    prefix: "",
    now: () => rig.now.ms,
    send(client, type, fields) {
      const time = type === "H" ? "" : `60=${timestamp(rig.now.ms)}|`;
      inboxes[client]!.push(...clients[client]!.send(type, fields + time));
    },
    next(client) {
      const inbox = inboxes[client]!;
      inbox.push(...clients[client]!.take());
      const message = inbox.shift();
      if (message === undefined) throw new Error("nothing was said");
      return Promise.resolve(message);
    },
    setState(state) {
      const detail = TRADING_STATES.findIndex((name) => name === state);
      rig.command({ kind: CommandKind.SET_STATE, detail });
      return Promise.resolve();
    },
    pass(ms) {
      rig.tick(ms);
      rig.command({ kind: CommandKind.TIME });
    },
  };
}

for (const scenario of SCENARIOS) {
  Deno.test(`FIX client: ${scenario[0]}`, async () => {
    const { rig, clients } = start();
    await play(scenario, venueOf(rig, clients));
  });
}
