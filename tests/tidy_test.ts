// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The house rules as a test: floors, purity, file heads, banned calls, C
 * exports against FFI symbols, one title for each page.
 *
 * @module
 */
import { assertEquals } from "@std/assert";

const ROOT = new URL("..", import.meta.url);

/** Every file that git would track, by its path from the root. */
function files(pattern: RegExp): string[] {
  const { stdout } = new Deno.Command("git", {
    args: ["ls-files", "--cached", "--others", "--exclude-standard"],
    cwd: ROOT,
  }).outputSync();
  return new TextDecoder().decode(stdout).split("\n")
    .filter((path) => pattern.test(path))
    .filter((path) => {
      try {
        return Deno.statSync(new URL(path, ROOT)).isFile;
      } catch {
        return false;
      }
    });
}

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** Floors of the house (docs/architecture.md). A file imports from lower floors and from its own room. */
const FLOORS: readonly (readonly [string, number])[] = [
  ["main.ts", 7],
  ["engine/appliance/", 6],
  ["engine/gateway/", 5],
  ["engine/marketdata/", 5],
  ["engine/exchange/", 4],
  ["engine/snapshot/", 4],
  ["engine/matching/", 3],
  ["engine/risk/", 3],
  ["engine/journal/", 3],
  ["engine/book/", 2],
  ["engine/transport/", 2],
  ["engine/ring/", 2],
  ["engine/wire/", 2],
  ["engine/record/", 1],
  ["engine/telemetry/", 1],
  ["engine/config/", 1],
  ["ffi/", 1],
  ["engine/assert.ts", 0],
];

const PURE_ROOMS = ["record", "book", "matching", "risk", "exchange", "wire"];

function room(path: string): readonly [string, number] | undefined {
  return FLOORS.find(([prefix]) => path.startsWith(prefix));
}

function importsOf(path: string): string[] {
  const found: string[] = [];
  const pattern = /(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;
  for (const match of read(path).matchAll(pattern)) {
    const url = new URL(match[1]!, new URL(path, ROOT));
    found.push(url.pathname.slice(ROOT.pathname.length));
  }
  return found;
}

const SOURCE = /^(main\.ts|(engine|ffi)\/.*\.ts)$/;

Deno.test("a folder imports only from lower floors", () => {
  const wrong: string[] = [];
  for (const path of files(SOURCE)) {
    const own = room(path);
    if (own === undefined) {
      wrong.push(`${path} stands on no floor`);
      continue;
    }
    for (const target of importsOf(path)) {
      const other = room(target);
      if (other === undefined) wrong.push(`${path} imports ${target}`);
      else if (other[0] !== own[0] && other[1] >= own[1]) {
        wrong.push(
          `${path} (floor ${own[1]}) imports ${target} (floor ${other[1]})`,
        );
      }
    }
  }
  assertEquals(wrong, []);
});

Deno.test("pure rooms know no Deno, no FFI, no clock and no random numbers", () => {
  const banned =
    /\bDeno\.|\bDate\.now|\bnew Date\b|\bMath\.random|\bperformance\.|\bcrypto\.|\/ffi\//;
  const wrong: string[] = [];
  for (const path of files(/^engine\/.*\.ts$/)) {
    if (!PURE_ROOMS.includes(path.split("/")[1]!)) continue;
    read(path).split("\n").forEach((line, i) => {
      if (
        line.trimStart().startsWith("*") || line.trimStart().startsWith("//")
      ) return;
      if (banned.test(line)) wrong.push(`${path}:${i + 1}: ${line.trim()}`);
    });
  }
  assertEquals(wrong, []);
});

Deno.test("engine and ffi use no console, no any, no type escapes, no leftovers", () => {
  const banned =
    /\bconsole\.|: any\b|\bas any\b|\bas unknown as\b|@ts-ignore|@ts-expect-error|deno-lint-ignore|\bTODO\b|\bFIXME\b|\bXXX\b|Math\.random|Date\.now/;
  const wrong: string[] = [];
  for (const path of files(SOURCE)) {
    read(path).split("\n").forEach((line, i) => {
      if (banned.test(line)) wrong.push(`${path}:${i + 1}: ${line.trim()}`);
    });
  }
  assertEquals(wrong, []);
});

Deno.test("every source file opens with its licence, every module with its purpose", () => {
  const wrong: string[] = [];
  for (const path of files(/\.(ts|c|h|cpp)$/)) {
    const text = read(path);
    if (
      !text.split("\n").slice(0, 2).join("\n").includes(
        "SPDX-License-Identifier: MIT",
      )
    ) {
      wrong.push(`${path}: no licence line`);
    }
    if (SOURCE.test(path) && !text.includes("@module")) {
      wrong.push(`${path}: no module text`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("every engine file is used by another", () => {
  const used = new Set<string>();
  for (const path of files(/\.ts$/)) {
    for (const target of importsOf(path)) used.add(target);
    for (const match of read(path).matchAll(/new URL\(\s*"([^"]+\.ts)"/g)) {
      used.add(
        new URL(match[1]!, new URL(path, ROOT)).pathname.slice(
          ROOT.pathname.length,
        ),
      );
    }
    for (const match of read(path).matchAll(/resolve\(\s*"([^"]+\.ts)"/g)) {
      used.add(
        new URL(match[1]!, new URL(path, ROOT)).pathname.slice(
          ROOT.pathname.length,
        ),
      );
    }
  }
  const unused = files(SOURCE).filter((path) =>
    path !== "main.ts" && !used.has(path)
  );
  assertEquals(unused, []);
});

Deno.test("each C export has an FFI symbol, and each symbol an export", () => {
  const exported = new Set<string>();
  for (const path of files(/^native\/.*\.h$/)) {
    for (
      const match of read(path).matchAll(/FERRULE_EXPORT\s+[\w\s*]+?\b(\w+)\(/g)
    ) {
      exported.add(match[1]!);
    }
  }
  const symbols = new Set<string>();
  for (const path of files(/^ffi\/.*\.ts$/)) {
    for (
      const match of read(path).matchAll(
        /^\s*(\w+): \{\s*(?:\/\/[^\n]*\n\s*)*parameters:/gm,
      )
    ) {
      symbols.add(match[1]!);
    }
  }
  assertEquals([...exported].filter((name) => !symbols.has(name)), []);
  assertEquals([...symbols].filter((name) => !exported.has(name)), []);
});

Deno.test("every page has one title, and its links lead somewhere", () => {
  const wrong: string[] = [];
  for (const path of files(/\.md$/)) {
    const text = read(path).replace(/```[\s\S]*?```/g, "");
    const titles = text.split("\n").filter((line) => /^# /.test(line)).length;
    if (titles !== 1) wrong.push(`${path}: ${titles} titles`);
    for (
      const match of text.matchAll(
        /\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)/g,
      )
    ) {
      try {
        Deno.statSync(new URL(match[1]!, new URL(path, ROOT)));
      } catch {
        wrong.push(`${path}: dead link ${match[1]}`);
      }
    }
  }
  assertEquals(wrong, []);
});
