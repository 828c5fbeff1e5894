// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The desk of a pair over a lease in memory: what the record says of a primary
 * that acknowledges alone.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { ReplicationDesk } from "../../engine/appliance/replication_desk.ts";
import { loadConfig } from "../../engine/config/mod.ts";
import {
  Lease,
  type LeaseRecord,
  type LeaseVersion,
  type Membership,
} from "../../engine/replication/mod.ts";
import {
  CONTROL_ALONE,
  CONTROL_BYTES,
  CONTROL_DURABLE,
  CONTROL_EXCHANGE,
  CONTROL_JOURNAL,
  CONTROL_REPLICATION_VALUE,
  CONTROL_ROLE,
  ExchangeState,
  JournalState,
  ReplicationValue,
  Role,
} from "../../engine/ring/mod.ts";
import { Log } from "../../engine/telemetry/mod.ts";
import { until } from "./pair.ts";

const LEASE_MS = 3000;
const VALUE = CONTROL_REPLICATION_VALUE >>> 1;
const CONFIG = `
[journal]
durability = "replicated"
[replication]
role = "primary"
port = 7000
peers = ["127.0.0.1:7001"]
lease_servers = ["127.0.0.1:7002"]
lease_ms = ${LEASE_MS}
`;

/** A store that answers when it is told to. */
class GatedStore {
  readonly records: LeaseRecord[] = [];
  gate: Promise<void> = Promise.resolve();

  read(): Promise<LeaseVersion> {
    const revision = this.records.length;
    return Promise.resolve({ revision, record: this.records.at(-1) });
  }

  async write(
    record: LeaseRecord,
    revision: number,
  ): Promise<number | undefined> {
    if (revision !== this.records.length) return undefined;
    this.records.push(record);
    await this.gate;
    return this.records.length;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

Deno.test("a primary that is told to be alone says so in the lease until a standby has caught up, also if one leaves meanwhile; with a failed journal it lets the lease go", async () => {
  const memory = new ArrayBuffer(CONTROL_BYTES);
  const control = new Int32Array(memory);
  const values = new Float64Array(memory);
  const store = new GatedStore();
  let membership: Membership = {
    id: "one",
    place: "",
    epoch: 0,
    primary: false,
  };
  let nowNs = 1;
  let looks = 0;
  const fenced: string[] = [];
  const desk = new ReplicationDesk({
    config: loadConfig(CONFIG, "test"),
    memberships: {
      read: () => membership,
      write: (news) => membership = news,
    },
    control,
    controlF64: values,
    sequence: () => 5,
    lease: (id) =>
      new Lease({
        store,
        id,
        name: id,
        leaseMs: LEASE_MS,
        nowNs: () => nowNs,
      }),
    nowNs: () => (looks++, nowNs),
    onFenced: (reason) => fenced.push(reason),
    log: new Log({
      level: "error",
      format: "json",
      source: "test",
      nowMs: () => 0,
    }),
  });
  control[CONTROL_EXCHANGE] = ExchangeState.RECOVERED;
  desk.start();
  await until("primary", () => control[CONTROL_ROLE] === Role.PRIMARY);
  control[CONTROL_EXCHANGE] = ExchangeState.LIVE;
  control[CONTROL_DURABLE] = 5;
  values[VALUE + ReplicationValue.SEQUENCE] = 5;
  values[VALUE + ReplicationValue.CONNECTED] = 1;

  const answered = Promise.withResolvers<void>();
  store.gate = answered.promise;
  const asked = desk.setMode("alone");
  const before = looks;
  await until("it looked at the standby", () => looks > before + 4);
  values[VALUE + ReplicationValue.CONNECTED] = 0;
  answered.resolve();
  assertEquals((await asked).status, 200);
  assertEquals(control[CONTROL_ALONE], 1);
  assertEquals(store.records.at(-1)!.alone, true);

  const renewals = store.records.length;
  nowNs += LEASE_MS / 2 * 1e6;
  await until("it was renewed", () => store.records.length > renewals);
  assertEquals(store.records.at(-1)!.alone, true);

  values[VALUE + ReplicationValue.CONNECTED] = 1;
  await until("it waits for the standby", () => control[CONTROL_ALONE] === 0);
  const since = looks;
  await until("it looked again", () => looks > since + 4);
  const last = store.records.length;
  nowNs += LEASE_MS / 2 * 1e6;
  await until("it was renewed again", () => store.records.length > last);
  assertEquals(store.records.at(-1)!.alone, false);
  assertEquals(fenced, []);

  control[CONTROL_JOURNAL] = JournalState.FAILED;
  await until("it is fenced", () => fenced.length > 0);
  assertEquals(fenced, [
    "its journal has failed: when the lease ends, another may take over",
  ]);
  const held = store.records.length;
  nowNs += LEASE_MS / 2 * 1e6;
  await desk.stop(true);
  assertEquals(store.records.length, held);
});
