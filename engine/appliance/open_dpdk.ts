// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Opens the ports that the configuration gives to DPDK: that of the gateway,
 * that of the feed. On the thread that will poll. DPDK is started once for
 * both, by whoever comes first.
 *
 * @module
 */
import { type DpdkOptions, memoryInfo, NativeError } from "../../ffi/mod.ts";
import type { Config } from "../config/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import { DpdkTransport } from "../transport/mod.ts";

/** Pages of 2 MB that 16,383 packet buffers and DPDK itself need. */
const HUGE_PAGES_MIN = 32;
const FEED_BUFFERS = 8191;
const EALREADY = 114;

/** What a port is, but for what concerns all of them. */
type PortOptions = Omit<DpdkOptions, "hugePages" | "others">;

/** The gateway's port. */
export function openDpdkGateway(
  options: PortOptions,
  config: Config,
  log: Log,
): DpdkTransport {
  const { device } = config.feed;
  const others = hasDpdkFeed(config) ? [{ device, buffers: FEED_BUFFERS }] : [];
  return open({ ...options, others }, config, log);
}

/** The feed's port: for lines and requests. */
export function openDpdkFeed(config: Config, log: Log): DpdkTransport {
  const { dpdk, feed } = config;
  return open(
    {
      device: feed.device,
      address: feed.deviceAddress,
      prefix: feed.devicePrefixLength,
      buffers: FEED_BUFFERS,
      others: dpdk.enabled ? [{ device: dpdk.device }] : [],
    },
    config,
    log,
  );
}

function hasDpdkFeed({ feed }: Config): boolean {
  return feed.enabled && feed.transport === "dpdk";
}

/** Whether anything of this configuration is DPDK's. */
export function usesDpdk(config: Config): boolean {
  return config.dpdk.enabled || hasDpdkFeed(config);
}

/** With "auto", what the port that came first decided holds for the other. */
function open(
  options: Omit<DpdkOptions, "hugePages">,
  config: Config,
  log: Log,
): DpdkTransport {
  const hugePages = wantsHugePages(config, log);
  try {
    return new DpdkTransport({ ...options, hugePages });
  } catch (error) {
    const isOther = error instanceof NativeError && error.code === -EALREADY;
    if (!isOther || config.memory.hugePages !== "auto") throw error;
    return new DpdkTransport({ ...options, hugePages: !hugePages });
  }
}

/** Whether the packet buffers shall lie in huge pages: "auto" asks what is free. */
function wantsHugePages(config: Config, log: Log): boolean {
  const wanted = config.memory.hugePages;
  if (wanted !== "auto") return wanted === "require";
  const { hugePagesFree, hugePagesReserved } = memoryInfo();
  const free = hugePagesFree - hugePagesReserved;
  if (free >= HUGE_PAGES_MIN) return true;
  log.warn(
    "DPDK's packet buffers lie in ordinary pages: too few huge pages are free. " +
      "Raise vm.nr_hugepages with sysctl",
    { free, wanted: HUGE_PAGES_MIN },
  );
  return false;
}
