// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What a host says of its network: the cards that clients reach it by, and how
 * far its peers are. Facts only, unjudged.
 *
 * @module
 */
import { type Coalescing } from "../../ffi/mod.ts";
import { type HostReader, parseMask } from "./host_reader.ts";

const CONNECTS = 5;
const CONNECT_MS_MAX = 1000;

/** A network card, as found. */
export interface InterfaceFacts {
  readonly name: string;
  /** Its hardware's node; -1 = the kernel does not say, or there is none. */
  readonly node: number;
  /** Mbit/s; NaN where the driver does not say. */
  readonly speedMbps: number;
  readonly rxQueues: number;
  readonly txQueues: number;
  /** Cores that received packets are handed to in software (RPS). */
  readonly steeredTo: readonly number[];
  /** Undefined where the driver does not say. */
  readonly coalescing: Coalescing | undefined;
}

/** Another machine that the configuration names. */
export interface Peer {
  /** "standby", "lease server". */
  readonly role: string;
  readonly address: string;
  readonly port: number;
}

/** How far a peer is. */
export interface PeerFacts extends Peer {
  /** Shortest of some TCP connects; NaN where nobody answers. */
  readonly connectUs: number;
  /** Why nobody answers; "" where somebody does. */
  readonly error: string;
}

/** What asks more than files. */
export interface NetworkProbes {
  interfaceOf(address: string): string;
  coalescingOf(name: string): Coalescing;
  connectUs(address: string, port: number, timeoutMs: number): number;
}

/**
 * The cards behind addresses, and by name.
 *
 * @param addresses Where the appliance listens; 0.0.0.0 = every card.
 * @param device The DPDK device; "" = none.
 */
export function interfaceFacts(
  reader: HostReader,
  addresses: readonly string[],
  device: string,
  probes: NetworkProbes,
): InterfaceFacts[] {
  const names = new Set<string>();
  for (const address of addresses) {
    if (address === "0.0.0.0") {
      for (const name of reader.list("/sys/class/net")) {
        if (reader.owner(`/sys/class/net/${name}/device`)) names.add(name);
      }
    } else names.add(probes.interfaceOf(address));
  }
  const bypassed = /(?:^|,)iface=([^,]+)/.exec(device)?.[1];
  if (bypassed !== undefined) names.add(bypassed);
  names.delete("");
  names.delete("lo");
  const cards = [...names].map((name) => interfaceFact(reader, name, probes));
  const pci = "/sys/bus/pci/devices/" + device;
  if (device === "" || reader.owner(pci) === undefined) return cards;
  // The kernel has no interface of a card that DPDK drives.
  return [...cards, {
    name: device,
    node: nodeOf(reader, pci),
    speedMbps: NaN,
    rxQueues: 0,
    txQueues: 0,
    steeredTo: [],
    coalescing: undefined,
  }];
}

function interfaceFact(
  reader: HostReader,
  name: string,
  probes: NetworkProbes,
): InterfaceFacts {
  const path = `/sys/class/net/${name}`;
  const queues = reader.list(`${path}/queues`);
  const rx = queues.filter((queue) => queue.startsWith("rx-"));
  const speed = reader.number(`${path}/speed`);
  return {
    name,
    node: nodeOf(reader, `${path}/device`),
    speedMbps: speed > 0 ? speed : NaN,
    rxQueues: rx.length,
    txQueues: queues.length - rx.length,
    steeredTo: [
      ...new Set(
        rx.flatMap((queue) =>
          parseMask(reader.text(`${path}/queues/${queue}/rps_cpus`))
        ),
      ),
    ],
    coalescing: orUndefined(() => probes.coalescingOf(name)),
  };
}

function nodeOf(reader: HostReader, device: string): number {
  const node = reader.number(`${device}/numa_node`);
  return Number.isNaN(node) ? -1 : node;
}

function orUndefined<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}

/** Connects to each peer some times. */
export function peerFacts(
  peers: readonly Peer[],
  probes: NetworkProbes,
): PeerFacts[] {
  return peers.map((peer) => {
    let best = Infinity;
    try {
      for (let i = 0; i < CONNECTS; i++) {
        best = Math.min(
          best,
          probes.connectUs(peer.address, peer.port, CONNECT_MS_MAX),
        );
      }
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      return { ...peer, connectUs: NaN, error: text };
    }
    return { ...peer, connectUs: best, error: "" };
  });
}
