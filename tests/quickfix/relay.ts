// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A port that stays while what is behind it changes, for clients that must
 * find an appliance again after it was started anew, elsewhere.
 *
 * @module
 */

/** Forwards connections on one port to wherever the appliance listens now. */
export class Relay {
  /** 0 = nobody listens. */
  target = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();
  readonly #running: Promise<void>;

  constructor() {
    this.#running = this.#accept();
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  async close(): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#running;
  }

  /** Ends every connection that is open now. */
  cut(): void {
    for (const connection of this.#open) this.#end(connection);
  }

  async #accept(): Promise<void> {
    const flows: Promise<void>[] = [];
    for await (const client of this.#listener) {
      this.#open.add(client);
      flows.push(this.#connect(client));
    }
    await Promise.all(flows);
  }

  async #connect(client: Deno.Conn): Promise<void> {
    let server: Deno.Conn;
    try {
      if (this.target === 0) throw new Deno.errors.ConnectionRefused();
      server = await Deno.connect({ hostname: "127.0.0.1", port: this.target });
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      return this.#end(client);
    }
    this.#open.add(server);
    await Promise.all([this.#pump(client, server), this.#pump(server, client)]);
  }

  async #pump(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(65536);
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        for (let at = 0; at < count;) {
          at += await to.write(buffer.subarray(at, count));
        }
      }
    } catch (error) {
      const expected = error instanceof Deno.errors.ConnectionReset ||
        error instanceof Deno.errors.BrokenPipe ||
        error instanceof Deno.errors.BadResource ||
        error instanceof Deno.errors.Interrupted;
      if (!expected) throw error;
    } finally {
      this.#end(from);
      this.#end(to);
    }
  }

  #end(connection: Deno.Conn): void {
    if (!this.#open.delete(connection)) return;
    connection.close();
  }
}
