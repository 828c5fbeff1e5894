// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The doctor on the data directory, its disk, and limits of the process. Pure
 * functions of gathered facts.
 *
 * @module
 */
import { type DoctorSubject, judge, type Judgement } from "./doctor_finding.ts";
import type { HostFacts } from "./host_facts.ts";

const SLOW_SYNC_US = 5000;
const LOW_SPACE_BYTES = 2 ** 30;
/** File systems that forget with the power, or that another machine keeps. */
const FORGETFUL: readonly string[] = ["tmpfs", "ramfs"];
const REMOTE: readonly string[] = ["nfs", "nfs4", "cifs", "smb3", "9p"];
const OTHERS = 0o007;

/** Of the disk, in the order of the table. */
export function judgeDisk(
  subject: DoctorSubject,
  facts: HostFacts,
): Judgement[] {
  return [
    dataDirectory(subject, facts),
    fileSystem(subject, facts),
    permissions(subject, facts),
    configuration(subject, facts),
    sync(subject, facts),
  ];
}

/** Of the process's limits, in the order of the table. */
export function judgeLimits(
  subject: DoctorSubject,
  facts: HostFacts,
): Judgement[] {
  return [whose(facts), openFiles(subject, facts)];
}

function dataDirectory(subject: DoctorSubject, facts: HostFacts): Judgement {
  const { exists, writable, spaceBytes } = facts.disk;
  const low = spaceBytes < LOW_SPACE_BYTES;
  // An appliance that runs over it has shown that it can.
  const refused = !writable && facts.process.running === 0;
  return judge({
    subject: "data directory",
    severity: !exists ? "info" : refused ? "error" : low ? "warning" : "ok",
    found: `${subject.dataDirectory}: ${
      !exists
        ? "not there yet"
        : refused
        ? "may not be written"
        : `${(spaceBytes / 2 ** 30).toFixed(1)} GiB free`
    }`,
    wanted: "writable, with 1 GiB free at least",
    why: "the journal lies there; what is not there is made at start",
    remedy: refused
      ? `make ${subject.dataDirectory} writable for the user that runs the appliance`
      : "free space, or configure another directory",
  });
}

function fileSystem(subject: DoctorSubject, facts: HostFacts): Judgement {
  const type = facts.disk.fileSystem;
  const forgets = FORGETFUL.includes(type);
  const remote = REMOTE.includes(type);
  return judge({
    subject: "file system",
    severity: forgets && subject.synced || remote ? "warning" : "ok",
    found: type === "" ? "not told" : type,
    wanted: "a file system on a disk of this host: ext4 or xfs",
    why: forgets
      ? "what is there is gone with the power, although durability is synced"
      : "the network and another machine stand between an order and its disk",
    remedy: "configure another [appliance] data_directory",
  });
}

function permissions(subject: DoctorSubject, facts: HostFacts): Judgement {
  const { exists, mode } = facts.disk;
  const open = exists && (mode & OTHERS) !== 0;
  return judge({
    subject: "permissions",
    severity: open ? "warning" : "ok",
    found: exists ? `mode ${mode.toString(8)}` : "not there yet",
    wanted: "nothing for others, such as mode 750",
    why: "the journal has every client's orders",
    remedy: `chmod o= ${subject.dataDirectory}`,
  });
}

function configuration(subject: DoctorSubject, facts: HostFacts): Judgement {
  const mode = facts.configMode;
  const open = mode !== undefined && (mode & OTHERS) !== 0;
  return judge({
    subject: "configuration",
    severity: open ? "warning" : "ok",
    found: mode === undefined
      ? "the defaults, with demo passwords"
      : `${subject.configFile}: mode ${mode.toString(8)}`,
    wanted: "nothing for others, such as mode 640",
    why: "it has the clients' passwords",
    remedy: `chmod o= ${subject.configFile}`,
  });
}

function sync(subject: DoctorSubject, facts: HostFacts): Judgement {
  const times = facts.disk.sync;
  const failed = times !== undefined && times.error !== "";
  const slow = times !== undefined && subject.synced &&
    times.medianUs > SLOW_SYNC_US;
  const us = (value: number): string => `${Math.round(value)} us`;
  return judge({
    subject: "fdatasync",
    severity: times === undefined ? "info" : failed || slow ? "warning" : "ok",
    found: times === undefined && !facts.disk.exists
      ? "not timed: no data directory yet"
      : times === undefined
      ? "not timed: --measure-disk does, with 100 small writes"
      : failed
      ? times.error
      : `4 KiB: median ${us(times.medianUs)}, 99 of 100 within ${
        us(times.p99Us)
      }, worst ${us(times.maxUs)}`,
    wanted: `${SLOW_SYNC_US} us at most`,
    why: subject.synced
      ? "each group of orders waits for it before it is acknowledged"
      : "only durability = synced waits for it",
    remedy: failed
      ? "ask as a user that may write the data directory"
      : "a disk with a protected write cache, or a lower durability",
  });
}

function whose({ process: { running } }: HostFacts): Judgement {
  return {
    subject: "process",
    severity: running === 0 ? "info" : "ok",
    found: running === 0
      ? "no appliance runs over this data directory: limits are those of who asks"
      : `the appliance runs as process ${running}: limits are its own`,
    wanted: "the appliance's own limits",
    why: "the service manager gives it others than a shell has",
    remedy: "",
  };
}

function openFiles(subject: DoctorSubject, facts: HostFacts): Judgement {
  const { openFilesMax } = facts.process;
  const enough = openFilesMax >= subject.openFiles;
  return judge({
    subject: "open files",
    severity: enough ? "ok" : "warning",
    found: openFilesMax === Infinity ? "any" : String(openFilesMax),
    wanted: `${subject.openFiles} at least`,
    why: "a connection that finds none left is refused",
    remedy: `LimitNOFILE=${subject.openFiles} in a drop-in of the unit, or ` +
      `ulimit -n ${subject.openFiles}`,
  });
}
