// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What all requests of an operator need: how one is refused, and names as
 * indexes.
 *
 * @module
 */
import * as v from "valibot";
import { ConfigError, problemsOf } from "../config/mod.ts";
import type { CommandFields } from "./command_fields.ts";
import type { Register } from "./register.ts";

/** A request that names what is not there, or what can not be now. */
export class RequestError extends Error {
  override name = "RequestError";
  /** As in HTTP. */
  readonly status: 404 | 409;

  constructor(status: 404 | 409, message: string) {
    super(message);
    this.status = status;
  }
}

/** What requests are checked against. */
export interface RequestContext {
  readonly register: Register;
  /** Most that there may be. */
  readonly instruments: number;
  readonly accounts: number;
}

/** A request without its name. */
export type Body = Readonly<Record<string, unknown>>;
/** The commands that do what a request asks. */
export type Translate = (
  body: Body,
  context: RequestContext,
) => CommandFields[];

/** One thing that is wrong with a request. */
export function refused(key: string, value: string, text: string): ConfigError {
  return new ConfigError("request", [{ key, value, text }]);
}

/** The body, if it is of the shape. */
export function read<Schema extends v.GenericSchema>(
  schema: Schema,
  body: Body,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, body);
  if (result.success) return result.output;
  throw new ConfigError("request", problemsOf(schema, result.issues));
}

/** An instrument by its symbol. */
export function instrumentOf(
  wanted: string,
  { register }: RequestContext,
): { index: number; entry: Float64Array } {
  const found = register.findInstrument(wanted);
  if (found === undefined) {
    throw new RequestError(404, `There is no instrument ${wanted}`);
  }
  return found;
}

/** An account by its name. */
export function accountOf(
  wanted: string,
  { register }: RequestContext,
): number {
  const found = register.accounts().find((account) => account.name === wanted);
  if (found === undefined) {
    throw new RequestError(404, `There is no account ${wanted}`);
  }
  return found.index;
}

/** A session by its name, or by `fix:NAME` or `binary:NUMBER`. */
export function sessionOf(
  wanted: string,
  { register }: RequestContext,
): number {
  const found = register.sessions().filter((session) =>
    session.name === wanted || `${session.protocol}:${session.name}` === wanted
  );
  if (found.length === 0) {
    throw new RequestError(404, `There is no session ${wanted}`);
  }
  if (found.length > 1) {
    throw new RequestError(
      409,
      `There is more than one session ${wanted}: say fix:${wanted} or binary:${wanted}`,
    );
  }
  return found[0]!.index;
}
