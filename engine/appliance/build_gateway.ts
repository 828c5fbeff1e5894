// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Makes a gateway agent: its transport, its ends of the rings, its protocols.
 *
 * Runs once, on the thread that will drive the agent. A transport that is
 * configured and cannot start stops the appliance; it never silently becomes
 * another.
 *
 * @module
 */
import { Clock } from "../../ffi/mod.ts";
import type { Config } from "../config/mod.ts";
import {
  BinaryGateway,
  type BinaryGatewayOptions,
} from "../gateway/binary/mod.ts";
import { FixGateway, type FixGatewayOptions } from "../gateway/fix/mod.ts";
import {
  type ConfiguredSession,
  GatewayAgent,
  type GatewayContext,
  type GatewayFlight,
  type ListenerOptions,
  type ProtocolGateway,
} from "../gateway/mod.ts";
import {
  COMMAND_SLOT_BYTES,
  EVENT_SLOT_BYTES,
  Protocol,
} from "../record/mod.ts";
import { CONTROL_LEASE_VALUE, receiveTimes, SpscRing } from "../ring/mod.ts";
import { type Log, SessionBoard, SharedHistogram } from "../telemetry/mod.ts";
import type { Transport } from "../transport/mod.ts";
import { loadSnapshot } from "./load_snapshot.ts";
import { openDpdkGateway } from "./open_dpdk.ts";
import { openKernelTransport } from "./open_transport.ts";
import { flightRing, type Workshop } from "./workshop.ts";

/** Sessions of the configuration, by the gateway that serves them. */
export function configuredSessions(
  config: Config,
  gateway: number,
): ConfiguredSession[] {
  const binary = gateway === 0 ? config.binary.sessions : config.dpdk.sessions;
  const fix = gateway === 0 ? config.fix.sessions : config.dpdk.fixSessions;
  return [
    ...fix.map((session) => ({
      protocolCode: Protocol.FIX,
      name: session.senderCompId,
      username: session.username,
      secret: session.password,
    })),
    ...binary.map((session) => ({
      protocolCode: Protocol.BINARY,
      name: String(session.number),
      username: "",
      secret: session.key,
    })),
  ];
}

function openTransport(config: Config, index: number, log: Log): Transport {
  if (index === 0) {
    return openKernelTransport(config.transport.kind, {
      connectionsMax: config.capacity.connections,
      receiveWindowBytes: config.capacity.receiveWindowBytes,
      sendWindowBytes: config.capacity.sendWindowBytes,
      timestamps: config.transport.timestamps,
      hugePages: config.memory.hugePages !== "never",
      kernelPollCore: config.transport.kernelPollCore,
      busyPollUs: config.transport.busyPollUs,
      log: (level, message, fields) => log.log(level, message, fields),
    }, log);
  }
  return openDpdkGateway(config, log);
}

/** Whether a gateway has FIX: the one over DPDK only where it has sessions for it. */
function servesFix(config: Config, index: number): boolean {
  return index === 0 || config.dpdk.fixSessions.length > 0;
}

/** Listeners, in the order in which bound ports are told: FIX, binary TCP, binary UDP. */
function listenersOf(config: Config, index: number): ListenerOptions[] {
  const { fix, binary, dpdk } = config;
  if (index === 1) {
    const { address } = dpdk;
    const hasFix = servesFix(config, 1);
    const ports = [
      ["stream", hasFix ? dpdk.fixPort : 0, 0],
      ["stream", dpdk.tcpPort, hasFix ? 1 : 0],
      ["datagram", dpdk.udpPort, hasFix ? 1 : 0],
    ] as const;
    return ports.filter(([, port]) => port !== 0).map(
      ([kind, port, protocol]) => ({ kind, address, port, protocol }),
    );
  }
  return [
    { kind: "stream", address: fix.address, port: fix.port, protocol: 0 },
    {
      kind: "stream",
      address: binary.address,
      port: binary.tcpPort,
      protocol: 1,
    },
    {
      kind: "datagram",
      address: binary.address,
      port: binary.udpPort,
      protocol: 1,
    },
  ];
}

function protocolsOf(
  config: Config,
  index: number,
  context: GatewayContext,
  stores: StorePlaces,
  options: ProtocolOptions,
): { code: number; gateway: ProtocolGateway }[] {
  const binary = {
    code: Protocol.BINARY,
    gateway: new BinaryGateway(context, {
      logonTimeoutMs: config.binary.logonTimeoutMs,
      ...options.binary,
    }),
  };
  if (!servesFix(config, index)) return [binary];
  const fix = {
    code: Protocol.FIX,
    gateway: new FixGateway(context, {
      targetCompId: config.fix.targetCompId,
      heartBtIntMinS: config.fix.heartBtIntMinS,
      heartBtIntMaxS: config.fix.heartBtIntMaxS,
      logonTimeoutMs: config.fix.logonTimeoutMs,
      sendingTimeToleranceMs: config.fix.sendingTimeToleranceS * 1000,
      messageBytesMax: config.fix.messageBytesMax,
      ...stores,
      ...options.fix,
    }),
  };
  return [fix, binary];
}

/** What the configuration leaves to the protocols' defaults. */
export interface ProtocolOptions {
  readonly fix?: Partial<FixGatewayOptions>;
  readonly binary?: Partial<BinaryGatewayOptions>;
  /** Whether clients may be told what is known now; by the lease, if left out. */
  readonly mayTell?: () => boolean;
  /** Stage times go into the flight recorder, if there is one. */
  readonly recordsFlight?: boolean;
}

/** With a lease: clients are told nothing once it is over. */
function leaseCheck(workshop: Workshop): { mayTell?: () => boolean } {
  if (workshop.config.replication.leaseServers.length === 0) return {};
  const { controlF64 } = workshop;
  const clock = new Clock();
  return {
    mayTell: () => {
      clock.boottime();
      return clock.toNumber() < controlF64[CONTROL_LEASE_VALUE >>> 1]!;
    },
  };
}

/** Folder of what was sent, in a data directory. */
export function outboundDirectory(dataDirectory: string): string {
  return `${dataDirectory}/outbound`;
}

/** Folder of the snapshots, in a data directory. */
export function snapshotDirectory(dataDirectory: string): string {
  return `${dataDirectory}/snapshots`;
}

/** Folder of what was sent, as snapshots name it. */
export function keptDirectory(dataDirectory: string): string {
  return `${snapshotDirectory(dataDirectory)}/outbound`;
}

/** The agent of gateway `index`: 0 over the kernel's sockets, 1 over DPDK. */
export function buildGateway(workshop: Workshop, index: number): GatewayAgent {
  const { config } = workshop;
  const log = workshop.log.child(`gateway${index}`);
  const agent = assembleGateway(
    workshop,
    index,
    openTransport(config, index, log),
    {
      storeDirectory: outboundDirectory(config.appliance.dataDirectory),
      baseDirectory: keptDirectory(config.appliance.dataDirectory),
    },
    { recordsFlight: true },
  );
  loadSnapshot(workshop, agent.name, (from) => agent.load(from));
  return agent;
}

/** Where what was sent is stored; what is left out is not there. */
export interface StorePlaces {
  /** Folder for what is sent; none = the newest in memory. */
  readonly storeDirectory?: string;
  /** Folder of the files that a snapshot names. */
  readonly baseDirectory?: string;
  /** Keep the files for snapshots that name them. */
  readonly keepStores?: boolean;
  /** With `keepStores`: called while the disk refuses; waits, or throws. */
  readonly onStoreRefused?: (errno: number) => void;
}

/** The agent of gateway `index` over a transport. */
export function assembleGateway(
  workshop: Workshop,
  index: number,
  transport: Transport,
  stores: StorePlaces,
  options: ProtocolOptions = {},
): GatewayAgent {
  const { config, plan, memory } = workshop;
  const log = workshop.log.child(`gateway${index}`);
  return new GatewayAgent({
    index,
    transport,
    commands: new SpscRing(
      memory,
      plan.commandRings[index]!,
      COMMAND_SLOT_BYTES,
      plan.commandSlots,
      "producer",
    ),
    events: new SpscRing(
      memory,
      plan.eventRings[index]!,
      EVENT_SLOT_BYTES,
      plan.eventSlots,
      "consumer",
    ),
    control: workshop.control,
    clock: workshop.clock,
    lane: workshop.lane(index === 0 ? "gateway0" : "gateway1"),
    latency: new SharedHistogram(memory, plan.latency[index]!),
    board: new SessionBoard(memory, plan.board, config.capacity.sessions),
    log,
    listeners: listenersOf(config, index),
    sessions: configuredSessions(config, index),
    sessionsMax: config.capacity.sessions,
    protocols: (context) =>
      protocolsOf(config, index, context, stores, options),
    ...(options.mayTell === undefined
      ? leaseCheck(workshop)
      : { mayTell: options.mayTell }),
    drainTimeoutMs: config.appliance.drainTimeoutMs,
    ...(options.recordsFlight === true ? flightPart(workshop, index) : {}),
  });
}

function flightPart(
  workshop: Workshop,
  index: number,
): { flight?: GatewayFlight } {
  const { config, plan, memory } = workshop;
  const ring = flightRing(workshop);
  if (ring === undefined) return {};
  const offset = plan.receiveTimes[index]!;
  return {
    flight: {
      ring,
      received: receiveTimes(memory, offset, plan.commandSlots),
      thresholdNs: config.flightRecorder.thresholdUs * 1000,
    },
  };
}
