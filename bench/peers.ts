// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Figures of engines outside of this project. Any program takes part that
 * speaks this protocol of lines:
 *
 * ```
 * program FILE PASSES            FILE is a standard mix or a challenge file
 * pass NANOSECONDS MESSAGES TAPE BOOK          on stdout, once for each pass
 * ```
 *
 * Each pass starts from an empty engine and takes all messages of the file.
 * Reading the file, converting its records and making the engine is not
 * timed, nor is proving: TAPE and BOOK are checksums as eight hexadecimal
 * digits (see `standard_mix.ts`; of a challenge file TAPE is the start of the
 * SHA-256 of its reports, and BOOK is not looked at). A program that can not
 * take a file ends with code 3 and is left out. Further arguments: `from=N`,
 * the clock starts after the first N messages, and NANOSECONDS and MESSAGES
 * are of those that follow; `latency`, it may print, after the passes,
 *
 * ```
 * latency KIND P50 P99 P999 P9999 MAX                           nanoseconds
 * ```
 *
 * Lines that start otherwise are ignored. The programs stand in the
 * environment: `FERRULE_PEERS="name=/path/to/program other=/path"`.
 *
 * @module
 */
import { PASSES_ROUND, type Side } from "./contender.ts";
import { spread } from "./stats.ts";

const NOT_FOR_THIS = 3;

/** A program that can be measured. */
export interface Peer {
  readonly name: string;
  readonly path: string;
}

/** One pass of it. */
export interface PeerPass {
  readonly ns: number;
  readonly messages: number;
  readonly tape: string;
  readonly book: string;
}

/** Percentiles of one kind of message, nanoseconds. */
export interface PeerLatency {
  readonly kind: string;
  /** p50, p99, p99.9, p99.99, max. */
  readonly ns: readonly number[];
}

/** What a run of a peer said. */
export interface PeerRun {
  readonly passes: readonly PeerPass[];
  readonly latency: readonly PeerLatency[];
}

/** Peers as the environment names them. @throws {Error} If it can not be read. */
export function peersOf(
  text: string = Deno.env.get("FERRULE_PEERS") ?? "",
): Peer[] {
  return text.split(/\s+/).filter((word) => word !== "").map((word) => {
    const cut = word.indexOf("=");
    if (cut <= 0 || cut === word.length - 1) {
      throw new Error(`FERRULE_PEERS: "${word}" is not name=/path/to/program`);
    }
    return { name: word.slice(0, cut), path: word.slice(cut + 1) };
  });
}

/** Reads what a peer printed. @throws {Error} If a line is wrong. */
export function readPeer(name: string, text: string): PeerRun {
  const passes: PeerPass[] = [];
  const latency: PeerLatency[] = [];
  for (const line of text.split("\n")) {
    const words = line.trim().split(/\s+/);
    if (words[0] === "pass") {
      const [ns, messages] = [Number(words[1]), Number(words[2])];
      if (!(ns > 0) || !(messages > 0) || words.length !== 5) {
        throw new Error(`${name} printed: ${line}`);
      }
      passes.push({ ns, messages, tape: words[3]!, book: words[4]! });
    }
    if (words[0] === "latency") {
      const ns = words.slice(2).map(Number);
      if (ns.length !== 5 || ns.some(Number.isNaN)) {
        throw new Error(`${name} printed: ${line}`);
      }
      latency.push({ kind: words[1]!, ns });
    }
  }
  return { passes, latency };
}

/**
 * Runs a peer.
 *
 * @returns `undefined` if it can not take this file.
 * @throws {Error} If it fails, or its passes are not as many as asked for.
 */
export async function runPeer(
  peer: Peer,
  file: string,
  passes: number,
  ...more: string[]
): Promise<PeerRun | undefined> {
  const { code, stdout, stderr } = await new Deno.Command(peer.path, {
    args: [file, String(passes), ...more],
  }).output();
  if (code === NOT_FOR_THIS) return undefined;
  if (code !== 0) {
    const said = new TextDecoder().decode(stderr);
    throw new Error(`${peer.name} ended with ${code}: ${said}`);
  }
  const run = readPeer(peer.name, new TextDecoder().decode(stdout));
  if (run.passes.length !== passes) {
    throw new Error(
      `${peer.name}: ${run.passes.length} passes, expected ${passes}`,
    );
  }
  return run;
}

/** What a peer's checksums must be; "" = whatever it says. */
export interface Expected {
  readonly messages: number;
  readonly tape: string;
  readonly book: string;
}

/** @throws {Error} If a pass is not what it must be. */
function check(peer: Peer, pass: PeerPass, expected: Expected): void {
  const wrong = pass.messages !== expected.messages ||
    pass.tape !== expected.tape ||
    (expected.book !== "" && pass.book !== expected.book);
  if (wrong) {
    throw new Error(
      `${peer.name}: ${JSON.stringify(pass)}, expected ${
        JSON.stringify(expected)
      }`,
    );
  }
}

/**
 * A peer as a side, with its checksums compared in each round.
 *
 * @returns `undefined` if it can not take this file.
 */
export async function peerSide(
  peer: Peer,
  file: string,
  expected: Expected,
): Promise<Side | undefined> {
  const first = await runPeer(peer, file, 1);
  if (first === undefined) return undefined;
  check(peer, first.passes[0]!, expected);
  return {
    name: peer.name,
    round: async () => {
      const { passes } = (await runPeer(peer, file, PASSES_ROUND))!;
      for (const pass of passes) check(peer, pass, expected);
      return spread(passes.map(({ ns, messages }) => ns / messages)).median;
    },
  };
}

/** Those of the peers that can take a file, as sides. */
export async function peerSides(
  peers: readonly Peer[],
  file: string,
  expected: Expected,
): Promise<Side[]> {
  const sides: Side[] = [];
  for (const peer of peers) {
    const side = await peerSide(peer, file, expected);
    if (side !== undefined) sides.push(side);
  }
  return sides;
}
