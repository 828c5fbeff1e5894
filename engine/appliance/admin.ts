// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The admin port: the status page at `/`, `/health`, `/metrics`, `/book/SYMBOL`, `/state`,
 * `/instruments`, `/sessions`, `/accounts`, `/clock`, and `/control` and `/promote` for
 * what an operator asks.
 *
 * Runs on the main thread with Deno's own HTTP server and reads shared memory;
 * only `/control` changes anything, through the exchange. It listens on
 * loopback unless configured otherwise and has no authentication of its own:
 * so those two answer only to this host itself, and to no web page.
 *
 * @module
 */
import type { Log } from "../telemetry/mod.ts";
import type { Metrics } from "./metrics.ts";
import type { OperatorAnswer } from "./operator_desk.ts";
import { STATUS_PATHS, type StatusPage } from "./status_page.ts";

/** What `/health` answers. */
export interface Health {
  /** "ok" answers with 200, everything else with 503. `degraded`: new orders are refused and cancels go on, or nothing is acknowledged without a standby; or orders go on, but market data or a link is down (`reason`). */
  readonly status:
    | "recovering"
    | "standby"
    | "ok"
    | "degraded"
    | "draining"
    | "failed"
    | "fenced";
  readonly [field: string]: unknown;
}

/** Where the answers come from. */
export interface AdminSources {
  readonly metrics: Metrics;
  readonly page: StatusPage;
  health(): Health;
  /** Depth of an instrument; undefined if there is none of that name. */
  book(symbol: string): unknown;
  /** Sequence and state hash, taken by the exchange between two commands. */
  state(): Promise<unknown>;
  instruments(): unknown;
  sessions(): unknown;
  accounts(): unknown;
  /** Who keeps the clock, and how well. */
  clock(): unknown;
  /** Does what an operator asks. */
  control(request: unknown): Promise<OperatorAnswer>;
  /** Makes a standby primary. */
  promote(request: unknown): Promise<OperatorAnswer>;
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
  if (path === "/instruments") return json(sources.instruments());
  if (path === "/sessions") return json(sources.sessions());
  if (path === "/accounts") return json(sources.accounts());
  if (path === "/clock") return json(sources.clock());
  if (path.startsWith("/book/")) {
    const symbol = decodeURIComponent(path.slice("/book/".length));
    const book = sources.book(symbol);
    return book === undefined
      ? json({ error: `Unknown instrument ${symbol}` }, 404)
      : json(book);
  }
  const paged = await sources.page.answer(url);
  if (paged !== undefined) return paged;
  const paths = [
    ...STATUS_PATHS,
    "/health",
    "/metrics",
    "/state",
    "/book/SYMBOL",
    "/instruments",
    "/sessions",
    "/accounts",
    "/clock",
    "/control",
    "/promote",
  ];
  return json({ error: `Nothing at ${path}`, paths }, 404);
}

const BODY_BYTES_MAX = 65_536;
/** A name could be made to lead here by whoever owns it. */
const OWN_HOST = /^(localhost|[0-9.]+)$/;

/** Whether a request comes from this host: over loopback, or from the address that it came to. */
function isOwnHost(remote: Deno.Addr, address: string): boolean {
  if (remote.transport !== "tcp") return false;
  return remote.hostname.startsWith("127.") || remote.hostname === address;
}

/** `/control`, `/promote`: only from this host, and only as JSON, which no web page sends unasked. */
async function posted(
  request: Request,
  remote: Deno.Addr,
  address: string,
  act: (asked: unknown) => Promise<OperatorAnswer>,
): Promise<Response> {
  if (request.method !== "POST") {
    return json({ error: "POST a JSON object" }, 405);
  }
  const { hostname } = new URL(request.url);
  if (!isOwnHost(remote, address) || !OWN_HOST.test(hostname)) {
    return json({ error: "Only this host itself may ask" }, 403);
  }
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json\b/.test(type)) {
    return json({ error: "Content-Type must be application/json" }, 415);
  }
  const text = await bodyText(request);
  if (text === undefined) {
    return json({ error: `At most ${BODY_BYTES_MAX} bytes are read` }, 413);
  }
  let asked: unknown;
  try {
    asked = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return json({ error: `Not JSON: ${error.message}` }, 400);
  }
  const { status, body } = await act(asked);
  return json(body, status);
}

/** The body; undefined if it is too long. */
async function bodyText(request: Request): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return await new Blob(chunks.map((chunk) => chunk.slice())).text();
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
    }, async (request, { remoteAddr }) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/control" || pathname === "/promote") {
        const act = (asked: unknown) =>
          pathname === "/control"
            ? sources.control(asked)
            : sources.promote(asked);
        return await posted(request, remoteAddr, address, act);
      }
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
  return {
    port: server.addr.port,
    close: async () => {
      sources.page.close();
      await server.shutdown();
    },
  };
}
