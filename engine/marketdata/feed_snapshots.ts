// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Snapshots of the feed for those who come late, in the manner of GLIMPSE:
 * over SoupBinTCP, the messages that make the book as it is, then `G` with the
 * number of the feed's message that comes next.
 *
 * ```
 *   accepted ─▶ login request ─▶ login accepted, R H A A A ..., G ─▶ all taken: end of session, close
 *       └─ none in time, or not a login: closed       └─ heartbeats when nothing else went out
 * ```
 *
 * A snapshot is written down as a whole when its login comes, so it is of one
 * moment, and goes out as fast as the client reads, in whole frames. Few
 * clients at a time. Belongs to the feed's thread; allocates.
 *
 * @module
 */
import { GONE, type Transport } from "../transport/mod.ts";
import { ItchEncoder } from "../wire/itch/mod.ts";
import {
  SOUP_HEADER_BYTES,
  SOUP_LOGIN_41_BYTES,
  SOUP_LOGIN_BYTES,
  SOUP_NO_SESSION,
  SOUP_NOT_AUTHORISED,
  SOUP_REJECTED_BYTES,
  soupLoginName,
  soupLoginSession,
  soupLoginTimeoutMs,
  SoupType,
  writeSoupAccepted,
  writeSoupHeader,
} from "../wire/soupbintcp.ts";
import type { FeedBuilder } from "./feed_builder.ts";
import type { FeedStore } from "./feed_store.ts";

/** Who may log in; not case-sensitive. */
export interface SnapshotLogin {
  readonly user: string;
  readonly password: string;
}

/** What the service works with. */
export interface FeedSnapshotsOptions {
  readonly transport: Transport;
  readonly store: FeedStore;
  readonly builder: FeedBuilder;
  readonly session: string;
  readonly connectionsMax: number;
  /** Left out = everyone. */
  readonly login?: SnapshotLogin;
}

interface Client {
  /** When it last took something. */
  tookMs: number;
  /** When it last sent something, and when we last did. */
  heardMs: number;
  spokeMs: number;
  /** How long it may be silent. */
  silenceMs: number;
  /** Whole frames, not sent yet from `sent` on; empty = no login yet. */
  bytes: Uint8Array;
  sent: number;
  /** Its login was rejected: there is no session to end. */
  rejected: boolean;
}

/** A client that does not log in, or takes nothing, is cut off after so long. */
const PATIENCE_MS = 30_000;
/** Silence of either side before a heartbeat, and of a client before the end. */
const HEARTBEAT_MS = 1000;
const SILENCE_MS = 15_000;
const SILENCE_MS_MAX = 60_000;
const SEND_BYTES = 16_384;
const MESSAGE_BYTES_MAX = 64;
const HEAD_BYTES = 64;
/** A frame of a client's that can be; its window holds more. */
const CLIENT_FRAME_BYTES_MAX = 2048;

/** Serves snapshots. See the module's text. */
export class FeedSnapshots {
  /** Snapshots that were begun. */
  served = 0;
  /** Logins that were rejected. */
  rejected = 0;
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
    this.#clients.set(id, {
      tookMs: now,
      heardMs: now,
      spokeMs: now,
      silenceMs: PATIENCE_MS,
      bytes: new Uint8Array(),
      sent: 0,
      rejected: false,
    });
  }

  closed(id: number): void {
    this.#clients.delete(id);
  }

  /** The window of a client: frames, one of them a login. */
  received(id: number, offset: number, length: number, now: number): void {
    const { transport } = this.#options;
    const client = this.#clients.get(id);
    if (client === undefined) return;
    client.heardMs = now;
    const u8 = transport.bytes;
    let read = 0;
    while (length - read >= SOUP_HEADER_BYTES) {
      const at = offset + read;
      const bytes = 2 + (u8[at]! << 8 | u8[at + 1]!);
      if (bytes < SOUP_HEADER_BYTES || bytes > CLIENT_FRAME_BYTES_MAX) {
        return this.#drop(id);
      }
      if (length - read < bytes) break;
      if (!this.#frame(client, u8, at, bytes)) return this.#drop(id);
      read += bytes;
    }
    transport.consume(id, read);
  }

  /** Sends what clients take. Returns how much was done. */
  doWork(now: number): number {
    let work = 0;
    for (const [id, client] of this.#clients) {
      if (client.bytes.length > 0) work += this.#serve(id, client, now);
      if (
        now - client.tookMs > PATIENCE_MS ||
        now - client.heardMs > client.silenceMs
      ) this.#drop(id);
    }
    return work;
  }

  /** A whole frame of a client's; false = it is to go. */
  #frame(client: Client, u8: Uint8Array, at: number, bytes: number): boolean {
    const type = u8[at + 2];
    if (client.bytes.length > 0) {
      return type === SoupType.CLIENT_HEARTBEAT || type === SoupType.DEBUG ||
        type === SoupType.UNSEQUENCED;
    }
    if (
      type !== SoupType.LOGIN_REQUEST ||
      (bytes !== SOUP_LOGIN_BYTES && bytes !== SOUP_LOGIN_41_BYTES)
    ) return false;
    const reason = this.#reasonAgainst(u8, at);
    if (reason !== 0) {
      client.bytes = new Uint8Array(SOUP_REJECTED_BYTES);
      writeSoupHeader(client.bytes, 0, SoupType.LOGIN_REJECTED, 1);
      client.bytes[SOUP_HEADER_BYTES] = reason;
      client.rejected = true;
      this.rejected++;
      return true;
    }
    const wished = soupLoginTimeoutMs(u8, at);
    client.silenceMs = wished === 0
      ? SILENCE_MS
      : Math.min(Math.max(wished, 2 * HEARTBEAT_MS), SILENCE_MS_MAX);
    client.bytes = this.#snapshot();
    this.served++;
    return true;
  }

  /** Why a login is rejected; 0 = it is not. */
  #reasonAgainst(u8: Uint8Array, at: number): number {
    const { login, session } = this.#options;
    if (login !== undefined) {
      const { user, password } = soupLoginName(u8, at);
      const known = user === login.user.toLowerCase() &&
        password === login.password.toLowerCase();
      if (!known) return SOUP_NOT_AUTHORISED;
    }
    const wanted = soupLoginSession(u8, at);
    return wanted === "" || wanted === session ? 0 : SOUP_NO_SESSION;
  }

  #drop(id: number): void {
    this.#clients.delete(id);
    this.#options.transport.close(id);
  }

  #serve(id: number, client: Client, now: number): number {
    if (client.sent < client.bytes.length && this.#sendSome(id, client)) {
      client.tookMs = now;
      client.spokeMs = now;
      return 1;
    }
    if (client.sent === client.bytes.length && this.#isTaken(id)) {
      if (!client.rejected) this.#sendEmpty(id, SoupType.END_OF_SESSION);
      this.#drop(id);
      return 1;
    }
    if (now - client.spokeMs < HEARTBEAT_MS || client.rejected) return 0;
    if (!this.#sendEmpty(id, SoupType.SERVER_HEARTBEAT)) return 0;
    client.spokeMs = now;
    return 1;
  }

  #isTaken(id: number): boolean {
    return this.#options.transport.pending(id) === 0;
  }

  /** As many whole frames as go at once; false = the client takes nothing now. */
  #sendSome(id: number, client: Client): boolean {
    const { transport } = this.#options;
    const { bytes, sent } = client;
    let end = sent;
    while (end < bytes.length) {
      const next = end + 2 + (bytes[end]! << 8 | bytes[end + 1]!);
      if (next - sent > SEND_BYTES) break;
      end = next;
    }
    const at = transport.reserve(id, end - sent);
    if (at === GONE) this.#clients.delete(id);
    if (at < 0) return false;
    transport.bytes.set(bytes.subarray(sent, end), at);
    transport.commit(id, end - sent);
    client.sent = end;
    return true;
  }

  #sendEmpty(id: number, type: number): boolean {
    const { transport } = this.#options;
    const at = transport.reserve(id, SOUP_HEADER_BYTES);
    if (at < 0) return false;
    writeSoupHeader(transport.bytes, at, type, 0);
    transport.commit(id, SOUP_HEADER_BYTES);
    return true;
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
    return memory.slice(0, end);
  }
}
