// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A made-up /proc and /sys in a temporary folder, for what reads a host below a
 * root.
 *
 * @module
 */
/** Files by their path from the root; a link is written as "-> target". */
export type Tree = Readonly<Record<string, string>>;

/** A folder with such files. */
export interface MadeUpHost {
  readonly root: string;
  /** Writes files, beside and over those that are there. */
  write(tree: Tree): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Makes a host of these files. */
export async function madeUpHost(tree: Tree): Promise<MadeUpHost> {
  const root = await Deno.makeTempDir({ prefix: "ferrule-host-" });
  const write = async (files: Tree): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(`${root}/${path.replace(/\/[^/]*$/, "")}`, {
        recursive: true,
      });
      if (text.startsWith("-> ")) {
        await Deno.symlink(text.slice(3), `${root}/${path}`);
      } else await Deno.writeTextFile(`${root}/${path}`, text);
    }
  };
  await write(tree);
  return {
    root,
    write,
    async [Symbol.asyncDispose]() {
      await Deno.remove(root, { recursive: true });
    },
  };
}
