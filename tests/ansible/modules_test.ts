// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Our Ansible modules on made-up files, since a container's kernel is not its
 * own: what they change, what they only say, and what they put back.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

const ROOT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
/** Debian's, which has Ansible. */
const PYTHON = "/usr/bin/python3";
const MODULES = `${ROOT}/ansible/plugins/modules`;

/** What a module answers. */
interface Answer {
  readonly changed?: boolean;
  readonly failed?: boolean;
  readonly msg?: string;
  readonly diff?: { readonly before: string; readonly after: string };
  readonly kept?: readonly number[];
}

/** Runs a module as Ansible does; `patch` is Python that goes before. */
async function run(
  name: string,
  args: Record<string, unknown>,
  patch = "",
): Promise<Answer> {
  const program = `import sys, importlib.util
spec = importlib.util.spec_from_file_location("it", "${MODULES}/${name}.py")
it = importlib.util.module_from_spec(spec)
spec.loader.exec_module(it)
${patch}
it.main()
`;
  const child = new Deno.Command(PYTHON, {
    args: ["-c", program],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(
    new TextEncoder().encode(JSON.stringify({ ANSIBLE_MODULE_ARGS: args })),
  );
  await input.close();
  const { stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout);
  try {
    return JSON.parse(text) as Answer;
  } catch {
    throw new Error(`${name}: ${text}${new TextDecoder().decode(stderr)}`);
  }
}

async function whyNot(): Promise<string | undefined> {
  const { success } = await new Deno.Command(PYTHON, {
    args: ["-c", "import ansible.module_utils.basic"],
    stderr: "null",
  }).output().catch(() => ({ success: false }));
  return success ? undefined : "needs ansible-core";
}

async function scratch(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "ferrule-modules-" });
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

Deno.test("kernel_value sets, is content, and puts back", async () => {
  const reason = await whyNot();
  if (reason !== undefined) return console.log(`SKIPPED: modules: ${reason}`);
  await using folder = await scratch();
  const path = `${folder.path}/swappiness`;
  await Deno.writeTextFile(path, "60\n");
  const args = { path, value: "0", store: `${folder.path}/undo` };
  const dry = await run("kernel_value", { ...args, _ansible_check_mode: true });
  assertEquals(dry.changed, true);
  assertEquals(dry.diff, {
    before: `${path} = 60\n`,
    after: `${path} = 0\n`,
  });
  assertEquals(await Deno.readTextFile(path), "60\n");
  assertEquals((await run("kernel_value", args)).changed, true);
  assertEquals(await Deno.readTextFile(path), "0");
  assertEquals((await run("kernel_value", args)).changed, false);
  // Another value since: what there was at first is not forgotten.
  await run("kernel_value", { ...args, value: "10" });
  const back = await run("kernel_value", { ...args, state: "restored" });
  assertEquals(back.changed, true);
  assertEquals(await Deno.readTextFile(path), "60");
  const again = await run("kernel_value", { ...args, state: "restored" });
  assertEquals(again.changed, false);
});

Deno.test("kernel_value reads choices, lists and numbers that may be greater", async () => {
  const reason = await whyNot();
  if (reason !== undefined) return console.log(`SKIPPED: modules: ${reason}`);
  await using folder = await scratch();
  const store = `${folder.path}/undo`;
  const check = async (text: string, value: string, compare = "exact") => {
    const path = `${folder.path}/value`;
    await Deno.writeTextFile(path, text);
    const options = { path, value, compare, store, _ansible_check_mode: true };
    return (await run("kernel_value", options)).changed;
  };
  assertEquals(await check("always [madvise] never\n", "madvise"), false);
  assertEquals(await check("[always] madvise never\n", "madvise"), true);
  assertEquals(
    await check("4096\t131072\t6291456\n", "4096 131072 6291456"),
    false,
  );
  assertEquals(await check("1200\n", "1024", "at_least"), false);
  assertEquals(await check("800\n", "1024", "at_least"), true);
});

Deno.test("kernel_value says what the kernel did not take, or does not have", async () => {
  const reason = await whyNot();
  if (reason !== undefined) return console.log(`SKIPPED: modules: ${reason}`);
  await using folder = await scratch();
  const path = `${folder.path}/nr_hugepages`;
  await Deno.writeTextFile(path, "0\n");
  const args = { path, value: "1024", store: `${folder.path}/undo` };
  // A kernel whose memory is in pieces gives fewer.
  const few = `plain = it.write
it.write = lambda path, value: plain(path, "300" if path.endswith("s") and value == "1024" else value)`;
  const short = await run(
    "kernel_value",
    { ...args, compare: "at_least" },
    few,
  );
  assertEquals(short.failed, true);
  assertStringIncludes(short.msg!, "took 300 instead of 1024");
  const none = { ...args, path: `${folder.path}/none` };
  const missing = await run("kernel_value", none);
  assertStringIncludes(missing.msg!, "This kernel has no");
  const ignored = await run("kernel_value", { ...none, missing: "ignore" });
  assertEquals(ignored.changed, false);
});

Deno.test("interrupt_affinity moves what it may, and only that", async () => {
  const reason = await whyNot();
  if (reason !== undefined) return console.log(`SKIPPED: modules: ${reason}`);
  await using folder = await scratch();
  const files: Record<string, string> = {
    "1": "0-7",
    "2": "0-1",
    "3": "2",
    "4": "2-3",
  };
  for (const [number, cores] of Object.entries(files)) {
    await Deno.mkdir(`${folder.path}/proc/irq/${number}`, { recursive: true });
    await Deno.writeTextFile(
      `${folder.path}/proc/irq/${number}/smp_affinity_list`,
      `${cores}\n`,
    );
  }
  // Eight cores; the kernel keeps interrupt 4 for itself.
  const patch = `import glob as real
root = "${folder.path}"
class Made:
    @staticmethod
    def glob(pattern):
        return [path[len(root):] for path in real.glob(root + pattern)]
it.glob = Made
plain_read, plain_move = it.read, it.move
it.read = lambda path: "0-7" if path.endswith("online") else plain_read(root + path)
it.move = lambda path, text: "/4/" not in path and plain_move(root + path, text)`;
  const read = async () => {
    const found: Record<string, string> = {};
    for (const number of Object.keys(files)) {
      const path = `${folder.path}/proc/irq/${number}/smp_affinity_list`;
      found[number] = (await Deno.readTextFile(path)).trim();
    }
    return found;
  };
  const args = { away_from: [2, 3] };
  const dry = { ...args, _ansible_check_mode: true };
  assertEquals((await run("interrupt_affinity", dry, patch)).changed, true);
  assertEquals(await read(), files);
  const moved = await run("interrupt_affinity", args, patch);
  assertEquals([moved.changed, moved.kept], [true, [4]]);
  const after = {
    "1": "0,1,4,5,6,7",
    "2": "0-1",
    "3": "0,1,4,5,6,7",
    "4": "2-3",
  };
  assertEquals(await read(), after);
  const again = await run("interrupt_affinity", args, patch);
  assertEquals([again.changed, again.kept], [false, [4]]);
  const all = { away_from: [0, 1, 2, 3, 4, 5, 6, 7] };
  const refused = await run("interrupt_affinity", all, patch);
  assert(refused.failed);
  assertStringIncludes(refused.msg!, "every core");
});
