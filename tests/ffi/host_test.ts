// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What the doctor asks of the host: folders, owners, interfaces, peers.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  coalescingOf,
  connectUs,
  fileOwner,
  interfaceOf,
  listDirectory,
  readLink,
} from "../../ffi/host.ts";
import { NativeError } from "../../ffi/native_error.ts";

Deno.test("listDirectory(), readLink() and fileOwner() see a folder as it is", async () => {
  const folder = await Deno.makeTempDir();
  try {
    assertEquals(listDirectory(folder), []);
    await Deno.writeTextFile(`${folder}/b`, "", { mode: 0o640 });
    await Deno.writeTextFile(`${folder}/.hidden`, "");
    await Deno.symlink("b", `${folder}/a`);
    assertEquals(listDirectory(folder), ["a", "b"]);
    assertEquals(readLink(`${folder}/a`), "b");
    const owner = fileOwner(`${folder}/b`);
    const { uid, gid, ino } = await Deno.stat(`${folder}/b`);
    assertEquals(owner, {
      isDirectory: false,
      mode: 0o640,
      uid: uid!,
      gid: gid!,
      inode: ino!,
      writable: true,
    });
    assert(fileOwner(folder).isDirectory);
    assertThrows(() => readLink(`${folder}/b`), NativeError, "EINVAL");
    assertThrows(() => listDirectory(`${folder}/none`), NativeError, "ENOENT");
    assertThrows(() => fileOwner(`${folder}/none`), NativeError, "ENOENT");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("listDirectory() reads folders of the kernel", () => {
  assert(listDirectory("/proc/self/task").length >= 1);
  assert(listDirectory("/sys/devices/system/cpu").includes("cpu0"));
});

Deno.test("interfaceOf() finds who has an address", () => {
  assertEquals(interfaceOf("127.0.0.1"), "lo");
  assertEquals(interfaceOf("192.0.2.77"), "");
  assertThrows(() => interfaceOf("localhost"), NativeError, "EINVAL");
});

Deno.test("coalescingOf() says where a driver does not tell", () => {
  assertThrows(() => coalescingOf("lo"), NativeError, "EOPNOTSUPP");
  assertThrows(() => coalescingOf("none0"), NativeError, "ENODEV");
});

Deno.test("connectUs() tells a peer that answers from one that does not", () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  assert(connectUs("127.0.0.1", port, 2000) > 0);
  listener.close();
  assertThrows(
    () => connectUs("127.0.0.1", port, 2000),
    NativeError,
    "ECONNREFUSED",
  );
  assertThrows(() => connectUs("127.0.0.1", 65536, 1), NativeError, "EINVAL");
});
