// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the doctor says of the clock's time: who keeps it, and how well. A pure
 * function of the state that was found.
 *
 * @module
 */
import type { ClockState } from "./clock_watch.ts";
import type { Judgement } from "./doctor_finding.ts";

/** A clock that is further off may be wrong by more than a message takes. */
const GOOD_PTP_NS = 10_000;

/** Judges the clock's state. */
export function clockFinding(state: ClockState): Judgement {
  const { keptBy, text, ptp, ptpError, device, deviceError, kernelError } =
    state;
  const far = keptBy === "ptp" && ptp?.portState === "SLAVE" &&
    Math.abs(ptp.offsetNs ?? 0) > GOOD_PTP_NS;
  const severity = deviceError !== undefined || keptBy === "none"
    ? "warning"
    : keptBy === "ptp" && !far
    ? "ok"
    : "info";
  const notes = [
    ptpError,
    kernelError,
    deviceError,
    device && `the card is ${Math.round(device.offsetNs)} ns ahead`,
  ].filter((note) => note !== undefined);
  return {
    subject: "time",
    severity,
    found: [text, ...notes].join("; "),
    wanted: "PTP with hardware time stamps, or chrony",
    why: "stamps of two machines are compared by their clocks, and rules ask " +
      "how far they are from UTC",
    remedy: severity === "ok"
      ? ""
      : keptBy === "none"
      ? "start chrony, or ptp4l and phc2sys (package linuxptp): docs/operations/clock.md"
      : deviceError !== undefined
      ? "name a device of ls /dev/ptp* in [clock] ptp_device, or none"
      : far
      ? "see whether ptp4l stamps in hardware, and give it a moment to settle"
      : "nothing, unless rules ask for less than chrony gives: docs/operations/clock.md",
  };
}
