// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Packs the appliance into `build/ferrule-<version>.tar.gz`: the sources, the
 * built shims, the Deno binary, the locked npm packages, the unit, and a
 * MANIFEST with the SHA-256 of every file. The same inputs give the same
 * bytes: names are sorted, times and owners are fixed. Builds nothing itself
 * and refuses to pack what is not built. Signs the archive.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** What ssh-keygen signs for: a signature for something else is no signature of a release. */
const SIGNATURE_NAMESPACE = "ferrule-release";

/** What a release contains, from the repository's top; folders whole. */
const SOURCES = [
  "main.ts",
  "deno.json",
  "deno.lock",
  "LICENSE",
  "engine",
  "ffi",
  "systemd",
  "docs",
];

/** The shims. The second is packed where it was built, and needs DPDK on the host. */
const SHIM = "native/build/libferrule.so";
const SHIM_OPTIONAL = "native/build/libferrule_dpdk.so";

/** Paths and digest of a packed release. */
export interface Artifact {
  /** The archive. */
  readonly path: string;
  /** SHA-256 of the archive, as hex; also in `<path>.sha256`. */
  readonly sha256: string;
  /** Size of the archive. */
  readonly bytes: number;
}

/**
 * Signs an archive with an ed25519 key of OpenSSH; the signature lies beside it
 * in `<path>.sig`. A key that is not there yet is made.
 *
 * @param key Path of the private key; its public half lies beside it in `.pub`.
 * @returns The public key, as hosts are told it.
 */
export async function signArtifact(path: string, key: string): Promise<string> {
  try {
    await Deno.lstat(key);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const folder = key.slice(0, key.lastIndexOf("/"));
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const comment = "ferrule releases";
    await command(
      "ssh-keygen",
      ["-qt", "ed25519", "-N", "", "-C", comment, "-f", key],
    );
  }
  await Deno.remove(`${path}.sig`).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await command("ssh-keygen", [
    "-Y",
    "sign",
    "-q",
    "-f",
    key,
    "-n",
    SIGNATURE_NAMESPACE,
    path,
  ]);
  return (await Deno.readTextFile(`${key}.pub`)).trim();
}

/** Hex SHA-256 of a file. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const chunk of file.readable) hash.update(chunk);
  return hash.digest("hex");
}

/** Runs a command to its end; throws with its output when it fails. */
async function command(
  name: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(name, {
    args: [...args],
    stdin: "null",
    ...options,
  }).output();
  if (!success) {
    const text = new TextDecoder();
    throw new Error(
      `Failed to run ${name} ${args.join(" ")}:\n${text.decode(stdout)}${
        text.decode(stderr)
      }`,
    );
  }
}

/** Copies a file or a folder, without links or other kinds of file. */
async function copy(from: string, to: string): Promise<void> {
  const info = await Deno.lstat(from);
  if (info.isFile) {
    await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(from, to);
    return;
  }
  if (!info.isDirectory) throw new Error(`${from} is no file or folder`);
  for await (const entry of Deno.readDir(from)) {
    await copy(`${from}/${entry.name}`, `${to}/${entry.name}`);
  }
}

/** All files below a folder, as sorted relative paths. */
async function list(root: string, below = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(`${root}/${below}`)) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory) files.push(...await list(root, path));
    else files.push(path);
  }
  return files.sort();
}

/**
 * Fills the release's own npm cache with exactly what its modules import.
 * The lock file names each version, so the registry's lists of versions are
 * left out: they change from day to day and are not needed.
 */
async function cachePackages(deno: string, stage: string): Promise<void> {
  const modules = (await list(stage)).filter((path) =>
    path === "main.ts" || /^(engine|ffi)\/.*\.ts$/.test(path)
  );
  await command(deno, ["cache", "--frozen", ...modules], {
    cwd: stage,
    env: { DENO_DIR: `${stage}/cache`, NO_COLOR: "1" },
  });
  for await (const entry of Deno.readDir(`${stage}/cache`)) {
    if (entry.name !== "npm") {
      await Deno.remove(`${stage}/cache/${entry.name}`, { recursive: true });
    }
  }
  for (const path of await list(`${stage}/cache`)) {
    if (path.endsWith("/registry.json")) {
      await Deno.remove(`${stage}/cache/${path}`);
    }
  }
}

/** Fixes the modes and writes MANIFEST, in the format of `sha256sum --check`. */
async function writeManifest(stage: string): Promise<void> {
  const lines: string[] = [];
  for (const path of await list(stage)) {
    await Deno.chmod(`${stage}/${path}`, path === "bin/deno" ? 0o755 : 0o644);
    lines.push(`${await sha256File(`${stage}/${path}`)}  ${path}\n`);
  }
  await Deno.writeTextFile(`${stage}/MANIFEST`, lines.join(""));
  await Deno.chmod(`${stage}/MANIFEST`, 0o644);
}

/**
 * Packs a release.
 *
 * @param root The repository's top folder, absolute.
 * @param deno The Deno binary to pack, absolute; it also fills the cache.
 * @param output The folder that receives the archive.
 * @throws Error where something to be packed is missing or a tool fails.
 */
export async function buildArtifact(
  root: string,
  deno: string,
  output = `${root}/build`,
): Promise<Artifact> {
  const { version } = JSON.parse(
    await Deno.readTextFile(`${root}/deno.json`),
  ) as { version: string };
  const name = `ferrule-${version}`;
  const path = `${output}/${name}.tar.gz`;
  await Deno.mkdir(output, { recursive: true });
  const work = await Deno.makeTempDir({ dir: output, prefix: ".artifact-" });
  const stage = `${work}/${name}`;
  try {
    for (const source of SOURCES) {
      await copy(`${root}/${source}`, `${stage}/${source}`);
    }
    try {
      await copy(`${root}/${SHIM}`, `${stage}/${SHIM}`);
    } catch (cause) {
      throw new Error(`${SHIM} is not built. Run make -C native`, { cause });
    }
    try {
      await copy(`${root}/${SHIM_OPTIONAL}`, `${stage}/${SHIM_OPTIONAL}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await copy(deno, `${stage}/bin/deno`);
    await cachePackages(deno, stage);
    await writeManifest(stage);
    await pack(work, name);
    await Deno.rename(`${work}/${name}.tar.gz`, path);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  const sha256 = await sha256File(path);
  await Deno.writeTextFile(`${path}.sha256`, `${sha256}  ${name}.tar.gz\n`);
  return { path, sha256, bytes: (await Deno.stat(path)).size };
}

/** tar and gzip with everything fixed that differs from run to run. */
async function pack(work: string, name: string): Promise<void> {
  await command("tar", [
    "--create",
    "--format=gnu",
    "--sort=name",
    "--mtime=@0",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--mode=u=rwX,go=rX",
    `--directory=${work}`,
    `--file=${work}/${name}.tar`,
    name,
  ]);
  await command("gzip", ["--no-name", "-4", `${work}/${name}.tar`]);
}

/** `--name=value` of the command line, as an absolute path. */
function pathOption(name: string): string | undefined {
  const option = Deno.args.find((text) => text.startsWith(`--${name}=`));
  if (option === undefined) return undefined;
  const path = option.slice(name.length + 3);
  return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}

if (import.meta.main) {
  const root = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
  const deno = await Deno.realPath(pathOption("deno") ?? Deno.execPath());
  const key = pathOption("key") ?? `${root}/ansible/secrets/release_key`;
  const artifact = await buildArtifact(root, deno);
  const publicKey = await signArtifact(artifact.path, key);
  const mebibytes = (artifact.bytes / 2 ** 20).toFixed(1);
  console.log(
    `${artifact.path} (${mebibytes} MiB)\nsha256 ${artifact.sha256}\n` +
      `signed with ${key}: ${publicKey}`,
  );
}
