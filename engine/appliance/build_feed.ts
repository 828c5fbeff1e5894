// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes the feed's agent: its replica, its view of the journal, its sockets.
 *
 * Runs once, on the feed's own thread.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";
import { JournalTail } from "../journal/mod.ts";
import {
  FeedBuilder,
  type FeedLine,
  FeedServer,
  FeedStore,
} from "../marketdata/mod.ts";
import { SnapshotReader } from "../snapshot/mod.ts";
import { UringTransport } from "../transport/mod.ts";
import { journalDirectory } from "./build_journal.ts";
import { FeedAgent, type FeedParts } from "./feed_agent.ts";
import { Replica } from "./replica.ts";
import type { Workshop } from "./workshop.ts";

/** Besides the clients of snapshots, some that are told that there is no room. */
const SPARE_CONNECTIONS = 8;
const DATAGRAMS_MAX = 1024;

/** The agent that publishes market data. */
export function buildFeed(workshop: Workshop): FeedAgent {
  const { config, control, clock } = workshop;
  const log = workshop.log.child("feed");
  const nowMs = (): number => {
    clock.realtime();
    return Math.floor(clock.toNumber() / 1e6);
  };
  const sockets = openSockets(config);
  return new FeedAgent({
    makeParts: () => makeParts(workshop, sockets, nowMs),
    closeSockets: () => sockets.transport.dispose(),
    endMs: config.feed.endMs,
    control,
    lane: workshop.lane("feed"),
    log,
    nowMs,
  });
}

/** The sockets: opened at the start, so that a wrong address is found then. */
function openSockets(config: Config) {
  const { feed } = config;
  const transport = new UringTransport({
    connectionsMax: feed.snapshotsMax + SPARE_CONNECTIONS,
    receiveWindowBytes: 4096,
    sendWindowBytes: 65_536,
    datagramsMax: DATAGRAMS_MAX,
    hugePages: false,
  });
  const line = (group: string, port: number, from: string): FeedLine => {
    const listener = transport.listenDatagram(from, 0);
    transport.multicastFrom(listener, from, feed.hops);
    return { listener, group: addressNumber(group), port };
  };
  const lines = [
    line(feed.groupA, feed.portA, feed.interfaceA),
    line(feed.groupB, feed.portB, feed.interfaceB),
  ];
  const requests = transport.listenDatagram(feed.address, feed.requestPort);
  const snapshots = transport.listenStream(feed.address, feed.snapshotPort);
  return { transport, lines, requests, snapshots };
}

/** Everything else, when the engine is live. */
function makeParts(
  workshop: Workshop,
  sockets: ReturnType<typeof openSockets>,
  nowMs: () => number,
): FeedParts {
  const { transport, lines, requests, snapshots } = sockets;
  const { config, snapshot } = workshop;
  const { feed } = config;
  const log = workshop.log.child("feed");
  const store = new FeedStore(feed.historyMessages);
  const replica = new Replica({
    config,
    log,
    resident: true,
    gateways: false,
    onEvent: (ring, slot) => builder.onEvent(ring, slot),
  });
  const builder = new FeedBuilder(replica.exchange, store);
  if (snapshot !== undefined) {
    const reader = new SnapshotReader(snapshot.path);
    replica.load(reader);
    reader.dispose();
    // Their definitions are not told again.
    replica.settle();
    for (const known of replica.register.instruments()) {
      const { index, symbol, tickSize, lotSize } = known;
      builder.define(
        index,
        symbol,
        Math.round(tickSize * 1e8),
        Math.round(lotSize * 1e8),
      );
    }
  }
  // Ten characters until 2286, another each second: no run takes up another's numbers.
  const session = String(Math.floor(nowMs() / 1000)).padStart(10, "0");
  log.info("feed open", {
    session,
    requestPort: transport.port(requests),
    snapshotPort: transport.port(snapshots),
  });
  return {
    replica,
    tail: new JournalTail({
      directory: journalDirectory(config.appliance.dataDirectory),
      fromSequence: replica.sequence + 1,
    }),
    store,
    builder,
    server: new FeedServer({
      transport,
      store,
      builder,
      session,
      lines,
      requests,
      heartbeatMs: feed.heartbeatMs,
      snapshotsMax: feed.snapshotsMax,
      nowMs,
    }),
  };
}

/** 127.0.0.1 = 0x7f000001, as int32. */
function addressNumber(address: string): number {
  return address.split(".").reduce((sum, part) => sum << 8 | Number(part), 0);
}
