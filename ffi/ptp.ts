// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Wrapper of `native/ptp.h`: what the kernel says of its clock, a card's clock
 * beside it, and a socket to linuxptp. Cold path; nothing here waits.
 *
 * @module
 */
import { closeFile, unlinkFile } from "./file.ts";
import { cString, openLibrary, unwrap } from "./library.ts";

const SYMBOLS = {
  ferrule_ptp_kernel: { parameters: ["buffer"], result: "i32" },
  ferrule_ptp_device: { parameters: ["buffer", "buffer"], result: "i32" },
  ferrule_ptp_open: { parameters: ["buffer", "buffer"], result: "i32" },
  ferrule_ptp_send: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  ferrule_ptp_receive: { parameters: ["i32", "buffer", "u32"], result: "i32" },
} as const;

const MESSAGE_BYTES_MAX = 1500;

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function native() {
  return symbols ??= openLibrary(SYMBOLS);
}

/** What the kernel says of its clock. */
export interface KernelClock {
  /** Some daemon keeps it, as far as the kernel knows. */
  readonly synchronized: boolean;
  /** What is still to be slewed. */
  readonly offsetNs: number;
  readonly estimatedErrorNs: number;
  readonly maximumErrorNs: number;
  /** Correction of its rate, parts in 10^9. */
  readonly frequencyPpb: number;
  /** TAI less UTC, seconds; 0 = not set. */
  readonly taiOffsetS: number;
}

/** Reads what the kernel says of its clock. Throws {NativeError} where that is not allowed. */
export function kernelClock(): KernelClock {
  const words = new Float64Array(8);
  unwrap(
    native().ferrule_ptp_kernel(words),
    "read the state of the kernel's clock",
    "A seccomp filter may forbid adjtimex: allow it in the unit",
  );
  return {
    synchronized: words[0] === 1,
    offsetNs: words[1]!,
    estimatedErrorNs: words[2]!,
    maximumErrorNs: words[3]!,
    frequencyPpb: words[4]!,
    taiOffsetS: words[5]!,
  };
}

/** A card's clock beside the kernel's. */
export interface DeviceClock {
  /** The card's time less the kernel's; 37 s more if the card counts TAI. */
  readonly offsetNs: number;
  /** The offset is right to half of this. */
  readonly windowNs: number;
}

/** Compares the clock of a device such as /dev/ptp0. Throws {NativeError}. */
export function deviceClock(path: string): DeviceClock {
  const words = new Float64Array(2);
  unwrap(
    native().ferrule_ptp_device(cString(path), words),
    `read the clock ${path}`,
    "The device must be there (ls /dev/ptp*), and the unit must allow it (DeviceAllow=)",
  );
  return { offsetNs: words[0]!, windowNs: words[1]! };
}

/** A socket to linuxptp's management interface. */
export class PtpSocket {
  readonly #fd: number;
  readonly #ownPath: string;

  /**
   * @param ownPath Where answers come to, made anew; "" = nowhere in the file
   *   system: then linuxptp must be in the same network namespace.
   * @throws {NativeError} If nobody listens there, or not to us.
   */
  constructor(path: string, ownPath = "") {
    this.#ownPath = ownPath;
    this.#fd = unwrap(
      native().ferrule_ptp_open(cString(path), cString(ownPath)),
      `ask linuxptp at '${path}'`,
      "ptp4l makes this socket (uds_address) and lets its own user write to it: " +
        "start ptp4l, and give the group of this process the right to write",
    );
  }

  /** Sends a message. @throws {NativeError} If the other side is gone. */
  send(message: Uint8Array<ArrayBuffer>): void {
    unwrap(
      native().ferrule_ptp_send(this.#fd, message, message.length),
      "send to linuxptp",
    );
  }

  /** The next answer that has come; undefined if there is none. */
  receive(): Uint8Array<ArrayBuffer> | undefined {
    const bytes = new Uint8Array(MESSAGE_BYTES_MAX);
    const count = unwrap(
      native().ferrule_ptp_receive(this.#fd, bytes, bytes.length),
      "receive from linuxptp",
    );
    return count === 0 ? undefined : bytes.slice(0, count);
  }

  dispose(): void {
    closeFile(this.#fd);
    if (this.#ownPath !== "") unlinkFile(this.#ownPath);
  }
}
