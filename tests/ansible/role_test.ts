// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The role's defaults, specification and README say the same.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { parse } from "@std/yaml";
import { roleOptions, roleTable, withTable } from "../../ansible/role_table.ts";

const ROLE = new URL("../../ansible/roles/ferrule/", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, ROLE));

Deno.test("role defaults are those of its argument specification", async () => {
  const options = roleOptions(await read("meta/argument_specs.yml"));
  const defaults = parse(await read("defaults/main.yml"));
  const specified = Object.entries(options)
    .filter(([, option]) => option.required !== true)
    .map(([name, option]) => [name, option.default]);
  assertEquals(defaults, Object.fromEntries(specified));
});

Deno.test("role variables carry the role's name and end their sentences", async () => {
  const options = roleOptions(await read("meta/argument_specs.yml"));
  for (const [name, { description }] of Object.entries(options)) {
    assertEquals(name.startsWith("ferrule_"), true, name);
    assertEquals(description.trim().endsWith("."), true, name);
  }
});

Deno.test("role README has the table of its argument specification", async () => {
  const readme = await read("README.md");
  const specs = await read("meta/argument_specs.yml");
  assertEquals(
    readme,
    withTable(readme, roleTable(roleOptions(specs))),
    "run make role-table",
  );
});

Deno.test("withTable() refuses a README without marks", () => {
  assertThrows(() => withTable("# Role", ""), Error, "lacks the marks");
});
