// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Opens the transport over the kernel's sockets that the configuration names,
 * or the best that this host offers. Once, on the thread that will poll.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import {
  measureSockets,
  openSockets,
  rankSockets,
  SOCKET_KINDS,
  type SocketFigure,
  type SocketKind,
  type SocketTransport,
  type SocketTransportOptions,
} from "../transport/mod.ts";

/** What finds out and opens; others in tests. */
export interface TransportTools {
  readonly measure: () => SocketFigure[];
  readonly open: typeof openSockets;
}

const TOOLS: TransportTools = { measure: measureSockets, open: openSockets };

/**
 * Opens it, and logs which one and why.
 *
 * @throws {Error} If the one that is named can not be had, with the remedy; or
 *   if none can.
 */
export function openKernelTransport(
  kind: Config["transport"]["kind"],
  options: SocketTransportOptions,
  log: Log,
  tools: TransportTools = TOOLS,
): SocketTransport {
  if (kind !== "auto") {
    const transport = openNamed(kind, options, tools);
    log.info("transport", { kind, why: "configured" });
    return transport;
  }
  const figures = tools.measure();
  const ranked = rankSockets(figures);
  let refusal: unknown = new Error(
    figures.map(({ kind, reason }) => `${kind}: ${reason}`).join("; "),
  );
  for (const candidate of ranked) {
    try {
      const transport = tools.open(candidate, options);
      log.info("transport", { kind: candidate, ...figureFields(figures) });
      return transport;
    } catch (error) {
      refusal = error;
      log.warn(`The ${candidate} transport can not start; trying the next`, {
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }
  throw new Error(
    `No transport over the kernel's sockets can start: ${
      refusal instanceof Error ? refusal.message : refusal
    }`,
    { cause: refusal },
  );
}

function openNamed(
  kind: SocketKind,
  options: SocketTransportOptions,
  tools: TransportTools,
): SocketTransport {
  try {
    return tools.open(kind, options);
  } catch (cause) {
    const others = SOCKET_KINDS.filter((other) => other !== kind)
      .map((other) => `"${other}"`).join(" or ");
    throw new Error(
      `[transport] kind = "${kind}", but: ${
        cause instanceof Error ? cause.message : cause
      }. Or configure ${others}, or "auto" to take what there is`,
      { cause },
    );
  }
}

/** A rung's time for an echo, or why it has none. */
function figureFields(
  figures: readonly SocketFigure[],
): Record<string, string | number> {
  return Object.fromEntries(
    figures.map(({ kind, echoUs, reason }) =>
      reason === ""
        ? [`${kind}_echo_us`, Number(echoUs.toFixed(2))]
        : [`${kind}_reason`, reason]
    ),
  );
}
