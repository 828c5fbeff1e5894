// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What says the same as a role's argument specification is made from it, so
 * that there is one source. Run it after a change: `make role-table`.
 *
 * ```
 *   meta/argument_specs.yml ─┬─▶ README.md, between the two marks
 *                            └─▶ defaults/main.yml, each with its reason
 * ```
 *
 * @module
 */
import { parse, stringify } from "@std/yaml";

const START = "<!-- variables: make role-table -->";
const END = "<!-- end of variables -->";
const COMMENT_COLUMNS_MAX = 116;
const HEAD = `---
# Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
#
# Made from meta/argument_specs.yml by make role-table: change it there.
`;

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

/** Words in lines of comment. */
function comment(text: string): string {
  const lines: string[] = [];
  let line = "#";
  for (const word of text.trim().split(/\s+/)) {
    if (line.length + 1 + word.length > COMMENT_COLUMNS_MAX) {
      lines.push(line);
      line = "#";
    }
    line += ` ${word}`;
  }
  return [...lines, line].join("\n");
}

/** `defaults/main.yml`: each variable below its description. */
export function roleDefaults(options: Record<string, RoleOption>): string {
  const parts = Object.entries(options)
    .filter(([, option]) => option.required !== true)
    .map(([name, option]) =>
      `${comment(option.description)}\n${
        stringify({ [name]: option.default }, {
          lineWidth: 100,
          quoteStyle: '"',
        })
      }`
    );
  return [HEAD, ...parts].join("\n");
}

/** Folders of all roles. */
export function roles(): URL[] {
  const folder = new URL("roles/", import.meta.url);
  return [...Deno.readDirSync(folder)]
    .filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => new URL(`${name}/`, folder))
    .sort((a, b) => a.href < b.href ? -1 : 1);
}

if (import.meta.main) {
  for (const role of roles()) {
    const specs = await Deno.readTextFile(
      new URL("meta/argument_specs.yml", role),
    );
    const options = roleOptions(specs);
    const path = new URL("README.md", role);
    const readme = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, withTable(readme, roleTable(options)));
    await Deno.mkdir(new URL("defaults/", role), { recursive: true });
    await Deno.writeTextFile(
      new URL("defaults/main.yml", role),
      roleDefaults(options),
    );
  }
}
