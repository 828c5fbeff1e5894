// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The lease's record as a key of a JetStream key-value bucket: NATS servers
 * agree on it by Raft, so that with three of them one may fail. Main thread;
 * the client reconnects by itself, to whichever server answers.
 *
 * @module
 */
import type { KV, KvEntry } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import type { LeaseRecord, LeaseStore, LeaseVersion } from "./lease.ts";

/** Name of the bucket. */
export const LEASE_BUCKET = "FERRULE";
const RECONNECT_MS = 250;
/** "wrong last sequence" */
const WRONG_REVISION = 10071;
/** Stands for "there must be none": a created key has no revision before it. */
const NONE = 0;

/** Which servers. */
export interface NatsLeaseOptions {
  /** "ADDRESS:PORT" of each. */
  readonly servers: readonly string[];
  /** Key of the record: name of the pair. */
  readonly key: string;
  /** Servers that keep a copy: 3, or 1. */
  readonly replicas: number;
  /** An answer that takes longer has not come. */
  readonly timeoutMs: number;
}

/** The record in NATS. It loads the client and connects at the first call that needs it. */
export class NatsLeaseStore implements LeaseStore {
  readonly #options: NatsLeaseOptions;
  #connection: NatsConnection | undefined;
  #bucket: KV | undefined;

  constructor(options: NatsLeaseOptions) {
    this.#options = options;
  }

  async read(): Promise<LeaseVersion> {
    const bucket = await this.#open();
    return versionOf(await bucket.get(this.#options.key));
  }

  async write(
    record: LeaseRecord,
    revision: number,
  ): Promise<number | undefined> {
    const bucket = await this.#open();
    const { key } = this.#options;
    const text = JSON.stringify(record);
    try {
      return revision === NONE
        ? await bucket.create(key, text)
        : await bucket.update(key, text, revision);
    } catch (error) {
      if (codeOf(error) === WRONG_REVISION) return undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#bucket = undefined;
    await connection?.close();
  }

  async #open(): Promise<KV> {
    if (this.#bucket !== undefined) return this.#bucket;
    const { servers, replicas, timeoutMs } = this.#options;
    // Who has no lease does not load a client.
    const { connect } = await import("@nats-io/transport-node");
    const { jetstream } = await import("@nats-io/jetstream");
    const { Kvm } = await import("@nats-io/kv");
    this.#connection ??= await connect({
      servers: [...servers],
      timeout: timeoutMs,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_MS,
    });
    const manager = new Kvm(
      jetstream(this.#connection, { timeout: timeoutMs }),
    );
    this.#bucket = await manager.create(LEASE_BUCKET, { replicas, history: 8 });
    return this.#bucket;
  }
}

/** JetStream's number of an error; 0 = none. */
function codeOf(error: unknown): number {
  if (!(error instanceof Error) || !("code" in error)) return 0;
  return Number(error.code);
}

function versionOf(entry: KvEntry | null): LeaseVersion {
  if (entry === null) return { revision: NONE, record: undefined };
  const { revision } = entry;
  if (entry.operation !== "PUT") return { revision, record: undefined };
  const record = recordOf(entry.string());
  if (record === undefined) {
    throw new Error(
      `The key ${entry.key} in the bucket ${LEASE_BUCKET} is no lease: ${entry.string()}. ` +
        "Another program uses it: change [replication] group, or remove the key",
    );
  }
  return { revision, record };
}

function recordOf(text: string): LeaseRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { holder, name, epoch, sequence, alone } = value as Record<
    string,
    unknown
  >;
  if (
    typeof holder !== "string" || typeof name !== "string" ||
    typeof epoch !== "number" || typeof sequence !== "number" ||
    typeof alone !== "boolean"
  ) return undefined;
  return { holder, name, epoch, sequence, alone };
}
