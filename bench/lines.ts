// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Lines of a stream, as they come.
 *
 * @module
 */

/** Yields each line without its newline. */
export async function* readLines(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
  return undefined;
}
