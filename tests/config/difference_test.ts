// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What a configuration that is read anew may change: every setting is either
 * taken or refused with its key, both values and a reason.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  compareConfigs,
  type Config,
  DEFAULTS,
  defaultToml,
  loadConfig,
} from "../../engine/config/mod.ts";

function read(text: string): Config {
  return loadConfig(text, "test");
}

function compare(before: string, after: string) {
  return compareConfigs(read(before), read(after));
}

/** Keys that can change while it runs, besides the lists. */
const CHANGEABLE = [
  "journal.free_reserve_mib",
  "journal.lag_commands_max",
  "journal.slow_after_ms",
  "log.level",
  "snapshot.commands_between",
  "snapshot.seconds_between",
  "snapshot.keep",
];
/** Other values, where the next number or another word would not do. */
const OTHERS: Readonly<Record<string, string>> = {
  "appliance.name": '"other"',
  "appliance.data_directory": '"/other"',
  "memory.huge_pages": '"never"',
  "topology.mode": '"pinned"',
  "topology.cores": "[0]",
  "transport.kind": '"io_uring"',
  "capacity.special_orders": "1000",
  "journal.durability": '"written"',
  "journal.archive_directory": '"/archive"',
  "fix.address": '"127.0.0.2"',
  "fix.target_comp_id": '"OTHER"',
  "binary.address": '"127.0.0.2"',
  "dpdk.device": '"net_tap0"',
  "dpdk.address": '"192.0.2.1"',
  "feed.address": '"127.0.0.2"',
  "feed.group_a": '"239.192.0.9"',
  "feed.group_b": '"239.192.0.9"',
  "feed.interface_a": '"127.0.0.2"',
  "feed.interface_b": '"127.0.0.2"',
  "replication.role": '"primary"',
  "replication.group": '"other"',
  "replication.address": '"127.0.0.2"',
  "replication.peers": '["127.0.0.1:1"]',
  "replication.local_durability": '"synced"',
  "replication.lease_servers": '["127.0.0.1:1"]',
  "admin.address": '"127.0.0.2"',
  "transport.timestamps": '"hardware"',
  "feed.transport": '"dpdk"',
  "feed.device": '"net_tap1"',
  "feed.device_address": '"192.0.2.9"',
  "feed.snapshot_user": '"USER"',
  "feed.snapshot_password": '"secret"',
  "clock.ptp_socket": '"/run/other"',
  "clock.ptp_device": '"/dev/ptp9"',
  "log.level": '"debug"',
  "log.format": '"json"',
};
/** What needs another key to be valid at all. */
const WITH: Readonly<Record<string, string>> = {
  "transport.kernel_poll_core": 'kind = "io_uring"\n',
  "transport.busy_poll_us": 'kind = "io_uring"\n',
  "dpdk.enabled": 'device = "net_tap0"\naddress = "192.0.2.1"\n',
  "topology.real_time_priority": "cores = [0]\n",
};

const AFTER_IT: Readonly<Record<string, string>> = {
  "dpdk.enabled": '[[dpdk.sessions]]\nnumber = 9\nkey = "9"\n',
};

Deno.test("compareConfigs() takes or refuses every key there is", () => {
  const before = read("");
  const missed: string[] = [];
  for (const { key, value } of DEFAULTS) {
    const [section, name] = key.split(".");
    const other = OTHERS[key] ??
      (typeof value === "boolean"
        ? String(!value)
        : typeof value === "number"
        ? String(powerOfTwo(name!) ? value * 2 : value + 1)
        : undefined);
    if (other === undefined) {
      missed.push(`${key}: no other value is given here`);
      continue;
    }
    const after = read(
      `[${section}]\n${WITH[key] ?? ""}${name} = ${other}\n${
        AFTER_IT[key] ?? ""
      }`,
    );
    const { problems, counts } = compareConfigs(before, after);
    if (CHANGEABLE.includes(key)) {
      assertEquals([key, problems, counts], [key, [], {
        "settings changed": 1,
      }]);
      continue;
    }
    const problem = problems.find((one) => one.key === key);
    if (problem === undefined) missed.push(`${key} = ${other}: not refused`);
    else assertStringIncludes(problem.text, "restart");
  }
  assertEquals(missed, []);
});

/** Rings and windows double. */
function powerOfTwo(name: string): boolean {
  return /_ring$|_window_bytes$|^history_messages$|^slots$/.test(name);
}

Deno.test("compareConfigs() finds nothing where nothing differs", () => {
  assertEquals({ ...compare("", defaultToml()) }, {
    problems: [],
    counts: {},
    notes: [],
  });
});

const ACCOUNT = '[[accounts]]\nname = "DESK"\n';
const BINARY = (number: number, key: string, list = "binary") =>
  `[[${list}.sessions]]\nnumber = ${number}\nkey = "${key}"\n`;

Deno.test("compareConfigs() shows no secret", () => {
  const difference = compare(
    `${BINARY(1, "123456")}${BINARY(2, "2")}`,
    `${BINARY(1, "654321")}${BINARY(2, "2", "dpdk")}`,
  );
  assertEquals(difference.counts, { "sessions changed": 1 });
  assert(!JSON.stringify(difference).includes("654321"));
  assert(!JSON.stringify(difference).includes("123456"));
  // The other gateway does not have what it was sent.
  assertEquals(difference.problems.map(({ key }) => key), ["dpdk.sessions"]);
});

Deno.test("compareConfigs() keeps accounts and instruments that are there", () => {
  const { problems, counts } = compare(
    `${ACCOUNT}${defaultToml().replace(/# \[\[acc[^]*$/, "")}`,
    defaultToml().replace(/\[\[instruments\]\]\nsymbol = "MSFT"[^[]*/, ""),
  );
  assertEquals(counts, {});
  assertEquals(problems.map(({ key }) => key).sort(), [
    "accounts",
    "instruments",
  ]);
  assertStringIncludes(JSON.stringify(problems), "MSFT is gone from the file");
  assertStringIncludes(JSON.stringify(problems), "control kill account=DESK");
});

Deno.test("compareConfigs() says that a state is for new instruments", () => {
  const instrument = (more: string) =>
    `[[instruments]]\nsymbol = "A"\ntick_size = "0.01"\nlot_size = "1"\n${more}\n`;
  const { problems, counts, notes } = compare(
    instrument(""),
    instrument('state = "halt"'),
  );
  assertEquals([problems, counts, notes.length], [[], {}, 1]);
  assertStringIncludes(notes[0]!, "control state");
});
