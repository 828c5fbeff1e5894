// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the main thread says of the feed and of devices.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { DeviceWatch } from "../../engine/appliance/device_watch.ts";
import { FeedWatch } from "../../engine/appliance/feed_watch.ts";
import { Log } from "../../engine/telemetry/mod.ts";
import { DpdkCounter, type DpdkFigures } from "../../ffi/mod.ts";

function logOf(lines: string[]): Log {
  return new Log({
    level: "info",
    format: "json",
    source: "test",
    nowMs: () => 0,
    write: (line) => lines.push(new TextDecoder().decode(line)),
  });
}

const FIGURES: DpdkFigures & { handle: number } = {
  handle: 0,
  device: "net_null0",
  up: true,
  speedMbps: 10_000,
  receivedFrames: 7,
  sentFrames: 8,
  receivedBytes: 700,
  sentBytes: 800,
  missed: 1,
  receiveErrors: 2,
  transmitErrors: 3,
  noBuffer: 4,
  buffers: 8191,
  buffersUsed: 1024,
  queues: 2,
  features: ["rss"],
  counters: Array.from({ length: 48 }, (_, i) => i),
};

Deno.test("DeviceWatch logs each change of a link once, and tells health and metrics", () => {
  const lines: string[] = [];
  let figures = [FIGURES];
  let now = 0;
  const watch = new DeviceWatch(
    logOf(lines),
    {
      figures: () => figures,
      own: () => new Map([["rx_q0_errors", 5], ["rx_good_packets", 6]]),
    },
    () => now += 1000,
  );
  const messages = (): string[] =>
    lines.splice(0).map((line) => JSON.parse(line).message);
  watch.look();
  watch.look();
  assertEquals(messages(), ["link up"]);
  figures = [{ ...FIGURES, up: false }];
  watch.look();
  watch.look();
  assertEquals(messages(), ["link down"]);
  assertEquals(watch.health(), [
    { device: "net_null0", link: "down", queues: 2, features: ["rss"] },
  ]);
  figures = [FIGURES];
  watch.look();
  assertEquals(messages(), ["link up"]);
  const read = (name: string) =>
    watch.gauges().find((gauge) => gauge.name === name)!.read();
  assertEquals(read("dpdk_link_up"), [[{ device: "net_null0" }, 1]]);
  assertEquals(read("dpdk_buffers_used"), [[{ device: "net_null0" }, 1024]]);
  assertEquals(read("dpdk_device_trouble_total"), [
    [{ device: "net_null0", name: "rx_q0_errors" }, 5],
  ]);
  const drops = read("dpdk_dropped_total");
  const malformed = drops.find(([{ reason }]) => reason === "rx_malformed");
  assertEquals(malformed![1], DpdkCounter.RX_MALFORMED);
  figures = [];
  assertEquals(watch.health(), []);
});

Deno.test("FeedWatch begins a feed that failed again, unless the appliance stops", async () => {
  const lines: string[] = [];
  let begun = 0;
  let isStopping = false;
  const watch = new FeedWatch({
    restartMs: 1,
    begin: () => begun++,
    isStopping: () => isStopping,
    log: logOf(lines),
  });
  const until = async (holds: () => boolean): Promise<void> => {
    for (let i = 0; !holds(); i++) {
      assert(i < 10_000, "it never came");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  assertEquals(watch.health(), { status: "up", failures: 0 });
  watch.failed("no such interface");
  assertEquals(watch.health(), {
    status: "down",
    failures: 1,
    error: "no such interface",
  });
  assert(lines[0]!.includes("no such interface"));
  const up = () =>
    watch.gauges().find(({ name }) => name === "feed_up")!.read();
  assertEquals(up(), [[{}, 0]]);
  await until(() => begun === 1);
  assertEquals([watch.health().status, up()], ["up", [[{}, 1]]]);
  watch.failed("again");
  watch.stop();
  isStopping = true;
  watch.failed("while it stops");
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(begun, 1);
  watch.stop();
});
