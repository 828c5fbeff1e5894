// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The status page: `/` and its files, `/live`, `/doctor`.
 *
 * Main thread. The page is static (`status/`), loads nothing from elsewhere,
 * and may run no script but its own; what it shows comes over `/live`.
 *
 * @module
 */
import type { Log } from "../telemetry/mod.ts";
import type { DoctorDesk } from "./doctor_desk.ts";
import { eventText, LiveFeed } from "./live_feed.ts";
import { LATENCY_ROLL_MS } from "./latency_window.ts";
import type { LiveView } from "./live_view.ts";

/** How often listeners are told. */
const TICK_MS = 1000;
/** Books that one page may follow. */
export const BOOKS_MAX = 4;

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/status.css": ["status.css", "text/css; charset=utf-8"],
  "/status.js": ["status.js", "text/javascript; charset=utf-8"],
  "/charts.js": ["charts.js", "text/javascript; charset=utf-8"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
};

/** Nothing from elsewhere, no inline script or style, in nobody's frame. */
const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; " +
    "img-src 'self'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};

/** Paths that are answered here. */
export const STATUS_PATHS = ["/", "/live", "/doctor"] as const;

/** The page and what feeds it. */
export class StatusPage {
  readonly #view: LiveView;
  readonly #doctor: DoctorDesk;
  readonly #log: Pick<Log, "warn">;
  readonly #failures = new Set<string>();
  readonly #feed = new LiveFeed();
  readonly #files = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #timers: readonly ReturnType<typeof setInterval>[];

  /** Starts to look once a second; `close()` ends it. */
  constructor(view: LiveView, doctor: DoctorDesk, log: Pick<Log, "warn">) {
    this.#log = log;
    this.#view = view;
    this.#doctor = doctor;
    this.#timers = [
      setInterval(() => this.tick(), TICK_MS),
      setInterval(() => this.#guarded(() => view.roll()), LATENCY_ROLL_MS),
    ];
  }

  /** Pages that are open now. */
  get listeners(): number {
    return this.#feed.listeners;
  }

  /** Pages that were dropped because they did not read. */
  get dropped(): number {
    return this.#feed.dropped;
  }

  /** Answers a GET of one of its paths; undefined for any other. */
  async answer(url: URL): Promise<Response | undefined> {
    const { pathname } = url;
    if (pathname === "/live") return this.#live(url);
    if (pathname === "/doctor") {
      return Response.json(await this.#doctor.examine(), {
        headers: { "cache-control": "no-store" },
      });
    }
    const found = FILES[pathname];
    if (found === undefined) return undefined;
    const [file, type] = found;
    return new Response(await this.#read(file), {
      headers: { ...PAGE_HEADERS, "content-type": type },
    });
  }

  /** Ends the streams: a server that stops waits for them. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#feed.close();
  }

  async #read(file: string): Promise<Uint8Array<ArrayBuffer>> {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const bytes = await Deno.readFile(
      new URL(`./status/${file}`, import.meta.url),
    );
    this.#files.set(file, bytes);
    return bytes;
  }

  /**
   * Once a second: looks, and tells all listeners. What goes wrong here is
   * logged and nothing else: the engine must not stop for a page.
   */
  tick(): void {
    this.#guarded(() => {
      this.#view.sample();
      if (this.#feed.listeners > 0) {
        this.#feed.tick(eventText("live", this.#view.live()));
      }
    });
  }

  /** Each distinct failure is logged once. */
  #guarded(act: () => void): void {
    try {
      act();
    } catch (failure) {
      const error = failure instanceof Error
        ? failure.message
        : String(failure);
      if (this.#failures.has(error)) return;
      this.#failures.add(error);
      this.#log.warn("the status page could not look", { error });
    }
  }

  #live(url: URL): Response {
    const view = this.#view;
    const symbols = url.searchParams.getAll("book").slice(0, BOOKS_MAX);
    const chosen = view.choose(symbols);
    const own = (): string => eventText("books", view.books(chosen));
    const first = eventText("history", view.history()) +
      eventText("live", view.live()) + own();
    const stream = this.#feed.open(first, own);
    if (stream === undefined) {
      return new Response("As many pages are open as may be\n", {
        status: 503,
        headers: { "retry-after": "10" },
      });
    }
    return new Response(stream, {
      headers: {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
      },
    });
  }
}
