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
  type DoctorSubject,
  doctorSubject,
  examine,
  exitCode,
  type Finding,
  formatDoctor,
  runtime,
  type Severity,
  shims,
} from "../../engine/appliance/doctor.ts";
import {
  diskFacts,
  type HostFacts,
  hostFacts,
  parseChoice,
  parseCores,
  shimsError,
} from "../../engine/appliance/host_facts.ts";
import { type Config, defaultConfig } from "../../engine/config/mod.ts";

const MIB = 2 ** 20;

const SUBJECT: DoctorSubject = {
  mappingsBytes: [98 * MIB, 2 * MIB],
  hugePages: "auto",
  threads: 2,
  pinnedCores: [2, 3],
  dataDirectory: "/var/lib/ferrule",
  synced: true,
  transport: "io_uring",
  dpdk: true,
};

const HOST: HostFacts = {
  cores: 4,
  allowedCores: [0, 1, 2, 3],
  isolatedCores: [2, 3],
  memory: {
    hugePagesTotal: 60,
    hugePagesFree: 52,
    hugePagesReserved: 2,
    hugePageBytes: 2 * MIB,
    lockLimitBytes: 100 * MIB,
    lockLimitMaxBytes: 100 * MIB,
    lockUnlimited: false,
    pageBytes: 4096,
  },
  uringError: "",
  uringDisabled: "0",
  governors: ["performance"],
  transparentHugePages: "madvise",
  clockSource: "tsc",
  dpdkError: "",
  disk: {
    exists: true,
    error: "",
    spaceBytes: 2 ** 30,
    syncUsMedian: 5000,
    syncUsMax: 90_000,
  },
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
  if (finding.severity === "ok") assertEquals(finding.remedy, "");
  if (finding.severity === "warning" || finding.severity === "error") {
    assertNotEquals(finding.remedy, "", subject);
  }
  return finding.severity;
}

function memory(change: Partial<HostFacts["memory"]>): Partial<HostFacts> {
  return { memory: { ...HOST.memory, ...change } };
}

function disk(change: Partial<HostFacts["disk"]>): Partial<HostFacts> {
  return { disk: { ...HOST.disk, ...change } };
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

Deno.test("examine() judges the limit of locked memory", () => {
  const low = memory({ lockLimitBytes: 100 * MIB - 1 });
  assertEquals(severity("locked memory", low), "warning");
  assertEquals(
    severity(
      "locked memory",
      memory({ lockLimitBytes: 0, lockUnlimited: true }),
    ),
    "ok",
  );
  assertEquals(
    severity("locked memory", memory({ lockLimitBytes: Infinity })),
    "ok",
  );
});

Deno.test("examine() refuses pinning to cores that are not allowed", () => {
  assertEquals(severity("cores", { allowedCores: [0, 1, 2] }), "error");
  assertEquals(severity("cores", {}, { pinnedCores: [4] }), "error");
});

Deno.test("examine() tells of too few cores for the threads", () => {
  assertEquals(severity("cores", {}, { threads: 3 }), "ok");
  assertEquals(severity("cores", {}, { threads: 4 }), "info");
});

Deno.test("examine() wants pinned cores isolated, and no others", () => {
  assertEquals(severity("isolated cores", { isolatedCores: [2] }), "warning");
  assertEquals(
    severity("isolated cores", { isolatedCores: [] }, { pinnedCores: [] }),
    "info",
  );
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
  assertEquals(severity("governor", { governors }), "warning");
  assertEquals(severity("governor", { governors: [] }), "ok");
  for (
    const [transparentHugePages, expected] of [
      ["always", "warning"],
      ["never", "ok"],
      ["", "ok"],
    ] as const
  ) {
    assertEquals(
      severity("transparent huge pages", { transparentHugePages }),
      expected,
    );
  }
  assertEquals(severity("clock source", { clockSource: "hpet" }), "warning");
  assertEquals(severity("clock source", { clockSource: "" }), "warning");
  assertEquals(severity("clock source", { clockSource: "kvm-clock" }), "ok");
});

Deno.test("examine() judges the data directory and its disk", () => {
  assertEquals(severity("data directory", disk({ exists: false })), "info");
  assertEquals(severity("fdatasync", disk({ exists: false })), "info");
  assertEquals(severity("data directory", disk({ error: "EACCES" })), "error");
  assertEquals(severity("fdatasync", disk({ error: "EACCES" })), "info");
  assertEquals(
    severity("data directory", disk({ spaceBytes: 2 ** 30 - 1 })),
    "warning",
  );
  const slow = disk({ syncUsMedian: 5001 });
  assertEquals(severity("fdatasync", slow), "warning");
  assertEquals(severity("fdatasync", slow, { synced: false }), "ok");
});

Deno.test("exitCode() is 1 only where an error is found", () => {
  const finding = runtime(DENO_VERSION);
  for (
    const [severity, expected] of [
      ["ok", 0],
      ["info", 0],
      ["warning", 0],
      ["error", 1],
    ] as const
  ) {
    assertEquals(exitCode([finding, { ...finding, severity }]), expected);
  }
  assertEquals(exitCode([]), 0);
});

Deno.test("formatDoctor() puts errors last and the remedy under them", () => {
  const text = formatDoctor([
    shims("gone"),
    runtime("1.0.0"),
    runtime(DENO_VERSION),
  ]);
  const lines = text.trimEnd().split("\n");
  assert(lines[0]!.startsWith("ok "), text);
  assert(lines[1]!.startsWith("warning "), text);
  assert(lines[5]!.startsWith("ERROR "), text);
  assertStringIncludes(lines[8]!, "mend:   run make -C native");
  assertEquals(lines[9], "1 ok, 0 to know, 1 warnings, 1 errors");
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

Deno.test("parseCores() reads the kernel's lists", () => {
  assertEquals(parseCores(""), []);
  assertEquals(parseCores("3"), [3]);
  assertEquals(parseCores("0,2-4,7\n"), [0, 2, 3, 4, 7]);
  assertEquals(parseCores("(null)"), []);
});

Deno.test("parseChoice() reads the kernel's choice", () => {
  assertEquals(parseChoice("always [madvise] never"), "madvise");
  assertEquals(parseChoice("[always] madvise never"), "always");
  assertEquals(parseChoice("always"), "");
});

Deno.test("shimsError() tells of a library that is not there", () => {
  assertEquals(shimsError(), "");
  assertStringIncludes(shimsError("libferrule_none.so"), "libferrule_none.so");
});

Deno.test("diskFacts() times the disk and leaves nothing behind", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const facts = diskFacts(directory);
    assert(facts.exists);
    assertEquals(facts.error, "");
    assert(facts.spaceBytes > 0);
    assert(facts.syncUsMax >= facts.syncUsMedian);
    assertEquals([...Deno.readDirSync(directory)], []);
    assertEquals(diskFacts(`${directory}/none`).exists, false);
    await Deno.writeTextFile(`${directory}/file`, "");
    assertEquals(diskFacts(`${directory}/file`).exists, false);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("hostFacts() sees this host", () => {
  const facts = hostFacts("/nonexistent");
  assert(facts.cores >= facts.allowedCores.length);
  assert(facts.allowedCores.length > 0);
  assertEquals(facts.memory.hugePageBytes, 2 * MIB);
  assertNotEquals(facts.clockSource, "");
  assertEquals(facts.disk.exists, false);
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

Deno.test("doctor() examines everything on this host", () => {
  const config = defaultConfig();
  const findings = doctor({
    ...config,
    appliance: { ...config.appliance, dataDirectory: "/nonexistent" },
  });
  assertEquals(findings.map(({ subject }) => subject), [
    "Deno",
    "shims",
    "cores",
    "isolated cores",
    "huge pages",
    "transparent huge pages",
    "locked memory",
    "io_uring",
    "DPDK",
    "governor",
    "clock source",
    "data directory",
    "fdatasync",
    "time",
  ]);
  assertEquals(find(findings, "Deno").severity, "ok");
  assertEquals(find(findings, "shims").severity, "ok");
});
