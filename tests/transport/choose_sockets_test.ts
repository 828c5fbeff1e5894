// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

import { assert, assertEquals } from "@std/assert";
import {
  measureSockets,
  openSockets,
  rankSockets,
  type SocketFigure,
  type SocketKind,
} from "../../engine/transport/mod.ts";
import { openFiles } from "./bed.ts";

function figure(kind: SocketKind, echoUs: number, there = true): SocketFigure {
  return { kind, echoUs, reason: echoUs === Infinity ? "no" : "", there };
}

Deno.test("rankSockets() takes the quicker one, io_uring where the two are alike", () => {
  const ranked = (uringUs: number, plainUs: number) =>
    rankSockets([figure("io_uring", uringUs), figure("plain", plainUs)])[0];
  assertEquals(ranked(10, 12), "io_uring");
  assertEquals(ranked(10, 10), "io_uring");
  assertEquals(ranked(10, 9.1), "io_uring");
  assertEquals(ranked(10, 8.9), "plain");
  assertEquals(ranked(Infinity, 8.9), "plain");
  assertEquals(ranked(10, Infinity), "io_uring");
});

Deno.test("rankSockets() names what can be had, also if it was not measured", () => {
  const lost = figure("io_uring", Infinity, false);
  assertEquals(rankSockets([lost, figure("plain", 10)]), ["plain"]);
  assertEquals(
    rankSockets([figure("io_uring", 10), figure("plain", 20)]),
    ["io_uring", "plain"],
  );
  // Loopback is down: nothing can be measured.
  assertEquals(
    rankSockets([figure("io_uring", Infinity), figure("plain", Infinity)]),
    ["io_uring", "plain"],
  );
  assertEquals(rankSockets([lost, figure("plain", Infinity, false)]), []);
});

Deno.test("measureSockets() measures what there is, and keeps nothing open", () => {
  const before = openFiles();
  for (const figure of measureSockets()) {
    if (figure.there) {
      assert(figure.echoUs > 0 && figure.echoUs < Infinity, figure.reason);
      assertEquals(figure.reason, "");
    } else assert(figure.reason !== "");
  }
  assertEquals(openFiles(), before);
});

Deno.test("measureSockets() goes on without a rung that is refused", () => {
  const figures = measureSockets((kind, options) => {
    if (kind === "io_uring") throw new Error("forbidden here");
    return openSockets(kind, options);
  });
  assertEquals(figures[0], {
    kind: "io_uring",
    echoUs: Infinity,
    reason: "forbidden here",
    there: false,
  });
  assert(figures[1]!.there && figures[1]!.echoUs < Infinity);
});

Deno.test("measureSockets() ends by its clock, however few echoes there are", () => {
  let ms = 0;
  let asked = 0;
  const figures = measureSockets(openSockets, () => {
    asked++;
    return ms += 100;
  });
  assertEquals(figures.length, 2);
  // A slice asks when it begins and when it ends: six slices of each rung there is.
  assertEquals(asked, 12 * figures.filter(({ there }) => there).length);
});
