// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Runs the doctor on a thread of its own, because it reads hundreds of files:
 * neither the main thread nor the engine waits for it. Answers once.
 *
 * @module
 */
import type { Config } from "../config/mod.ts";
import { doctor } from "./doctor.ts";
import type { Finding } from "./doctor_finding.ts";

/** What it answers. */
export type DoctorAnswer =
  | { readonly findings: readonly Finding[] }
  | { readonly error: string };

self.onmessage = (event: MessageEvent<Config>) => {
  let answer: DoctorAnswer;
  try {
    answer = { findings: doctor(event.data) };
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  self.postMessage(answer);
};
