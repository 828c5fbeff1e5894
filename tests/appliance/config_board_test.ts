// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The board gives a configuration to every thread, waits for what each says,
 * and takes its memory back; a thread that begins anew never looks at memory
 * that is gone, and takes what its forerunner had not.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  type ConfigAnswer,
  ConfigBoard,
  ConfigFollower,
  type ConfigNews,
} from "../../engine/appliance/config_board.ts";
import { defaultConfig } from "../../engine/config/mod.ts";
import { CONTROL_BYTES, CONTROL_CONFIG_VALUE } from "../../engine/ring/mod.ts";

const CONFIG = defaultConfig();
const ANSWER: ConfigAnswer = { problem: "", commands: 3, sequence: 9 };

/** A board of two threads over a control block of its own. */
function made(waitMsMax: number) {
  const memory = new ArrayBuffer(CONTROL_BYTES);
  const control = new Int32Array(memory);
  const controlF64 = new Float64Array(memory);
  const board = new ConfigBoard({
    control,
    controlF64,
    threads: 2,
    isOver: () => false,
    waitMsMax,
  });
  const follow = (thread: number, news: ConfigNews[], answer?: ConfigAnswer) =>
    new ConfigFollower({
      control,
      controlF64,
      thread,
      takers: [{
        take: (one) => news.push(one),
        ...answer && { answer: () => answer },
      }],
    });
  return { board, controlF64, follow };
}

Deno.test("ConfigBoard.give() reaches every thread and brings their answers back", async () => {
  const { board, follow } = made(10_000);
  const news: ConfigNews[] = [];
  const followers = [follow(0, news, ANSWER), follow(1, news)];
  const timer = setInterval(() => {
    for (const follower of followers) follower.doWork();
  }, 1);
  try {
    const given = { step: "rest", config: CONFIG } as const;
    assertEquals(await board.give(given), [ANSWER]);
    assertEquals(news, [given, given]);
    assertEquals(followers.map((follower) => follower.doWork()), [0, 0]);
  } finally {
    clearInterval(timer);
  }
});

Deno.test("ConfigFollower of a thread that begins anew takes what is open, and nothing older", async () => {
  const { board, controlF64, follow } = made(50);
  const news: ConfigNews[] = [];
  const first = follow(0, news);
  const given = { step: "rest", config: CONFIG } as const;
  // Thread 1 is down: not everybody has it in time, and its memory stays.
  const late = board.give(given);
  first.doWork();
  assertEquals(await late, undefined);
  assertEquals([board.isTaken, news.length], [false, 1]);
  const again = follow(1, news);
  assertEquals([again.doWork(), board.isTaken, news.length], [1, true, 2]);
  // All have it: whoever begins now does not look where it was.
  const at = CONTROL_CONFIG_VALUE >>> 1;
  controlF64[at] = 0;
  assertEquals(follow(0, news).doWork(), 0);
  assertEquals(follow(1, news).doWork(), 0);
  assertEquals(news.length, 2);
});
