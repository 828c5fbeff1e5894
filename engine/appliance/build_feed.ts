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
  type FeedSocket,
  FeedStore,
} from "../marketdata/mod.ts";
import { SnapshotReader } from "../snapshot/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import type { Transport } from "../transport/mod.ts";
import { journalDirectory } from "./build_journal.ts";
import { openDpdkFeed } from "./open_dpdk.ts";
import { FeedAgent, type FeedParts } from "./feed_agent.ts";
import { openKernelTransport } from "./open_transport.ts";
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
  const sockets = openSockets(config, log);
  return new FeedAgent({
    makeParts: () => makeParts(workshop, sockets, nowMs),
    closeSockets: () => sockets.dispose(),
    endMs: config.feed.endMs,
    control,
    lane: workshop.lane("feed"),
    log,
    nowMs,
  });
}

/** What the feed is told by and asked on. */
interface Sockets {
  readonly lines: readonly FeedLine[];
  readonly requests: FeedSocket;
  readonly snapshots: FeedSocket;
  dispose(): void;
}

/** The sockets: opened at the start, so that a wrong address is found then. */
function openSockets(config: Config, log: Log): Sockets {
  const opened: Transport[] = [];
  const dispose = (): void => {
    for (const transport of opened) transport.dispose();
  };
  try {
    const kernel = openKernelTransport(config.transport.kind, {
      connectionsMax: config.feed.snapshotsMax + SPARE_CONNECTIONS,
      receiveWindowBytes: 4096,
      sendWindowBytes: 65_536,
      datagramsMax: DATAGRAMS_MAX,
      hugePages: false,
    }, log);
    opened.push(kernel);
    const datagrams = config.feed.transport === "dpdk"
      ? openDpdkFeed(config, log)
      : kernel;
    if (datagrams !== kernel) opened.push(datagrams);
    return { ...listen(config, kernel, datagrams), dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

function listen(
  { feed }: Config,
  kernel: Transport,
  datagrams: Transport,
): Omit<Sockets, "dispose"> {
  const isKernel = datagrams === kernel;
  const line = (group: string, port: number, address: string): FeedLine => {
    const from = isKernel ? address : feed.deviceAddress;
    const listener = datagrams.listenDatagram(from, 0);
    datagrams.multicastFrom(listener, from, feed.hops);
    return {
      transport: datagrams,
      listener,
      group: addressNumber(group),
      port,
    };
  };
  const address = isKernel ? feed.address : feed.deviceAddress;
  return {
    lines: [
      line(feed.groupA, feed.portA, feed.interfaceA),
      line(feed.groupB, feed.portB, feed.interfaceB),
    ],
    requests: {
      transport: datagrams,
      listener: datagrams.listenDatagram(address, feed.requestPort),
    },
    snapshots: {
      transport: kernel,
      listener: kernel.listenStream(feed.address, feed.snapshotPort),
    },
  };
}

/** Everything else, when the engine is live. */
function makeParts(
  workshop: Workshop,
  sockets: Sockets,
  nowMs: () => number,
): FeedParts {
  const { lines, requests, snapshots } = sockets;
  const portOf = ({ transport, listener }: FeedSocket): number =>
    transport.port(listener);
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
    transport: requests.transport.name,
    requestPort: portOf(requests),
    snapshotPort: portOf(snapshots),
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
      store,
      builder,
      session,
      lines,
      requests,
      requestsPerSecond: feed.requestsPerSecond,
      snapshots: snapshots.transport,
      ...(feed.snapshotPassword === "" ? {} : {
        login: { user: feed.snapshotUser, password: feed.snapshotPassword },
      }),
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
