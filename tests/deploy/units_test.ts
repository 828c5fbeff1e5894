// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The units as files: clean and sealed as far as they say, the template the
 * same as the single unit; and the two programs that prepare a host, over
 * made-up folders and a real pair of virtual cards.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type HugePagePlaces,
  readPages,
  startHugePages,
  stopHugePages,
} from "../../systemd/huge_pages.ts";
import {
  guard,
  type NicPlaces,
  readWish,
  startNic,
  stopNic,
} from "../../systemd/nic.ts";
import { execute, require } from "./container.ts";

const UNITS = new URL("../../systemd/", import.meta.url).pathname;
/** systemd-analyze's figure times ten; "OK" ends at 49. */
const EXPOSURE_MAX: Readonly<Record<string, number>> = {
  "ferrule.service": 20,
  "ferrule@.service": 20,
  "ferrule-hugepages.service": 20,
  "ferrule-nic@.service": 30,
};

async function has(tool: string): Promise<boolean> {
  return (await execute(["sh", "-c", `command -v ${tool}`])).code === 0;
}

/** A folder that goes away with the test. */
async function inFolder(
  act: (folder: string) => Promise<void> | void,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "ferrule-units-" });
  try {
    await act(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("every unit is clean, and every service sealed as far as it says", async () => {
  if (!await has("systemd-analyze")) {
    console.log("SKIPPED: needs systemd-analyze (Debian package systemd)");
    return;
  }
  await inFolder(async (folder) => {
    const names = [...Deno.readDirSync(UNITS)].map(({ name }) => name)
      .filter((name) => /\.(service|slice|target)$/.test(name));
    assertEquals(
      names.filter((name) => name.endsWith(".service")).sort(),
      Object.keys(EXPOSURE_MAX).sort(),
    );
    for (const name of names) {
      const text = await Deno.readTextFile(`${UNITS}${name}`);
      // The program is not where the units expect it on this machine.
      const here = text.replaceAll("/opt/ferrule/current/bin/deno", "/bin/true")
        .replaceAll(/^WorkingDirectory=.*$/gm, "");
      await Deno.writeTextFile(`${folder}/${name}`, here);
    }
    for (const name of names) {
      const path = `${folder}/${name}`;
      const env = { SYSTEMD_UNIT_PATH: `${folder}:` };
      assertEquals(
        await execute(["systemd-analyze", "verify", path], { env }),
        {
          code: 0,
          text: "",
        },
      );
      const most = EXPOSURE_MAX[name];
      if (most === undefined) continue;
      await require([
        "systemd-analyze",
        "security",
        "--offline=true",
        `--threshold=${most}`,
        path,
      ], { env });
    }
  });
});

Deno.test("the template is the single unit but for its names", async () => {
  const single = await Deno.readTextFile(`${UNITS}ferrule.service`);
  const template = await Deno.readTextFile(`${UNITS}ferrule@.service`);
  const settings = (text: string) =>
    text.split("\n").filter((line) => !line.startsWith("#"));
  const named = settings(single).map((line) =>
    line.replace("/etc/ferrule/ferrule.toml", "/etc/ferrule/%i.toml")
      .replaceAll("/var/lib/ferrule", "/var/lib/ferrule/%i")
      .replace(/^(StateDirectory=ferrule)$/, "$1/%i")
      .replace(/^(Description=.*)$/, "$1 %i")
      .replace(/^(Environment=FERRULE_NET=127.0.0.1):9090$/, "$1")
  );
  assertEquals(settings(template), named);
});

Deno.test("readPages() names the line that is wrong", () => {
  assertEquals(
    [...readPages("# node pages\n0 512\n\n 1  64 # second\n", "f")],
    [[0, 512], [1, 64]],
  );
  for (
    const [text, message] of [
      ["0", 'f, line 1: "0" is not "NODE PAGES"'],
      ["0 1\n0 2", "f, line 2: node 0 stands twice"],
      ["0 99999999", 'f, line 1: "0 99999999" is not'],
      ["# nothing", "f names no node"],
      ["0 -1", "is not"],
    ] as const
  ) assertThrows(() => readPages(text, "f"), Error, message);
});

/** A host of two nodes, of which the second gives 8 pages at most. */
function madeUpNodes(folder: string, text: string): HugePagePlaces {
  for (const [node, pages] of [[0, 3], [1, 5]]) {
    const counter = `${folder}/node${node}/hugepages/hugepages-2048kB`;
    Deno.mkdirSync(counter, { recursive: true });
    Deno.writeTextFileSync(`${counter}/nr_hugepages`, `${pages}\n`);
  }
  Deno.writeTextFileSync(`${folder}/file`, text);
  return {
    file: `${folder}/file`,
    nodes: folder,
    compact: `${folder}/compact`,
    notes: `${folder}/before`,
  };
}

function pagesOf(folder: string): number[] {
  return [0, 1].map((node) =>
    Number(
      Deno.readTextFileSync(
        `${folder}/node${node}/hugepages/hugepages-2048kB/nr_hugepages`,
      ),
    )
  );
}

Deno.test("startHugePages() reserves on each node, stopHugePages() gives back", async () => {
  await inFolder((folder) => {
    const places = madeUpNodes(folder, "0 64\n1 8\n");
    assertEquals(startHugePages(places), [
      "node 0: 64 pages of 2 MB, before 3",
      "node 1: 8 pages of 2 MB, before 5",
    ]);
    assertEquals(pagesOf(folder), [64, 8]);
    stopHugePages(places);
    assertEquals(pagesOf(folder), [3, 5]);
    assertEquals(stopHugePages(places), ["nothing was reserved"]);
  });
});

Deno.test("startHugePages() leaves all as before where a node has no room, or is none", async () => {
  await inFolder((folder) => {
    const places = madeUpNodes(folder, "0 64\n2 8\n");
    assertThrows(() => startHugePages(places), Error, "no node 2");
    assertEquals(pagesOf(folder), [3, 5]);
  });
  await inFolder(async (folder) => {
    const places = madeUpNodes(folder, "0 64\n1 8\n");
    // A counter that takes no more, as that of a full node: a device, not a file.
    const counter = `${folder}/node1/hugepages/hugepages-2048kB/nr_hugepages`;
    await Deno.remove(counter);
    await Deno.symlink("/dev/null", counter);
    assertThrows(
      () => startHugePages(places),
      Error,
      "Node 1 has room for 0 pages of 2 MB, and",
    );
    assertEquals(pagesOf(folder)[0], 3);
  });
});

Deno.test("readWish() names the line that is wrong", () => {
  assertEquals(readWish("driver = vfio-pci\n", "f").driver, "vfio-pci");
  assertEquals(
    [...readWish("rx-usecs = 0\nadaptive-rx=off # now\n", "f").settings],
    [["rx-usecs", "0"], ["adaptive-rx", "off"]],
  );
  for (
    const [text, message] of [
      ["driver = e1000", 'f, line 1: "driver = e1000" is none of'],
      ["rx-usecs = off", "is none of"],
      ["adaptive-rx = 1", "is none of"],
      ["speed = 10", "is none of"],
      ["driver = vfio-pci\nrx = 1", "leave rx out, or driver"],
      ["", "asks for nothing"],
    ] as const
  ) assertThrows(() => readWish(text, "f"), Error, message);
});

/** A host whose default route leaves by `bond0`, which stands on eth0 and eth1. */
function madeUpHost(folder: string): NicPlaces {
  const card = (name: string, lower: readonly string[] = []): void => {
    const path = `${folder}/sys/class/net/${name}`;
    Deno.mkdirSync(path, { recursive: true });
    for (const other of lower) {
      Deno.writeTextFileSync(`${path}/lower_${other}`, "");
    }
  };
  card("bond0", ["eth0", "eth1"]);
  for (const name of ["eth0", "eth1", "eth2", "eth3"]) card(name);
  Deno.mkdirSync(`${folder}/proc/net`, { recursive: true });
  Deno.writeTextFileSync(
    `${folder}/proc/net/route`,
    "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n" +
      "bond0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\n" +
      "eth2\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n",
  );
  Deno.writeTextFileSync(
    `${folder}/proc/net/ipv6_route`,
    `${"0".repeat(32)} 00 ${
      "0".repeat(32)
    } 00 fe80 00000400 1 0 00000003     eth3\n`,
  );
  Deno.mkdirSync(`${folder}/files`);
  Deno.mkdirSync(`${folder}/notes`);
  return {
    files: `${folder}/files`,
    proc: `${folder}/proc`,
    sys: `${folder}/sys`,
    notes: `${folder}/notes`,
    run: (command) => {
      throw new Error(`${command} was run`);
    },
  };
}

Deno.test("guard() refuses the card of a default route, whatever stands between", async () => {
  await inFolder((folder) => {
    const places = madeUpHost(folder);
    for (const card of ["bond0", "eth0", "eth1", "eth3"]) {
      assertThrows(
        () => guard(card, places),
        Error,
        `${card} is the card of the default route`,
      );
      Deno.writeTextFileSync(`${folder}/files/${card}`, "driver = vfio-pci");
      assertThrows(() => startNic(card, places), Error, "Nothing was changed");
    }
    // It has a route, and not that one.
    guard("eth2", places);
  });
});

Deno.test("startNic() gives a PCI card to vfio-pci, stopNic() gives it back", async () => {
  await inFolder(async (folder) => {
    const ran: string[] = [];
    const places = {
      ...madeUpHost(folder),
      run: (command: string, args: readonly string[]) => {
        ran.push([command, ...args].join(" "));
        return "";
      },
    };
    const pci = "0000:07:00.0";
    const bus = `${folder}/sys/bus/pci`;
    const device = `${bus}/devices/${pci}`;
    await Deno.mkdir(device, { recursive: true });
    for (const driver of ["igc", "vfio-pci"]) {
      await Deno.mkdir(`${bus}/drivers/${driver}`, { recursive: true });
    }
    await Deno.symlink(`${bus}/drivers/igc`, `${device}/driver`);
    await Deno.symlink(device, `${folder}/sys/class/net/eth2/device`);
    await Deno.writeTextFile(`${folder}/files/eth2`, "driver = vfio-pci\n");
    // A bus that does not do what it is told: the card is given back, and it is said why.
    assertThrows(
      () => startNic("eth2", places),
      Error,
      "did not go to vfio-pci, its driver is igc",
    );
    assertEquals(ran, ["modprobe vfio-pci"]);
    const written = (path: string) => Deno.readTextFileSync(path).trim();
    assertEquals(written(`${device}/driver_override`), "");
    assertEquals(written(`${bus}/drivers_probe`), pci);
    assertEquals(stopNic("eth2", places), "eth2: nothing was changed");
    // One that does.
    await Deno.remove(`${device}/driver`);
    await Deno.symlink(`${bus}/drivers/vfio-pci`, `${device}/driver`);
    assertStringIncludes(startNic("eth2", places), `${pci} of vfio-pci`);
    assertEquals(written(`${device}/driver_override`), "vfio-pci");
    assertEquals(stopNic("eth2", places), "eth2 is as it was");
    assertEquals(written(`${device}/driver_override`), "");
  });
});

Deno.test("startNic() sets a real card's channels and rings, stopNic() sets them back", async () => {
  if (Deno.uid() !== 0 || !await has("ethtool") || !await has("ip")) {
    console.log("SKIPPED: needs root, ethtool and iproute2");
    return;
  }
  const name = `ferrule-nic-${Deno.pid}`;
  await require(["ip", "netns", "add", name]);
  try {
    await require(
      `ip -n ${name} link add v0 numrxqueues 4 numtxqueues 4 type veth peer name v1 numrxqueues 4 numtxqueues 4`
        .split(" "),
    );
    await inFolder((folder) => {
      const places: NicPlaces = {
        ...madeUpHost(folder),
        run: (command, args) => {
          const { code, stdout, stderr } = new Deno.Command("ip", {
            args: ["netns", "exec", name, command, ...args],
          }).outputSync();
          const text = new TextDecoder();
          if (code !== 0) throw new Error(text.decode(stderr));
          return text.decode(stdout);
        },
      };
      const channels = (): string =>
        places.run("ethtool", ["-l", "v0"]).split("Current")[1]!
          .match(/[RT]X:\s+\d+/g)!.join(" ").replaceAll(/\s+/g, " ");
      const before = channels();
      Deno.writeTextFileSync(`${folder}/files/v0`, "rx = 3\ntx = 2\n");
      assertStringIncludes(startNic("v0", places), "rx 3 (before ");
      assertEquals(channels(), "RX: 3 TX: 2");
      stopNic("v0", places);
      assertEquals(channels(), before);
      // What the card does not have is said, before anything is done.
      Deno.writeTextFileSync(`${folder}/files/v0`, "rx = 2\ncombined = 2\n");
      assertThrows(() => startNic("v0", places), Error, "has no combined");
      assertEquals(channels(), before);
      assert(!before.includes("RX: 3"));
    });
  } finally {
    await require(["ip", "netns", "delete", name]);
  }
});
