// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/** Listeners of the status page, and the window that its latency is taken from. */
import { assertEquals, assertNotEquals } from "@std/assert";
import {
  LATENCY_BOUNDS_NS,
  LatencyWindow,
  SHOWN_PERCENTILES,
} from "../../engine/appliance/latency_window.ts";
import {
  eventText,
  LISTENERS_MAX,
  LiveFeed,
  WAITING_MAX,
} from "../../engine/appliance/live_feed.ts";
import type { DoctorDesk } from "../../engine/appliance/doctor_desk.ts";
import type { LiveView } from "../../engine/appliance/live_view.ts";
import { StatusPage } from "../../engine/appliance/status_page.ts";
import {
  HISTOGRAM_BYTES,
  SessionBoard,
  SessionLink,
  SharedHistogram,
} from "../../engine/telemetry/mod.ts";

const NOTHING = () => "";

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream).text();
}

Deno.test("LiveFeed sends what is first, what all get, and a listener's own", async () => {
  const feed = new LiveFeed();
  const stream = feed.open("first|", () => "own|")!;
  feed.tick("all|");
  feed.close();
  assertEquals(await textOf(stream), "first|all|own|");
});

Deno.test("LiveFeed drops a listener that does not read, and goes on with the others", async () => {
  const feed = new LiveFeed();
  const slow = feed.open("", NOTHING)!;
  const reader = feed.open("", NOTHING)!.getReader();
  for (let tick = 0; tick < WAITING_MAX + 2; tick++) {
    feed.tick("x");
    await reader.read();
  }
  assertEquals([feed.listeners, feed.dropped], [1, 1]);
  assertEquals((await textOf(slow)).length, WAITING_MAX - 1);
  feed.close();
});

Deno.test("LiveFeed refuses one listener too many, and has room when one leaves", async () => {
  const feed = new LiveFeed();
  const streams = Array.from(
    { length: LISTENERS_MAX },
    () => feed.open("", NOTHING)!,
  );
  assertEquals(feed.open("", NOTHING), undefined);
  await streams[0]!.cancel();
  assertNotEquals(feed.open("", NOTHING), undefined);
  feed.close();
  assertEquals(feed.listeners, 0);
});

Deno.test("eventText() is one event, whatever the data holds", () => {
  assertEquals(eventText("a", "b\n\nc"), 'event: a\ndata: "b\\n\\nc"\n\n');
});

Deno.test("LatencyWindow shows what came since its oldest copy, and forgets the rest", () => {
  const histogram = new SharedHistogram(new ArrayBuffer(HISTOGRAM_BYTES), 0);
  for (let i = 0; i < 1000; i++) histogram.record(900_000_000);
  const window = new LatencyWindow([histogram]);
  assertEquals(window.figures().count, 0);
  for (let i = 1; i <= 1000; i++) histogram.record(i);
  const { count, percentilesNs, bars } = window.figures();
  assertEquals(count, 1000);
  assertEquals(SHOWN_PERCENTILES.length, percentilesNs.length);
  assertEquals(percentilesNs, [500, 900, 990, 999, 1000]);
  assertEquals(bars[0], 1000);
  for (let roll = 0; roll < 6; roll++) window.roll();
  assertEquals(window.figures().count, 0);
});

Deno.test("LatencyWindow puts each value into the bar that it fits", () => {
  const histogram = new SharedHistogram(new ArrayBuffer(HISTOGRAM_BYTES), 0);
  const window = new LatencyWindow([histogram]);
  for (const value of [1000, 1001, 2000, 49_000, 2_000_000_000]) {
    histogram.record(value);
  }
  const { bars } = window.figures();
  const at = (boundNs: number) => bars[LATENCY_BOUNDS_NS.indexOf(boundNs)];
  assertEquals(at(1000), 1);
  assertEquals(at(2000), 2);
  assertEquals(at(50_000), 1);
  assertEquals(bars.at(-1), 1);
});

Deno.test("SessionBoard keeps when a client was last heard of after it is gone", () => {
  const board = new SessionBoard(
    new ArrayBuffer(SessionBoard.bytes(4)),
    0,
    4,
  );
  board.show(2, SessionLink.UDP, 7, 9, 1e12);
  board.show(2, SessionLink.NONE, 7, 10, 0);
  assertEquals(board.read(2), {
    link: "none",
    inSequence: 7,
    outSequence: 10,
    heardMs: 1e12,
  });
  // One that has no line is not shown, and harms nobody.
  board.show(4, SessionLink.TCP, 1, 1, 1);
  assertEquals(board.read(4).link, "none");
});

Deno.test("StatusPage logs once what goes wrong, and throws nothing into the engine's process", async () => {
  const view = {
    sample: () => {
      throw new Error("Depth of instrument 0 changes all the time");
    },
  };
  const said: string[] = [];
  const page = new StatusPage(
    view as unknown as LiveView,
    {} as DoctorDesk,
    { warn: (_, fields) => said.push(String(fields?.error)) },
  );
  page.tick();
  page.tick();
  assertEquals(said, ["Depth of instrument 0 changes all the time"]);
  assertEquals(await page.answer(new URL("http://a/elsewhere")), undefined);
  page.close();
});
