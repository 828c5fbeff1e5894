// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Three real NATS servers with JetStream on loopback, each with a temporary
 * folder. Stops only what it started.
 *
 * @module
 */
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { LEASE_BUCKET } from "../../engine/replication/nats_lease_store.ts";
import { freePort } from "./pair.ts";

const SERVERS = 3;
const START_MS_MAX = 60_000;

interface Server {
  readonly name: string;
  readonly port: number;
  readonly process: Deno.ChildProcess;
}

/** Why there can be no cluster here; undefined = there can. */
export async function natsMissing(): Promise<string | undefined> {
  try {
    const { success } = await new Deno.Command("nats-server", {
      args: ["--version"],
      stdout: "null",
      stderr: "null",
    }).output();
    return success ? undefined : "nats-server does not run";
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return "nats-server is not installed (apt-get install nats-server)";
  }
}

/** A running cluster. */
export class NatsCluster {
  readonly servers: readonly Server[];
  readonly #folder: string;

  private constructor(folder: string, servers: readonly Server[]) {
    this.#folder = folder;
    this.servers = servers;
  }

  /** Starts three servers and waits until they have chosen a leader. */
  static async start(): Promise<NatsCluster> {
    const folder = await Deno.makeTempDir({ prefix: "ferrule-nats-" });
    const ports = Array.from({ length: SERVERS * 2 }, freePort);
    const routes = ports.slice(SERVERS).map((port) =>
      `"nats://127.0.0.1:${port}"`
    );
    const servers: Server[] = [];
    for (let i = 0; i < SERVERS; i++) {
      const name = `n${i}`;
      const config = `${folder}/${name}.conf`;
      await Deno.writeTextFile(
        config,
        `listen: "127.0.0.1:${ports[i]}"
server_name: ${name}
jetstream { store_dir: "${folder}/${name}" }
cluster {
  name: ferrule
  listen: "127.0.0.1:${ports[SERVERS + i]}"
  routes: [${routes.join(", ")}]
}
`,
      );
      servers.push({
        name,
        port: ports[i]!,
        process: new Deno.Command("nats-server", {
          args: ["-c", config],
          stdin: "null",
          stdout: "null",
          stderr: "null",
        }).spawn(),
      });
    }
    const cluster = new NatsCluster(folder, servers);
    await cluster.#ready();
    return cluster;
  }

  /** "ADDRESS:PORT" of each. */
  get addresses(): string[] {
    return this.servers.map(({ port }) => `127.0.0.1:${port}`);
  }

  /** Server that leads the lease's bucket: its place. */
  async leader(): Promise<number> {
    const connection = await connect({ servers: this.addresses });
    const manager = await jetstreamManager(connection);
    const info = await manager.streams.info(`KV_${LEASE_BUCKET}`);
    await connection.close();
    return this.servers.findIndex(({ name }) => name === info.cluster?.leader);
  }

  /** Pulls the plug of a server. */
  async kill(index: number): Promise<void> {
    const { process } = this.servers[index]!;
    try {
      process.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    await process.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let i = 0; i < SERVERS; i++) await this.kill(i);
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + START_MS_MAX;
    for (;;) {
      try {
        const connection = await connect({
          servers: this.addresses,
          timeout: 1000,
          reconnect: false,
        });
        try {
          const manager = await jetstreamManager(connection, { timeout: 1000 });
          await manager.getAccountInfo();
          return;
        } finally {
          await connection.close();
        }
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}
