// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The configuration file: defaults, every kind of error, all errors at once.
 *
 * @module
 */
import { DPDK_RECEIVE_BYTES_MAX, DPDK_SEND_BYTES_MAX } from "../../ffi/dpdk.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  ConfigError,
  defaultConfig,
  DEFAULTS,
  defaultToml,
  loadConfig,
  specialOrdersOf,
} from "../../engine/config/mod.ts";
import { COMMAND_SLOT_BYTES } from "../../engine/record/mod.ts";

/** A session that nothing is said of. */
const PLAIN = {
  account: "",
  group: 0,
  selfTradePrevention: "none",
  selfTradeScope: "session",
  messagesMax: 0,
  messagesIntervalMs: 1000,
} as const;

/** Lines of the problems that a text has. */
function problems(text: string): string[] {
  let found: string[] = [];
  assertThrows(() => {
    try {
      loadConfig(text, "test.toml");
    } catch (error) {
      if (error instanceof ConfigError) {
        found = error.message.split("\n").slice(1).map((line) => line.trim());
        assertEquals(found.length, error.problems.length);
        assert(error.message.startsWith("test.toml: "));
      }
      throw error;
    }
  }, ConfigError);
  return found;
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

Deno.test("loadConfig() of an empty file is defaultConfig()", () => {
  assertEquals(loadConfig("", "test.toml"), defaultConfig());
  assertEquals(loadConfig("[fix]\n[log]\n", "test.toml"), defaultConfig());
});

Deno.test("defaultToml() reads back as defaultConfig()", () => {
  assertEquals(loadConfig(defaultToml(), "default.toml"), defaultConfig());
});

Deno.test("DEFAULTS has every key that is no list of tables, with a reason", () => {
  const keys: string[] = [];
  for (const [section, values] of Object.entries(defaultConfig())) {
    if (Array.isArray(values)) continue;
    for (const key of Object.keys(values)) {
      const isList = key === "fixSessions" ||
        (key === "sessions" && section !== "capacity");
      if (!isList) keys.push(`${snake(section)}.${snake(key)}`);
    }
  }
  assertEquals(DEFAULTS.map(({ key }) => key).toSorted(), keys.toSorted());
  for (const { key, reason } of DEFAULTS) {
    assert(reason.length > 10 && reason.endsWith("."), key);
  }
});

Deno.test("specialOrdersOf() is a quarter, at least 1000, never more than all", () => {
  const cases = [[1, 1], [999, 999], [1000, 1000], [3999, 1000], [4000, 1000]];
  for (
    const [orders, special] of [...cases, [4001, 1001], [1 << 20, 1 << 18]]
  ) {
    assertEquals(specialOrdersOf(orders!), special, `${orders}`);
    const config = loadConfig(`capacity.orders = ${orders}`, "t");
    assertEquals(config.capacity.specialOrders, special);
  }
  const own = loadConfig("[capacity]\norders = 500\nspecial_orders = 7", "t");
  assertEquals(own.capacity.specialOrders, 7);
});

Deno.test("loadConfig() takes what is given and keeps the other defaults", () => {
  const config = loadConfig(
    `
      [appliance]
      name = "hall-3"
      [topology]
      mode = "pinned"
      cores = [2, 3, 4]
      [transport]
      kind = "io_uring"
      kernel_poll_core = 5
      busy_poll_us = 50
      [fix]
      address = "10.0.0.5"
      port = 0
      [[fix.sessions]]
      sender_comp_id = "DESK"
      password = "long enough"
      [binary]
      address = "10.0.0.5"
      [[binary.sessions]]
      number = 4294967295
      key = "18446744073709551615"
      [[instruments]]
      symbol = "ETH-USD"
      tick_size = "0.05"
      lot_size = "0.001"
      max_quantity = "12.5"
      max_notional = "1000000"
    `,
    "test.toml",
  );
  assertEquals(config.appliance, {
    ...defaultConfig().appliance,
    name: "hall-3",
  });
  assertEquals(config.topology.cores, [2, 3, 4]);
  assertEquals(config.transport, {
    kind: "io_uring",
    kernelPollCore: 5,
    busyPollUs: 50,
    timestamps: "poll",
  });
  assertEquals(config.fix.port, 0);
  assertEquals(config.fix.sessions, [
    {
      senderCompId: "DESK",
      username: "DESK",
      password: "long enough",
      ...PLAIN,
    },
  ]);
  assertEquals(config.binary.sessions, [
    { number: 4294967295, key: "18446744073709551615", ...PLAIN },
  ]);
  assertEquals(config.instruments, [{
    ...defaultConfig().instruments[0]!,
    symbol: "ETH-USD",
    tickSizeE8: 5_000_000,
    lotSizeE8: 100_000,
    quantityLotsMax: 12_500,
    notionalMax: 1_000_000 * 20 * 1000,
  }]);
  assertEquals(config.journal, defaultConfig().journal);
});

Deno.test("loadConfig() names key, value and what is allowed", () => {
  const cases: [string, string][] = [
    [
      "fix.port = 65536",
      "fix.port = 65536: must be a whole number from 0 to 65535",
    ],
    ["fix.port = -1", "fix.port = -1: must be a whole number from 0 to 65535"],
    [
      "fix.port = 1.5",
      "fix.port = 1.5: must be a whole number from 0 to 65535",
    ],
    [
      'fix.port = "9878"',
      'fix.port = "9878": must be a whole number from 0 to 65535',
    ],
    [
      'fix.address = "localhost"',
      'fix.address = "localhost": must be an IPv4 address in quotes, such as "127.0.0.1"',
    ],
    [
      'admin.address = "1.2.3.256"',
      'admin.address = "1.2.3.256": must be an IPv4 address in quotes, such as "127.0.0.1"',
    ],
    [
      "capacity.command_ring = 5000",
      "capacity.command_ring = 5000: must be a power of two from 1024 to 4194304",
    ],
    [
      'journal.durability = "sync"',
      'journal.durability = "sync": must be one of "none", "written", "synced", "replicated"',
    ],
    [
      'topology.cores = [1, "x"]',
      'topology.cores[1] = "x": must be a whole number from 0 to 1023',
    ],
    [
      "topology.cores = 1",
      "topology.cores = 1: must be a list of core numbers, such as [2, 3]",
    ],
    [
      "topology.cores = [1, 2, 1]",
      "topology.cores[2] = 1: stands at topology.cores[0] already",
    ],
    ["fix = 1", "fix = 1: must be a section"],
    [
      "instruments = []",
      "instruments = []: must be at least one [[instruments]]",
    ],
    ["dpdk.enabled = 1", "dpdk.enabled = 1: must be true or false"],
    [
      'appliance.name = ""',
      'appliance.name = "": must be 1 to 64 letters, digits and any of _ . -',
    ],
    [
      "fix.heart_bt_int_min_s = 60\nfix.heart_bt_int_max_s = 30",
      "fix.heart_bt_int_min_s = 60: must be at most fix.heart_bt_int_max_s, 30",
    ],
    [
      "transport.kernel_poll_core = 1",
      'transport.kernel_poll_core = 1: needs transport.kind = "io_uring"; it is "auto"',
    ],
    [
      '[transport]\nkind = "plain"\nbusy_poll_us = 50',
      'transport.busy_poll_us = 50: needs transport.kind = "io_uring"; it is "plain"',
    ],
    [
      "transport.busy_poll_us = 10001",
      "transport.busy_poll_us = 10001: must be a whole number from 0 to 10000",
    ],
    [
      "topology.cores = [1]\n[transport]\nkind = 'io_uring'\nkernel_poll_core = 1",
      "transport.kernel_poll_core = 1: stands at topology.cores[0] already",
    ],
    ["fix.port = 9010", "binary.tcp_port = 9010: stands at fix.port already"],
    [
      "capacity.sessions = 8",
      "capacity.sessions = 8: must be at least 9: 8 sessions are configured, and one is the appliance's own",
    ],
    [
      "capacity.instruments = 2",
      "capacity.instruments = 2: must be at least 3: so many are configured",
    ],
    [
      "capacity.orders = 100\ncapacity.special_orders = 101",
      "capacity.special_orders = 101: must be at most capacity.orders, 100",
    ],
    [
      "capacity.special_orders = 0",
      "capacity.special_orders = 0: must be a whole number from 1 to 67108864",
    ],
    [
      "capacity.accounts = 1\n[[accounts]]\nname='A'\n[[accounts]]\nname='B'",
      "capacity.accounts = 1: must be at least 2: so many are configured",
    ],
    [
      "capacity.accounts = 1001\ncapacity.instruments = 50000",
      "capacity.accounts = 1001: must be at most 1000: each has a position in 50000 instruments",
    ],
    [
      "capacity.receive_window_bytes = 16384\nfix.message_bytes_max = 8193",
      "capacity.receive_window_bytes = 16384: must be at least twice fix.message_bytes_max, 8193",
    ],
    [
      "journal.segment_mib = 1",
      `journal.group_records_max = 8192: must be at most ${
        Math.floor((1_048_576 - 1024) / COMMAND_SLOT_BYTES)
      }: a group fits into a segment of 1 MiB (journal.segment_mib)`,
    ],
  ];
  for (const [text, line] of cases) assertEquals(problems(text), [line], text);
});

Deno.test("loadConfig() refuses unknown keys and guesses what was meant", () => {
  const cases: [string, string][] = [
    ["fix.prot = 1", "fix.prot: unknown key; did you mean port?"],
    ["fixx.port = 1", "fixx: unknown key; did you mean fix?"],
    [
      "journal.durabilty = 1",
      "journal.durabilty: unknown key; did you mean durability?",
    ],
    [
      "capacity.commandRing = 1",
      "capacity.commandRing: unknown key; did you mean command_ring?",
    ],
    [
      "capacity.command-ring = 1",
      "capacity.command-ring: unknown key; did you mean command_ring?",
    ],
    ["log.colour = 1", "log.colour: unknown key; known are level, format"],
    [
      "[[instruments]]\nsymbol='A'\ntick_size='1'\nlot_size='1'\ntik_size='1'",
      "instruments[0].tik_size: unknown key; did you mean tick_size?",
    ],
    [
      "[[fix.sessions]]\nsender_comp_id='A'\npassword='b'\nuser='x'",
      "fix.sessions[0].user: unknown key; known are sender_comp_id, username, password, password_file, password_credential, account, group, self_trade_prevention, self_trade_scope, messages_max, messages_interval_ms",
    ],
  ];
  for (const [text, line] of cases) assertEquals(problems(text), [line], text);
});

Deno.test("loadConfig() reports all problems at once, each key once", () => {
  const lines = problems(`
    colour = "red"
    [fix]
    port = 1.5e9
    address = "here"
    [[fix.sessions]]
    password = ""
    [journal]
    durability = "always"
  `);
  assertEquals(lines, [
    'journal.durability = "always": must be one of "none", "written", "synced", "replicated"',
    'fix.address = "here": must be an IPv4 address in quotes, such as "127.0.0.1"',
    "fix.port = 1500000000: must be a whole number from 0 to 65535",
    "fix.sessions[0].sender_comp_id: is missing",
    "fix.sessions[0].password = (not shown): must be 1 to 64 printable ASCII characters",
    "colour: unknown key; known are appliance, topology, memory, transport, capacity, journal, snapshot, feed, fix, binary, dpdk, replication, clock, flight_recorder, admin, log, accounts, instruments",
  ]);
});

Deno.test("loadConfig() refuses demo secrets on any address but loopback", () => {
  assertEquals(
    loadConfig('fix.address = "127.9.9.9"', "t").fix.address,
    "127.9.9.9",
  );
  const fix = problems('fix.address = "0.0.0.0"');
  assertEquals(fix.length, 4);
  assert(
    fix[0]!.startsWith(
      "fix.sessions[0].password = (not shown): the demo secret is for loopback only, and fix.address is",
    ),
  );
  const binary = problems(
    '[binary]\naddress = "10.1.1.1"\n[[binary.sessions]]\nnumber = 1\nkey = "0001869440356"',
  );
  assertEquals(binary.length, 1);
  assert(
    binary[0]!.startsWith("binary.sessions[0].key = (not shown): the demo"),
  );
  const dpdk = problems(
    '[dpdk]\nenabled = true\ndevice = "net_null0"\naddress = "10.1.1.1"\n[[dpdk.sessions]]\nnumber = 9\nkey = "1869440356"',
  );
  assert(dpdk[0]!.startsWith("dpdk.sessions[0].key = (not shown): the demo"));
  const [secret] = problems(
    '[dpdk]\nenabled = true\ndevice = "net_null0"\naddress = "10.1.1.1"\n[[dpdk.fix_sessions]]\nsender_comp_id = "FAST"\npassword = "demo"',
  );
  assert(
    secret!.startsWith("dpdk.fix_sessions[0].password = (not shown): the demo"),
    secret,
  );
});

Deno.test("loadConfig() refuses names and numbers that stand twice", () => {
  const session = (name: string) =>
    `[[fix.sessions]]\nsender_comp_id = "${name}"\npassword = "p"\n`;
  assertEquals(problems(session("A") + session("B") + session("A")), [
    'fix.sessions[2].sender_comp_id = "A": stands at fix.sessions[0].sender_comp_id already',
  ]);
  assertEquals(problems('[[dpdk.sessions]]\nnumber = 2\nkey = "5"'), [
    "dpdk.sessions[0].number = 2: stands at binary.sessions[1].number already",
  ]);
  const one =
    "[[instruments]]\nsymbol = 'A'\ntick_size = '1'\nlot_size = '1'\n";
  assertEquals(problems(one + one), [
    'instruments[1].symbol = "A": stands at instruments[0].symbol already',
  ]);
});

Deno.test("loadConfig() wants to know device, address and sessions of DPDK", () => {
  assertEquals(problems("dpdk.enabled = true"), [
    'dpdk.device = "": must be given if dpdk.enabled is true',
    'dpdk.address = "": must be given if dpdk.enabled is true',
    "dpdk.sessions = []: at least one is needed if dpdk.enabled is true, or one of dpdk.fix_sessions",
  ]);
  const dpdk = '[dpdk]\nenabled = true\ndevice = "net_null0"\n' +
    'address = "10.1.1.1"\n';
  const fix = '[[dpdk.fix_sessions]]\nsender_comp_id = "FAST"\n' +
    'password = "secret"\n';
  const binary = '[[dpdk.sessions]]\nnumber = 9\nkey = "7"\n';
  assertEquals(loadConfig(dpdk + fix, "test.toml").dpdk.sessions, []);
  assertEquals(problems(`${dpdk}fix_port = 0\n${fix}`), [
    "dpdk.fix_port = 0: must be given: there are dpdk.fix_sessions",
  ]);
  assertEquals(problems(`${dpdk}udp_port = 0\ntcp_port = 0\n${binary}`), [
    "dpdk.tcp_port = 0: it or dpdk.udp_port must be given: there are dpdk.sessions",
  ]);
  assertEquals(problems(`${dpdk}tcp_port = 9878\n${fix}${binary}`), [
    "dpdk.tcp_port = 9878: stands at dpdk.fix_port already",
  ]);
  assertEquals(
    problems(
      `[capacity]\nreceive_window_bytes = ${2 * DPDK_RECEIVE_BYTES_MAX}\n` +
        `send_window_bytes = ${2 * DPDK_SEND_BYTES_MAX}\n${dpdk}${fix}`,
    ),
    [
      "capacity.receive_window_bytes = 524288: must be at most 262144 if dpdk.enabled is true: TCP there has no larger ones",
      "capacity.send_window_bytes = 1048576: must be at most 524288 if dpdk.enabled is true: TCP there has no larger ones",
    ],
  );
});

Deno.test("loadConfig() wants to know the device of a feed over DPDK, and that it is the feed's alone", () => {
  const feed = '[feed]\nenabled = true\ntransport = "dpdk"\n';
  assertEquals(problems(`${feed}hops = 0`), [
    'feed.device = "": is needed for feed.transport = "dpdk"',
    'feed.device_address = "": is needed for feed.transport = "dpdk"',
    "feed.hops = 0: must be at least 1: DPDK's frames leave this machine",
  ]);
  const device = 'device = "net_af_packet0,iface=eth1"';
  assertEquals(
    problems(
      `${feed}${device}\ndevice_address = "192.0.2.1"\n[dpdk]\nenabled = true\n` +
        `${device}\naddress = "192.0.2.1"\n[[dpdk.sessions]]\nnumber = 9\nkey = "5"`,
    ),
    [
      'feed.device = "net_af_packet0,iface=eth1": is dpdk.device: each needs one of its own',
      'feed.device_address = "192.0.2.1": is dpdk.address already',
    ],
  );
});

Deno.test("loadConfig() wants to know where the other half of a pair is, and what decides", () => {
  assertEquals(problems('journal.durability = "replicated"'), [
    'replication.role = "none": must be primary, standby or auto if journal.durability is "replicated"',
  ]);
  assertEquals(problems('replication.role = "auto"'), [
    'replication.lease_servers = []: at least one is needed if replication.role is "auto": the lease decides',
    'replication.peers = []: at least one is needed if replication.role is "auto"',
  ]);
  assertEquals(
    problems(
      '[replication]\nrole = "standby"\npeers = ["192.0.2.1:9020"]\nheartbeat_ms = 1000',
    ),
    [
      "replication.timeout_ms = 2000: must be at least three times replication.heartbeat_ms, 1000",
    ],
  );
  assertEquals(
    problems('[replication]\npeers = ["here:9020"]'),
    [
      'replication.peers[0] = "here:9020": must be an IPv4 address and a port, such as "192.0.2.1:9020"',
    ],
  );
});

Deno.test("loadConfig() reads decimals exactly and refuses what is none", () => {
  const instrument = (tick: string, more = "") =>
    `[[instruments]]\nsymbol = "X"\ntick_size = ${tick}\nlot_size = "0.00000001"\n${more}`;
  const tick = (text: string) =>
    loadConfig(instrument(text), "t").instruments[0]!.tickSizeE8;
  assertEquals(tick('"0.01"'), 1_000_000);
  assertEquals(tick('"0.00000001"'), 1);
  assertEquals(tick('"90071992.54740991"'), Number.MAX_SAFE_INTEGER);
  assertEquals(tick('"5"'), 500_000_000);
  for (
    const wrong of [
      '"0"',
      '"0.0"',
      '"-1"',
      '"1e-2"',
      '".5"',
      '"1."',
      '"0.000000001"',
      '""',
      '"1,5"',
      '"90071992.54740992"',
      "0.01",
      "1",
    ]
  ) {
    const [line] = problems(instrument(wrong));
    assert(
      line!.includes("tick_size") &&
        line!.includes("a decimal above 0 in quotes"),
      line,
    );
  }
  assertEquals(problems(instrument('"0.01"', 'max_quantity = "100000000"')), [
    'instruments[0].max_quantity = "100000000": must be at most 9007199254740991 lots of 0.00000001',
  ]);
  assertEquals(problems(instrument('"0.01"', 'max_notional = "1000000"')), [
    'instruments[0].max_notional = "1000000": must be 1 to 9007199254740991 times tick_size x lot_size',
  ]);
  assertEquals(
    problems(
      '[[instruments]]\nsymbol = "X"\ntick_size = "1"\nlot_size = "0.4"\nmax_quantity = "1"',
    ),
    [
      'instruments[0].max_quantity = "1": must be a multiple of lot_size, 0.4',
    ],
  );
});

Deno.test("loadConfig() takes tables within an entry, in either form", () => {
  const one =
    "[[instruments]]\nsymbol = 'A'\ntick_size = '1'\nlot_size = '1'\n";
  const two = one.replace("'A'", "'B'");
  const band = "[instruments.price_band]\nlow = '2'\nhigh = '9'\n";
  const nested = loadConfig(one + band + two + band, "t");
  const inline = "price_band = { low = '2', high = '9' }\n";
  assertEquals(loadConfig(one + inline + two + inline, "t"), nested);
  assertEquals(nested.instruments.map(({ bandHighTicks }) => bandHighTicks), [
    9,
    9,
  ]);
  assertEquals(problems(one + band + band), [
    "[instruments.price_band]: stands twice, in line 5 and in line 8",
    "instruments.price_band.low: stands twice, in line 6 and in line 9",
    "instruments.price_band.high: stands twice, in line 7 and in line 10",
  ]);
});

Deno.test("loadConfig() refuses keys of binary sessions that are no u64", () => {
  for (
    const key of [
      '"18446744073709551616"',
      '"x"',
      '""',
      '"-1"',
      "5",
      '"123456789012345678901"',
    ]
  ) {
    const [line] = problems(`[[binary.sessions]]\nnumber = 1\nkey = ${key}`);
    assertEquals(
      line,
      "binary.sessions[0].key = (not shown): must be a decimal number from 0 to 18446744073709551615, in quotes",
    );
  }
  for (const number of ["0", "4294967296", "-1", '"1"']) {
    const [line] = problems(
      `[[binary.sessions]]\nnumber = ${number}\nkey = "1"`,
    );
    assert(
      line!.startsWith(`binary.sessions[0].number = ${number}: must be`),
      line,
    );
  }
});

Deno.test("loadConfig() wants a core for each real-time thread", () => {
  const wanted = (text: string): string[] =>
    problems(`[topology]\nreal_time_priority = 50\n${text}`);
  assertEquals(wanted(""), [
    "topology.real_time_priority = 50: needs 1 topology.cores, one for each " +
    "thread: a real-time thread leaves its core to no other",
  ]);
  assert(wanted('mode = "pinned"\ncores = [2, 3]')[0]!.includes("needs 3"));
  assert(
    wanted(
      'mode = "pinned"\ncores = [2, 3, 4]\n[replication]\nrole = "primary"',
    )[0]!.includes("needs 4"),
  );
  const { topology } = loadConfig(
    "[topology]\ncores = [1]\nreal_time_priority = 99\n",
    "test.toml",
  );
  assertEquals(topology.realTimePriority, 99);
  assert(
    problems("[topology]\nreal_time_priority = 100\n")[0]!.includes("99"),
  );
});

Deno.test("loadConfig() says where TOML can not be read", () => {
  const [line] = problems("[fix]\nport = = 3\n");
  assert(line!.startsWith("not TOML: ") && line!.includes("line 2"), line);
  assertEquals(
    problems(
      "[fix]\nport = 1\nport = 2\n[log]\n[fix]\naddress = '127.0.0.1'\n",
    ),
    [
      "fix.port: stands twice, in line 2 and in line 3",
      "[fix]: stands twice, in line 1 and in line 5",
    ],
  );
});

Deno.test("loadConfig() throws nothing but ConfigError on mutated files (seed 77)", () => {
  const text = defaultToml();
  let state = 77;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 4294967296 * below);
  };
  for (let i = 0; i < 500; i++) {
    let mutated = text;
    for (let j = random(4); j >= 0; j--) {
      const at = random(mutated.length);
      const insert = [
        "",
        '"',
        "[",
        "=",
        "\n",
        "0",
        "x",
        "#",
        "]",
        "é",
      ][random(10)]!;
      mutated = mutated.slice(0, at) + insert + mutated.slice(at + random(3));
    }
    try {
      loadConfig(mutated, "mutated.toml");
    } catch (error) {
      assert(error instanceof ConfigError, `round ${i}: ${error}`);
    }
  }
});
