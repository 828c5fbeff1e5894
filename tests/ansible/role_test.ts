// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Each role's defaults, specification and README say the same, and each can be
 * undone.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { parse } from "@std/yaml";
import {
  roleDefaults,
  roleOptions,
  roles,
  roleTable,
  withTable,
} from "../../ansible/role_table.ts";

const read = (path: string, role: URL) =>
  Deno.readTextFile(new URL(path, role));
const nameOf = (role: URL) => role.pathname.split("/").at(-2)!;

async function optionsOf(role: URL) {
  return roleOptions(await read("meta/argument_specs.yml", role));
}

Deno.test("role defaults are those of the argument specification", async () => {
  for (const role of roles()) {
    const options = await optionsOf(role);
    const defaults = await read("defaults/main.yml", role);
    assertEquals(defaults, roleDefaults(options), "run make role-table");
    const specified = Object.entries(options)
      .filter(([, option]) => option.required !== true)
      .map(([name, option]) => [name, option.default]);
    assertEquals(parse(defaults) ?? {}, Object.fromEntries(specified));
  }
});

Deno.test("role variables carry the role's name and end their sentences", async () => {
  for (const role of roles()) {
    // What several roles share has the project's name alone.
    const prefix = nameOf(role) === "ferrule_common"
      ? "ferrule_"
      : `${nameOf(role)}_`;
    for (
      const [name, { description }] of Object.entries(await optionsOf(role))
    ) {
      assert(name.startsWith(prefix), name);
      assert(description.trim().endsWith("."), name);
    }
  }
});

Deno.test("role READMEs have the table of the argument specification", async () => {
  for (const role of roles()) {
    const readme = await read("README.md", role);
    assertEquals(
      readme,
      withTable(readme, roleTable(await optionsOf(role))),
      "run make role-table",
    );
    assert(readme.startsWith(`# Role ${nameOf(role)}\n`), readme);
    assert(readme.includes("\n## Undo\n"), `${nameOf(role)} says no undo`);
  }
});

Deno.test("every role stands in a playbook, and in its undoing if it has one", async () => {
  const top = new URL("../../ansible/", import.meta.url);
  const books = await Promise.all(
    ["site.yml", "upgrade.yml", "drills.yml"].map((name) => read(name, top)),
  );
  const undo = await read("undo.yml", top);
  for (const role of roles()) {
    const name = nameOf(role);
    // Others depend on it.
    if (name === "ferrule_common") continue;
    const named = new RegExp(`\\b${name}\\b`);
    assert(books.some((book) => named.test(book)), `${name} in a playbook`);
    // After the others were undone it brings the boot line up to date.
    if (name === "ferrule_boot") continue;
    const tasks = [...Deno.readDirSync(new URL("tasks/", role))];
    assertEquals(
      new RegExp(`\\b${name}\\b`).test(undo),
      tasks.some((task) => task.name === "undo.yml"),
      `${name} in undo.yml`,
    );
  }
});

Deno.test("the example inventory sets variables that there are", async () => {
  const known = new Set<string>();
  for (const role of roles()) {
    Object.keys(await optionsOf(role)).forEach((name) => known.add(name));
  }
  const inventory = new URL(
    "../../ansible/inventory/example/",
    import.meta.url,
  );
  const files = ["hosts.yml"];
  for (const group of ["ferrule_engines", "ferrule_pairs"]) {
    const folder = new URL(`group_vars/${group}/`, inventory);
    for (const { name } of Deno.readDirSync(folder)) {
      files.push(`group_vars/${group}/${name}`);
    }
  }
  const groups = ["ferrule_engines", "ferrule_pairs", "ferrule_monitors"];
  for (const file of files) {
    const text = await read(file, inventory);
    for (const [, name] of text.matchAll(/^[ #]*(ferrule_\w+):/gm)) {
      assert(known.has(name!) || groups.includes(name!), `${file}: ${name}`);
    }
  }
});

Deno.test("withTable() refuses a README without marks", () => {
  assertThrows(() => withTable("# Role", ""), Error, "lacks the marks");
});
