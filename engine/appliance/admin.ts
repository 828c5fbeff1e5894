// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The admin port: `/health`, `/metrics`, `/book/SYMBOL` and `/state`.
 *
 * Runs on the main thread with Deno's own HTTP server, reads shared memory
 * only, and changes nothing. It listens on loopback unless configured
 * otherwise; it has no authentication of its own.
 *
 * @module
 */
import type { Log } from "../telemetry/mod.ts";
import type { Metrics } from "./metrics.ts";

/** What `/health` answers. */
export interface Health {
  /** "ok" answers with 200, everything else with 503. */
  readonly status: "recovering" | "ok" | "draining" | "failed";
  readonly [field: string]: unknown;
}

/** Where the answers come from. */
export interface AdminSources {
  readonly metrics: Metrics;
  health(): Health;
  /** Depth of an instrument; undefined if there is none of that name. */
  book(symbol: string): unknown;
  /** Sequence and state hash, taken by the exchange between two commands. */
  state(): Promise<unknown>;
}

/** The HTTP server of the admin port. */
export interface AdminServer {
  /** The port it is bound to. */
  readonly port: number;
  close(): Promise<void>;
}

function json(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value, null, 2) + "\n", {
    status,
    headers: { "content-type": "application/json; charset=utf-8" },
  });
}

async function answer(url: URL, sources: AdminSources): Promise<Response> {
  const path = url.pathname;
  if (path === "/health") {
    const health = sources.health();
    return json(health, health.status === "ok" ? 200 : 503);
  }
  if (path === "/metrics") {
    const { metrics } = sources;
    return new Response(await metrics.text(), {
      headers: { "content-type": metrics.contentType },
    });
  }
  if (path === "/state") return json(await sources.state());
  if (path.startsWith("/book/")) {
    const symbol = decodeURIComponent(path.slice("/book/".length));
    const book = sources.book(symbol);
    return book === undefined
      ? json({ error: `Unknown instrument ${symbol}` }, 404)
      : json(book);
  }
  const paths = ["/health", "/metrics", "/state", "/book/SYMBOL"];
  return json({ error: `Nothing at ${path}`, paths }, 404);
}

/**
 * Opens the admin port.
 *
 * @throws {Error} If the address is taken or not ours.
 */
export function serveAdmin(
  address: string,
  port: number,
  sources: AdminSources,
  log: Log,
): AdminServer {
  const open = () =>
    Deno.serve({
      hostname: address,
      port,
      onListen: () => {},
      onError: (error) => {
        log.error("admin request failed", { error: String(error) });
        return json({ error: "Internal error" }, 500);
      },
    }, async (request) => {
      if (request.method !== "GET" && request.method !== "HEAD") {
        return json({ error: `${request.method} is not allowed here` }, 405);
      }
      try {
        return await answer(new URL(request.url), sources);
      } catch (error) {
        if (error instanceof URIError) {
          return json({ error: "Bad escape in the path" }, 400);
        }
        throw error;
      }
    });
  let server: ReturnType<typeof open>;
  try {
    server = open();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new Error(
      `Failed to open the admin port ${address}:${port}: ${error.message}. ` +
        "Another program has it, or the address is not this host's: change " +
        "[admin] address or port",
      { cause: error },
    );
  }
  return { port: server.addr.port, close: () => server.shutdown() };
}
