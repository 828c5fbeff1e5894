// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The doctor on cores: whether the engine's threads have theirs to themselves.
 * Pure functions of gathered facts.
 *
 * @module
 */
import { type DoctorSubject, judge, type Judgement } from "./doctor_finding.ts";
import type { HostFacts } from "./host_facts.ts";
import { coresText } from "./host_reader.ts";
import { spreadText } from "./placement.ts";

/** A core that wakes more slowly than this is asleep to a client. */
const WAKE_US_MAX = 10;
const NAMED_MAX = 5;
/** From this kernel on, a real-time thread that spins is stopped only for ordinary ones that wait. */
const FAIR_SERVER_SINCE = [6, 12] as const;
const ALL_TAKEN =
  "name fewer [topology] cores: the kernel and its interrupts need one of their own";
const NONE_PINNED = "nothing: no thread is pinned";

/** All of them, in the order of the table. */
export function judgeCores(
  subject: DoctorSubject,
  facts: HostFacts,
): Judgement[] {
  return [
    cores(subject, facts),
    kept(subject, facts, "isolated cores"),
    kept(subject, facts, "tickless cores"),
    kept(subject, facts, "RCU callbacks"),
    interruptAffinity(subject, facts),
    irqbalance(subject, facts),
    siblings(subject, facts),
    numaNodes(subject, facts),
    governor(facts),
    sleepStates(subject, facts),
    realTime(subject, facts),
    realTimeThrottle(subject, facts),
    microcode(facts),
    mitigations(facts),
  ];
}

function cores(subject: DoctorSubject, facts: HostFacts): Judgement {
  const { threads, pinnedCores, engineCores, realTimePriority } = subject;
  const { online } = facts.cores;
  const allowed = facts.process.allowedCores;
  const pinnable = new Set([...allowed, ...facts.process.pinnableCores]);
  const missing = pinnedCores.filter((core) => !pinnable.has(core));
  const few = allowed.length <= threads;
  const all = realTimePriority > 0 &&
    allowed.every((core) => engineCores.includes(core));
  return judge({
    subject: "cores",
    severity: missing.length > 0 || all ? "error" : few ? "info" : "ok",
    found: missing.length > 0
      ? `${online.length}, of which ${
        coresText([...pinnable].sort((a, b) => a - b))
      } are allowed; pinned to ${coresText(missing)} all the same`
      : `${allowed.length} of ${online.length} allowed, ${threads} polling threads`,
    wanted: `one for each of ${threads} polling threads, and one besides` +
      (pinnedCores.length > 0 ? `; cores ${coresText(pinnedCores)}` : ""),
    why: all
      ? "real-time threads have all of them: the main thread would never run"
      : "threads that share a core wait for each other, for milliseconds at " +
        "worst",
    remedy: missing.length > 0
      ? "pin to other cores in the configuration, or allow them to the unit (AllowedCPUs=)"
      : "leave a core to the main thread, or set [topology] real_time_priority = 0",
  });
}

/** Cores that the engine does not take. */
function leftToKernel(
  engineCores: readonly number[],
  { cores: { online } }: HostFacts,
): number[] {
  return online.filter((core) => !engineCores.includes(core));
}

type Keeping = "isolated cores" | "tickless cores" | "RCU callbacks";

const KEEPING: Readonly<
  Record<Keeping, {
    readonly cores: "isolated" | "tickless" | "rcuOffloaded";
    readonly why: string;
  }>
> = {
  "isolated cores": {
    cores: "isolated",
    why: "on other cores the scheduler and interrupts take their turns",
  },
  "tickless cores": {
    cores: "tickless",
    why: "elsewhere a tick stops the thread 100 to 1000 times a second",
  },
  "RCU callbacks": {
    cores: "rcuOffloaded",
    why: "elsewhere the kernel frees its memory on the engine's core, in " +
      "pieces of up to a millisecond",
  },
};

/** Three words of the boot line, which go together. */
function kept(
  { engineCores }: DoctorSubject,
  facts: HostFacts,
  subject: Keeping,
): Judgement {
  const { cores, why } = KEEPING[subject];
  const there = facts.cores[cores];
  const bare = engineCores.filter((core) => !there.includes(core));
  const list = coresText(engineCores);
  const found = coresText(there) || "none";
  return judge({
    subject,
    severity: engineCores.length === 0
      ? "info"
      : bare.length > 0
      ? "warning"
      : "ok",
    found: subject === "RCU callbacks" && there.length > 0
      ? `kept away from ${found}`
      : found,
    wanted: engineCores.length === 0 ? NONE_PINNED : list,
    why,
    remedy: leftToKernel(engineCores, facts).length === 0
      ? ALL_TAKEN
      : `boot with isolcpus=managed_irq,domain,${list} nohz_full=${list} ` +
        `rcu_nocbs=${list}`,
  });
}

function interruptAffinity(
  { engineCores }: DoctorSubject,
  facts: HostFacts,
): Judgement {
  const bad = facts.cores.interrupts.filter(({ cores }) =>
    cores.some((core) => engineCores.includes(core))
  );
  const others = leftToKernel(engineCores, facts);
  const shown = bad.slice(0, NAMED_MAX).map(({ irq, name }) =>
    `${irq} ${name}`
  );
  const more = bad.length - shown.length;
  return judge({
    subject: "interrupt affinity",
    severity: engineCores.length === 0
      ? "info"
      : bad.length > 0
      ? "warning"
      : "ok",
    found: bad.length === 0
      ? `${facts.cores.interrupts.length} interrupts of devices` +
        (engineCores.length === 0 ? "" : ", all on other cores")
      : `${bad.length} interrupts of devices on the engine's cores: ${
        shown.join(", ")
      }${more > 0 ? ` and ${more} more` : ""}`,
    wanted: engineCores.length === 0
      ? NONE_PINNED
      : `none on cores ${coresText(engineCores)}`,
    why: "each interrupt stops the thread for some microseconds",
    remedy: others.length === 0
      ? ALL_TAKEN
      : `boot with irqaffinity=${coresText(others)}, and now: ` +
        `for i in ${bad.map(({ irq }) => irq).join(" ")}; do echo ${
          coresText(others)
        } > /proc/irq/$i/smp_affinity_list; done`,
  });
}

function irqbalance(
  { engineCores }: DoctorSubject,
  { cores: { irqbalance, isolated, tickless } }: HostFacts,
): Judgement {
  // irqbalance leaves such cores alone by itself.
  const bare = engineCores.filter((core) =>
    !isolated.includes(core) && !tickless.includes(core)
  );
  return judge({
    subject: "irqbalance",
    severity: !irqbalance ? "ok" : bare.length === 0 ? "info" : "warning",
    found: irqbalance ? "running" : "not running",
    wanted: bare.length > 0
      ? "not running"
      : "nothing: it leaves isolated cores alone",
    why: "it moves interrupts to whatever core it thinks idle",
    remedy: `systemctl disable --now irqbalance, or ` +
      `IRQBALANCE_BANNED_CPULIST=${coresText(bare)} in /etc/default/irqbalance`,
  });
}

function siblings(
  { engineCores }: DoctorSubject,
  { cores: { siblings, online } }: HostFacts,
): Judgement {
  const shared = engineCores.flatMap((core) =>
    (siblings[core] ?? []).filter((other) =>
      other !== core && online.includes(other)
    ).map((other) => [core, other] as const)
  );
  const others = [...new Set(shared.map(([, other]) => other))];
  return judge({
    subject: "sibling threads",
    severity: engineCores.length === 0
      ? "info"
      : shared.length > 0
      ? "warning"
      : "ok",
    found: shared.length === 0
      ? "none is online beside the engine's cores"
      : shared.map(([core, other]) => `${core} shares with ${other}`)
        .join(", "),
    wanted: engineCores.length === 0 ? NONE_PINNED : "none online",
    why: "two threads of one core share its caches and units: each has about " +
      "half while both work",
    remedy: `for c in ${others.join(" ")}; do echo 0 > ` +
      "/sys/devices/system/cpu/cpu$c/online; done, or boot with nosmt",
  });
}

function numaNodes(
  { engineCores }: DoctorSubject,
  { cores: { nodes, nodeOf } }: HostFacts,
): Judgement {
  const node = (core: number): number => nodeOf[core] ?? 0;
  const used = new Set(engineCores.map(node));
  return judge({
    subject: "NUMA nodes",
    severity: used.size > 1 ? "warning" : "ok",
    found: nodes.length <= 1
      ? "one node: all memory is local"
      : engineCores.length === 0
      ? `${nodes.length} nodes`
      : spreadText(engineCores, node),
    wanted: engineCores.length === 0
      ? NONE_PINNED
      : "all of the engine's cores on one node",
    why: "what two nodes share crosses between them, twice as slowly",
    remedy: "take [topology] cores from one node: " +
      "/sys/devices/system/node/node*/cpulist lists them",
  });
}

function governor({ cores: { governors } }: HostFacts): Judgement {
  const slow = governors.filter((name) => name !== "performance");
  return judge({
    subject: "governor",
    severity: slow.length > 0 ? "warning" : "ok",
    found: governors.length === 0
      ? "no frequency scaling here"
      : governors.join(", "),
    wanted: "performance on every core",
    why: "a core that clocks down between orders answers the next one late",
    remedy:
      "for g in /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor; do " +
      "echo performance > $g; done",
  });
}

function sleepStates(
  { engineCores, spins }: DoctorSubject,
  facts: HostFacts,
): Judgement {
  const deep = facts.cores.sleepStates.filter(({ core, latencyUs }) =>
    engineCores.includes(core) && latencyUs > WAKE_US_MAX
  );
  const names = [...new Set(deep.map(({ name }) => name))];
  const slowest = Math.max(...deep.map(({ latencyUs }) => latencyUs));
  return judge({
    subject: "C-states",
    severity: deep.length === 0
      ? "ok"
      : spins || engineCores.length === 0
      ? "info"
      : "warning",
    found: deep.length === 0
      ? "no deep ones on the engine's cores"
      : `${names.join(", ")}: up to ${slowest} us to wake`,
    wanted: spins && deep.length > 0
      ? "nothing: threads spin, their cores never sleep"
      : `none above ${WAKE_US_MAX} us on the engine's cores`,
    why: "the order that wakes a core waits for it",
    remedy: "set [topology] sleep_us = 0, or boot with " +
      "processor.max_cstate=1 intel_idle.max_cstate=1",
  });
}

function realTime(
  { realTimePriority, engineCores }: DoctorSubject,
  { process, cores: { isolated } }: HostFacts,
): Judgement {
  const { realTimeMax, realTimeUnlimited } = process;
  const allowed = realTimeUnlimited || realTimeMax >= realTimePriority;
  const bare = engineCores.filter((core) => !isolated.includes(core));
  const may = realTimeUnlimited
    ? "any priority (CAP_SYS_NICE)"
    : `up to ${realTimeMax} (RLIMIT_RTPRIO)`;
  const off = realTimePriority === 0;
  return judge({
    subject: "real-time priority",
    severity: off
      ? "ok"
      : !allowed
      ? "error"
      : bare.length > 0
      ? "warning"
      : "ok",
    found: off
      ? "not asked for"
      : `${may}; cores ${
        bare.length > 0 ? `${coresText(bare)} not isolated` : "isolated"
      }`,
    wanted: off ? "nothing" : `${realTimePriority}, on isolated cores`,
    why: allowed
      ? "the kernel's own threads of a core wait for ever beside a real-time " +
        "thread that spins"
      : "without the right to it the threads do not start",
    remedy: allowed
      ? `boot with isolcpus=managed_irq,domain,${coresText(engineCores)}`
      : `a drop-in of the unit with LimitRTPRIO=${realTimePriority}, ` +
        "RestrictRealtime=no and SystemCallFilter=sched_setscheduler; or " +
        "[topology] real_time_priority = 0",
  });
}

/** Whether the kernel stops real-time threads even if nobody waits for their core. */
function stopsSpinners(release: string): boolean {
  const [major = 0, minor = 0] = release.split(".").map((part) =>
    parseInt(part, 10)
  );
  const [newMajor, newMinor] = FAIR_SERVER_SINCE;
  return major < newMajor || major === newMajor && minor < newMinor;
}

function realTimeThrottle(
  { realTimePriority, spins }: DoctorSubject,
  { kernel }: HostFacts,
): Judgement {
  const { realTimeRuntimeUs: runtime, realTimePeriodUs: period } = kernel;
  const limited = runtime >= 0 && runtime < period;
  const stopped = stopsSpinners(kernel.release);
  const off = realTimePriority === 0;
  return judge({
    subject: "real-time limit",
    severity: off || !limited || !spins ? "ok" : stopped ? "warning" : "info",
    found: limited
      ? `${runtime} of ${period} us (kernel.sched_rt_runtime_us)`
      : "none",
    wanted: off
      ? "nothing: no real-time priority"
      : !spins
      ? "nothing: idle threads sleep"
      : stopped
      ? "none"
      : "none, or cores that nobody else waits for",
    why: stopped
      ? `a thread that spins is stopped for ${
        (period - runtime) / 1000
      } ms in each period`
      : "others that wait for the core get the rest of each period",
    remedy: "on isolated cores: sysctl -w kernel.sched_rt_runtime_us=-1, and " +
      "the same line in /etc/sysctl.d",
  });
}

function microcode({ cores }: HostFacts): Judgement {
  const revisions = cores.microcode;
  const mixed = revisions.length > 1;
  return judge({
    subject: "microcode",
    severity: mixed ? "warning" : "ok",
    found: revisions.length === 0
      ? "not told"
      : revisions.join(", ") + (cores.virtual ? " (a virtual machine)" : ""),
    wanted: "the same revision on every core",
    why: "cores of different revisions behave and fail differently",
    remedy: "apt install intel-microcode or amd64-microcode, and reboot",
  });
}

function mitigations({ cores: { vulnerabilities } }: HostFacts): Judgement {
  const state = (start: string): string[] =>
    vulnerabilities.filter((one) => one.state.startsWith(start))
      .map(({ name }) => name);
  const open = state("Vulnerable");
  const mitigated = state("Mitigation");
  return judge({
    subject: "mitigations",
    severity: vulnerabilities.length === 0 ? "ok" : "info",
    found: vulnerabilities.length === 0
      ? "not told"
      : `on: ${mitigated.join(", ") || "none"}; open: ${
        open.join(", ") || "none"
      }`,
    wanted: "your choice: on where others run code on this host",
    why: "each makes system calls and interrupts slower; a host that runs " +
      "nothing but the engine may boot with mitigations=off",
    remedy: "",
  });
}
