// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * `main.ts send` places every kind of order, by FIX and by the binary protocol
 * alike: what rests afterwards is the same.
 *
 * ```
 *   main.ts send ─FIX, binary─▶ appliance ─▶ inspect: two orders, equal
 * ```
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  binaryOrder,
  checkOrder,
  decimalE8,
  fixBody,
  SEND_TYPES,
  type SendOrder,
  textE8,
  usualType,
} from "../../engine/appliance/send_terms.ts";
import { OrdType } from "../../engine/record/mod.ts";
import { jsonLines, runMain } from "../inspect/cli.ts";
import { type RunningAppliance, startAppliance } from "./harness.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const ACCOUNTS = '[[accounts]]\nname = "DESK"\n';
const PLAIN: SendOrder = {
  side: "buy",
  quantity: "10",
  symbol: "AAPL",
  type: "limit",
  timeInForce: "day",
  price: "1.5",
};

async function send(
  appliance: RunningAppliance,
  protocol: string,
  args: readonly string[],
): Promise<{ code: number; out: string }> {
  const port = protocol === "fix"
    ? appliance.fixPort
    : protocol === "binary"
    ? appliance.binaryTcpPort
    : appliance.binaryUdpPort;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--cached-only",
      "--frozen",
      "--allow-ffi",
      "--allow-net",
      "--unstable-net",
      `--allow-read=${ROOT},${appliance.dataDirectory}`,
      "--allow-env=FERRULE_NATIVE_DIR",
      `${ROOT}main.ts`,
      "send",
      "--protocol",
      protocol,
      "--port",
      String(port),
      ...args,
    ],
    cwd: ROOT,
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout) + text(stderr) };
}

/** What an order is, but for whose it is and where it stands. */
function termsOf(order: Record<string, unknown>): Record<string, unknown> {
  const { orderId: _1, session: _2, sessionRaw: _3, place: _4, ...rest } =
    order;
  const { clOrdId: _5, reference: _6, ...terms } = rest;
  // A slice is drawn: it depends on the order's id.
  const { shown: _7, shownRaw: _8, ...fixed } = terms;
  return fixed;
}

/** Orders that rest, each by its options. */
const RESTING: readonly (readonly string[])[] = [
  ["buy", "10", "AAPL", "100"],
  ["--tif", "gtc", "--post-only", "buy", "10", "AAPL", "100.5"],
  ["--post-slide", "--account", "DESK", "buy", "10", "AAPL", "101"],
  ["--hidden", "--all-or-none", "buy", "10", "AAPL", "102"],
  ["--display", "2", "--display-range", "1", "buy", "10", "AAPL", "103"],
  ["--expire", "2099-12-31T21:00:00Z", "buy", "10", "AAPL", "104"],
  ["--stop", "300", "buy", "10", "AAPL"],
  ["--stop", "301", "buy", "10", "AAPL", "302"],
  [
    "--type",
    "trailing-stop",
    "--offset",
    "50",
    "--stop",
    "303",
    "buy",
    "10",
    "AAPL",
  ],
  [
    "--type",
    "trailing-stop",
    "--offset",
    "25",
    "--basis-points",
    "--stop",
    "304",
    "buy",
    "10",
    "AAPL",
  ],
  ["--type", "peg-primary", "--offset=-3", "buy", "10", "AAPL", "90"],
  ["--self-trade", "decrement", "buy", "10", "AAPL", "105"],
  ["--tif", "at-close", "buy", "10", "AAPL", "106"],
];

for (const transport of ["io_uring", "plain"]) {
  Deno.test(`main.ts send places every kind of order, by both protocols alike, transport ${transport}`, async () => {
    const data = await Deno.makeTempDir({ prefix: "ferrule-send-" });
    try {
      await using appliance = await startAppliance({
        dataDirectory: data,
        transport,
        extraToml: ACCOUNTS,
      });
      const config = await Deno.makeTempFile({ dir: data, suffix: ".toml" });
      await Deno.writeTextFile(config, ACCOUNTS);
      for (const options of RESTING) {
        for (const protocol of ["fix", "binary"]) {
          const { code, out } = await send(appliance, protocol, [
            "--config",
            config,
            ...options,
          ]);
          assertEquals(code, 0, `${options.join(" ")}: ${out}`);
          assertMatch(out, /^accepted, order \d+, leaves 10/);
        }
      }
      const { out } = await runMain(
        [
          "inspect",
          "--config",
          config,
          "--data",
          data,
          "--json",
          "book",
          "AAPL",
        ],
        [data],
      );
      const orders = jsonLines(out);
      assertEquals(orders.length, RESTING.length * 2);
      const bySession = (name: string) =>
        orders.filter(({ session }) => session === name)
          .sort((a, b) => Number(a.orderId) - Number(b.orderId)).map(termsOf);
      assertEquals(bySession("CLIENT1"), bySession("1"));
    } finally {
      await Deno.remove(data, { recursive: true });
    }
  });
}

Deno.test("main.ts send prints all that an order causes, and ends when it is over", async () => {
  await using appliance = await startAppliance();
  for (const protocol of ["fix", "binary", "binary-udp"]) {
    const rest = await send(appliance, protocol, ["sell", "5", "MSFT", "50"]);
    assertEquals(rest.code, 0, rest.out);
    // It stops at the cancel, not at the prevented match before it.
    const own = await send(appliance, protocol, [
      ...["--self-trade", "cancel-newest"],
      ...["buy", "5", "MSFT", "50"],
    ]);
    assertMatch(own.out, /^accepted, .*\n.*prevented.* 5 at 50.*\ncanceled/);
    const fill = await send(appliance, protocol, [
      ...["--self-trade", "none", "--type", "market-to-limit"],
      ...["buy", "7", "MSFT"],
    ]);
    assertEquals(fill.code, 0, fill.out);
    assertMatch(fill.out, /filled 5 at 50/);
    assertMatch(fill.out, /restated/);
    const refused = await send(appliance, protocol, [
      ...["--post-only", "sell", "1", "MSFT", "50"],
    ]);
    assertEquals(refused.code, 1, refused.out);
    assertMatch(refused.out, /Post-only order would trade/);
    const away = await send(appliance, protocol, ["sell", "2", "MSFT"]);
    assertMatch(away.out, /filled 2 at 50/);
  }
});

Deno.test("fixBody() and binaryOrder() know every type; numbers that are none are refused", () => {
  const types = new Set<number>();
  for (const type of SEND_TYPES) {
    const order = { ...PLAIN, type };
    types.add(binaryOrder(order, ["AAPL"], []).ordType!);
    assert(fixBody(order, "1", "now").includes("|40="));
  }
  assertEquals(types.size, Object.keys(OrdType).length);
  assertEquals(
    fixBody(
      { ...PLAIN, type: "peg-midpoint", postOnly: true, allOrNone: true },
      "X",
      "now",
    ),
    "11=X|55=AAPL|54=1|60=now|38=10|40=P|18=M 6 G|44=1.5|59=0|",
  );
  assert(
    fixBody({ ...PLAIN, display: "5", displayRange: "2" }, "X", "now")
      .includes("111=5|1084=3|1085=3|1086=7|"),
  );
  assertEquals(usualType(undefined, undefined), "market");
  assertEquals(usualType("1", "2"), "stop-limit");
  assertEquals(textE8(decimalE8("187.50")), "187.5");
  for (
    const wrong of [
      { ...PLAIN, quantity: "-1" },
      { ...PLAIN, price: "1e3" },
      { ...PLAIN, expire: "soon" },
      { ...PLAIN, displayRange: "1" },
    ]
  ) assertThrows(() => checkOrder(wrong));
  assertThrows(() => binaryOrder(PLAIN, ["MSFT"], []), Error, "MSFT");
});
