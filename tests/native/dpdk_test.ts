// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Builds the network part of the DPDK shim with address and
 * undefined-behaviour sanitizers and feeds it hostile frames, each in memory
 * of just its own size: see `dpdk/net_fuzz.c`. The same for TCP with lwIP:
 * `dpdk/tcp_fuzz.c`.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";

const root = new URL("../../", import.meta.url).pathname;
const SEEDS = [1, 20260601, 987654321];
const SANITIZE = [
  ...["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g"],
  ...["-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"],
  ...["-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"],
];

async function run(command: string, args: string[]): Promise<string> {
  const output = await new Deno.Command(command, { args, cwd: root }).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(output.stdout) + decoder.decode(output.stderr);
  assertEquals(output.code, 0, `${command} ${args.join(" ")}:\n${text}`);
  return text;
}

/** Flags of libdpdk, or undefined where it is not installed. */
async function packageFlags(what: string): Promise<string[] | undefined> {
  try {
    const text = await run("pkg-config", [what, "libdpdk"]);
    return text.trim().split(/\s+/);
  } catch {
    return undefined;
  }
}

const name = "native net_receive() reads no byte beyond a hostile frame";
Deno.test(name, async () => {
  const flags = await packageFlags("--cflags");
  const libraries = await packageFlags("--libs");
  if (flags === undefined || libraries === undefined) {
    console.log(`SKIPPED: ${name}: DPDK is not installed`);
    return;
  }
  const binary = "native/build/san/net_fuzz";
  await run("mkdir", ["-p", "native/build/san"]);
  await run("cc", [
    ...SANITIZE,
    ...flags,
    ...["-Inative", "tests/native/dpdk/net_fuzz.c", "native/dpdk_net.c"],
    ...["native/dpdk_multicast.c", "native/error.c"],
    ...libraries,
    ...["-o", binary],
  ]);
  for (const seed of SEEDS) {
    const text = await run(binary, [String(seed)]);
    assertStringIncludes(text, "300000 frames", `seed ${seed}`);
  }
});

const tcpName = "native streams_receive() survives hostile segments";
Deno.test(tcpName, async () => {
  if (await packageFlags("--cflags") === undefined) {
    console.log(`SKIPPED: ${tcpName}: DPDK is not installed`);
    return;
  }
  const binary = "native/build/san/tcp_fuzz";
  try {
    await Deno.stat(`${root}native/build/lwip/.fetched`);
  } catch {
    console.log(`SKIPPED: ${tcpName}: the source of lwIP could not be fetched`);
    return;
  }
  await run("make", ["-s", "-C", "native", "build/lwip/san/.built"]);
  const objects = [...Deno.readDirSync(`${root}native/build/lwip/san`)]
    .map((entry) => `native/build/lwip/san/${entry.name}`)
    .filter((path) => path.endsWith(".o"));
  await run("mkdir", ["-p", "native/build/san"]);
  await run("cc", [
    ...SANITIZE,
    ...["-Inative", "-Inative/lwip"],
    ...["-isystem", "native/build/lwip/source/src/include"],
    ...["tests/native/dpdk/tcp_fuzz.c", "native/dpdk_tcp.c"],
    "native/dpdk_tcp_pools.c",
    ...objects,
    ...["-o", binary],
  ]);
  for (const seed of SEEDS) {
    const text = await run(binary, [String(seed)]);
    assertStringIncludes(text, "300000 segments", `seed ${seed}`);
  }
});
