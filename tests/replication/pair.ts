// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Two real appliances on loopback, for tests and benchmarks of replication: each a
 * process of its own with a temporary folder, on ports that were free.
 *
 * @module
 */
import { FixClient } from "../../engine/gateway/fix/client.ts";
import {
  type LogLine,
  type RunningAppliance,
  startAppliance,
  type StartOptions,
} from "../appliance/harness.ts";

const WAIT_MS_MAX = 30_000;

/** Below the ports that the kernel gives away by itself, which come and go. */
const PORTS_FROM = 20_000;
const PORTS = 12_000;
let nextPort = Deno.pid * 37 % PORTS;

/** A port that nobody has now. */
export function freePort(): number {
  for (;;) {
    const port = PORTS_FROM + nextPort;
    nextPort = (nextPort + 1) % PORTS;
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** One half of a pair. */
export interface HalfOptions extends StartOptions {
  /** "primary", "standby" or "auto". */
  readonly role: string;
  readonly name: string;
  /** Where it listens as primary, and where it calls. */
  readonly port: number;
  readonly peerPort: number;
  /** TOML lines of `[replication]`. */
  readonly replicationToml?: string;
}

/** Starts one half and waits until it follows or is live. */
export function startHalf(options: HalfOptions): Promise<RunningAppliance> {
  return startAppliance({
    waitFor: "started",
    ...options,
    applianceToml: `name = "${options.name}"\n${options.applianceToml ?? ""}`,
    extraToml: `
[replication]
role = "${options.role}"
port = ${options.port}
peers = ["127.0.0.1:${options.peerPort}"]
timeout_ms = 2500
${options.replicationToml ?? ""}
${options.extraToml ?? ""}`,
  });
}

/** Waits until something holds; what is not so in half a minute is a failure. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  details: () => string = () => "",
): Promise<void> {
  const deadline = performance.now() + WAIT_MS_MAX;
  while (!await holds()) {
    if (performance.now() > deadline) {
      throw new Error(`Never: ${what}\n${details()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits for a line of an appliance's log. */
export async function logged(
  appliance: RunningAppliance,
  message: string,
): Promise<LogLine> {
  const find = () => appliance.log.find((line) => line.message === message);
  const lines = () =>
    appliance.log.map((line) => JSON.stringify(line)).join("\n");
  await until(`"${message}" in the log`, () => {
    if (find() !== undefined) return true;
    const over = appliance.log.some((line) => line.message === "failed");
    if (over) throw new Error(`It failed before "${message}":\n${lines()}`);
    return false;
  }, lines);
  return find()!;
}

/** Waits until a standby follows or has stopped: "" or why it stopped. */
export async function joined(appliance: RunningAppliance): Promise<string> {
  const find = (message: string) =>
    appliance.log.find((line) => line.message === message);
  await until(
    "it follows or stops",
    () => find("following") !== undefined || find("failed") !== undefined,
    () => appliance.log.map((line) => JSON.stringify(line)).join("\n"),
  );
  return String(find("failed")?.error ?? "");
}

/** POSTs JSON to the admin port. */
export async function post(
  appliance: RunningAppliance,
  path: string,
  body: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(
    `http://127.0.0.1:${appliance.adminPort}${path}`,
    {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    },
  );
  return { status: response.status, body: await response.json() };
}

/** Sequence and state hash of both are the same once the standby has caught up. */
export async function sameState(
  one: RunningAppliance,
  other: RunningAppliance,
): Promise<{ sequence: number; stateHash: string }> {
  let found: Record<string, unknown>[] = [];
  await until("both have the same sequence", async () => {
    found = [await one.get("/state"), await other.get("/state")];
    return found[0]!.sequence === found[1]!.sequence;
  });
  const [a, b] = found;
  if (a!.stateHash !== b!.stateHash) {
    throw new Error(`states differ: ${JSON.stringify(found)}`);
  }
  return {
    sequence: a!.sequence as number,
    stateHash: a!.stateHash as string,
  };
}

/** Rests some orders and waits for their reports; returns the reports' texts. */
export async function rest(
  client: FixClient,
  first: number,
  count: number,
): Promise<string[]> {
  for (let i = first; i < first + count; i++) {
    client.newOrder({
      clOrdId: `O${i}`,
      symbol: "AAPL",
      side: i % 3 === 0 ? "sell" : "buy",
      quantity: "10",
      price: i % 3 === 0 ? "101" : "99",
    });
  }
  const reports: string[] = [];
  for (let i = 0; i < count; i++) {
    reports.push((await client.receive(30_000)).text);
  }
  return reports;
}

/**
 * A client of the session CLIENT1.
 *
 * @param before Whose sequence numbers it goes on with.
 */
export function fixClient(port: number, before?: FixClient): FixClient {
  return new FixClient({
    address: "127.0.0.1",
    port,
    senderCompId: "CLIENT1",
    password: "demo",
    ...(before === undefined ? {} : {
      nextOutbound: before.nextOutbound,
      nextInbound: before.nextInbound,
    }),
  });
}
