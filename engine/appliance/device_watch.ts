// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The devices that DPDK drives in this process, as people see them: link
 * changes in the log and in `/health`, figures on `/metrics`.
 *
 * ```
 *   port (polled by its thread) ◀── reads ── DeviceWatch ─┬─▶ log, health
 *                                                         └─▶ metrics
 * ```
 *
 * Main thread; the threads that poll do not notice.
 *
 * @module
 */
import {
  DpdkCounter,
  type DpdkFigures,
  dpdkFigures,
  dpdkOwnFigures,
} from "../../ffi/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import type { GaugeSource } from "./metrics.ts";

type Figures = DpdkFigures & { readonly handle: number };

/** What it reads; others in tests. */
export interface DeviceSources {
  readonly figures: () => Figures[];
  readonly own: (handle: number) => Map<string, number>;
}

const SOURCES: DeviceSources = { figures: dpdkFigures, own: dpdkOwnFigures };
const LOOK_MS = 1000;
/** All metrics of one scrape are of one look. */
const FRESH_MS = 20;
/** Of a device's own figures, those that tell of trouble. */
const TROUBLE = /drop|discard|error|miss|no_?buf|no_?desc|fifo|crc|overflow/;
const OWN_MAX = 32;

/** Our reasons for taking a frame no further. */
const DROPS = [
  "RX_BAD_IP_CHECKSUM",
  "RX_BAD_UDP_CHECKSUM",
  "RX_BAD_ICMP_CHECKSUM",
  "RX_BAD_TCP_CHECKSUM",
  "RX_MALFORMED",
  "RX_FRAGMENTS",
  "RX_OPTIONS",
  "RX_NOT_FOR_US",
  "RX_UNKNOWN_PROTOCOL",
  "RX_UNKNOWN_PORT",
  "RX_SPOOFED",
  "TCP_MALFORMED",
  "TX_UNRESOLVED",
  "TX_NO_ROUTE",
  "TX_DROPPED",
  "NO_BUFFER",
] as const satisfies readonly (keyof typeof DpdkCounter)[];

const FIGURES: readonly (readonly [
  name: string,
  kind: GaugeSource["kind"],
  help: string,
  read: (figures: DpdkFigures) => number,
])[] = [
  ["link_up", "gauge", "1 if the link is up", ({ up }) => up ? 1 : 0],
  ["queues", "gauge", "Receive queues", ({ queues }) => queues],
  ["buffers", "gauge", "Packet buffers", ({ buffers }) => buffers],
  [
    "buffers_used",
    "gauge",
    "Packet buffers in use, those of the device included",
    ({ buffersUsed }) => buffersUsed,
  ],
  [
    "received_frames_total",
    "counter",
    "Frames that the device received",
    ({ receivedFrames }) => receivedFrames,
  ],
  [
    "sent_frames_total",
    "counter",
    "Frames that the device sent",
    ({ sentFrames }) => sentFrames,
  ],
  [
    "received_bytes_total",
    "counter",
    "Bytes that the device received",
    ({ receivedBytes }) => receivedBytes,
  ],
  [
    "sent_bytes_total",
    "counter",
    "Bytes that the device sent",
    ({ sentBytes }) => sentBytes,
  ],
  [
    "missed_frames_total",
    "counter",
    "Frames lost because nobody took them in time",
    ({ missed }) => missed,
  ],
  [
    "no_buffer_frames_total",
    "counter",
    "Frames lost because no packet buffer was free",
    ({ noBuffer }) => noBuffer,
  ],
  [
    "receive_errors_total",
    "counter",
    "Frames that the device received damaged",
    ({ receiveErrors }) => receiveErrors,
  ],
  [
    "transmit_errors_total",
    "counter",
    "Frames that the device could not send",
    ({ transmitErrors }) => transmitErrors,
  ],
];

/** What `/health` says of a device. */
export interface DeviceHealth {
  readonly device: string;
  readonly link: "up" | "down";
  readonly queues: number;
  /** What the device does for us. */
  readonly features: readonly string[];
}

/** Looks at all ports once a second. See the module's text. */
export class DeviceWatch {
  readonly #log: Log;
  readonly #sources: DeviceSources;
  readonly #nowMs: () => number;
  readonly #links = new Map<string, boolean>();
  #seen: Figures[] = [];
  #seenMs = -Infinity;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    log: Log,
    sources: DeviceSources = SOURCES,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#log = log;
    this.#sources = sources;
    this.#nowMs = nowMs;
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Logs each link that came up or went down since the last look. */
  look(): void {
    for (const { device, up, speedMbps, features } of this.#read()) {
      const before = this.#links.get(device);
      if (before === up) continue;
      this.#links.set(device, up);
      const fields = { device, speedMbps, features: features.join(" ") };
      if (up) this.#log.info("link up", fields);
      else this.#log.warn("link down", { device });
    }
  }

  health(): DeviceHealth[] {
    return this.#read().map(({ device, up, queues, features }) => ({
      device,
      link: up ? "up" : "down",
      queues,
      features,
    }));
  }

  /** Their figures for `/metrics`. */
  gauges(): GaugeSource[] {
    return [
      ...FIGURES.map(([name, kind, help, read]): GaugeSource => ({
        name: `dpdk_${name}`,
        help,
        kind,
        labels: ["device"],
        read: () =>
          this.#read().map((figures) =>
            [{ device: figures.device }, read(figures)] as const
          ),
      })),
      {
        name: "dpdk_dropped_total",
        help: "Frames and packets that went no further, by reason",
        kind: "counter",
        labels: ["device", "reason"],
        read: () => this.#read().flatMap(dropsOf),
      },
      {
        name: "dpdk_device_trouble_total",
        help:
          "Figures of the device's own that tell of trouble, by their names",
        kind: "counter",
        labels: ["device", "name"],
        read: () => this.#read().flatMap((figures) => this.#trouble(figures)),
      },
    ];
  }

  #trouble(
    { device, handle }: Figures,
  ): (readonly [Record<string, string>, number])[] {
    return [...this.#sources.own(handle)]
      .filter(([name]) => TROUBLE.test(name)).slice(0, OWN_MAX)
      .map(([name, value]) => [{ device, name }, value] as const);
  }

  #read(): Figures[] {
    const now = this.#nowMs();
    if (now - this.#seenMs > FRESH_MS) {
      this.#seen = this.#sources.figures();
      this.#seenMs = now;
    }
    return this.#seen;
  }
}

function dropsOf(
  { device, counters }: Figures,
): (readonly [Record<string, string>, number])[] {
  return DROPS.map((name) =>
    [
      { device, reason: name.toLowerCase() },
      counters[DpdkCounter[name]]!,
    ] as const
  );
}
