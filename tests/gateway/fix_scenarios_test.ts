// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The scenarios of FIX clients, with a gateway and an exchange in memory. After
 * each one the gateway is made anew from the journal, and says the same again.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { TRADING_STATES } from "../../engine/config/mod.ts";
import { CommandKind } from "../../engine/record/mod.ts";
import {
  type Message,
  play,
  SCENARIOS,
  type Venue,
} from "../quickfix/scenarios.ts";
import { Client, Rig, timestamp } from "./fix_harness.ts";

const ACCOUNTS = ["HOUSE", "OTHER"];
const CLIENTS = ["CLIENT1", "CLIENT2"];

/** Sessions 1 and 2, and their accounts. */
function start(): { rig: Rig; clients: Client[] } {
  const rig = new Rig();
  for (const [i, clOrdId] of ACCOUNTS.entries()) {
    const reason = i + 1;
    rig.command({ kind: CommandKind.DEFINE_ACCOUNT, reason, clOrdId });
    rig.command({ kind: CommandKind.SET_SESSION, session: i + 1, reason });
    rig.defineAccount(i + 1, clOrdId);
  }
  const clients = CLIENTS.map((name) => new Client(rig, name));
  for (const client of clients) client.logon();
  return { rig, clients };
}

/** @param heard Receives what each client was told. */
function venueOf(
  rig: Rig,
  clients: readonly Client[],
  heard: readonly Message[][],
): Venue {
  const inboxes: Message[][] = clients.map(() => []);
  const take = (client: number, messages: Message[]) => {
    inboxes[client]!.push(...messages);
    heard[client]!.push(...messages);
  };
  return {
    symbol: "AAPL",
    prefix: "",
    now: () => rig.now.ms,
    send(client, type, fields) {
      const time = type === "H" ? "" : `60=${timestamp(rig.now.ms)}|`;
      take(client, clients[client]!.send(type, fields + time));
    },
    next(client) {
      take(client, clients[client]!.take());
      const message = inboxes[client]!.shift();
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

/** A message without what differs when it is sent again. */
function content(message: Message): string {
  const skip = [8, 9, 43, 52, 122, 10];
  return [...message].filter(([tag]) => !skip.includes(tag))
    .map(([tag, value]) => `${tag}=${value}`).join("|");
}

for (const scenario of SCENARIOS) {
  Deno.test(`FIX client: ${scenario[0]}`, async () => {
    const { rig, clients } = start();
    const heard: Message[][] = clients.map(() => []);
    await play(scenario, venueOf(rig, clients, heard));
    const again = new Rig({ journal: rig.journal });
    assertEquals(again.exchange.stateHash(), rig.exchange.stateHash());
    for (const [i, name] of ACCOUNTS.entries()) {
      again.defineAccount(i + 1, name);
    }
    for (const [i, client] of clients.entries()) {
      const back = new Client(again, client.name);
      back.next = client.next;
      back.logon();
      const told = back.send("2", "7=2|16=0|")
        .filter((message) => message.get(35) !== "4");
      assertEquals(told.map(content), heard[i]!.map(content));
    }
  });
}
