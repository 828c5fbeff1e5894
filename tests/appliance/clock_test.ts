// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Who keeps the clock, and how well: what the appliance tells of it, beside two
 * real linuxptp daemons on a wire of their own.
 *
 * ```
 *   namespace A: ptp4l, master ── veth ── ptp4l, follows: namespace B
 *        ▲ socket                            ▲ socket
 *        └── ClockWatch                      └── the appliance: /clock, /metrics
 * ```
 *
 * All namespaces have one clock, which is everybody's: the daemons run without
 * the right to set it. So the follower measures and never steers, and its port
 * stays UNCALIBRATED.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { clockFinding } from "../../engine/appliance/clock_finding.ts";
import {
  clockGauges,
  clockOnce,
  type ClockState,
  judge,
} from "../../engine/appliance/clock_watch.ts";
import { type KernelClock, kernelClock } from "../../ffi/mod.ts";
import { wireMissing, withWire } from "../transport/netns.ts";
import { startAppliance } from "./harness.ts";

const NO_PTP = { ptpSocket: "", ptpDomain: 0, ptpDevice: "" };
const WAIT_MS_MAX = 60_000;

const KEPT: KernelClock = {
  synchronized: true,
  offsetNs: 0,
  estimatedErrorNs: 1000,
  maximumErrorNs: 2_500_000,
  frequencyPpb: 12,
  taiOffsetS: 37,
};

async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const end = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`waited too long for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Starts a daemon in a namespace, without the right to set the clock. */
async function ptp4l(
  namespace: string,
  device: string,
  folder: string,
  settings: string,
): Promise<{ socket: string } & AsyncDisposable> {
  const socket = `${folder}/${device}.sock`;
  const file = `${folder}/${device}.cfg`;
  await Deno.writeTextFile(
    file,
    `[global]\nuds_address ${socket}\ntime_stamping software\n` +
      "network_transport L2\ndomainNumber 24\nlogSyncInterval -3\n" +
      "logAnnounceInterval -2\nlogMinDelayReqInterval -3\n" +
      `${settings}\n[${device}]\n`,
  );
  const child = new Deno.Command("ip", {
    args: [
      ...["netns", "exec", namespace],
      ...["setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time"],
      ...["ptp4l", "-f", file],
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    socket,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGTERM");
      } catch (error) {
        // It has ended already.
        if (!(error instanceof TypeError)) throw error;
      }
      await child.status;
    },
  };
}

async function ptpMissing(): Promise<string> {
  const wire = await wireMissing();
  if (wire !== "") return wire;
  try {
    await new Deno.Command("ptp4l", { args: ["-v"] }).output();
    return "";
  } catch {
    return "no ptp4l: apt install linuxptp";
  }
}

Deno.test("the clock's page and metrics have what linuxptp measures, and say it when linuxptp is gone", async () => {
  const reason = await ptpMissing();
  if (reason !== "") return console.log(`SKIPPED: PTP between two: ${reason}`);
  const folder = await Deno.makeTempDir({ prefix: "ferrule-ptp-" });
  await withWire(async (wire) => {
    const { serverInterface, serverNamespace } = wire;
    const { clientInterface, clientNamespace } = wire;
    await using master = await ptp4l(
      clientNamespace,
      clientInterface,
      folder,
      "priority1 10",
    );
    await using follower = await ptp4l(
      serverNamespace,
      serverInterface,
      folder,
      "slaveOnly 1",
    );
    await until("the master", () => {
      const { keptBy, text } = clockOnce({
        ptpSocket: master.socket,
        ptpDomain: 24,
        ptpDevice: "",
        ownSocket: `${folder}/own.sock`,
      });
      return keptBy === "ptp" && text.includes("master") ? true : undefined;
    });
    await using server = await startAppliance({
      extraToml: `[clock]\nptp_domain = 24\nptp_socket = "${follower.socket}"`,
    });
    const page = async () => await server.get("/clock") as Partial<ClockState>;
    const ptp = await until("the follower", async () => {
      const { ptp } = await page();
      const whole = (ptp?.pathDelayNs ?? 0) > 0 && ptp?.grandmasterPresent;
      return whole === true ? ptp! : undefined;
    });
    assertEquals([ptp.portState, ptp.stepsRemoved], ["UNCALIBRATED", 1]);
    assertEquals(ptp.grandmaster?.length, 16);
    // One clock for both: a second would be a wrong unit.
    assert(Math.abs(ptp.offsetNs!) < 1e9 && ptp.pathDelayNs! < 1e9);
    const inSeconds = await server.metric(
      "ferrule_clock_ptp_path_delay_seconds",
    );
    assert(inSeconds > 0 && inSeconds < 1);
    const state = 'ferrule_clock_ptp_port_state{state="UNCALIBRATED"}';
    assertEquals(await server.metric(state), 1);
    const { clock } = await server.get("/health");
    assert(String(clock).includes("PTP measures"), String(clock));

    await follower[Symbol.asyncDispose]();
    const gone = await until("the end", async () => (await page()).ptpError);
    assert(gone.includes(follower.socket) || gone.includes("send"), gone);
    assertEquals((await page()).ptp, undefined);
    assertEquals(await server.metric(state), NaN);
    assertEquals(await server.stop(), 0);
  });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("clockOnce() without PTP says what the kernel says", () => {
  const { keptBy, kernel, ptpError, device } = clockOnce(NO_PTP);
  const { synchronized } = kernelClock();
  assertEquals(keptBy, synchronized ? "kernel" : "none");
  assertEquals(kernel?.synchronized, synchronized);
  assertEquals([ptpError, device], [undefined, undefined]);
});

Deno.test("clockOnce() names a socket and a device that are not there", () => {
  const state = clockOnce({
    ptpSocket: "/nonexistent/ptp4l",
    ptpDomain: 0,
    ptpDevice: "/dev/ptp99",
  });
  assert(state.ptpError!.includes("/nonexistent/ptp4l"));
  assert(state.deviceError!.includes("/dev/ptp99"));
  const { severity, found, remedy } = clockFinding(state);
  assertEquals(severity, "warning");
  assert(found.includes("/nonexistent/ptp4l") && found.includes("/dev/ptp99"));
  assert(remedy !== "");
});

Deno.test("clockOnce() refuses a device that is no clock", () => {
  const { device, deviceError } = clockOnce({
    ...NO_PTP,
    ptpDevice: "/dev/null",
  });
  assertEquals(device, undefined);
  assert(deviceError!.includes("clock_gettime of /dev/null"));
});

Deno.test("judge() says who keeps the clock", () => {
  const slave = {
    portState: "SLAVE",
    offsetNs: -40,
    pathDelayNs: 900,
  } as const;
  const cases = [
    [judge(slave, KEPT), "ptp", "-40 ns from the master"],
    [judge({ portState: "MASTER" }, KEPT), "ptp", "this host is the master"],
    [judge({ portState: "LISTENING" }, KEPT), "kernel", "LISTENING"],
    [judge(undefined, KEPT), "kernel", "at most 2500 us wrong"],
    [
      judge(undefined, { ...KEPT, synchronized: false }),
      "none",
      "nobody keeps this clock",
    ],
    [judge(undefined, undefined), "unknown", "no PTP"],
  ] as const;
  for (const [{ keptBy, text }, expected, part] of cases) {
    assertEquals(keptBy, expected);
    assert(text.includes(part), text);
  }
});

Deno.test("clockFinding() is content with PTP that is near, and with nothing else", () => {
  const near = { portState: "SLAVE", offsetNs: 900, ageMs: 1 } as const;
  const of = (ptp?: ClockState["ptp"], kernel = KEPT) =>
    clockFinding({ ...judge(ptp, kernel), ...(ptp && { ptp }), kernel });
  assertEquals(of(near).severity, "ok");
  const far = of({ ...near, offsetNs: -90_000 });
  assertEquals(far.severity, "info");
  assert(far.remedy.includes("hardware"));
  assertEquals(of().severity, "info");
  assertEquals(
    of(undefined, { ...KEPT, synchronized: false }).severity,
    "warning",
  );
});

Deno.test("clockGauges() leave out what is not known", () => {
  const state: ClockState = { keptBy: "unknown", text: "" };
  const shown = clockGauges(() => state).filter((gauge) =>
    gauge.read().length > 0
  );
  assertEquals(shown.map(({ name }) => name), ["clock_kept_by"]);
});
