// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The far end of the direct stream in the benchmark of replicated logs: takes
 * frames of commands, writes them to a file, acknowledges. A process of its
 * own, which spins and yields.
 *
 * Arguments: port to call, file to write.
 *
 * @module
 */
import { cpuYield, FileFlag, openFile, writeFile } from "../ffi/mod.ts";
import {
  Channel,
  FrameKind,
  LINK_OPENING,
  TcpLinks,
} from "../engine/replication/mod.ts";

const FILE_BYTES_MAX = 1 << 28;

const [port, path] = Deno.args;
const fd = openFile(path!, FileFlag.WRITE + FileFlag.CREATE);
const link = new TcpLinks().connect("127.0.0.1", Number(port));
while (link.state() === LINK_OPENING) cpuYield();
const channel = new Channel(link);
let position = 0;
while (channel.failure === "") {
  let work = channel.receive();
  while (channel.next()) {
    const { bodyBytes, bodyAt, body } = channel;
    const last = channel.sequence + channel.value - 1;
    writeFile(fd, body.address + bodyAt, bodyBytes, position);
    position = (position + bodyBytes) % FILE_BYTES_MAX;
    channel.write(FrameKind.ACKNOWLEDGE, 1, last, 0);
  }
  work += channel.flush();
  if (work === 0) cpuYield();
}
