// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Names of what records number: instruments, sessions, accounts, learned from
 * the commands that define them, and codes.
 *
 * Cold path; allocates. It refuses nothing: what it does not know goes by its
 * number.
 *
 * @module
 */
import { type CommandSlots, readCommand } from "../appliance/command_fields.ts";
import type { Register } from "../appliance/register.ts";
import { CMD_KIND_U8, CommandKind, Protocol } from "../record/mod.ts";

/** An instrument as its definition has it. */
export interface NamedInstrument {
  readonly symbol: string;
  readonly tickSizeE8: number;
  readonly lotSizeE8: number;
}

/** A session as its definition has it. */
export interface NamedSession {
  readonly index: number;
  readonly name: string;
  /** `Protocol`. */
  readonly protocol: number;
}

/** Names by index. */
export class Names {
  readonly instruments = new Map<number, NamedInstrument>();
  readonly sessions = new Map<number, NamedSession>();
  readonly accounts = new Map<number, string>();

  /** Learns from the command at byte `at`, if it defines something. */
  learn(commands: CommandSlots, at: number): void {
    const kind = commands.u8[at + CMD_KIND_U8]!;
    if (kind < CommandKind.DEFINE_INSTRUMENT) return;
    if (kind > CommandKind.DEFINE_ACCOUNT) return;
    const { instrument, session, reason, detail, quantity, reference, text } =
      readCommand(commands, at);
    if (kind === CommandKind.DEFINE_INSTRUMENT) {
      this.instruments.set(instrument, {
        symbol: text,
        tickSizeE8: quantity,
        lotSizeE8: reference,
      });
    } else if (kind === CommandKind.DEFINE_SESSION) {
      const index = session;
      this.sessions.set(index, { index, name: text, protocol: detail });
    } else if (kind === CommandKind.DEFINE_ACCOUNT) {
      this.accounts.set(reason, text);
    }
  }

  /** Learns all that a register shows. */
  learnAll(register: Register): void {
    for (const { index, symbol, tickSize, lotSize } of register.instruments()) {
      this.instruments.set(index, {
        symbol,
        tickSizeE8: Math.round(tickSize * 1e8),
        lotSizeE8: Math.round(lotSize * 1e8),
      });
    }
    for (const { index, name, protocol } of register.sessions()) {
      const code = protocol === "fix" ? Protocol.FIX : Protocol.BINARY;
      this.sessions.set(index, { index, name, protocol: code });
    }
    for (const { index, name } of register.accounts()) {
      this.accounts.set(index, name);
    }
  }

  /** Index of an instrument; undefined if there is none. */
  findInstrument(symbol: string): number | undefined {
    for (const [index, known] of this.instruments) {
      if (known.symbol === symbol) return index;
    }
    return undefined;
  }

  /** What a session goes by. */
  sessionName(index: number): string {
    if (index === 0) return "(appliance)";
    return this.sessions.get(index)?.name ?? `#${index}`;
  }
}

/** Names of codes by value. */
export type CodeNames = ReadonlyMap<number, string>;

/** Turns a table of codes around. */
export function codeNames(
  codes: Readonly<Record<string, number>>,
): CodeNames {
  return new Map(Object.entries(codes).map(([name, code]) => [code, name]));
}
