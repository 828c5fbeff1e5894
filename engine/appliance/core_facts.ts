// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What a host says of its cores: who is kept away from them, how they sleep,
 * where interrupts go. Facts only, unjudged, below the root of a `HostReader`.
 *
 * @module
 */
import { bootWord, type HostReader, parseCores } from "./host_reader.ts";

const CPU = "/sys/devices/system/cpu";

/** A state of sleep that a core may enter. */
export interface SleepState {
  readonly core: number;
  /** "C6". */
  readonly name: string;
  /** How long the core takes to wake. */
  readonly latencyUs: number;
}

/** An interrupt of a device. */
export interface InterruptFacts {
  readonly irq: number;
  /** Who it belongs to: "eth0-rx-0". */
  readonly name: string;
  /** Cores that it is sent to. */
  readonly cores: readonly number[];
}

/** A weakness of processors, and what the kernel does about it. */
export interface Vulnerability {
  readonly name: string;
  /** "Not affected", "Mitigation: ...", "Vulnerable". */
  readonly state: string;
}

/** The cores of a host, as found. */
export interface CoreFacts {
  readonly online: readonly number[];
  /** Kept free of other work by the scheduler (isolcpus=). */
  readonly isolated: readonly number[];
  /** Without a tick while one thread runs (nohz_full=). */
  readonly tickless: readonly number[];
  /** RCU callbacks run elsewhere (rcu_nocbs=, or nohz_full=). */
  readonly rcuOffloaded: readonly number[];
  /** NUMA nodes that are there. */
  readonly nodes: readonly number[];
  /** Node of a core; 0 where the kernel does not say. */
  readonly nodeOf: Readonly<Record<number, number>>;
  /** Cores that share their execution units with a core, itself too. */
  readonly siblings: Readonly<Record<number, readonly number[]>>;
  /** The governors in use, one entry each; none without frequency scaling. */
  readonly governors: readonly string[];
  /** States of sleep that are not switched off, of each core. */
  readonly sleepStates: readonly SleepState[];
  readonly interrupts: readonly InterruptFacts[];
  /** irqbalance is running. */
  readonly irqbalance: boolean;
  /** Revisions of the processors' microcode, one entry each. */
  readonly microcode: readonly string[];
  /** Under a hypervisor, which has the microcode in its hands. */
  readonly virtual: boolean;
  readonly vulnerabilities: readonly Vulnerability[];
}

/** Reads all of them. */
export function coreFacts(reader: HostReader): CoreFacts {
  const online = parseCores(reader.text(`${CPU}/online`));
  const line = reader.text("/proc/cmdline");
  const tickless = parseCores(reader.text(`${CPU}/nohz_full`));
  const { nodes, nodeOf } = nodeFacts(reader);
  const cpuinfo = reader.text("/proc/cpuinfo");
  return {
    online,
    isolated: parseCores(reader.text(`${CPU}/isolated`)),
    tickless,
    rcuOffloaded: rcuOffloaded(line, online, tickless),
    nodes,
    nodeOf,
    siblings: Object.fromEntries(online.map((core) => [
      core,
      parseCores(
        reader.text(`${CPU}/cpu${core}/topology/thread_siblings_list`),
      ),
    ])),
    governors: [
      ...new Set(
        online.map((core) =>
          reader.text(`${CPU}/cpu${core}/cpufreq/scaling_governor`)
        ),
      ),
    ].filter((name) => name !== "").sort(),
    sleepStates: online.flatMap((core) => sleepStates(reader, core)),
    interrupts: interruptFacts(reader),
    irqbalance: isRunning(reader, "irqbalance"),
    microcode: [
      ...new Set(
        [...cpuinfo.matchAll(/^microcode\s*:\s*(\S+)/gm)].map(([, text]) =>
          text!
        ),
      ),
    ],
    virtual: /^flags\s*:.*\bhypervisor\b/m.test(cpuinfo),
    vulnerabilities: reader.list(`${CPU}/vulnerabilities`).map((name) => ({
      name,
      state: reader.text(`${CPU}/vulnerabilities/${name}`),
    })),
  };
}

function rcuOffloaded(
  line: string,
  online: readonly number[],
  tickless: readonly number[],
): number[] {
  const word = bootWord(line, "rcu_nocbs");
  // "all", or nothing at all after the name, means all.
  const named = word === "all" || word === "" ? online : parseCores(word ?? "");
  return [...new Set([...named, ...tickless])].sort((a, b) => a - b);
}

function nodeFacts(
  reader: HostReader,
): Pick<CoreFacts, "nodes" | "nodeOf"> {
  const directory = "/sys/devices/system/node";
  const nodes = parseCores(reader.text(`${directory}/online`));
  const nodeOf: Record<number, number> = {};
  for (const node of nodes) {
    const list = reader.text(`${directory}/node${node}/cpulist`);
    for (const core of parseCores(list)) nodeOf[core] = node;
  }
  return { nodes: nodes.length === 0 ? [0] : nodes, nodeOf };
}

function sleepStates(reader: HostReader, core: number): SleepState[] {
  const directory = `${CPU}/cpu${core}/cpuidle`;
  return reader.list(directory)
    .filter((state) => reader.text(`${directory}/${state}/disable`) !== "1")
    .map((state) => ({
      core,
      name: reader.text(`${directory}/${state}/name`),
      latencyUs: reader.number(`${directory}/${state}/latency`),
    }))
    .filter(({ latencyUs }) => latencyUs > 0);
}

function interruptFacts(reader: HostReader): InterruptFacts[] {
  const names = new Map(
    [...reader.text("/proc/interrupts").matchAll(/^\s*(\d+):.*?(\S+)\s*$/gm)]
      .map(([, irq, name]) => [Number(irq), name!]),
  );
  return [...names].map(([irq, name]) => ({
    irq,
    name,
    cores: parseCores(
      reader.text(`/proc/irq/${irq}/effective_affinity_list`) ||
        reader.text(`/proc/irq/${irq}/smp_affinity_list`),
    ),
  }));
}

/** Whether a process of this name runs, as far as we may see. */
export function isRunning(reader: HostReader, name: string): boolean {
  return reader.list("/proc").some((pid) =>
    /^\d+$/.test(pid) && reader.text(`/proc/${pid}/comm`) === name
  );
}
