// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Opens the ports that the configuration gives to DPDK: that of the gateway,
 * that of the feed. On the thread that will poll. DPDK is started once for
 * both, by whoever comes first.
 *
 * @module
 */
import { dpdkMemoryBytes, type DpdkOptions } from "../../ffi/dpdk.ts";
import { memoryInfo, NativeError } from "../../ffi/mod.ts";
import type { Config } from "../config/mod.ts";
import type { Log } from "../telemetry/mod.ts";
import { DpdkTransport } from "../transport/mod.ts";

const HUGE_PAGE_BYTES = 2 ** 21;
const FEED_BUFFERS = 8191;
const EALREADY = 114;

/** What a port is, but for what concerns all of them. */
export type DpdkPortOptions = Omit<DpdkOptions, "hugePages" | "others">;

/** The gateway's port and its memory. */
export function gatewayPort({ dpdk, capacity }: Config): DpdkPortOptions {
  const hasStreams = dpdk.tcpPort > 0 ||
    dpdk.fixPort > 0 && dpdk.fixSessions.length > 0;
  return {
    device: dpdk.device,
    address: dpdk.address,
    prefix: dpdk.prefixLength,
    queues: dpdk.queues,
    connectionsMax: hasStreams ? dpdk.connections : 0,
    receiveWindowBytes: capacity.receiveWindowBytes,
    sendWindowBytes: capacity.sendWindowBytes,
  };
}

/** The feed's port: for lines and requests. */
export function feedPort({ feed }: Config): DpdkPortOptions {
  return {
    device: feed.device,
    address: feed.deviceAddress,
    prefix: feed.devicePrefixLength,
    buffers: FEED_BUFFERS,
  };
}

/** Those that the configuration has. */
export function dpdkPorts(config: Config): DpdkPortOptions[] {
  return [
    ...config.dpdk.enabled ? [gatewayPort(config)] : [],
    ...hasDpdkFeed(config) ? [feedPort(config)] : [],
  ];
}

/** Opens the gateway's port. */
export function openDpdkGateway(config: Config, log: Log): DpdkTransport {
  const others = hasDpdkFeed(config) ? [feedPort(config)] : [];
  return open({ ...gatewayPort(config), others }, config, log);
}

/** Opens the feed's port. */
export function openDpdkFeed(config: Config, log: Log): DpdkTransport {
  const others = config.dpdk.enabled ? [gatewayPort(config)] : [];
  return open({ ...feedPort(config), others }, config, log);
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
  const pages = Math.ceil(
    dpdkPorts(config).reduce((sum, port) => sum + dpdkMemoryBytes(port), 0) /
      HUGE_PAGE_BYTES,
  );
  if (free >= pages) return true;
  log.warn(
    "DPDK's packet buffers lie in ordinary pages: too few huge pages are free. " +
      "Raise vm.nr_hugepages with sysctl",
    { free, wanted: pages },
  );
  return false;
}
