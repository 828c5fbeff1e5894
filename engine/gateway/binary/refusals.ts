// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Answers to packets that are not taken: to a session, to a stranger (over UDP
 * only within limits), and to a TCP client whose stream can't be followed any
 * more. Each is counted by its reason. Owned by the gateway's thread;
 * allocates nothing.
 *
 * @module
 */
import { Reason } from "../../record/mod.ts";
import { COUNTER } from "../../telemetry/mod.ts";
import {
  BINARY_VERSION_1,
  BINARY_VERSION_2,
  HEADER_SEQUENCE,
  HEADER_SESSION,
  HEADER_VERSION,
  ServerType,
} from "../../wire/binary/mod.ts";
import type { GatewayContext } from "../protocol.ts";
import type { ClientLinks, Connection, Origin } from "./client_links.ts";
import { NOTICE_BYTES, type PacketSender } from "./packet_sender.ts";
import { PeerLimiter } from "./peer_limiter.ts";
import type { BinarySession } from "./session.ts";

/** Refuses packets; see the module's text. */
export class Refusals {
  readonly #context: GatewayContext;
  readonly #view: DataView;
  readonly #sender: PacketSender;
  readonly #links: ClientLinks;
  readonly #from: Origin;
  readonly #limiter = new PeerLimiter();

  /**
   * @param view All receive memory.
   * @param from Where the packet in hand came from.
   */
  constructor(
    context: GatewayContext,
    view: DataView,
    sender: PacketSender,
    links: ClientLinks,
    from: Origin,
  ) {
    this.#context = context;
    this.#view = view;
    this.#sender = sender;
    this.#links = links;
    this.#from = from;
  }

  /**
   * Tells a client that its packet was not taken from message `index` on.
   *
   * @param at Where the packet starts.
   */
  packet(
    session: BinarySession,
    reason: number,
    at: number,
    index: number,
  ): void {
    this.#context.telemetry.refused(reason);
    this.#make(reason, session.version, session.number, session, at, index);
    this.#sender.sendNoticeTo(session);
  }

  /** Answers somebody who is not logged on. */
  stranger(type: number, reason: number, at: number): void {
    const number = this.#view.getUint32(at + HEADER_SESSION, true);
    const { now, telemetry } = this.#context;
    const from = this.#from;
    telemetry.refused(reason);
    if (!from.stream) {
      const allowed = this.#limiter.allow(
        from.address,
        from.port,
        from.bytes,
        NOTICE_BYTES,
        now.ms,
      );
      if (!allowed) return;
    }
    const version = this.#versionAt(at);
    if (type === ServerType.PACKET_REFUSED) {
      this.#make(reason, version, number, null, at, 0);
    } else {
      this.#sender.makeNotice(type, reason, version, number, null, 0, 0, 0);
    }
    if (from.stream) this.#sender.sendNoticeToStream(from.connection);
    else {
      this.#sender.sendNoticeToAddress(from.listener, from.address, from.port);
    }
  }

  /** Ends a TCP connection whose next packet can't be found any more. */
  malformed(entry: Connection, at: number): void {
    const { telemetry } = this.#context;
    const session = entry.session;
    const number = session === null
      ? this.#view.getUint32(at + HEADER_SESSION, true)
      : session.number;
    const version = session === null ? this.#versionAt(at) : session.version;
    telemetry.refused(Reason.MALFORMED);
    telemetry.add(COUNTER.binary_packets_garbled_total, 1);
    telemetry.add(COUNTER.connections_garbled_total, 1);
    telemetry.log("warn", "binary connection cut: malformed packet", {
      connection: entry.id,
      session: session === null ? 0 : session.number,
    });
    this.#make(Reason.MALFORMED, version, number, session, at, 0);
    this.#sender.sendNoticeToStream(entry.id);
    this.#links.drop(entry);
  }

  #make(
    reason: number,
    version: number,
    number: number,
    session: BinarySession | null,
    at: number,
    index: number,
  ): void {
    this.#sender.makeNotice(
      ServerType.PACKET_REFUSED,
      reason,
      version,
      number,
      session,
      this.#view.getUint32(at + HEADER_SEQUENCE, true),
      this.#view.getUint32(at + HEADER_SEQUENCE + 4, true),
      index,
    );
  }

  /** Version of a packet, as far as it is one that we speak. */
  #versionAt(at: number): number {
    return this.#view.getUint8(at + HEADER_VERSION) === BINARY_VERSION_2
      ? BINARY_VERSION_2
      : BINARY_VERSION_1;
  }
}
