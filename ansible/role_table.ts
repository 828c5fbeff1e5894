// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The table of variables in the role's README, made from its argument
 * specification, so that there is one source. Run it after a change:
 * `make role-table`. Writes nothing but the part between the two marks.
 *
 * @module
 */
import { parse } from "@std/yaml";

const START = "<!-- variables: make role-table -->";
const END = "<!-- end of variables -->";

/** A variable as its specification describes it. */
export interface RoleOption {
  readonly type: string;
  readonly description: string;
  readonly required?: boolean;
  readonly default?: unknown;
  readonly choices?: readonly string[];
}

/** The variables of a role, by name, from the text of `argument_specs.yml`. */
export function roleOptions(specs: string): Record<string, RoleOption> {
  const { argument_specs: { main: { options } } } = parse(specs) as {
    argument_specs: { main: { options: Record<string, RoleOption> } };
  };
  return options;
}

/** The table of variables, as Markdown. */
export function roleTable(options: Record<string, RoleOption>): string {
  const rows = Object.entries(options).map(([name, option]) => {
    const value = option.required === true
      ? "required"
      : `\`${JSON.stringify(option.default)}\``;
    const choices = option.choices === undefined
      ? ""
      : ` One of ${
        option.choices.map((choice) => `\`${choice}\``).join(", ")
      }.`;
    return `| \`${name}\` | ${option.type} | ${value} | ` +
      `${option.description.trim()}${choices} |`;
  });
  return [
    "| variable | type | default | what it is |",
    "| --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

/**
 * A README with this table between its marks.
 *
 * @throws Error where the marks are missing.
 */
export function withTable(readme: string, table: string): string {
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start < 0 || end < start) {
    throw new Error(`The README lacks the marks ${START} and ${END}`);
  }
  return `${readme.slice(0, start + START.length)}\n${table}\n${
    readme.slice(end)
  }`;
}

if (import.meta.main) {
  const role = new URL("roles/ferrule/", import.meta.url);
  const specs = await Deno.readTextFile(
    new URL("meta/argument_specs.yml", role),
  );
  const path = new URL("README.md", role);
  const readme = await Deno.readTextFile(path);
  const table = roleTable(roleOptions(specs));
  await Deno.writeTextFile(path, withTable(readme, table));
}
