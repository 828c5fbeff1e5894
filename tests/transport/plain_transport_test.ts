// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The transport over plain sockets and epoll on loopback: the conformance
 * suite. It runs on every Linux, so nothing is left out.
 *
 * @module
 */
import { PlainTransport } from "../../engine/transport/mod.ts";
import { conformance } from "./conformance.ts";
import { type SocketRung, socketTests } from "./socket_tests.ts";

const rung: SocketRung = {
  name: "plain",
  address: "127.0.0.1",
  clientAddress: "127.0.0.1",
  missing: () => "",
  open: (options) => new PlainTransport(options),
};

conformance(rung);
socketTests(rung);
