// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The doctor on memory: huge pages, locks, swap. Pure functions of gathered
 * facts.
 *
 * @module
 */
import { type DoctorSubject, judge, type Judgement } from "./doctor_finding.ts";
import type { HostFacts } from "./host_facts.ts";

/** All of them, in the order of the table. */
export function judgeMemory(
  subject: DoctorSubject,
  facts: HostFacts,
): Judgement[] {
  return [
    hugePages(subject, facts),
    hugePagesOfNode(subject, facts),
    transparentHugePages(facts),
    lockedMemory(subject, facts),
    swap(facts),
    numaBalancing(facts),
  ];
}

/** Huge pages that the appliance maps, all told. */
function pagesNeeded(subject: DoctorSubject, facts: HostFacts): number {
  if (subject.hugePages === "never") return 0;
  const { hugePageBytes } = facts.memory;
  return subject.mappingsBytes.reduce(
    (pages, bytes) => pages + Math.ceil(bytes / hugePageBytes),
    0,
  );
}

function hugePages(subject: DoctorSubject, facts: HostFacts): Judgement {
  const { hugePagesTotal, hugePagesFree, hugePagesReserved, hugePageBytes } =
    facts.memory;
  const held = facts.process.hugePagesHeld;
  const needed = pagesNeeded(subject, facts);
  const free = hugePagesFree - hugePagesReserved;
  const enough = free + held >= needed;
  const total = hugePagesTotal - free - held + needed;
  return judge({
    subject: "huge pages",
    severity: enough
      ? "ok"
      : subject.hugePages === "require"
      ? "error"
      : "warning",
    found: `${free} free of ${hugePagesTotal} (${
      hugePageBytes / 2 ** 20
    } MiB each)${held > 0 ? `, ${held} held by the appliance that runs` : ""}`,
    wanted: `${needed} for the appliance`,
    why: "books and rings on ordinary pages miss the TLB at every turn",
    remedy:
      `sysctl -w vm.nr_hugepages=${total}, and the same line in /etc/sysctl.d`,
  });
}

/** A host can have enough pages, and all of them far away. */
function hugePagesOfNode(
  subject: DoctorSubject,
  facts: HostFacts,
): Judgement {
  const { nodes, nodeOf } = facts.cores;
  const [core] = subject.engineCores;
  const node = core === undefined ? undefined : nodeOf[core] ?? 0;
  const needed = pagesNeeded(subject, facts);
  const free = node === undefined ? 0 : facts.memory.hugePagesFreeOf[node] ?? 0;
  const far = nodes.length > 1 && node !== undefined &&
    free + facts.process.hugePagesHeld < needed;
  return judge({
    subject: "huge pages by node",
    severity: far ? "warning" : "ok",
    found: nodes.length <= 1
      ? "one node: all memory is local"
      : Object.entries(facts.memory.hugePagesFreeOf)
        .map(([name, pages]) => `${pages} free on node ${name}`).join(", "),
    wanted: nodes.length <= 1 || node === undefined
      ? "nothing"
      : `${needed} on node ${node}, where core ${core} is`,
    why: "memory of another node answers half as fast",
    remedy: `echo ${needed} > /sys/devices/system/node/node${node}/hugepages/` +
      "hugepages-2048kB/nr_hugepages",
  });
}

function transparentHugePages(facts: HostFacts): Judgement {
  const found = facts.memory.transparentHugePages;
  return judge({
    subject: "transparent huge pages",
    severity: found === "always" ? "warning" : "ok",
    found: found === "" ? "not in this kernel" : found,
    wanted: "madvise or never",
    why: "the kernel stops threads while it gathers pages for them",
    remedy: "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, and " +
      "transparent_hugepage=madvise at boot",
  });
}

function lockedMemory(subject: DoctorSubject, facts: HostFacts): Judgement {
  const { lockUnlimited, lockLimitBytes } = facts.process;
  const needed = subject.mappingsBytes.reduce((sum, bytes) => sum + bytes, 0);
  return judge({
    subject: "locked memory",
    severity: lockUnlimited || lockLimitBytes >= needed ? "ok" : "warning",
    found: lockUnlimited
      ? "any (CAP_IPC_LOCK)"
      : lockLimitBytes === Infinity
      ? "any"
      : `${lockLimitBytes} bytes (RLIMIT_MEMLOCK)`,
    wanted: `${needed} bytes, or CAP_IPC_LOCK`,
    why: "memory that is not locked may be swapped out",
    remedy: "start as ferrule.service, or with ulimit -l unlimited",
  });
}

function swap({ memory: { swaps, swappiness } }: HostFacts): Judgement {
  return judge({
    subject: "swap",
    severity: swaps > 0 && swappiness > 0 ? "warning" : "ok",
    found: swaps === 0
      ? "none"
      : `${swaps} in use, vm.swappiness = ${swappiness}`,
    wanted: "none, or vm.swappiness = 0",
    why: "V8's memory is not locked; a page that was swapped out costs " +
      "milliseconds",
    remedy: "swapoff -a and its lines out of /etc/fstab, or " +
      "sysctl -w vm.swappiness=0",
  });
}

function numaBalancing({ memory, cores: { nodes } }: HostFacts): Judgement {
  const acts = memory.numaBalancing && nodes.length > 1;
  return judge({
    subject: "NUMA balancing",
    severity: acts ? "warning" : "ok",
    found: memory.numaBalancing ? "on" : "off",
    wanted: nodes.length > 1 ? "off" : "nothing: one node",
    why: "the kernel takes pages away from threads to see who uses them",
    remedy: "sysctl -w kernel.numa_balancing=0, and the same line in " +
      "/etc/sysctl.d",
  });
}
