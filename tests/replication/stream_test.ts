// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Both ends of the stream over a network in memory:
 *
 * ```
 *   Harness ─▶ journal ─▶ PrimaryStream ══ bytes, cuts, damage ══▶ Follower ─▶ ring ─▶ every command once
 * ```
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  Channel,
  Follower,
  type FollowerOptions,
  FollowError,
  FrameKind,
  PrimaryStream,
  RefusedReason,
} from "../../engine/replication/mod.ts";
import { COMMAND_SLOT_BYTES } from "../../engine/record/mod.ts";
import { SpscRing } from "../../engine/ring/mod.ts";
import { Log } from "../../engine/telemetry/mod.ts";
import {
  checkCommand,
  Harness,
  type HarnessOptions,
  Random,
  readBack,
  segmentsOf,
  withDirectory,
} from "../journal/journal_harness.ts";
import { MemoryLinks } from "./memory_links.ts";

const RING_SLOTS = 64;
const ROUNDS_MAX = 200_000;
const TIMEOUT_MS = 100;
const NS_PER_ROUND = 50_000;

/** A primary with a journal, and standbys without one. */
class Rig {
  readonly links = new MemoryLinks();
  readonly lines: string[] = [];
  readonly harness: Harness;
  readonly primary: PrimaryStream;
  readonly kept: number[] = [];
  readonly #directory: string;
  readonly #ring: SpscRing;
  readonly #producer: SpscRing;
  /** Newest sequence taken out of the ring: what the standby "has". */
  taken = 0;
  #nowNs = 0;

  constructor(directory: string, options: HarnessOptions = {}, epoch = 3) {
    this.#directory = directory;
    this.harness = new Harness(directory, options);
    this.primary = new PrimaryStream({
      listener: this.links.listen(),
      directory,
      group: "pair",
      epoch,
      heartbeatMs: 10,
      timeoutMs: TIMEOUT_MS,
      written: () => this.harness.written,
      nowNs: () => this.#nowNs,
      log: this.log(),
    });
    const bytes = SpscRing.bytes(COMMAND_SLOT_BYTES, RING_SLOTS);
    const memory = new ArrayBuffer(bytes);
    const end = (side: "producer" | "consumer"): SpscRing =>
      new SpscRing(memory, 0, COMMAND_SLOT_BYTES, RING_SLOTS, side);
    this.#ring = end("consumer");
    this.#producer = end("producer");
  }

  log(): Log {
    return new Log({
      level: "info",
      format: "json",
      source: "test",
      nowMs: () => 0,
      write: (line) => this.lines.push(new TextDecoder().decode(line)),
    });
  }

  follower(options: Partial<FollowerOptions> = {}): Follower {
    return new Follower({
      links: this.links,
      peers: [{ address: "127.0.0.1", port: 1 }],
      group: "pair",
      ring: this.#producer,
      directory: this.#directory,
      sequence: 0,
      epoch: 0,
      keepEpoch: (epoch) => this.kept.push(epoch),
      timeoutMs: TIMEOUT_MS,
      durable: () => this.taken,
      written: () => this.taken,
      nowNs: () => this.#nowNs,
      log: this.log(),
      ...options,
    });
  }

  /** A round of all, in which the standby takes up to `most` commands. */
  round(follower: { doWork(): number }, most = RING_SLOTS): void {
    this.#nowNs += NS_PER_ROUND;
    this.primary.doWork();
    follower.doWork();
    const ring = this.#ring;
    const count = Math.min(ring.available(), most);
    for (let i = 0; i < count; i++) {
      checkCommand(ring, ring.peek(i) * COMMAND_SLOT_BYTES, ++this.taken);
    }
    if (count > 0) ring.release(count);
    assert(
      this.primary.acknowledged <= this.taken,
      "acknowledged more than it has",
    );
  }

  until(follower: { doWork(): number }, holds: () => boolean): void {
    for (let round = 0; !holds(); round++) {
      assert(round < ROUNDS_MAX, `never; log:\n${this.lines.join("")}`);
      this.round(follower);
    }
  }

  dispose(): void {
    this.primary.dispose();
    this.harness.writer.close();
  }
}

Deno.test("a standby has every command once, however the network delivers, cuts and damages", () => {
  for (let seed = 1; seed <= 6; seed++) {
    withDirectory((directory) => {
      const random = new Random(seed * 7919);
      const rig = new Rig(directory, {
        segmentBytes: 64 * 2000,
        groupRecordsMax: 128,
      });
      const small = seed % 2 === 0;
      rig.links.chunk = () => 1 + random.below(small ? 500 : 70_000);
      const damage = seed >= 3;
      rig.links.pass = (byte) =>
        damage && random.below(200_000) === 0
          ? byte ^ 1 << random.below(8)
          : byte;
      const follower = rig.follower();
      for (let step = 0; step < 60; step++) {
        rig.harness.write(1 + random.below(200));
        const rounds = random.below(200);
        for (let i = 0; i < rounds; i++) {
          rig.round(follower, random.below(RING_SLOTS + 1));
        }
        if (seed >= 2 && random.below(4) === 0) rig.links.cut();
      }
      rig.until(
        follower,
        () => rig.primary.acknowledged === rig.harness.last,
      );
      assertEquals(rig.taken, rig.harness.last, `seed ${seed}`);
      assertEquals(rig.kept, [3]);
      if (seed >= 2) assert(rig.links.connections > 3);
      follower.dispose();
      rig.dispose();
    });
  }
});

Deno.test("a standby of another pair is refused and stops", () => {
  withDirectory((directory) => {
    const rig = new Rig(directory);
    rig.harness.write(10);
    const follower = rig.follower({ group: "others" });
    const error = assertThrows(
      () => rig.until(follower, () => false),
      FollowError,
    );
    assertStringIncludes(error.message, 'belongs to the pair "pair"');
    assertEquals(rig.taken, 0);
    follower.dispose();
    rig.dispose();
  });
});

Deno.test("a primary learns of a later epoch, and gets no acknowledgement of its own", () => {
  withDirectory((directory) => {
    const rig = new Rig(directory);
    rig.harness.write(10);
    const follower = rig.follower({ epoch: 4 });
    rig.until(follower, () => rig.primary.laterEpoch === 4);
    rig.until(
      follower,
      () => rig.lines.some((line) => line.includes("has known epoch 4")),
    );
    assertEquals(rig.primary.acknowledged, 0);
    assertEquals(rig.taken, 0);
    assertEquals(rig.kept, []);
    follower.dispose();
    rig.dispose();
  });
});

Deno.test("a journal that went another way is found out to the very command, and not merged", () => {
  for (const [common, ours, theirs] of [[0, 5, 9], [70, 1, 40], [200, 90, 3]]) {
    withDirectory((directory) => {
      withDirectory((other) => {
        const rig = new Rig(directory);
        const standby = new Harness(other);
        if (common! > 0) {
          rig.harness.write(common!);
          standby.write(common!);
        }
        standby.writer.close();
        const odd = new Harness(other, {
          position: readBack(other),
          salt: 0x55,
        });
        odd.write(ours!);
        odd.writer.close();
        rig.harness.write(theirs!);
        const newest = common! + ours!;
        const follower = rig.follower({
          directory: other,
          sequence: newest,
          written: () => newest,
        });
        const error = assertThrows(
          () => rig.until(follower, () => false),
          FollowError,
        );
        assertStringIncludes(
          error.message,
          `This journal has ${ours} commands that the primary at memory does not have`,
        );
        assertStringIncludes(
          error.message,
          `the last common sequence is ${common}.`,
        );
        assertEquals(rig.taken, 0);
        follower.dispose();
        rig.dispose();
      });
    });
  }
});

Deno.test("a standby that wants what was pruned is told to copy a snapshot", () => {
  withDirectory((directory) => {
    const rig = new Rig(directory, {
      segmentBytes: 64 * 1000,
      groupRecordsMax: 64,
    });
    for (let i = 0; i < 40; i++) rig.harness.write(50);
    Deno.removeSync(`${directory}/${segmentsOf(directory)[0]}`);
    const follower = rig.follower();
    const error = assertThrows(
      () => rig.until(follower, () => false),
      FollowError,
    );
    assertStringIncludes(error.message, "Copy a snapshot");
    follower.dispose();
    rig.dispose();
  });
});

Deno.test("a primary goes on when a segment goes to the archive that a slow standby still needs", () => {
  withDirectory((directory) => {
    const rig = new Rig(directory, {
      segmentBytes: 64 * 20_000,
      groupRecordsMax: 64,
    });
    for (let i = 0; i < 1200; i++) rig.harness.write(50);
    const follower = rig.follower();
    while (rig.primary.sent === 0) rig.round(follower);
    const segments = segmentsOf(directory);
    assert(segments.length > 3, `${segments.length} segments`);
    for (const name of segments.slice(0, -1)) {
      Deno.removeSync(`${directory}/${name}`);
    }
    const error = assertThrows(
      () => rig.until(follower, () => false),
      FollowError,
    );
    assertStringIncludes(error.message, "Copy a snapshot");
    assertEquals(rig.primary.connected, false);
    follower.dispose();
    rig.dispose();
  });
});

Deno.test("a standby that starts from a snapshot goes on behind it, also where the journal was pruned", () => {
  withDirectory((directory) => {
    withDirectory((empty) => {
      const rig = new Rig(directory, {
        segmentBytes: 64 * 1000,
        groupRecordsMax: 64,
      });
      for (let i = 0; i < 40; i++) rig.harness.write(50);
      const [first, second] = segmentsOf(directory);
      Deno.removeSync(`${directory}/${first}`);
      rig.taken = Number(second!.slice(0, 20)) - 1;
      const follower = rig.follower({
        directory: empty,
        sequence: rig.taken,
      });
      rig.until(follower, () => rig.primary.acknowledged === rig.harness.last);
      assertEquals(rig.taken, 2000);
      rig.links.cut();
      rig.harness.write(10);
      rig.until(follower, () => rig.primary.acknowledged === rig.harness.last);
      follower.dispose();
      rig.dispose();
    });
  });
});

/** Speaks to a primary as no standby does. */
function speak(
  rig: Rig,
  say: (channel: Channel) => void,
): { failure: string; refused: number } {
  const channel = new Channel(rig.links.connect());
  let refused = 0;
  say(channel);
  rig.until(
    {
      doWork(): number {
        channel.flush();
        channel.receive();
        while (channel.next()) {
          if (channel.kind === FrameKind.REFUSED) refused = channel.reason;
        }
        return 0;
      },
    },
    () => channel.failure !== "" || refused !== 0,
  );
  const { failure } = channel;
  channel.dispose();
  return { failure, refused };
}

Deno.test("a primary believes nothing: no sequence that was not sent, no frame out of turn", () => {
  withDirectory((directory) => {
    const rig = new Rig(directory);
    rig.harness.write(100);
    const hello = (channel: Channel, sequence: number): void =>
      channel.writeText(FrameKind.HELLO, 0, sequence, { text: "pair" });
    const reasons: string[] = [];
    for (
      const say of [
        (channel: Channel) => channel.write(FrameKind.ACKNOWLEDGE, 3, 50, 0),
        (channel: Channel) => hello(channel, NaN),
        (channel: Channel) => hello(channel, -1),
        (channel: Channel) => hello(channel, 0.5),
        (channel: Channel) => channel.write(FrameKind.PROBE, 3, -7, 0),
        (channel: Channel) => channel.write(77, 3, 1, 0),
        (channel: Channel) => {
          hello(channel, 1);
          channel.write(FrameKind.ACKNOWLEDGE, 3, 101, 0);
        },
        (channel: Channel) => {
          hello(channel, 1);
          channel.write(FrameKind.ACKNOWLEDGE, 2, 1, 0);
        },
        (channel: Channel) => {
          hello(channel, 1);
          hello(channel, 1);
        },
      ]
    ) {
      speak(rig, say);
      assertEquals(rig.primary.acknowledged, 0);
      reasons.push(/"reason":"([^"]*)"/.exec(rig.lines.at(-1)!)![1]!);
    }
    assertEquals(reasons, [
      "it sent a frame of kind 8 out of turn",
      "it wants sequence NaN",
      "it wants sequence -1",
      "it wants sequence 0.5",
      "it asks for sequence -7",
      "it sent a frame of kind 77 out of turn",
      "it acknowledged sequence 101, and 0 was sent",
      "it acknowledged in epoch 2",
      "it sent a frame of kind 1 out of turn",
    ]);
    const ahead = speak(rig, (channel) => hello(channel, 200));
    assertEquals(ahead.refused, RefusedReason.DIVERGED);
    const wrong = speak(rig, (channel) => hello(channel, 50));
    assertEquals(wrong.refused, RefusedReason.DIVERGED);
    rig.dispose();
  });
});
