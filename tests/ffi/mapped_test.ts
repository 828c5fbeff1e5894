// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Files in memory: what is copied there is in the file, and a file that can't
 * take it is an error, not the end of the process.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import * as file from "../../ffi/file.ts";
import { mapFile, unmapFile, writeMapped } from "../../ffi/mapped.ts";
import { cpuSleep } from "../../ffi/cpu.ts";
import { addressOf } from "../../ffi/memory.ts";

const { FileFlag } = file;
const EIO = -5;
const ENOTSUP = -95;
const BYTES = 1 << 20;

function withFile(test: (fd: number, path: string) => void): void {
  const path = Deno.makeTempFileSync({ prefix: "ferrule-mapped-" });
  const fd = file.openFile(path, FileFlag.READ + FileFlag.WRITE);
  try {
    assertEquals(file.preallocateFile(fd, BYTES, false), 0);
    test(fd, path);
  } finally {
    file.closeFile(fd);
    Deno.removeSync(path);
  }
}

Deno.test("writeMapped() copies every length to every place of a cache line", () => {
  withFile((fd, path) => {
    const address = mapFile(fd, BYTES);
    assert(address > 0, `mapFile() = ${address}`);
    const data = new Uint8Array(400).map((_, i) => 1 + i % 250);
    const expected = new Uint8Array(BYTES);
    let at = 3;
    for (let bytes = 0; bytes <= 400; bytes++) {
      assertEquals(writeMapped(address + at, addressOf(data), bytes), 0);
      expected.set(data.subarray(0, bytes), at);
      at += bytes + bytes % 7;
    }
    assertEquals(Deno.readFileSync(path), expected);
    assertEquals(unmapFile(address, BYTES), 0);
    assertEquals(Deno.readFileSync(path), expected);
  });
});

Deno.test("writeMapped() says EIO when somebody has cut the file, and works again on another", () => {
  const data = new Uint8Array(192).fill(7);
  withFile((fd, path) => {
    const address = mapFile(fd, BYTES);
    Deno.truncateSync(path, 4096);
    for (let round = 0; round < 3; round++) {
      assertEquals(writeMapped(address + 8192, addressOf(data), 192), EIO);
      assertEquals(writeMapped(address + 64, addressOf(data), 192), 0);
    }
    assertEquals(unmapFile(address, BYTES), 0);
  });
  withFile((fd, path) => {
    const address = mapFile(fd, BYTES);
    assertEquals(writeMapped(address + 8192, addressOf(data), 192), 0);
    assertEquals(Deno.readFileSync(path)[8192], 7);
    assertEquals(unmapFile(address, BYTES), 0);
  });
});

Deno.test("mapFile() refuses a file system whose blocks it does not know", () => {
  const fd = file.openFile("/proc/version", FileFlag.READ);
  assertEquals(mapFile(fd, 4096), ENOTSUP);
  file.closeFile(fd);
});

Deno.test("FileWorker.populate() changes nothing, and unmap() gives back", () => {
  withFile((fd, path) => {
    const address = mapFile(fd, BYTES);
    const data = new Uint8Array(8).fill(9);
    writeMapped(address + 4096, addressOf(data), 8);
    const before = Deno.readFileSync(path);
    const worker = new file.FileWorker();
    const wait = (): number => {
      let result = worker.poll();
      while (result === file.JOB_RUNNING) {
        cpuSleep(100);
        result = worker.poll();
      }
      return result;
    };
    assertEquals(worker.populate(address, BYTES), 0);
    assertEquals(wait(), 0);
    assertEquals(Deno.readFileSync(path), before);
    assertEquals(worker.unmap(address, BYTES), 0);
    assertEquals(wait(), 0);
    worker.dispose();
  });
});
