// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Program of the tests: opens a null device on a worker that is pinned to the
 * first CPU, polls it there, and prints as JSON where that worker and DPDK's
 * own threads may run.
 *
 * @module
 */
import { getAffinity, pinThread } from "../../ffi/cpu.ts";
import { DpdkTransport } from "../../engine/transport/dpdk_transport.ts";

interface Report {
  readonly before: number[];
  readonly after: number[];
  readonly received: number;
  readonly threads: Record<string, string>;
}

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  postMessage(message: Report): void;
}

/** CPUs of each of DPDK's own threads, by the thread's name. */
function dpdkThreads(): Record<string, string> {
  const threads: Record<string, string> = {};
  for (const task of Deno.readDirSync("/proc/self/task")) {
    const folder = `/proc/self/task/${task.name}`;
    const name = Deno.readTextFileSync(`${folder}/comm`).trim();
    if (!/^(eal|rte|dpdk)[-_]/.test(name)) continue;
    const status = Deno.readTextFileSync(`${folder}/status`);
    threads[name] = /Cpus_allowed_list:\s*(.*)/.exec(status)![1]!;
  }
  return threads;
}

function pollOnThisWorker(): Report {
  const core = getAffinity()[0]!;
  pinThread(core);
  const before = getAffinity();
  const transport = new DpdkTransport({
    device: "net_null0",
    address: "10.99.0.2",
    prefix: 24,
    hugePages: false,
    buffers: 4096,
    core,
  });
  const after = getAffinity();
  for (let poll = 0; poll < 100; poll++) transport.poll(0);
  const received = transport.counters[0]!;
  const threads = dpdkThreads();
  transport.dispose();
  return { before, after, received, threads };
}

// A worker's module is a main module, too: its address tells it apart.
if (!import.meta.url.endsWith("#worker")) {
  const worker = new Worker(`${import.meta.url}#worker`, { type: "module" });
  const report = await new Promise<Report>((resolve, reject) => {
    worker.onmessage = (event: MessageEvent<Report>) => resolve(event.data);
    worker.onerror = (event) => reject(new Error(event.message));
  });
  worker.terminate();
  console.log(JSON.stringify(report));
} else {
  (self as unknown as WorkerScope).postMessage(pollOnThisWorker());
}
