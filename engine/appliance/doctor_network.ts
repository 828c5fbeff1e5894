// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The doctor on the network: how clients are served, their cards, the peers,
 * the clock. Pure functions of gathered facts.
 *
 * @module
 */
import { type DoctorSubject, judge, type Judgement } from "./doctor_finding.ts";
import type { HostFacts } from "./host_facts.ts";
import { coresText } from "./host_reader.ts";
import type { InterfaceFacts, PeerFacts } from "./network_facts.ts";

/** What a listener asks the kernel for. */
const SOCKET_BUFFER_BYTES = 4 * 2 ** 20;
/** Two machines in one hall are nearer than this. */
const PEER_US_MAX = 500;
const GOOD_CLOCK_SOURCES: readonly string[] = ["tsc", "kvm-clock"];

/** All of the network, in the order of the table. */
export function judgeNetwork(
  subject: DoctorSubject,
  facts: HostFacts,
): Judgement[] {
  return [
    uring(subject, facts),
    dpdk(subject, facts),
    socketBuffers(facts),
    ...facts.interfaces.flatMap((card) => [
      queues(subject, card),
      coalescing(card),
      cardNode(subject, facts, card),
    ]),
    ...facts.interfaces.length > 0 ? [] : [noCard()],
  ];
}

/** One for each peer that was asked. */
export function judgePeers(facts: HostFacts): Judgement[] {
  return facts.peers.map(peer);
}

/** Who keeps the clock, and how it is read. */
export function judgeTime(facts: HostFacts): Judgement[] {
  return [clockSource(facts), ptp(facts)];
}

function uring({ transport }: DoctorSubject, facts: HostFacts): Judgement {
  const disabled = facts.uringDisabled !== "" && facts.uringDisabled !== "0";
  const works = facts.uringError === "";
  const unused = transport === "plain";
  return judge({
    subject: "io_uring",
    severity: works
      ? "ok"
      : unused
      ? "info"
      : transport === "auto"
      ? "warning"
      : "error",
    found: works
      ? "a ring opens"
      : disabled
      ? `kernel.io_uring_disabled is ${facts.uringDisabled}: ${facts.uringError}`
      : facts.uringError,
    wanted: unused
      ? 'nothing: [transport] kind = "plain" does without'
      : "a ring opens",
    why: transport === "auto" && !works
      ? "clients are served over plain sockets without it, a few percent slower"
      : "clients are served through it",
    remedy: (disabled
      ? "sysctl -w kernel.io_uring_disabled=0, and the same line in /etc/sysctl.d"
      : "use a kernel from 6.1 on, and allow io_uring_setup, io_uring_enter and " +
        "io_uring_register in the unit's or container's seccomp filter") +
      (transport === "auto" ? "" : '; or configure [transport] kind = "auto"'),
  });
}

function dpdk(subject: DoctorSubject, facts: HostFacts): Judgement {
  const there = facts.dpdkError === "";
  return judge({
    subject: "DPDK",
    severity: there ? "ok" : subject.dpdk ? "error" : "info",
    found: there ? "the shim opens" : facts.dpdkError,
    wanted: subject.dpdk
      ? "the shim opens, since a port uses it"
      : "nothing: no port uses it",
    why: "ports that bypass the kernel are driven through it",
    remedy:
      "apt install libdpdk-dev, then make -C native; on a deployed host " +
      "the DPDK libraries of the same version",
  });
}

function socketBuffers({ kernel }: HostFacts): Judgement {
  const { receiveBufferBytesMax, sendBufferBytesMax } = kernel;
  const least = Math.min(receiveBufferBytesMax, sendBufferBytesMax);
  return judge({
    subject: "socket buffers",
    severity: least < SOCKET_BUFFER_BYTES ? "warning" : "ok",
    found: `${receiveBufferBytesMax} and ${sendBufferBytesMax} bytes ` +
      "(net.core.rmem_max, wmem_max)",
    wanted: `${SOCKET_BUFFER_BYTES} bytes each`,
    why: "bursts of datagrams wait there while the engine is busy; what does " +
      "not fit is lost",
    remedy: `sysctl -w net.core.rmem_max=${SOCKET_BUFFER_BYTES} ` +
      `net.core.wmem_max=${SOCKET_BUFFER_BYTES}, and the same in /etc/sysctl.d`,
  });
}

function noCard(): Judgement {
  return {
    subject: "network card",
    severity: "info",
    found:
      "none: clients are served on loopback, or by no address of this host",
    wanted: "nothing",
    why: "queues and coalescing are a card's",
    remedy: "",
  };
}

function queues(
  { engineCores }: DoctorSubject,
  { name, rxQueues, txQueues, steeredTo, speedMbps }: InterfaceFacts,
): Judgement {
  const disturbed = engineCores.filter((core) => steeredTo.includes(core));
  return judge({
    subject: `queues of ${name}`,
    severity: disturbed.length > 0 ? "warning" : "ok",
    found: rxQueues + txQueues === 0
      ? "not the kernel's: DPDK drives it"
      : `${rxQueues} to receive, ${txQueues} to send` +
        (Number.isNaN(speedMbps) ? "" : `, ${speedMbps} Mbit/s`) +
        (steeredTo.length > 0 ? `; steered to ${coresText(steeredTo)}` : ""),
    wanted: "no packets steered to the engine's cores",
    why: "the kernel would take its time for them where orders are matched",
    remedy: `for q in /sys/class/net/${name}/queues/rx-*/rps_cpus; do ` +
      "echo 0 > $q; done",
  });
}

function coalescing({ name, coalescing: found }: InterfaceFacts): Judgement {
  const waits = found !== undefined && (found.rxUs > 0 || found.rxAdaptive);
  return judge({
    subject: `coalescing of ${name}`,
    severity: waits ? "warning" : "ok",
    found: found === undefined
      ? "its driver does not say"
      : `rx-usecs ${found.rxUs}, adaptive ${
        found.rxAdaptive ? "on" : "off"
      }; ` +
        `tx-usecs ${found.txUs}`,
    wanted: "rx-usecs 0, adaptive off",
    why: "the card waits that long for more packets before it says that it " +
      "has one",
    remedy: `ethtool -C ${name} adaptive-rx off rx-usecs 0`,
  });
}

function cardNode(
  { engineCores }: DoctorSubject,
  { cores: { nodes, nodeOf } }: HostFacts,
  { name, node }: InterfaceFacts,
): Judgement {
  const far = engineCores.filter((core) => (nodeOf[core] ?? 0) !== node);
  const matters = nodes.length > 1 && node >= 0;
  return judge({
    subject: `node of ${name}`,
    severity: matters && far.length > 0 ? "warning" : "ok",
    found: nodes.length <= 1
      ? "one node: all memory is local"
      : node < 0
      ? "not told"
      : `node ${node}`,
    wanted: matters ? "the node of the engine's cores" : "nothing",
    why: "packets cross between nodes otherwise",
    remedy: `take [topology] cores from node ${node}, or another slot or card`,
  });
}

function peer({ role, address, port, connectUs, error }: PeerFacts): Judgement {
  const gone = error !== "";
  return judge({
    subject: `${role} ${address}:${port}`,
    severity: gone || connectUs > PEER_US_MAX ? "warning" : "ok",
    found: gone ? error : `${Math.round(connectUs)} us to connect`,
    wanted: `${PEER_US_MAX} us at most`,
    why: role === "lease server"
      ? "the lease is renewed there; a primary without it stops answering"
      : "each group of orders goes there and back before it is acknowledged " +
        '(durability = "replicated")',
    remedy: gone
      ? "start it, and let this port through the firewalls between"
      : "look for the way to it: ip route get, and the switches on it",
  });
}

function clockSource({ kernel: { clockSource: found } }: HostFacts): Judgement {
  return judge({
    subject: "clock source",
    severity: GOOD_CLOCK_SOURCES.includes(found) ? "ok" : "warning",
    found: found === "" ? "unknown" : found,
    wanted: GOOD_CLOCK_SOURCES.join(" or "),
    why: "any other costs a system call for each time stamp",
    remedy:
      "find out in dmesg why the kernel gave the TSC up; tsc=reliable at " +
      "boot where the hardware's is invariant",
  });
}

function ptp({ time: { ptpClocks, daemons } }: HostFacts): Judgement {
  const clocks = ptpClocks.length === 0
    ? "no hardware clock"
    : ptpClocks.join(", ");
  return judge({
    subject: "clock keeping",
    severity: daemons.length === 0 ? "info" : "ok",
    found: `${clocks}; ${daemons.join(", ") || "nobody"} sets the time`,
    wanted: "ptp4l and phc2sys, or chronyd",
    why: "time stamps are compared with those of other machines",
    remedy: "",
  });
}
