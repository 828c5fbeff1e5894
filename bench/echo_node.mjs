// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The echo server over Node's `net`, for Node and for Deno: answers each
 * request of IN bytes with OUT bytes. Ends by itself after SECONDS.
 *
 *     echo_node.mjs IN OUT SECONDS
 *
 * @module
 */
import { createServer } from "node:net";
import process from "node:process";

const [inBytes, outBytes, seconds] = process.argv.slice(2).map(Number);
const answer = new Uint8Array(outBytes);

const server = createServer({ noDelay: true }, (socket) => {
  let have = 0;
  socket.on("data", (bytes) => {
    have += bytes.length;
    const count = Math.floor(have / inBytes);
    have -= count * inBytes;
    if (count === 1) socket.write(answer);
    else if (count > 1) socket.write(new Uint8Array(count * outBytes));
  });
  socket.on("error", () => {});
});
server.listen(0, "127.0.0.1", () => {
  console.log(`ready ${server.address().port}`);
});
setTimeout(() => process.exit(0), seconds * 1000);
