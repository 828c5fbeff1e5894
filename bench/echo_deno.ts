// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The echo server over `Deno.listen`: answers each request of IN bytes with
 * OUT bytes. Ends by itself after SECONDS.
 *
 *     echo_deno.ts IN OUT SECONDS
 *
 * @module
 */
const [inBytes, outBytes, seconds] = Deno.args.map(Number) as [
  number,
  number,
  number,
];
const answer = new Uint8Array(outBytes);

async function echo(conn: Deno.TcpConn): Promise<void> {
  const request = new Uint8Array(65536);
  let have = 0;
  conn.setNoDelay(true);
  for (;;) {
    const received = await conn.read(request);
    if (received === null) break;
    have += received;
    const count = Math.floor(have / inBytes);
    have -= count * inBytes;
    const out = count === 1 ? answer : new Uint8Array(count * outBytes);
    for (let sent = 0; sent < out.length;) {
      sent += await conn.write(out.subarray(sent));
    }
  }
  conn.close();
}

setTimeout(() => Deno.exit(0), seconds * 1000);
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`ready ${listener.addr.port}`);
// A client that leaves in the middle is not the server's affair.
for await (const conn of listener) echo(conn).catch(() => {});
