// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Small file systems of a test's own, in memory or in a file, and what fills
 * them. Where mounting is not allowed the test says SKIPPED and why.
 *
 * @module
 */

/** A mounted file system. */
export interface Volume extends AsyncDisposable {
  readonly directory: string;
  /** Takes all room but so much. */
  fill(leftBytes: number): Promise<void>;
  /** Gives the room back. */
  free(): Promise<void>;
}

const MIB = 1 << 20;
const FILLER = "filler";

async function run(
  command: string,
  ...args: string[]
): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command(command, {
      args,
      stdout: "null",
      stderr: "piped",
    }).output();
    return success ? undefined : new TextDecoder().decode(stderr).trim();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return `no ${command} here`;
  }
}

/** Bytes that can be written on the file system of a folder. */
async function spaceBytes(directory: string): Promise<number> {
  const { stdout } = await new Deno.Command("stat", {
    args: ["-f", "-c", "%a %S", directory],
  }).output();
  const [blocks, bytes] = new TextDecoder().decode(stdout).split(" ");
  return Number(blocks) * Number(bytes);
}

/**
 * Mounts a file system of so many MiB: `tmpfs`, or `ext4` in a file.
 *
 * @returns The volume, or why there is none.
 */
export async function mountVolume(
  kind: "tmpfs" | "ext4",
  sizeMib: number,
): Promise<Volume | string> {
  const directory = await Deno.makeTempDir({ prefix: "ferrule-volume-" });
  const image = `${directory}.image`;
  const refused = kind === "tmpfs"
    ? await run(
      "mount",
      ...["-t", "tmpfs", "-o", `size=${sizeMib}m`, "none", directory],
    )
    : await run("truncate", "-s", `${sizeMib}M`, image) ??
      await run("mkfs.ext4", "-q", "-m", "0", image) ??
      await run("mount", "-o", "loop,errors=remount-ro", image, directory);
  const remove = async () => {
    await Deno.remove(directory);
    await Deno.remove(image).catch(() => {});
  };
  if (refused !== undefined) {
    await remove();
    return `no ${kind} can be mounted: ${refused}`;
  }
  const filler = `${directory}/${FILLER}`;
  return {
    directory,
    async fill(leftBytes) {
      const take = await spaceBytes(directory) - leftBytes;
      const failed = await run("fallocate", "-l", String(take), filler);
      if (failed !== undefined) throw new Error(failed);
    },
    free: () => Deno.remove(filler),
    async [Symbol.asyncDispose]() {
      const failed = await run("umount", directory);
      if (failed !== undefined) throw new Error(failed);
      await remove();
    },
  };
}

/** The file system gives up, as if it had found its own structures damaged. */
export async function abortVolume(
  volume: Volume,
): Promise<string | undefined> {
  return await run("mount", "-o", "remount,abort", volume.directory);
}

export { MIB };
