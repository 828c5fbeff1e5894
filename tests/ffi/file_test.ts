// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Files at positions, the directory lock, and the worker that syncs.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as file from "../../ffi/file.ts";
import { addressOf } from "../../ffi/memory.ts";
import { cpuSleep } from "../../ffi/cpu.ts";
import { NativeError } from "../../ffi/native_error.ts";

const { FileFlag } = file;
const ENOSPC = -28;
const EBADF = -9;
const EBUSY = -16;

function withDirectory(test: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync({ prefix: "ferrule-" });
  try {
    test(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function waitFor(worker: file.FileWorker): number {
  for (let round = 0; round < 300_000; round++) {
    const result = worker.poll();
    if (result !== file.JOB_RUNNING) return result;
    cpuSleep(100);
  }
  throw new Error("the file worker did not end its job in 30 s");
}

Deno.test("writeFile() and readFile() work at positions beyond 4 GiB", () => {
  withDirectory((directory) => {
    const fd = file.openFile(
      `${directory}/a`,
      FileFlag.READ + FileFlag.WRITE + FileFlag.CREATE + FileFlag.EXCLUSIVE,
    );
    const data = new Uint8Array(100).map((_, at) => at);
    const position = 5 * 2 ** 30 + 3;
    assertEquals(file.writeFile(fd, addressOf(data), 100, position), 0);
    assertEquals(file.fileBytes(fd), position + 100);
    const found = new Uint8Array(200);
    assertEquals(file.readFile(fd, addressOf(found), 200, position), 100);
    assertEquals(found.subarray(0, 100), data);
    assertEquals(file.readFile(fd, addressOf(found), 200, position + 100), 0);
    assertEquals(file.truncateFile(fd, 10), 0);
    assertEquals(file.fileBytes(fd), 10);
    assertEquals(file.syncFile(fd), 0);
    assert(file.fileSpaceBytes(fd) > 0);
    assertEquals(file.closeFile(fd), 0);
    assertEquals(file.writeFile(fd, addressOf(data), 100, 0), EBADF);
  });
});

Deno.test("preallocateFile() gives zeroed blocks", () => {
  withDirectory((directory) => {
    for (const zero of [false, true]) {
      const path = `${directory}/${zero}`;
      const fd = file.openFile(
        path,
        FileFlag.READ + FileFlag.WRITE + FileFlag.CREATE,
      );
      assertEquals(file.preallocateFile(fd, 1_500_000, zero), 0);
      assertEquals(file.closeFile(fd), 0);
      const status = Deno.statSync(path);
      assertEquals(status.size, 1_500_000);
      assert(status.blocks! * 512 >= 1_500_000);
      assertEquals(Deno.readFileSync(path).findIndex((byte) => byte !== 0), -1);
    }
  });
});

Deno.test("writeFile() reports a full disk", () => {
  const fd = file.openFile("/dev/full", FileFlag.WRITE);
  assertEquals(
    file.writeFile(fd, addressOf(new Uint8Array(64)), 64, 0),
    ENOSPC,
  );
  file.closeFile(fd);
});

Deno.test("openFile() with EXCLUSIVE refuses a file that is there", () => {
  withDirectory((directory) => {
    const flags = FileFlag.WRITE + FileFlag.CREATE + FileFlag.EXCLUSIVE;
    file.closeFile(file.openFile(`${directory}/a`, flags));
    const error = assertThrows(
      () => file.openFile(`${directory}/a`, flags),
      NativeError,
    );
    assertEquals(error.code, 17);
  });
});

Deno.test("renameFile(), unlinkFile() and syncDirectory() change names", () => {
  withDirectory((directory) => {
    file.makeDirectory(`${directory}/sub`);
    file.makeDirectory(`${directory}/sub`);
    Deno.writeTextFileSync(`${directory}/a`, "a");
    file.renameFile(`${directory}/a`, `${directory}/sub/b`);
    file.syncDirectory(`${directory}/sub`);
    assertEquals(Deno.readTextFileSync(`${directory}/sub/b`), "a");
    file.unlinkFile(`${directory}/sub/b`);
    assertThrows(() => file.unlinkFile(`${directory}/sub/b`), NativeError);
    assertThrows(() => file.syncDirectory(`${directory}/none`), NativeError);
  });
});

Deno.test("lockDirectory() lets one in, and the next after it", () => {
  withDirectory((directory) => {
    const fd = file.lockDirectory(directory);
    const error = assertThrows(() => file.lockDirectory(directory), Error);
    assertStringIncludes(error.message, "in use by another process");
    file.closeFile(fd);
    file.closeFile(file.lockDirectory(directory));
  });
});

Deno.test("FileWorker prepares and syncs a file", () => {
  withDirectory((directory) => {
    const worker = new file.FileWorker();
    try {
      assertEquals(worker.poll(), 0);
      assertEquals(worker.prepare(`${directory}/a`, 1 << 20, true), 0);
      const fd = waitFor(worker);
      assert(fd >= 0);
      assertEquals(file.fileBytes(fd), 1 << 20);
      const directoryFd = file.openFile(directory, FileFlag.DIRECTORY);
      assertEquals(worker.sync(fd, directoryFd), 0);
      assertEquals(waitFor(worker), 0);
      file.closeFile(directoryFd);
      file.closeFile(fd);
      assertEquals(worker.sync(fd), 0);
      assertEquals(waitFor(worker), EBADF);
      assertEquals(worker.prepare(`${directory}/none/a`, 1 << 20, false), 0);
      assertEquals(waitFor(worker), -2);
    } finally {
      worker.dispose();
      worker.dispose();
    }
  });
});

Deno.test("FileWorker takes one job at a time", () => {
  withDirectory((directory) => {
    const worker = new file.FileWorker();
    try {
      assertEquals(worker.prepare(`${directory}/a`, 64 << 20, true), 0);
      const second = worker.prepare(`${directory}/b`, 4096, false);
      const first = waitFor(worker);
      assert(first >= 0);
      assert(second === EBUSY || second === 0, `${second}`);
      file.closeFile(first);
    } finally {
      worker.dispose();
    }
  });
});

Deno.test("a program that ends while a worker is busy ends as it would without", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ferrule-" });
  const program = `
    import { FileWorker } from ${
    JSON.stringify(new URL("../../ffi/file.ts", import.meta.url).href)
  };
    new FileWorker().prepare("${directory}/a", 512 << 20, true);
    throw new Error("it ends here");`;
  try {
    const path = `${directory}/program.ts`;
    Deno.writeTextFileSync(path, program);
    const { code, signal, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--allow-all", path],
      stdout: "null",
    }).output();
    assertEquals(signal, null);
    assertEquals(code, 1);
    assertStringIncludes(new TextDecoder().decode(stderr), "it ends here");
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
