// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Snapshots of the feed for those who come late, in the manner of GLIMPSE:
 * over SoupBinTCP, the messages that make the book as it is, then `G` with the
 * number of the feed's message that comes next.
 *
 * ```
 *   accepted ─▶ login request ─▶ login accepted, R H A A A ..., G ─▶ end of session, close
 *       └─ none in time, or not a login: closed
 * ```
 *
 * A snapshot is written down as a whole when its login comes, so it is of one
 * moment, and goes out as fast as the client reads. Few clients at a time;
 * user and password are not looked at: it tells what the groups tell to all.
 * Belongs to the feed's thread; allocates.
 *
 * @module
 */
import { BACKPRESSURE, GONE, type Transport } from "../transport/mod.ts";
import { ItchEncoder } from "../wire/itch/mod.ts";
import {
  SOUP_HEADER_BYTES,
  SOUP_LOGIN_41_BYTES,
  SOUP_LOGIN_BYTES,
  SOUP_NO_SESSION,
  SOUP_REJECTED_BYTES,
  soupLoginSession,
  SoupType,
  writeSoupAccepted,
  writeSoupHeader,
} from "../wire/soupbintcp.ts";
import type { FeedBuilder } from "./feed_builder.ts";
import type { FeedStore } from "./feed_store.ts";

/** What the service works with. */
export interface FeedSnapshotsOptions {
  readonly transport: Transport;
  readonly store: FeedStore;
  readonly builder: FeedBuilder;
  readonly session: string;
  readonly connectionsMax: number;
}

interface Client {
  /** When it last took something. */
  sinceMs: number;
  /** Whole frames, not sent yet from `sent` on; empty = no login yet. */
  bytes: Uint8Array;
  sent: number;
}

/** A client that does not log in, or does not read, is cut off after so long. */
const PATIENCE_MS = 30_000;
const SEND_BYTES = 16_384;
const MESSAGE_BYTES_MAX = 64;
const HEAD_BYTES = 64;

/** Serves snapshots. See the module's text. */
export class FeedSnapshots {
  /** Snapshots that were begun. */
  served = 0;
  readonly #options: FeedSnapshotsOptions;
  readonly #clients = new Map<number, Client>();

  constructor(options: FeedSnapshotsOptions) {
    this.#options = options;
  }

  accepted(id: number, now: number): void {
    if (this.#clients.size >= this.#options.connectionsMax) {
      this.#options.transport.close(id);
      return;
    }
    this.#clients.set(id, { sinceMs: now, bytes: new Uint8Array(), sent: 0 });
  }

  closed(id: number): void {
    this.#clients.delete(id);
  }

  /** The window of a client: a login, or after it nothing that matters. */
  received(id: number, offset: number, length: number): void {
    const { transport, session } = this.#options;
    const client = this.#clients.get(id);
    if (client === undefined) return;
    if (client.bytes.length > 0) return transport.consume(id, length);
    if (length < SOUP_HEADER_BYTES) return;
    const u8 = transport.bytes;
    const bytes = 2 + (u8[offset]! << 8 | u8[offset + 1]!);
    const isLogin = u8[offset + 2] === SoupType.LOGIN_REQUEST &&
      (bytes === SOUP_LOGIN_BYTES || bytes === SOUP_LOGIN_41_BYTES);
    if (!isLogin) return this.#drop(id);
    if (length < bytes) return;
    const wanted = soupLoginSession(u8, offset);
    transport.consume(id, length);
    if (wanted !== "" && wanted !== session) {
      client.bytes = new Uint8Array(SOUP_REJECTED_BYTES);
      writeSoupHeader(client.bytes, 0, SoupType.LOGIN_REJECTED, 1);
      client.bytes[SOUP_HEADER_BYTES] = SOUP_NO_SESSION;
      return;
    }
    client.bytes = this.#snapshot();
    this.served++;
  }

  /** Sends what clients take. Returns how much was done. */
  doWork(now: number): number {
    let work = 0;
    for (const [id, client] of this.#clients) {
      if (client.bytes.length > 0) {
        const sent = this.#send(id, client);
        if (sent > 0) client.sinceMs = now;
        work += sent;
      }
      if (now - client.sinceMs > PATIENCE_MS) this.#drop(id);
    }
    return work;
  }

  #drop(id: number): void {
    this.#clients.delete(id);
    this.#options.transport.close(id);
  }

  #send(id: number, client: Client): number {
    const { transport } = this.#options;
    const part = Math.min(SEND_BYTES, client.bytes.length - client.sent);
    const at = transport.reserve(id, part);
    if (at === BACKPRESSURE) return 0;
    if (at === GONE) {
      this.#clients.delete(id);
      return 0;
    }
    transport.bytes.set(
      client.bytes.subarray(client.sent, client.sent + part),
      at,
    );
    transport.commit(id, part);
    client.sent += part;
    if (client.sent === client.bytes.length) this.#drop(id);
    return 1;
  }

  /** All frames of a snapshot. */
  #snapshot(): Uint8Array {
    const { builder, store, session } = this.#options;
    let memory = new Uint8Array(
      HEAD_BYTES + (builder.book.size + 64) * MESSAGE_BYTES_MAX,
    );
    let end = writeSoupAccepted(memory, 0, session, 1);
    const message = new Uint8Array(MESSAGE_BYTES_MAX);
    const encoder = new ItchEncoder(message);
    const write = (encode: () => number): void => {
      const bytes = encode();
      if (end + HEAD_BYTES + MESSAGE_BYTES_MAX > memory.length) {
        const larger = new Uint8Array(memory.length * 2);
        larger.set(memory);
        memory = larger;
      }
      writeSoupHeader(memory, end, SoupType.SEQUENCED, bytes);
      memory.set(message.subarray(0, bytes), end + SOUP_HEADER_BYTES);
      end += SOUP_HEADER_BYTES + bytes;
    };
    builder.describe(encoder, write);
    write(() => encoder.snapshotEnd(store.next));
    writeSoupHeader(memory, end, SoupType.END_OF_SESSION, 0);
    return memory.slice(0, end + SOUP_HEADER_BYTES);
  }
}
