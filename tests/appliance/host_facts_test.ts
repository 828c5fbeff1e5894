// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the doctor reads: a made-up host's files, word by word; this host's;
 * and an appliance that really runs.
 *
 * @module
 */
import { parse } from "@std/yaml";
import {
  assert,
  assertEquals,
  assertGreater,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { fileSystemOf, timeDisk } from "../../engine/appliance/disk_facts.ts";
import {
  doctorSubject,
  examine,
  exitCode,
} from "../../engine/appliance/doctor.ts";
import type {
  DoctorSubject,
  Finding,
} from "../../engine/appliance/doctor_finding.ts";
import {
  type HostFacts,
  hostFacts,
  type HostProbes,
  shimsError,
} from "../../engine/appliance/host_facts.ts";
import {
  bootWord,
  coresText,
  HostReader,
  parseChoice,
  parseCores,
  parseMask,
} from "../../engine/appliance/host_reader.ts";
import { defaultConfig, loadConfig } from "../../engine/config/mod.ts";
import { startAppliance } from "./harness.ts";
import { madeUpHost, type Tree } from "./made_up_host.ts";

const ROOT = new URL("../..", import.meta.url);
const CPU = "sys/devices/system/cpu";
const NODE = "sys/devices/system/node";
const HUGE = "hugepages/hugepages-2048kB";

/** Of a made-up host: everything works. */
const PROBES: HostProbes = {
  interfaceOf: (address) => address === "192.0.2.1" ? "eth0" : "lo",
  coalescingOf: (name) => {
    if (name !== "eth0") throw new Error(name);
    return {
      rxUs: 0,
      rxFrames: 0,
      rxAdaptive: false,
      txUs: 0,
      txFrames: 0,
      txAdaptive: false,
    };
  },
  connectUs: (_, port) => {
    if (port === 4222) throw new Error("ECONNREFUSED");
    return port / 100;
  },
  uringError: () => "",
  dpdkError: () => "",
};

/** A host as it shall be: four cores, one node, cores 2 and 3 the engine's. */
const GOOD: Tree = {
  "proc/cmdline":
    "ro quiet isolcpus=managed_irq,domain,2-3 nohz_full=2-3 rcu_nocbs=2-3\n",
  [`${CPU}/online`]: "0-3\n",
  [`${CPU}/isolated`]: "2-3\n",
  [`${CPU}/nohz_full`]: "2-3\n",
  [`${CPU}/cpu2/cpufreq/scaling_governor`]: "performance\n",
  [`${CPU}/cpu2/topology/thread_siblings_list`]: "2\n",
  [`${CPU}/cpu2/cpuidle/state0/name`]: "POLL\n",
  [`${CPU}/cpu2/cpuidle/state0/latency`]: "0\n",
  [`${CPU}/cpu2/cpuidle/state0/disable`]: "0\n",
  [`${CPU}/cpu2/cpuidle/state1/name`]: "C6\n",
  [`${CPU}/cpu2/cpuidle/state1/latency`]: "133\n",
  [`${CPU}/cpu2/cpuidle/state1/disable`]: "1\n",
  [`${CPU}/vulnerabilities/mds`]: "Not affected\n",
  [`${NODE}/online`]: "0\n",
  [`${NODE}/node0/cpulist`]: "0-3\n",
  [`${NODE}/node0/${HUGE}/free_hugepages`]: "2000\n",
  [`sys/kernel/mm/${HUGE}/nr_hugepages`]: "2048\n",
  [`sys/kernel/mm/${HUGE}/free_hugepages`]: "2000\n",
  [`sys/kernel/mm/${HUGE}/resv_hugepages`]: "0\n",
  "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
  "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
  "sys/class/ptp/ptp0/clock_name": "mlx5_ptp\n",
  "sys/class/net/eth0/device/numa_node": "0\n",
  "sys/class/net/eth0/speed": "25000\n",
  "sys/class/net/eth0/queues/rx-0/rps_cpus": "0\n",
  "sys/class/net/eth0/queues/rx-1/rps_cpus": "3\n",
  "sys/class/net/eth0/queues/tx-0/xps_cpus": "0\n",
  "proc/interrupts": "      CPU0 CPU1 CPU2 CPU3\n" +
    " 24:  9 9 0 0  PCI-MSI 1-edge  eth0-rx-0\n LOC: 9 9 9 9 Local timer\n",
  "proc/irq/24/effective_affinity_list": "0\n",
  "proc/irq/24/smp_affinity_list": "0-3\n",
  "proc/cpuinfo": "microcode\t: 0x21\nflags\t\t: fpu tsc\n" +
    "microcode\t: 0x21\nflags\t\t: fpu tsc\n",
  "proc/swaps":
    "Filename Type Size Used Priority\n/dev/sda2 partition 9 0 -2\n",
  "proc/sys/vm/swappiness": "0\n",
  "proc/sys/kernel/numa_balancing": "0\n",
  "proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
  "proc/sys/kernel/sched_rt_runtime_us": "-1\n",
  "proc/sys/kernel/sched_rt_period_us": "1000000\n",
  "proc/sys/kernel/io_uring_disabled": "0\n",
  "proc/sys/net/core/rmem_max": "134217728\n",
  "proc/sys/net/core/wmem_max": "134217728\n",
  "proc/self/mountinfo":
    "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 22 8:2 / /data rw - xfs /dev/sdb rw\n",
  "proc/self/status": "Name:\tdeno\nCapEff:\t0000000000804000\n" +
    "Cpus_allowed_list:\t0-3\nHugetlbPages:\t       0 kB\n",
  "proc/self/limits": "Limit  Soft  Hard  Units\n" +
    "Max open files            65536                65536                files     \n" +
    "Max locked memory         unlimited            unlimited            bytes     \n" +
    "Max realtime priority     0                    0                    \n",
  "proc/501/comm": "ptp4l\n",
  "etc/ferrule.toml": "\n",
};

/** The same host, as it is delivered: what the engine fears. */
const BAD: Tree = {
  ...GOOD,
  "proc/cmdline": "ro quiet\n",
  [`${CPU}/isolated`]: "\n",
  [`${CPU}/nohz_full`]: "(null)\n",
  [`${CPU}/cpu2/cpufreq/scaling_governor`]: "powersave\n",
  [`${CPU}/cpu2/topology/thread_siblings_list`]: "0,2\n",
  [`${CPU}/cpu2/cpuidle/state1/disable`]: "0\n",
  [`sys/kernel/mm/${HUGE}/free_hugepages`]: "0\n",
  "sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n",
  "sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n",
  "sys/class/net/eth0/queues/rx-1/rps_cpus": "0000000f\n",
  "proc/irq/24/effective_affinity_list": "2\n",
  "proc/sys/vm/swappiness": "60\n",
  "proc/sys/kernel/sched_rt_runtime_us": "950000\n",
  "proc/sys/net/core/rmem_max": "212992\n",
  "proc/self/status": "CapEff:\t0000000000000000\nCpus_allowed_list:\t0-3\n",
  "proc/self/limits": "Max open files            100      100      files\n" +
    "Max locked memory         8388608  8388608  bytes\n" +
    "Max realtime priority     0        0        \n",
  "proc/501/comm": "irqbalance\n",
};

/** An appliance with cores 2 and 3, real-time. */
function subjectOf(change: Partial<DoctorSubject> = {}): DoctorSubject {
  const config = loadConfig(
    '[topology]\nmode = "pinned"\ncores = [2, 3, 1]\nreal_time_priority = 5\n',
    "test.toml",
  );
  return {
    ...doctorSubject(config, "/etc/ferrule.toml"),
    threads: 2,
    pinnedCores: [2, 3],
    engineCores: [2, 3],
    addresses: ["192.0.2.1"],
    dataDirectory: "/data",
    ...change,
  };
}

/** Reads a made-up host, with a data folder of its own. */
async function read(
  tree: Tree,
  subject: DoctorSubject = subjectOf(),
): Promise<HostFacts> {
  await using host = await madeUpHost({ ...tree, "data/file": "" });
  await Deno.chmod(`${host.root}/data`, 0o750);
  await Deno.chmod(`${host.root}/etc/ferrule.toml`, 0o640);
  return hostFacts(subject, {
    root: host.root,
    probes: PROBES,
    askPeers: true,
    measureDisk: true,
  });
}

/** Subjects of findings that there is something to mend of. */
function bad(findings: readonly Finding[]): string[] {
  return findings.filter(({ severity }) =>
    severity === "warning" || severity === "error"
  ).map(({ subject }) => subject);
}

Deno.test("hostFacts() reads a good host, and the doctor has nothing to mend", async () => {
  const facts = await read(GOOD);
  assertEquals(facts.cores, {
    online: [0, 1, 2, 3],
    isolated: [2, 3],
    tickless: [2, 3],
    rcuOffloaded: [2, 3],
    nodes: [0],
    nodeOf: { 0: 0, 1: 0, 2: 0, 3: 0 },
    siblings: { 0: [], 1: [], 2: [2], 3: [] },
    governors: ["performance"],
    sleepStates: [],
    interrupts: [{ irq: 24, name: "eth0-rx-0", cores: [0] }],
    irqbalance: false,
    microcode: ["0x21"],
    virtual: false,
    vulnerabilities: [{ name: "mds", state: "Not affected" }],
  });
  assertEquals(facts.memory.hugePagesFreeOf, { 0: 2000 });
  assertEquals(facts.memory.swaps, 1);
  assertEquals(facts.process, {
    running: 0,
    allowedCores: [0, 1, 2, 3],
    lockLimitBytes: Infinity,
    lockUnlimited: true,
    openFilesMax: 65536,
    realTimeMax: 0,
    realTimeUnlimited: true,
    hugePagesHeld: 0,
  });
  const [card] = facts.interfaces;
  assertEquals(card!.rxQueues, 2);
  assertEquals(card!.txQueues, 1);
  assertEquals(card!.speedMbps, 25_000);
  assertEquals(card!.steeredTo, [0, 1]);
  assertEquals(facts.time, {
    ptpClocks: ["ptp0 (mlx5_ptp)"],
    daemons: ["ptp4l"],
  });
  const { sync, spaceBytes, ...disk } = facts.disk;
  assertEquals(disk, {
    exists: true,
    writable: true,
    mode: 0o750,
    uid: Deno.uid()!,
    fileSystem: "xfs",
  });
  assertEquals(sync!.error, "");
  assertGreater(spaceBytes, 0);
  const findings = examine(subjectOf({ synced: false }), facts);
  assertEquals(bad(findings), []);
  assertEquals(exitCode(findings), 0);
});

Deno.test("the doctor finds on a bad host all that is bad, and nothing else", async () => {
  const subject = subjectOf({ spins: true, synced: false });
  const findings = examine(subject, await read(BAD, subject));
  assertEquals(bad(findings), [
    "isolated cores",
    "tickless cores",
    "RCU callbacks",
    "interrupt affinity",
    "irqbalance",
    "sibling threads",
    "governor",
    "real-time priority",
    "real-time limit",
    "huge pages",
    "transparent huge pages",
    "locked memory",
    "swap",
    "socket buffers",
    "queues of eth0",
    "clock source",
    "open files",
  ]);
  assertEquals(exitCode(findings), 2);
  assertEquals(
    findings.find(({ subject }) => subject === "C-states")!.found,
    "C6: up to 133 us to wake",
  );
});

Deno.test("hostFacts() of a host that tells nothing is no crash, and no good host", async () => {
  const facts = await read({ "etc/ferrule.toml": "" });
  const findings = examine(subjectOf(), facts);
  assert(bad(findings).includes("huge pages"));
  assert(bad(findings).includes("cores"));
  for (const { subject, found } of findings) {
    assert(!found.includes("undefined"), `${subject}: ${found}`);
  }
});

Deno.test("hostFacts() judges the appliance that holds the data folder, not who asks", async () => {
  await using host = await madeUpHost({ ...BAD, "data/file": "" });
  const { ino } = await Deno.stat(`${host.root}/data`);
  await host.write({
    "proc/locks": "1: POSIX  ADVISORY  WRITE 8 fe:00:1 0 EOF\n" +
      `2: FLOCK  ADVISORY  WRITE 77 fe:00:${ino} 0 EOF\n`,
    "proc/77/status": "CapEff:\t0000000000004000\n" +
      "Cpus_allowed_list:\t2-3\nHugetlbPages:\t  204800 kB\n",
    "proc/77/limits": "Max open files            4096  4096  files\n" +
      "Max locked memory         0  0  bytes\n" +
      "Max realtime priority     5  5  \n",
  });
  const { process } = hostFacts(subjectOf(), {
    root: host.root,
    probes: PROBES,
  });
  assertEquals(process, {
    running: 77,
    allowedCores: [2, 3],
    lockLimitBytes: 0,
    lockUnlimited: true,
    openFilesMax: 4096,
    realTimeMax: 5,
    realTimeUnlimited: false,
    hugePagesHeld: 100,
  });
});

Deno.test("hostFacts() finds cards by address, by DPDK interface and by PCI address", async () => {
  const pci = "0000:3b:00.1";
  const tree: Tree = {
    ...GOOD,
    "sys/class/net/lo/speed": "",
    "sys/class/net/br0/speed": "-1\n",
    "sys/class/net/eth1/device/numa_node": "1\n",
    [`sys/bus/pci/devices/${pci}/numa_node`]: "1\n",
  };
  const names = async (change: Partial<DoctorSubject>): Promise<string[]> =>
    (await read(tree, subjectOf(change))).interfaces.map(({ name }) => name);
  assertEquals(await names({ addresses: ["127.0.0.1"] }), []);
  // A bridge has no hardware of its own.
  assertEquals(await names({ addresses: ["0.0.0.0"] }), ["eth0", "eth1"]);
  const device = "net_af_packet0,iface=eth1,blocksz=4096";
  assertEquals(await names({ dpdkDevice: device }), ["eth0", "eth1"]);
  assertEquals(await names({ dpdkDevice: pci }), ["eth0", pci]);
  assertEquals(await names({ dpdkDevice: "net_ring0" }), ["eth0"]);
});

Deno.test("hostFacts() asks each peer, and keeps why one does not answer", async () => {
  const peers = [
    { role: "peer", address: "192.0.2.2", port: 9020 },
    { role: "lease server", address: "192.0.2.3", port: 4222 },
  ];
  const facts = await read(GOOD, subjectOf({ peers }));
  assertEquals(facts.peers, [
    { ...peers[0]!, connectUs: 90.2, error: "" },
    { ...peers[1]!, connectUs: NaN, error: "ECONNREFUSED" },
  ]);
});

Deno.test("what the roles set is what the doctor wants", async () => {
  const roles = new URL("ansible/roles/", ROOT);
  const defaults: Record<string, unknown> = {};
  for (const role of ["hugepages", "power", "sysctl", "doctor"]) {
    const path = new URL(`ferrule_${role}/defaults/main.yml`, roles);
    Object.assign(defaults, parse(await Deno.readTextFile(path)));
  }
  const rendered = async (role: string, path: string): Promise<string> =>
    (await Deno.readTextFile(
      new URL(`ferrule_${role}/templates/etc/${path}`, roles),
    )).replace(/\{\{ (\w+) \}\}/g, (_, name) => String(defaults[name]));
  const tree: Record<string, string> = { ...BAD };
  const settings = defaults["ferrule_sysctl_settings"] as {
    readonly name: string;
    readonly value: string;
  }[];
  for (const { name, value } of settings) {
    tree[`proc/sys/${name.replaceAll(".", "/")}`] = `${value}\n`;
  }
  const pages = defaults["ferrule_hugepages_count"];
  for (const file of ["nr_hugepages", "free_hugepages"]) {
    tree[`sys/kernel/mm/${HUGE}/${file}`] = `${pages}\n`;
  }
  const tmpfiles =
    await rendered("hugepages", "tmpfiles.d/90-ferrule-hugepages.conf.j2") +
    await rendered("power", "tmpfiles.d/93-ferrule-power.conf.j2");
  for (const [, path, value] of tmpfiles.matchAll(/^w (\S+) .* (\S+)$/gm)) {
    if (path!.includes("{")) continue;
    tree[path!.slice(1).replace("cpu*", "cpu2")] = path!.endsWith("/enabled")
      ? `always [${value}] never\n`
      : `${value}\n`;
  }
  // The configuration is the role's too: nothing pinned, no real-time priority.
  const subject = { ...doctorSubject(defaultConfig()), dataDirectory: "/data" };
  const findings = examine(subject, await read(tree, subject));
  const left = bad(findings);
  for (
    const set of [
      "huge pages",
      "transparent huge pages",
      "swap",
      "socket buffers",
      "NUMA balancing",
      "governor",
    ]
  ) {
    assert(!left.includes(set), `${set} in ${left}`);
  }
  // What the last role takes for agreed are checks that there are.
  const subjects = findings.map((finding) => finding.subject);
  const agreed = [
    ...defaults["ferrule_doctor_agreed"] as string[],
    ...defaults["ferrule_doctor_agreed_pinned"] as string[],
  ];
  assertEquals(agreed.filter((one) => !subjects.includes(one)), []);
});

Deno.test("parseCores(), coresText(), parseMask() and parseChoice() read what the kernel writes", () => {
  assertEquals(parseCores(""), []);
  assertEquals(parseCores("3"), [3]);
  assertEquals(parseCores("0,2-4,7\n"), [0, 2, 3, 4, 7]);
  assertEquals(parseCores("(null)"), []);
  assertEquals(coresText([]), "");
  assertEquals(coresText([7, 0, 2, 3, 4, 3]), "0,2-4,7");
  assertEquals(parseMask("00000001,0000000c"), [2, 3, 32]);
  assertEquals(parseMask("80000000"), [31]);
  assertEquals(parseMask(""), []);
  assertEquals(parseChoice("always [madvise] never"), "madvise");
  assertEquals(parseChoice("[always] madvise never"), "always");
  assertEquals(parseChoice("always"), "");
});

Deno.test("bootWord() takes the last of a word, and no other", () => {
  const line = "a=1 rcu_nocbs=1 xrcu_nocbs=9 rcu_nocbs=2-3 nohz quiet";
  assertEquals(bootWord(line, "rcu_nocbs"), "2-3");
  assertEquals(bootWord(line, "nohz"), "");
  assertEquals(bootWord(line, "nohz_full"), undefined);
});

Deno.test("fileSystemOf() takes the nearest mount, and the last at one place", () => {
  const mounts = GOOD["proc/self/mountinfo"]!;
  assertEquals(fileSystemOf(mounts, "/var/lib"), "ext4");
  assertEquals(fileSystemOf(mounts, "/data"), "xfs");
  assertEquals(fileSystemOf(mounts, "/data/x"), "xfs");
  assertEquals(fileSystemOf(mounts, "/database"), "ext4");
  const over = `${mounts}31 22 0:9 / /data rw - tmpfs none rw\n`;
  assertEquals(fileSystemOf(over, "/data/x"), "tmpfs");
  assertEquals(fileSystemOf("", "/"), "");
});

Deno.test("timeDisk() times the disk, and leaves nothing behind", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { medianUs, p99Us, maxUs, error } = timeDisk(directory);
    assertEquals(error, "");
    assert(0 < medianUs && medianUs <= p99Us && p99Us <= maxUs);
    assertEquals([...Deno.readDirSync(directory)], []);
    assertNotEquals(timeDisk(`${directory}/none`).error, "");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("shimsError() tells of a library that is not there", () => {
  assertEquals(shimsError(), "");
  assertStringIncludes(shimsError("libferrule_none.so"), "libferrule_none.so");
});

Deno.test("HostReader reads this host's files, however long", () => {
  const reader = new HostReader();
  assertEquals(
    reader.text("/proc/cpuinfo").split("\n").length,
    Deno.readTextFileSync("/proc/cpuinfo").trim().split("\n").length,
  );
  assertEquals(reader.text("/none"), "");
  assert(Number.isNaN(reader.number("/none")));
  assertEquals(reader.list("/none"), []);
  assertEquals(reader.owner("/none"), undefined);
  assertGreater(reader.number("/proc/sys/kernel/pid_max"), 0);
});

Deno.test("hostFacts() sees this host, and writes nothing", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.chmod(directory, 0o555);
    const config = defaultConfig();
    const facts = hostFacts({
      ...doctorSubject(config),
      dataDirectory: directory,
    });
    assert(facts.cores.online.length >= facts.process.allowedCores.length);
    assertGreater(facts.process.allowedCores.length, 0);
    assertNotEquals(facts.kernel.clockSource, "");
    assertNotEquals(facts.kernel.release, "");
    assertGreater(facts.process.openFilesMax, 0);
    assertEquals(facts.disk.exists, true);
    assertEquals(facts.disk.sync, undefined);
    assertEquals(facts.peers, []);
    assertEquals([...Deno.readDirSync(directory)], []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the doctor sees an appliance that runs, and ends with the code of the worst", async () => {
  await using appliance = await startAppliance();
  const file = await Deno.makeTempFile({ suffix: ".toml" });
  const ask = async (...more: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-prompt", "--cached-only", "--frozen", "--allow-ffi"],
        "--allow-env",
        `--allow-read=${ROOT.pathname},${file}`,
        `${ROOT.pathname}main.ts`,
        "doctor",
        "--json",
        ...more,
      ],
    }).output();
    const text = new TextDecoder().decode(stdout);
    return { code, text, stderr: new TextDecoder().decode(stderr) };
  };
  try {
    await Deno.writeTextFile(
      file,
      `[appliance]\ndata_directory = "${appliance.dataDirectory}"\n`,
    );
    const { code, text } = await ask("--config", file, "--measure-disk");
    const findings = JSON.parse(text) as Finding[];
    assertEquals(code, exitCode(findings));
    const of = (name: string): Finding =>
      findings.find(({ subject }) => subject === name)!;
    assertStringIncludes(
      of("process").found,
      `process ${appliance.process.pid}`,
    );
    if (await appliance.get("/health").then((health) => health.hugePages)) {
      assertStringIncludes(of("huge pages").found, "held by the appliance");
    }
    assertStringIncludes(of("fdatasync").found, "4 KiB: median");

    await Deno.writeTextFile(file, "[topology]\ncores = [1000]\n");
    assertEquals((await ask("--config", file)).code, 2);
    await Deno.writeTextFile(file, "[topology]\ncors = []\n");
    const unknown = await ask("--config", file);
    assertEquals(unknown.code, 3);
    assertStringIncludes(unknown.stderr, "did you mean cores");
    assertEquals((await ask("--measure")).code, 3);
  } finally {
    await Deno.remove(file);
  }
});
