// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * QuickFIX on a string: sends what a test says through several sessions, and
 * hands over what comes, which QuickFIX has checked. See `ferrule_driver.cpp`.
 *
 * @module
 */
import { DICTIONARY, QUICKFIX_BUILD } from "./quickfix_client.ts";

const NEXT_MS_MAX = 10_000;

/** How the driver is run. */
export interface QuickfixDriverOptions {
  readonly port: number;
  /** Folder of its sequence numbers and sent messages. */
  readonly files: string;
  /** SenderCompIDs; `buildClient()` was called before. */
  readonly senders: readonly string[];
}

/** Sessions of QuickFIX that do what they are told. */
export class QuickfixDriver {
  /** What was wrong since `clear()`, in QuickFIX's words. */
  readonly violations: string[] = [];
  readonly #senders: readonly string[];
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #inboxes: Map<number, string>[][];
  readonly #loggedOn = new Set<string>();
  readonly #reading: Promise<void>;
  #wake: (() => void) | undefined;

  constructor({ port, files, senders }: QuickfixDriverOptions) {
    this.#senders = senders;
    this.#inboxes = senders.map(() => []);
    this.#process = new Deno.Command(`${QUICKFIX_BUILD}/ferrule_driver`, {
      args: [files, DICTIONARY, String(port), ...senders],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Waits until all sessions have logged on. */
  async loggedOn(): Promise<void> {
    await this.#until(() => this.#loggedOn.size === this.#senders.length);
  }

  /** Sends a message; 60 is added. */
  send(client: number, type: string, fields: string): void {
    const line = `${this.#senders[client]} ${type} ${fields}\n`;
    // What fails to be sent is missed by who waits for the answer.
    this.#input.write(new TextEncoder().encode(line)).catch(() => {});
  }

  /** The next message to a client, by tag, its type as tag 35. */
  async next(client: number): Promise<Map<number, string>> {
    const inbox = this.#inboxes[client]!;
    await this.#until(() => inbox.length > 0);
    return inbox.shift()!;
  }

  /** Forgets what nobody has asked for. */
  clear(): void {
    this.violations.length = 0;
    for (const inbox of this.#inboxes) inbox.length = 0;
  }

  /** Logs out and ends; returns the exit status. */
  async close(): Promise<number> {
    await this.#input.close().catch(() => {});
    const { code } = await this.#process.status;
    await this.#reading;
    return code;
  }

  async #until(holds: () => boolean): Promise<void> {
    const deadline = performance.now() + NEXT_MS_MAX;
    while (!holds()) {
      const left = deadline - performance.now();
      if (left <= 0 || this.violations.length > 0) {
        throw new Error(`Nothing came: ${this.violations.join("; ")}`);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, left);
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
    }
  }

  async #read(): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true }))
        .split("\n");
      rest = lines.pop()!;
      lines.forEach((line) => this.#take(line));
      this.#wake?.();
    }
  }

  #take(line: string): void {
    const [sender, type, ...fields] = line.split(" ");
    if (sender === "!") this.violations.push(line.slice(2));
    else if (type === "logon") this.#loggedOn.add(sender!);
    else {
      const message = new Map([[35, type!]]);
      for (const field of fields.join(" ").split("|")) {
        const equals = field.indexOf("=");
        if (equals < 0) continue;
        message.set(Number(field.slice(0, equals)), field.slice(equals + 1));
      }
      this.#inboxes[this.#senders.indexOf(sender!)]!.push(message);
    }
  }
}
