// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Structured log lines on standard error, one write a line.
 *
 * "json" gives one object a line for machines, "text" the same for people.
 * Logging is for the cold path: it allocates and writes. A line that is equal
 * to one logged less than a second ago is only counted; the next different
 * line, or the same one a second later, says how many were left out.
 *
 * @module
 */

/** From chatty to severe. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];
/** Values that a line can carry. */
export type LogFields = Readonly<Record<string, string | number | boolean>>;

/** What travels to other threads, to log alike there. */
export interface LogSettings {
  readonly level: LogLevel;
  readonly format: "json" | "text";
}

/** How and what a `Log` writes. */
export interface LogOptions extends LogSettings {
  /** Who speaks: the thread's name. */
  readonly source: string;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Where lines go; standard error if not given. */
  readonly write?: (line: Uint8Array) => void;
}

const REPEAT_MS = 1000;
const ENCODER = new TextEncoder();

function writeStandardError(line: Uint8Array): void {
  Deno.stderr.writeSync(line);
}

/** Writes log lines. Each thread has its own. */
export class Log {
  readonly #options: LogOptions;
  /** Shared with its children. */
  readonly #threshold: { level: LogLevel; severity: number };
  readonly #write: (line: Uint8Array) => void;
  #lastKey = "";
  #lastMs = 0;
  #repeats = 0;

  constructor(options: LogOptions, parent?: Log) {
    this.#options = options;
    const { level } = options;
    this.#threshold = parent === undefined
      ? { level, severity: LOG_LEVELS.indexOf(level) }
      : parent.#threshold;
    this.#write = options.write ?? writeStandardError;
  }

  /** Level and format. */
  settings(): LogSettings {
    return { level: this.#threshold.level, format: this.#options.format };
  }

  /** Sets the level from now on: of this log, of its children, and of whose child it is. */
  setLevel(level: LogLevel): void {
    this.#threshold.level = level;
    this.#threshold.severity = LOG_LEVELS.indexOf(level);
  }

  /** The same log for another speaker. */
  child(source: string): Log {
    return new Log({ ...this.#options, source }, this);
  }

  debug(message: string, fields: LogFields = {}): void {
    this.log("debug", message, fields);
  }
  info(message: string, fields: LogFields = {}): void {
    this.log("info", message, fields);
  }
  warn(message: string, fields: LogFields = {}): void {
    this.log("warn", message, fields);
  }
  error(message: string, fields: LogFields = {}): void {
    this.log("error", message, fields);
  }

  /** Writes one line, unless the level is below the configured one. */
  log(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (LOG_LEVELS.indexOf(level) < this.#threshold.severity) return;
    const key = `${level} ${message} ${JSON.stringify(fields)}`;
    const nowMs = this.#options.nowMs();
    if (key === this.#lastKey && nowMs - this.#lastMs < REPEAT_MS) {
      this.#repeats += 1;
      return;
    }
    const repeated = this.#repeats;
    this.#repeats = 0;
    this.#lastKey = key;
    this.#lastMs = nowMs;
    const extra = repeated > 0
      ? { ...fields, repeatedBefore: repeated }
      : fields;
    this.#write(ENCODER.encode(this.#render(level, message, extra, nowMs)));
  }

  #render(
    level: LogLevel,
    message: string,
    fields: LogFields,
    nowMs: number,
  ): string {
    const time = new Date(nowMs).toISOString();
    const { format, source } = this.#options;
    if (format === "json") {
      return JSON.stringify({ time, level, source, message, ...fields }) + "\n";
    }
    const pairs = Object.entries(fields)
      .map(([name, value]) => ` ${name}=${quote(value)}`).join("");
    return `${time} ${level.padEnd(5)} ${source}: ${message}${pairs}\n`;
  }
}

function quote(value: string | number | boolean): string {
  const text = String(value);
  return /^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text);
}
