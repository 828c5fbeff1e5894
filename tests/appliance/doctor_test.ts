// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The doctor: judgement of made-up hosts at their boundaries, and one real
 * examination of this host, whatever it lacks.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  DENO_VERSION,
  doctor,
  DOCTOR_EXIT,
  doctorSubject,
  examine,
  exitCode,
  formatDoctor,
  runtime,
  shims,
} from "../../engine/appliance/doctor.ts";
import {
  type DoctorSubject,
  type Finding,
  SECTIONS,
  type Severity,
} from "../../engine/appliance/doctor_finding.ts";
import type { HostFacts } from "../../engine/appliance/host_facts.ts";
import { type Config, defaultConfig } from "../../engine/config/mod.ts";

const MIB = 2 ** 20;

const SUBJECT: DoctorSubject = {
  mappingsBytes: [98 * MIB, 2 * MIB],
  hugePages: "auto",
  threads: 2,
  pinnedCores: [2, 3],
  engineCores: [2, 3],
  spins: false,
  realTimePriority: 10,
  openFiles: 1024,
  dataDirectory: "/var/lib/ferrule",
  configFile: "/etc/ferrule/ferrule.toml",
  synced: true,
  transport: "io_uring",
  addresses: ["192.0.2.1"],
  dpdk: true,
  dpdkDevice: "",
  peers: [],
};

/** Two nodes of four cores, everything as it shall be, and no more. */
const HOST: HostFacts = {
  cores: {
    online: [0, 1, 2, 3, 4, 5, 6, 7],
    isolated: [2, 3],
    tickless: [2, 3],
    rcuOffloaded: [2, 3],
    nodes: [0, 1],
    nodeOf: { 0: 0, 1: 0, 2: 0, 3: 0, 4: 1, 5: 1, 6: 1, 7: 1 },
    siblings: { 2: [2, 10], 3: [3], 4: [4, 5] },
    governors: ["performance"],
    sleepStates: [
      { core: 2, name: "C1", latencyUs: 10 },
      { core: 4, name: "C6", latencyUs: 133 },
    ],
    interrupts: [{ irq: 24, name: "eth0-rx-0", cores: [0, 1] }],
    irqbalance: false,
    microcode: ["0x21"],
    virtual: false,
    vulnerabilities: [],
  },
  memory: {
    hugePagesTotal: 60,
    hugePagesFree: 52,
    hugePagesReserved: 2,
    hugePageBytes: 2 * MIB,
    hugePagesFreeOf: { 0: 50, 1: 2 },
    transparentHugePages: "madvise",
    swaps: 1,
    swappiness: 0,
    numaBalancing: false,
  },
  kernel: {
    release: "6.1.0-18-amd64",
    clockSource: "tsc",
    realTimeRuntimeUs: 950_000,
    realTimePeriodUs: 1_000_000,
    receiveBufferBytesMax: 4 * MIB,
    sendBufferBytesMax: 4 * MIB,
  },
  process: {
    running: 77,
    allowedCores: [0, 1, 2, 3],
    pinnableCores: [],
    lockLimitBytes: 100 * MIB,
    lockUnlimited: false,
    openFilesMax: 1024,
    realTimeMax: 10,
    realTimeUnlimited: false,
    hugePagesHeld: 0,
  },
  uringError: "",
  uringDisabled: "0",
  dpdkError: "",
  interfaces: [{
    name: "eth0",
    node: 0,
    speedMbps: 10_000,
    rxQueues: 4,
    txQueues: 4,
    steeredTo: [0, 1],
    coalescing: {
      rxUs: 0,
      rxFrames: 1,
      rxAdaptive: false,
      txUs: 50,
      txFrames: 1,
      txAdaptive: true,
    },
  }],
  peers: [{
    role: "peer",
    address: "192.0.2.2",
    port: 9020,
    connectUs: 500,
    error: "",
  }],
  time: { ptpClocks: ["ptp0 (mlx5_ptp)"], daemons: ["ptp4l"] },
  disk: {
    exists: true,
    writable: true,
    mode: 0o750,
    uid: 999,
    spaceBytes: 2 ** 30,
    fileSystem: "ext4",
    sync: { medianUs: 5000, p99Us: 50_000, maxUs: 90_000, error: "" },
  },
  configMode: 0o640,
};

function find(findings: readonly Finding[], subject: string): Finding {
  const found = findings.find((finding) => finding.subject === subject);
  if (found === undefined) throw new Error(`no finding on ${subject}`);
  return found;
}

/** The severity that a changed host or subject gets on one matter. */
function severity(
  subject: string,
  host: Partial<HostFacts>,
  wanted: Partial<DoctorSubject> = {},
): Severity {
  const finding = find(
    examine({ ...SUBJECT, ...wanted }, { ...HOST, ...host }),
    subject,
  );
  // Whoever has something to mend is told how; whoever has not is not.
  if (["ok", "info"].includes(finding.severity)) {
    assertEquals(finding.remedy, "");
  }
  if (finding.severity === "warning" || finding.severity === "error") {
    assertNotEquals(finding.remedy, "", subject);
  }
  return finding.severity;
}

function memory(change: Partial<HostFacts["memory"]>): Partial<HostFacts> {
  return { memory: { ...HOST.memory, ...change } };
}

function cores(change: Partial<HostFacts["cores"]>): Partial<HostFacts> {
  return { cores: { ...HOST.cores, ...change } };
}

function kernel(change: Partial<HostFacts["kernel"]>): Partial<HostFacts> {
  return { kernel: { ...HOST.kernel, ...change } };
}

function process(change: Partial<HostFacts["process"]>): Partial<HostFacts> {
  return { process: { ...HOST.process, ...change } };
}

function disk(change: Partial<HostFacts["disk"]>): Partial<HostFacts> {
  return { disk: { ...HOST.disk, ...change } };
}

function card(
  change: Partial<HostFacts["interfaces"][number]>,
): Partial<HostFacts> {
  return { interfaces: [{ ...HOST.interfaces[0]!, ...change }] };
}

function peer(change: Partial<HostFacts["peers"][number]>): Partial<HostFacts> {
  return { peers: [{ ...HOST.peers[0]!, ...change }] };
}

Deno.test("examine() finds nothing to mend where all limits are just met", () => {
  const findings = examine(SUBJECT, HOST);
  for (const { subject, severity } of findings) {
    assertEquals(severity, "ok", subject);
  }
  assertEquals(exitCode(findings), 0);
});

Deno.test("examine() warns one huge page below the need, and refuses where they are required", () => {
  assertEquals(
    severity("huge pages", memory({ hugePagesFree: 51 })),
    "warning",
  );
  assertEquals(
    severity("huge pages", memory({ hugePagesReserved: 3 })),
    "warning",
  );
  assertEquals(
    severity("huge pages", memory({ hugePagesFree: 51 }), {
      hugePages: "require",
    }),
    "error",
  );
  assertEquals(
    severity("huge pages", memory({ hugePagesFree: 0, hugePagesReserved: 0 }), {
      hugePages: "never",
    }),
    "ok",
  );
  assertEquals(
    severity("huge pages", {}, { mappingsBytes: [98 * MIB, 1, 1] }),
    "warning",
  );
});

Deno.test("examine() names the number of huge pages that would be enough", () => {
  // 60 pages, 10 of them used or promised, 50 needed of ours, 20 free.
  const findings = examine(SUBJECT, {
    ...HOST,
    ...memory({ hugePagesFree: 22, hugePagesReserved: 2 }),
  });
  assertStringIncludes(
    find(findings, "huge pages").remedy,
    "vm.nr_hugepages=90,",
  );
});

Deno.test("examine() counts the huge pages that a running appliance holds", () => {
  const free = memory({ hugePagesFree: 22, hugePagesReserved: 2 });
  assertEquals(
    severity("huge pages", { ...free, ...process({ hugePagesHeld: 30 }) }),
    "ok",
  );
  assertEquals(
    severity("huge pages", { ...free, ...process({ hugePagesHeld: 29 }) }),
    "warning",
  );
});

Deno.test("examine() wants huge pages on the node of the engine's cores", () => {
  const spread = (zero: number, one: number) =>
    memory({ hugePagesFreeOf: { 0: zero, 1: one } });
  const name = "huge pages by node";
  assertEquals(severity(name, spread(49, 3)), "warning");
  assertEquals(severity(name, spread(2, 50)), "warning");
  assertEquals(severity(name, spread(2, 50), { engineCores: [4] }), "ok");
  assertEquals(severity(name, spread(2, 50), { engineCores: [] }), "ok");
  assertEquals(
    severity(name, { ...spread(0, 0), ...cores({ nodes: [0] }) }),
    "ok",
  );
});

Deno.test("examine() judges the limit of locked memory", () => {
  const name = "locked memory";
  assertEquals(
    severity(name, process({ lockLimitBytes: 100 * MIB - 1 })),
    "warning",
  );
  assertEquals(
    severity(name, process({ lockLimitBytes: 0, lockUnlimited: true })),
    "ok",
  );
  assertEquals(severity(name, process({ lockLimitBytes: Infinity })), "ok");
});

Deno.test("examine() judges swap and NUMA balancing where they do harm", () => {
  assertEquals(severity("swap", memory({ swappiness: 1 })), "warning");
  assertEquals(severity("swap", memory({ swappiness: 60, swaps: 0 })), "ok");
  const on = memory({ numaBalancing: true });
  assertEquals(severity("NUMA balancing", on), "warning");
  assertEquals(
    severity("NUMA balancing", { ...on, ...cores({ nodes: [0] }) }),
    "ok",
  );
});

Deno.test("examine() refuses pinning to cores that are not allowed", () => {
  assertEquals(
    severity("cores", process({ allowedCores: [0, 1, 2] })),
    "error",
  );
  assertEquals(severity("cores", {}, { pinnedCores: [4] }), "error");
  // CPUAffinity= is for threads that are not pinned.
  assertEquals(
    severity(
      "cores",
      process({ allowedCores: [0, 1, 2], pinnableCores: [0, 1, 2, 3] }),
    ),
    "ok",
  );
});

Deno.test("examine() tells of too few cores for the threads", () => {
  assertEquals(severity("cores", {}, { threads: 3 }), "ok");
  assertEquals(severity("cores", {}, { threads: 4 }), "info");
  // The main thread needs one that no real-time thread has.
  const two = process({ allowedCores: [2, 3] });
  assertEquals(severity("cores", two), "error");
  assertEquals(severity("cores", two, { realTimePriority: 0 }), "info");
});

Deno.test("examine() wants the engine's cores isolated, tickless, without callbacks, and no others", () => {
  for (
    const [subject, fact] of [
      ["isolated cores", "isolated"],
      ["tickless cores", "tickless"],
      ["RCU callbacks", "rcuOffloaded"],
    ] as const
  ) {
    assertEquals(severity(subject, cores({ [fact]: [2] })), "warning");
    assertEquals(severity(subject, cores({ [fact]: [1, 2, 3] })), "ok");
    assertEquals(
      severity(subject, cores({ [fact]: [] }), { engineCores: [] }),
      "info",
    );
    const finding = find(
      examine(SUBJECT, { ...HOST, ...cores({ [fact]: [] }) }),
      subject,
    );
    assertStringIncludes(
      finding.remedy,
      "isolcpus=managed_irq,domain,2-3 nohz_full=2-3 rcu_nocbs=2-3",
    );
  }
});

Deno.test("examine() wants interrupts and irqbalance away from the engine's cores", () => {
  const on = (...list: number[]) =>
    cores({ interrupts: [{ irq: 24, name: "eth0", cores: list }] });
  assertEquals(severity("interrupt affinity", on(0, 3)), "warning");
  assertEquals(severity("interrupt affinity", on(4)), "ok");
  assertEquals(
    severity("interrupt affinity", on(3), { engineCores: [] }),
    "info",
  );
  const { remedy } = find(
    examine(SUBJECT, { ...HOST, ...on(3) }),
    "interrupt affinity",
  );
  assertStringIncludes(remedy, "irqaffinity=0-1,4-7");
  assertStringIncludes(remedy, "for i in 24; do echo 0-1,4-7 >");
  const irqbalance = true;
  assertEquals(severity("irqbalance", cores({ irqbalance })), "info");
  assertEquals(
    severity("irqbalance", cores({ irqbalance, isolated: [], tickless: [3] })),
    "warning",
  );
});

Deno.test("examine() gives no boot line that leaves the kernel no core", () => {
  const all = { engineCores: [...HOST.cores.online] };
  const interrupts = [{ irq: 24, name: "eth0", cores: [3] }];
  const findings = examine({ ...SUBJECT, ...all }, {
    ...HOST,
    ...cores({ isolated: [], interrupts }),
  });
  for (const name of ["isolated cores", "interrupt affinity"]) {
    assertStringIncludes(find(findings, name).remedy, "fewer [topology] cores");
  }
});

Deno.test("examine() wants no sibling online beside the engine's cores", () => {
  const name = "sibling threads";
  assertEquals(severity(name, {}, { engineCores: [2, 4] }), "warning");
  assertEquals(
    severity(name, cores({ online: [0, 1, 2, 3, 10] })),
    "warning",
  );
  assertEquals(severity(name, {}, { engineCores: [] }), "info");
});

Deno.test("examine() warns of cores on several nodes, and names them", () => {
  const wanted = { engineCores: [2, 3, 4] };
  assertEquals(severity("NUMA nodes", {}, wanted), "warning");
  const { found } = find(
    examine({ ...SUBJECT, ...wanted }, HOST),
    "NUMA nodes",
  );
  assertEquals(found, "2-3 on node 0, 4 on node 1");
  const one = cores({ nodes: [0], nodeOf: {} });
  assertEquals(severity("NUMA nodes", one, wanted), "ok");
});

Deno.test("examine() judges how the engine's cores sleep", () => {
  const deep = cores({
    sleepStates: [{ core: 3, name: "C6", latencyUs: 11 }],
  });
  assertEquals(severity("C-states", deep), "warning");
  assertEquals(severity("C-states", deep, { spins: true }), "info");
  assertEquals(severity("C-states", deep, { engineCores: [2] }), "ok");
});

Deno.test("examine() judges real-time priority by the right to it and by the cores", () => {
  const name = "real-time priority";
  assertEquals(severity(name, process({ realTimeMax: 9 })), "error");
  assertEquals(
    severity(name, process({ realTimeMax: 0, realTimeUnlimited: true })),
    "ok",
  );
  assertEquals(severity(name, cores({ isolated: [2] })), "warning");
  assertEquals(
    severity(name, {
      ...process({ realTimeMax: 0 }),
      ...cores({ isolated: [] }),
    }, {
      realTimePriority: 0,
    }),
    "ok",
  );
  const { remedy } = find(
    examine(SUBJECT, { ...HOST, ...process({ realTimeMax: 0 }) }),
    name,
  );
  assertStringIncludes(remedy, "LimitRTPRIO=10");
});

Deno.test("examine() knows which kernels stop real-time threads that spin", () => {
  const name = "real-time limit";
  const spins = { spins: true };
  for (
    const [release, expected] of [
      ["5.10.0", "warning"],
      ["6.11.9-amd64", "warning"],
      ["6.12.0", "info"],
      ["7.0.0", "info"],
    ] as const
  ) {
    assertEquals(severity(name, kernel({ release }), spins), expected);
    assertEquals(severity(name, kernel({ release })), "ok");
  }
  for (const realTimeRuntimeUs of [-1, 1_000_000, NaN]) {
    assertEquals(severity(name, kernel({ realTimeRuntimeUs }), spins), "ok");
  }
  assertEquals(severity(name, {}, { ...spins, realTimePriority: 0 }), "ok");
});

Deno.test("examine() tells of microcode and mitigations", () => {
  const mixed = ["0x21", "0x22"];
  assertEquals(severity("microcode", cores({ microcode: mixed })), "warning");
  assertEquals(severity("microcode", cores({ microcode: [] })), "ok");
  const vulnerabilities = [
    { name: "meltdown", state: "Not affected" },
    { name: "mds", state: "Vulnerable: no microcode" },
    { name: "spectre_v2", state: "Mitigation: Retpolines" },
  ];
  assertEquals(severity("mitigations", cores({ vulnerabilities })), "info");
  const { found } = find(
    examine(SUBJECT, { ...HOST, ...cores({ vulnerabilities }) }),
    "mitigations",
  );
  assertEquals(found, "on: spectre_v2; open: mds");
});

Deno.test("examine() judges each network card", () => {
  assertEquals(
    severity("queues of eth0", card({ steeredTo: [1, 2] })),
    "warning",
  );
  const coalescing = HOST.interfaces[0]!.coalescing!;
  for (
    const [change, expected] of [
      [{ rxUs: 1 }, "warning"],
      [{ rxAdaptive: true }, "warning"],
      [{ txUs: 1000 }, "ok"],
    ] as const
  ) {
    assertEquals(
      severity(
        "coalescing of eth0",
        card({ coalescing: { ...coalescing, ...change } }),
      ),
      expected,
    );
  }
  assertEquals(
    severity("coalescing of eth0", card({ coalescing: undefined })),
    "ok",
  );
  assertEquals(severity("node of eth0", card({ node: 1 })), "warning");
  assertEquals(severity("node of eth0", card({ node: -1 })), "ok");
  assertEquals(severity("network card", { interfaces: [] }), "info");
  const low = { receiveBufferBytesMax: 4 * MIB - 1 };
  assertEquals(severity("socket buffers", kernel(low)), "warning");
  const sendLow = { sendBufferBytesMax: 4 * MIB - 1 };
  assertEquals(severity("socket buffers", kernel(sendLow)), "warning");
});

Deno.test("examine() judges how far each peer is, and whether it is there", () => {
  const name = "peer 192.0.2.2:9020";
  assertEquals(severity(name, peer({ connectUs: 501 })), "warning");
  const gone = peer({ connectUs: NaN, error: "ECONNREFUSED" });
  assertEquals(severity(name, gone), "warning");
});

Deno.test("examine() judges files that hold what is not for others", () => {
  assertEquals(severity("permissions", disk({ mode: 0o751 })), "warning");
  assertEquals(
    severity("permissions", disk({ mode: 0o755, exists: false })),
    "ok",
  );
  assertEquals(severity("configuration", { configMode: 0o644 }), "warning");
  assertEquals(severity("configuration", { configMode: undefined }), "ok");
});

Deno.test("examine() judges the file system below the journal", () => {
  const name = "file system";
  assertEquals(severity(name, disk({ fileSystem: "tmpfs" })), "warning");
  assertEquals(
    severity(name, disk({ fileSystem: "tmpfs" }), { synced: false }),
    "ok",
  );
  assertEquals(severity(name, disk({ fileSystem: "nfs4" })), "warning");
  assertEquals(severity(name, disk({ fileSystem: "" })), "ok");
});

Deno.test("examine() judges limits, and says whose they are", () => {
  assertEquals(
    severity("open files", process({ openFilesMax: 1023 })),
    "warning",
  );
  assertEquals(
    severity("open files", process({ openFilesMax: Infinity })),
    "ok",
  );
  assertEquals(severity("process", process({ running: 0 })), "info");
});

Deno.test("examine() tells who keeps the clock", () => {
  const time = { ptpClocks: [], daemons: [] };
  assertEquals(severity("clock keeping", { time }), "info");
});

Deno.test("examine() tells a forbidden io_uring from a missing one", () => {
  const forbidden = { uringError: "EPERM", uringDisabled: "2" };
  const missing = { uringError: "ENOSYS", uringDisabled: "" };
  assertEquals(severity("io_uring", forbidden), "error");
  assertEquals(severity("io_uring", missing), "error");
  const remedy = (host: Partial<HostFacts>) =>
    find(examine(SUBJECT, { ...HOST, ...host }), "io_uring").remedy;
  assertStringIncludes(remedy(forbidden), "kernel.io_uring_disabled=0");
  assertStringIncludes(remedy(missing), "seccomp");
  assertStringIncludes(remedy(missing), 'kind = "auto"');
});

Deno.test("examine() needs io_uring only where it is configured by name", () => {
  const host = { uringError: "EPERM", uringDisabled: "2" };
  for (
    const [transport, expected] of [
      ["io_uring", "error"],
      ["auto", "warning"],
      ["plain", "info"],
    ] as const
  ) {
    assertEquals(severity("io_uring", host, { transport }), expected);
    assertEquals(severity("io_uring", {}, { transport }), "ok");
  }
});

Deno.test("examine() wants DPDK only where a port uses it", () => {
  const host = { dpdkError: "no such library" };
  assertEquals(severity("DPDK", host), "error");
  assertEquals(severity("DPDK", host, { dpdk: false }), "info");
});

Deno.test("examine() judges governor, transparent huge pages and clock source", () => {
  const governors = ["performance", "powersave"];
  assertEquals(severity("governor", cores({ governors })), "warning");
  assertEquals(severity("governor", cores({ governors: [] })), "ok");
  for (
    const [transparentHugePages, expected] of [
      ["always", "warning"],
      ["never", "ok"],
      ["", "ok"],
    ] as const
  ) {
    assertEquals(
      severity("transparent huge pages", memory({ transparentHugePages })),
      expected,
    );
  }
  for (
    const [clockSource, expected] of [
      ["hpet", "warning"],
      ["", "warning"],
      ["kvm-clock", "ok"],
    ] as const
  ) {
    assertEquals(severity("clock source", kernel({ clockSource })), expected);
  }
});

Deno.test("examine() judges the data directory and its disk", () => {
  const name = "data directory";
  assertEquals(severity(name, disk({ exists: false })), "info");
  const refused = disk({ writable: false });
  assertEquals(severity(name, refused), "ok");
  assertEquals(
    severity(name, { ...refused, ...process({ running: 0 }) }),
    "error",
  );
  assertEquals(severity(name, disk({ spaceBytes: 2 ** 30 - 1 })), "warning");
  const sync = HOST.disk.sync!;
  const slow = disk({ sync: { ...sync, medianUs: 5001 } });
  assertEquals(severity("fdatasync", slow), "warning");
  assertEquals(severity("fdatasync", slow, { synced: false }), "ok");
  assertEquals(
    severity("fdatasync", disk({ sync: { ...sync, error: "EACCES" } })),
    "warning",
  );
  const { sync: _, ...unmeasured } = HOST.disk;
  assertEquals(severity("fdatasync", { disk: unmeasured }), "info");
});

Deno.test("exitCode() tells of the worst finding", () => {
  const finding: Finding = { section: "program", ...runtime(DENO_VERSION) };
  for (
    const [severity, expected] of [
      ["ok", DOCTOR_EXIT.FINE],
      ["info", DOCTOR_EXIT.FINE],
      ["warning", DOCTOR_EXIT.WARNINGS],
      ["error", DOCTOR_EXIT.ERRORS],
    ] as const
  ) {
    const findings = [finding, { ...finding, severity }, finding];
    assertEquals(exitCode(findings), expected);
  }
  const worst = (["error", "warning"] as const).map((severity) => ({
    ...finding,
    severity,
  }));
  assertEquals(exitCode(worst), DOCTOR_EXIT.ERRORS);
  assertEquals(exitCode([]), DOCTOR_EXIT.FINE);
});

Deno.test("formatDoctor() has a section after the other, and the remedy under what is wrong", () => {
  const text = formatDoctor([
    { section: "disk", ...shims("gone") },
    { section: "program", ...runtime("1.0.0") },
    { section: "program", ...runtime(DENO_VERSION) },
  ]);
  const lines = text.trimEnd().split("\n");
  assertEquals(lines[0], "PROGRAM");
  assert(lines[1]!.startsWith("  WARNING  Deno "), text);
  assertStringIncludes(lines[4]!, "mend:   start with make run");
  assert(lines[5]!.startsWith("  ok "), text);
  assertEquals(lines.slice(6, 8), ["", "DISK"]);
  assert(lines[8]!.startsWith("  ERROR "), text);
  assertStringIncludes(lines[11]!, "mend:   run make -C native");
  assertEquals(lines.at(-1), "1 ok, 0 to know, 1 warnings, 1 errors");
});

Deno.test("runtime() wants the version that the project pins", async () => {
  const pinned = JSON.parse(
    await Deno.readTextFile(
      new URL("../../.deno/package.json", import.meta.url),
    ),
  ) as {
    dependencies: Record<string, string>;
  };
  assertEquals(pinned.dependencies["@deno/linux-x64-glibc"], DENO_VERSION);
});

Deno.test("doctorSubject() asks for what the configuration maps and pins", () => {
  const config = defaultConfig();
  const subject = doctorSubject(config);
  assertEquals(subject.threads, 1);
  assertEquals(subject.pinnedCores, []);
  assertEquals(subject.dataDirectory, config.appliance.dataDirectory);
  assert(subject.synced);
  assert(!subject.dpdk);
  const bytes = (changed: Partial<Config["capacity"]>): number =>
    doctorSubject({
      ...config,
      capacity: { ...config.capacity, ...changed },
    }).mappingsBytes.reduce((sum, mapping) => sum + mapping, 0);
  const { orders, connections, journalRing } = config.capacity;
  assert(bytes({ orders: orders * 2 }) > bytes({}));
  assert(bytes({ connections: connections * 2 }) > bytes({}));
  assert(bytes({ journalRing: journalRing * 2 }) > bytes({}));
  const pinned = doctorSubject({
    ...config,
    topology: { ...config.topology, mode: "pinned", cores: [2, 3, 2] },
  });
  assertEquals(pinned.threads, 3);
  assertEquals(pinned.pinnedCores, [2, 3]);
  const { snapshot } = config;
  const without = doctorSubject({
    ...config,
    snapshot: { ...snapshot, enabled: false },
  });
  assertEquals(
    subject.mappingsBytes.length,
    without.mappingsBytes.length + 2,
    "the keeper's memory",
  );
  const { pinnedCores } = doctorSubject({
    ...config,
    snapshot: { ...snapshot, core: 5 },
  });
  assertEquals(pinnedCores, [5]);
});

Deno.test("doctorSubject() knows the peers and the addresses of clients", () => {
  const config = defaultConfig();
  assertEquals(doctorSubject(config).peers, []);
  const subject = doctorSubject({
    ...config,
    binary: { ...config.binary, address: "192.0.2.1" },
    replication: {
      ...config.replication,
      role: "auto",
      peers: ["192.0.2.2:9020"],
      leaseServers: ["192.0.2.3:4222"],
    },
  });
  assertEquals(subject.peers, [
    { role: "peer", address: "192.0.2.2", port: 9020 },
    { role: "lease server", address: "192.0.2.3", port: 4222 },
  ]);
  assertEquals(subject.addresses, ["127.0.0.1", "192.0.2.1"]);
});

Deno.test("doctor() examines everything on this host", () => {
  const config = defaultConfig();
  const findings = doctor({
    ...config,
    appliance: { ...config.appliance, dataDirectory: "/nonexistent" },
    binary: { ...config.binary, address: "0.0.0.0" },
  });
  assertEquals(
    [...new Set(findings.map(({ section }) => section))],
    SECTIONS.filter((section) => section !== "peers"),
  );
  const subjects = findings.map(({ subject }) => subject);
  assertEquals(new Set(subjects).size, subjects.length);
  for (const finding of findings) {
    for (const text of [finding.found, finding.wanted, finding.why]) {
      assertNotEquals(text, "", finding.subject);
      assert(!/undefined|NaN/.test(text), `${finding.subject}: ${text}`);
    }
  }
  assertEquals(find(findings, "Deno").severity, "ok");
  assertEquals(find(findings, "shims").severity, "ok");
  assertStringIncludes(find(findings, "data directory").found, "not there yet");
});
