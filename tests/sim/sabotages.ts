// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * One fault for each checker, done to the appliance from outside.
 *
 * @module
 */
import {
  ORDER_INDEXED_BIT,
  ORDER_NOTIONAL_F64,
  ORDER_OWNER,
  ORDER_WORDS,
} from "../../engine/book/mod.ts";
import type { Exchange } from "../../engine/exchange/mod.ts";
import {
  CONTROL_ALONE,
  CONTROL_DURABLE,
  CONTROL_JOURNAL,
  JournalState,
} from "../../engine/ring/mod.ts";
import type { Sabotage } from "./sabotage.ts";
import type { SimDisk } from "./sim_disk.ts";
import type { SimNode } from "./sim_node.ts";
import type { Simulation } from "./simulation.ts";

const HEADER_BYTES = 64;

/** Everything that was sequenced is called durable, whatever the disk says. */
export const EARLY_ACKNOWLEDGEMENT: Sabotage = {
  afterStep({ process }) {
    if (process?.live !== true) return;
    process.control[CONTROL_DURABLE] = process.sequence | 0;
  },
};

/** The newest group of the journal is gone after a power cut. */
export const LOST_GROUP: Sabotage = {
  onPowerCut({ disk }) {
    dropLastGroup(disk);
  },
};

/** A FIX message is never sent again. */
export const SKIPPED_RESEND: Sabotage = {
  onStart({ process }) {
    process!.transport.tamper = (bytes) => {
      const text = String.fromCharCode(...bytes);
      const skipped = text.includes("\x0135=8\x0134=2\x01") ||
        text.includes("\x0135=8\x0134=3\x01");
      return skipped && text.includes("\x0143=Y\x01") ? undefined : bytes;
    };
  },
};

/** A FIX message says something else when it is sent again. */
export const CHANGED_RESEND: Sabotage = {
  onStart({ process }) {
    process!.transport.tamper = (bytes) => {
      const text = String.fromCharCode(...bytes);
      return text.includes("\x0143=Y\x01")
        ? changed(bytes, text, "\x01151=")
        : bytes;
    };
  },
};

/** A FIX client's fills say one digit more than they should, always the same. */
export const WRONG_FILL: Sabotage = {
  unjudged: true,
  onStart({ process }) {
    process!.transport.tamper = (bytes) => {
      // One commit may have several messages; only fills have the tag.
      const text = String.fromCharCode(...bytes);
      return text.startsWith("8=FIX") ? changed(bytes, text, "\x0132=") : bytes;
    };
  },
};

/** Another digit behind a tag, wherever it is. */
function changed(bytes: Uint8Array, text: string, tag: string): Uint8Array {
  const copy = bytes.slice();
  let at = text.indexOf(tag);
  for (; at >= 0; at = text.indexOf(tag, at + 1)) {
    const digit = at + tag.length;
    copy[digit] = 0x30 + (copy[digit]! - 0x30 + 1) % 10;
  }
  return copy;
}

/** The oracle sees another price than the exchange in every fifth command. */
export const WRONG_ORACLE: Sabotage = {
  records: (records) =>
    records.map((record, at) => {
      if (record[6] !== 1 || at % 5 !== 0) return record;
      const copy = record.slice();
      new DataView(copy.buffer).setInt32(40, 900, true);
      return copy;
    }),
};

/** The exchange remembers something that no command told it. */
export const WRONG_STATE: Sabotage = {
  afterStep({ process }, agent) {
    if (process?.live !== true || agent !== "exchange") return;
    bendState(process.exchange);
  },
};

/** Changes the notional value of the first live order. */
function bendState({ book }: Exchange): void {
  for (
    let order = book.scratchOrder + ORDER_WORDS;
    order < book.ordersEnd;
    order += ORDER_WORDS
  ) {
    if ((book.i32[order + ORDER_OWNER]! & ORDER_INDEXED_BIT) === 0) continue;
    const at = (order >> 1) + ORDER_NOTIONAL_F64;
    book.f64[at] = book.f64[at]! + 1;
    return;
  }
}

/** A primary acknowledges what only it has. */
export function acknowledgeAlone(node: SimNode): void {
  if (node.leads) node.process!.control[CONTROL_ALONE] = 1;
}

/** A standby remembers something that no command told it. */
export function bendStandby(node: SimNode): void {
  if (node.follows) bendState(node.process!.exchange);
}

/** What waits is called durable although the journal has failed. */
export const ACKNOWLEDGED_AFTER_FAILURE: Sabotage = {
  afterStep({ process }) {
    if (process?.failed !== true) return;
    process.control[CONTROL_DURABLE] = process.sequence | 0;
  },
};

/** The health page forgets that the journal has failed. */
export const HEALTHY_AFTER_FAILURE: Sabotage = {
  afterStep(simulation: Simulation) {
    const { process } = simulation;
    if (process?.failed !== true || simulation.random.draw(20) !== 0) return;
    process.control[CONTROL_JOURNAL] = JournalState.RECOVERED;
  },
};

/** The journal's damage is cut off as if it were a torn tail. */
export const CARELESS_OPERATOR: Sabotage = {
  onDamage({ disk }, { damage }) {
    const name = damage.segment.slice(damage.segment.lastIndexOf("/") + 1);
    const file = disk.names.get(name)!;
    for (const bytes of [file.cached, file.stored, file.right]) {
      bytes.fill(0, Math.max(HEADER_BYTES, damage.offset));
    }
    disk.change((names) => {
      for (const other of [...names.keys()]) {
        if (other.endsWith(".journal") && other > name) names.delete(other);
      }
    });
    return true;
  },
};

/** The appliance calls a good journal damaged. */
export const DAMAGE_OF_ITS_OWN: Sabotage = {
  onPowerCut({ disk }) {
    const [first] = [...disk.names].filter(([name]) =>
      name.endsWith(".journal")
    ).sort(([a], [b]) => a < b ? -1 : 1);
    const file = first![1];
    for (const bytes of [file.cached, file.stored, file.right]) bytes[80]! ^= 1;
  },
};

/** Zeros in place of the last group: its commands and its seal. */
function dropLastGroup(disk: SimDisk): void {
  const names = [...disk.names.keys()].filter((n) => n.endsWith(".journal"));
  for (const name of names.sort().reverse()) {
    const file = disk.names.get(name)!;
    const [from, to] = lastGroup(file.cached);
    if (to === HEADER_BYTES) continue;
    for (const bytes of [file.cached, file.stored, file.right]) {
      bytes.fill(0, from, to);
    }
    return;
  }
}

/** Where the last group of a segment starts and ends. */
function lastGroup(bytes: Uint8Array): [number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let from = HEADER_BYTES;
  let next = HEADER_BYTES;
  for (let at = HEADER_BYTES; at + 64 <= bytes.length;) {
    const length = view.getUint16(at + 4, true);
    const seal = bytes[at + 6] === 0xff;
    if (!seal && length !== 64 && length !== 128 && length !== 192) break;
    at += seal ? 64 : length;
    if (seal) {
      from = next;
      next = at;
    }
  }
  return [from, next];
}
