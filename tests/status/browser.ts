// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A headless Chromium, driven over the DevTools protocol, for tests of the
 * status page. Debian's package `chromium`.
 *
 * ```
 *   test ─WebSocket─▶ Chromium ─HTTP─▶ admin port
 * ```
 *
 * @module
 */

const START_MS_MAX = 30_000;
const WAIT_MS_MAX = 30_000;

/** Where Chromium is; undefined if it is not installed. */
export function chromiumPath(): string | undefined {
  for (const path of ["/usr/bin/chromium", "/usr/bin/chromium-browser"]) {
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}

/** Which window to open. */
export interface WindowOptions {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  /** Touch screen, phone's viewport. */
  readonly phone?: boolean;
}

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** One page in a browser of its own. */
export class Browser {
  readonly #process: Deno.ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<
    number,
    { done(result: Record<string, unknown>): void; failed(error: Error): void }
  >();
  /** What the page complained of: exceptions, console errors, refusals. */
  readonly complaints: string[] = [];
  #next = 1;

  private constructor(
    process: Deno.ChildProcess,
    profile: string,
    socket: WebSocket,
  ) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.onmessage = (event) => this.#take(JSON.parse(event.data));
  }

  /** Starts a browser with an empty page. */
  static async open(path: string, window: WindowOptions): Promise<Browser> {
    const profile = await Deno.makeTempDir({ prefix: "ferrule-browser-" });
    const process = new Deno.Command(path, {
      args: [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--no-first-run",
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
        `--window-size=${window.width},${window.height}`,
        "about:blank",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      const socket = new WebSocket(await pageAddress(profile));
      await new Promise<void>((resolve, reject) => {
        socket.onopen = () => resolve();
        socket.onerror = () => reject(new Error("No DevTools connection"));
      });
      const browser = new Browser(process, profile, socket);
      await browser.#prepare(window);
      return browser;
    } catch (error) {
      process.kill("SIGKILL");
      await process.status;
      await Deno.remove(profile, { recursive: true });
      throw error;
    }
  }

  async #prepare({ width, height, dark, phone }: WindowOptions): Promise<void> {
    await this.call("Page.enable");
    await this.call("Runtime.enable");
    await this.call("Log.enable");
    await this.call("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: phone === true,
    });
    await this.call("Emulation.setEmulatedMedia", {
      features: [{
        name: "prefers-color-scheme",
        value: dark === true ? "dark" : "light",
      }],
    });
  }

  /** Calls a method of the DevTools protocol. */
  call(
    method: string,
    params: Record<string, unknown> = {},
  ): Promise<Record<string, unknown>> {
    const id = this.#next++;
    return new Promise((done, failed) => {
      this.#waiting.set(id, { done, failed });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  #take(answer: Answer): void {
    const { id, method, params, result, error } = answer;
    if (id !== undefined) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error !== undefined) waiting?.failed(new Error(error.message));
      else waiting?.done(result ?? {});
    } else if (method === "Runtime.exceptionThrown") {
      this.complaints.push(JSON.stringify(params));
    } else if (method === "Log.entryAdded") {
      const { level, text } = params!.entry as Record<string, string>;
      if (level === "error") this.complaints.push(text!);
    }
  }

  /** Goes to an address. */
  async visit(url: string): Promise<void> {
    await this.call("Page.navigate", { url });
  }

  /** The value of an expression in the page; a promise is waited for. */
  async value<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    }) as {
      result: { value: Value };
      exceptionDetails?: { exception?: { description?: string } };
    };
    if (exceptionDetails !== undefined) {
      throw new Error(
        `${expression}: ${exceptionDetails.exception?.description}`,
      );
    }
    return result.value;
  }

  /** Waits until an expression holds; what is not so in half a minute is a failure. */
  async until(what: string, expression: string): Promise<void> {
    const deadline = performance.now() + WAIT_MS_MAX;
    let last = "";
    for (;;) {
      try {
        if (await this.value<boolean>(expression) === true) return;
      } catch (error) {
        // The page may be between two documents.
        last = String(error);
      }
      if (performance.now() > deadline) {
        const text = await this.value<string>("document.body.innerText");
        throw new Error(`Never: ${what}\n${last}\n${text}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** What the window shows, or the whole page, as PNG. */
  async screenshot(whole = false): Promise<Uint8Array> {
    const { data } = await this.call("Page.captureScreenshot", {
      format: "png",
      captureBeyondViewport: whole,
    });
    return Uint8Array.from(atob(String(data)), (char) => char.charCodeAt(0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#socket.onclose = () => resolve();
    });
    this.call("Browser.close").catch(() => {});
    await Promise.race([
      Promise.all([closed, this.#process.status]),
      new Promise((resolve) => {
        const timer = setTimeout(resolve, 5000);
        this.#process.status.then(() => clearTimeout(timer));
      }),
    ]);
    try {
      this.#process.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#process.status;
    this.#socket.close();
    // Its helpers write a last word into the profile while they end.
    for (let attempt = 0; attempt < 50; attempt++) {
      try {
        await Deno.remove(this.#profile, { recursive: true });
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
}

/** The DevTools address of the first page, as soon as the browser has told its port. */
async function pageAddress(profile: string): Promise<string> {
  const deadline = performance.now() + START_MS_MAX;
  for (;;) {
    try {
      const text = await Deno.readTextFile(`${profile}/DevToolsActivePort`);
      const port = text.split("\n")[0];
      const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`))
        .json() as { type: string; webSocketDebuggerUrl: string }[];
      const page = targets.find(({ type }) => type === "page");
      if (page !== undefined) return page.webSocketDebuggerUrl;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    if (performance.now() > deadline) {
      throw new Error("Chromium opened no page in time");
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
