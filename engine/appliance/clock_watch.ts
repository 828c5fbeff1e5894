// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * How good the clock is that stamps are made of: what the kernel says of it,
 * what linuxptp says, and how far a card's clock is from it.
 *
 * ```
 *   adjtimex ──────────────┐
 *   ptp4l's socket ──────▶ ClockWatch ─▶ /clock, metrics, doctor
 *   /dev/ptpN ─────────────┘
 * ```
 *
 * Main thread; never waits: it asks linuxptp once a second and takes the
 * answers a second later. It sets no clock.
 *
 * @module
 */
import {
  cpuSleep,
  type DeviceClock,
  deviceClock,
  errnoName,
  type KernelClock,
  kernelClock,
  NativeError,
  PtpSocket,
} from "../../ffi/mod.ts";
import {
  type PtpAnswer,
  PtpDataSet,
  ptpQuestion,
  readPtpAnswer,
} from "../wire/ptp_management.ts";
import type { GaugeSource } from "./metrics.ts";

/** Where the clock's state is found. */
export interface ClockSources {
  /** Socket of linuxptp; "" = do not ask. */
  readonly ptpSocket: string;
  readonly ptpDomain: number;
  /** A card's clock, such as /dev/ptp0; "" = none. */
  readonly ptpDevice: string;
  /** Where linuxptp's answers come to; nowhere in the file system if left out. */
  readonly ownSocket?: string;
}

/** The clock's state, as far as it could be found out. */
export interface ClockState {
  /** Who keeps the clock: "ptp", "kernel" = a daemon that it knows (chrony, ntpd), "none", "unknown". */
  readonly keptBy: "ptp" | "kernel" | "none" | "unknown";
  /** The same in a sentence. */
  readonly text: string;
  readonly kernel?: KernelClock;
  readonly kernelError?: string;
  /** What linuxptp said last, and how long ago. */
  readonly ptp?: PtpAnswer & { readonly ageMs: number };
  readonly ptpError?: string;
  readonly device?: DeviceClock;
  readonly deviceError?: string;
}

const ASK_MS = 1000;
/** What linuxptp said longer ago is not its state. */
const FRESH_MS = 5000;
const ANSWERS_MAX = 64;
/** Of one who does not run: so often, so far apart. */
const LOOKS = 5;
const LOOK_US = 20_000;
const DATA_SETS = Object.values(PtpDataSet);
/** States in which a port follows a master. */
const FOLLOWS = ["SLAVE", "UNCALIBRATED"];

/** Asks and keeps what was answered; see the module's text. */
export class ClockWatch {
  readonly #sources: ClockSources;
  readonly #nowMs: () => number;
  #socket: PtpSocket | undefined;
  #said: PtpAnswer = {};
  #saidMs = -Infinity;
  #error = "";
  #sequence = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    sources: ClockSources,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#sources = sources;
    this.#nowMs = nowMs;
  }

  /** Begins to ask. */
  start(): void {
    this.turn();
    this.#timer = setInterval(() => this.turn(), ASK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#close();
  }

  /** linuxptp's socket is there. */
  get asks(): boolean {
    return this.#socket !== undefined;
  }

  /** Takes the answers that have come, and asks again. */
  turn(): void {
    const { ptpSocket, ptpDomain, ownSocket } = this.#sources;
    if (ptpSocket === "") return;
    try {
      this.#socket ??= new PtpSocket(ptpSocket, ownSocket);
      this.#take(this.#socket);
      for (const dataSet of DATA_SETS) {
        this.#socket.send(ptpQuestion(dataSet, ptpDomain, ++this.#sequence));
      }
      this.#error = "";
    } catch (error) {
      // It was stopped, or was never started: the next turn tries again.
      this.#error = shortText(error);
      this.#close();
    }
  }

  #close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    try {
      socket?.dispose();
    } catch (error) {
      // Somebody has removed the socket's file already.
      this.#error ||= shortText(error);
    }
  }

  #take(socket: PtpSocket): void {
    const ports: PtpAnswer[] = [];
    for (let i = 0; i < ANSWERS_MAX; i++) {
      const bytes = socket.receive();
      if (bytes === undefined) break;
      const answer = readPtpAnswer(bytes);
      if (answer === undefined) continue;
      this.#saidMs = this.#nowMs();
      if (answer.portState === undefined) {
        this.#said = { ...this.#said, ...answer };
      } else ports.push(answer);
    }
    // Of several ports, the one that follows a master says most.
    const port = ports.find(({ portState }) => FOLLOWS.includes(portState!)) ??
      ports[0];
    if (port !== undefined) this.#said = { ...this.#said, ...port };
  }

  /** What is known now. */
  state(): ClockState {
    const { ptpSocket, ptpDevice } = this.#sources;
    const kernel = attempt(kernelClock);
    const device = ptpDevice === ""
      ? undefined
      : attempt(() => deviceClock(ptpDevice));
    const ageMs = this.#nowMs() - this.#saidMs;
    const ptp = ageMs <= FRESH_MS ? { ...this.#said, ageMs } : undefined;
    const ptpError = ptp !== undefined || ptpSocket === ""
      ? ""
      : this.#error || "linuxptp has not answered yet";
    return {
      ...judge(ptp, kernel.value),
      ...(kernel.value === undefined
        ? { kernelError: kernel.error }
        : { kernel: kernel.value }),
      ...(ptp === undefined ? {} : { ptp }),
      ...(ptpError === "" ? {} : { ptpError }),
      ...(device?.value === undefined ? {} : { device: device.value }),
      ...(device === undefined || device.value !== undefined
        ? {}
        : { deviceError: device.error }),
    };
  }
}

function attempt<T>(
  read: () => T,
): { value?: T; error: string } {
  try {
    return { value: read(), error: "" };
  } catch (error) {
    return { error: shortText(error) };
  }
}

/** Without a remedy: where it stands, it is one of several things that may be missing. */
function shortText(error: unknown): string {
  if (!(error instanceof NativeError)) return String(error);
  return `${error.detail} (${errnoName(error.code)})`;
}

/** Who keeps the clock, and the sentence for it. */
export function judge(
  ptp: PtpAnswer | undefined,
  kernel: KernelClock | undefined,
): Pick<ClockState, "keptBy" | "text"> {
  if (ptp?.portState !== undefined) {
    const { portState, offsetNs = 0, pathDelayNs = 0 } = ptp;
    if (portState === "SLAVE") {
      return {
        keptBy: "ptp",
        text: `PTP: ${Math.round(offsetNs)} ns from the master, path delay ` +
          `${Math.round(pathDelayNs)} ns`,
      };
    }
    if (portState === "MASTER" || portState === "GRAND_MASTER") {
      return {
        keptBy: "ptp",
        text: "PTP: this host is the master, others follow it; what it " +
          "follows itself is not PTP's",
      };
    }
  }
  const port = ptp?.portState === undefined
    ? "no PTP"
    : ptp.portState === "UNCALIBRATED"
    ? `PTP measures ${Math.round(ptp.offsetNs ?? 0)} ns to a master and does ` +
      "not steer the clock (yet)"
    : `PTP's port is ${ptp.portState} and follows nobody`;
  if (kernel === undefined) {
    return { keptBy: "unknown", text: `${port}; the kernel's is not known` };
  }
  const errorUs = Math.round(kernel.maximumErrorNs / 1000);
  return kernel.synchronized
    ? {
      keptBy: "kernel",
      text: `${port}; a daemon such as chrony keeps the kernel's clock, at ` +
        `most ${errorUs} us wrong as it says`,
    }
    : {
      keptBy: "none",
      text: `${port}; nobody keeps this clock (kernel: unsynchronized)`,
    };
}

/** One look, for who does not run: asks linuxptp and waits a moment for it. */
export function clockOnce(sources: ClockSources): ClockState {
  const watch = new ClockWatch(sources);
  for (let i = 0; i < LOOKS; i++) {
    watch.turn();
    if (!watch.asks) break;
    cpuSleep(LOOK_US);
  }
  const state = watch.state();
  watch.stop();
  return state;
}

/** The state as metrics; what is not known is left out. */
export function clockGauges(state: () => ClockState): GaugeSource[] {
  const gauge = (
    name: string,
    help: string,
    value: (state: ClockState) => number | undefined,
  ): GaugeSource => ({
    name: `clock_${name}`,
    help,
    kind: "gauge",
    labels: [],
    read: () => {
      const found = value(state());
      return found === undefined ? [] : [[{}, found]];
    },
  });
  const seconds = (ns: number | undefined): number | undefined =>
    ns === undefined ? undefined : ns / 1e9;
  return [
    {
      name: "clock_kept_by",
      help:
        "1 for who keeps the clock: ptp, kernel (a daemon that it knows), " +
        "none, unknown",
      kind: "gauge",
      labels: ["by"],
      read: () => [[{ by: state().keptBy }, 1]],
    },
    {
      name: "clock_ptp_port_state",
      help: "1 for the state of PTP's port",
      kind: "gauge",
      labels: ["state"],
      read: () => {
        const found = state().ptp?.portState;
        return found === undefined ? [] : [[{ state: found }, 1]];
      },
    },
    gauge(
      "ptp_offset_seconds",
      "Our clock less the PTP master's",
      ({ ptp }) => seconds(ptp?.offsetNs),
    ),
    gauge(
      "ptp_path_delay_seconds",
      "Mean delay of the way to the PTP master",
      ({ ptp }) => seconds(ptp?.pathDelayNs),
    ),
    gauge(
      "device_offset_seconds",
      "Time of [clock] ptp_device less the kernel's",
      ({ device }) => seconds(device?.offsetNs),
    ),
    gauge(
      "kernel_synchronized",
      "1 if a daemon keeps the kernel's clock, as far as it knows",
      ({ kernel }) => kernel && Number(kernel.synchronized),
    ),
    gauge(
      "kernel_maximum_error_seconds",
      "How wrong the kernel's clock can be",
      ({ kernel }) => seconds(kernel?.maximumErrorNs),
    ),
    gauge(
      "kernel_estimated_error_seconds",
      "How wrong the kernel's clock is thought to be",
      ({ kernel }) => seconds(kernel?.estimatedErrorNs),
    ),
    gauge(
      "kernel_frequency_ppb",
      "Correction of the rate of the kernel's clock, parts in 10^9",
      ({ kernel }) => kernel?.frequencyPpb,
    ),
    gauge(
      "kernel_tai_offset_seconds",
      "TAI less UTC as the kernel knows it; 0 = not set",
      ({ kernel }) => kernel?.taiOffsetS,
    ),
  ];
}
