// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * A plain report is written by another way than the rest. A resend always
 * goes the general way, so both can be compared: but for 43 and 122 they say
 * the same.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { FIRST_TIME, FixEncoder } from "../../engine/gateway/fix/encoder.ts";
import { Instruments } from "../../engine/gateway/fix/instruments.ts";
import { Names } from "../../engine/gateway/fix/names.ts";
import { FixSession } from "../../engine/gateway/fix/session.ts";
import { OutboundStore } from "../../engine/gateway/outbound_store.ts";
import {
  EventKind,
  EVT_ACCOUNT_U32,
  EVT_CL_ORD_ID_U8,
  EVT_CUM_F64,
  EVT_FLAG_TEXT,
  EVT_FLAGS_U8,
  EVT_INDEX_U32,
  EVT_INSTRUMENT_U16,
  EVT_KIND_U8,
  EVT_LAST_PRICE_I32,
  EVT_LAST_QUANTITY_F64,
  EVT_LEAVES_F64,
  EVT_NOTIONAL_F64,
  EVT_ORD_STATUS_U8,
  EVT_ORD_TYPE_U8,
  EVT_ORDER_ID_F64,
  EVT_ORIG_CL_ORD_ID_U8,
  EVT_OUT_SEQUENCE_U32,
  EVT_PRICE_I32,
  EVT_QUANTITY_F64,
  EVT_SEQUENCE_F64,
  EVT_SIDE_U8,
  EVT_TIME_HI_U32,
  EVT_TIME_IN_FORCE_U8,
} from "../../engine/record/mod.ts";
import { Random } from "../oracle/random.ts";

const SOH = "\x01";
const RECORDS = 5000;
const NOW_MS = Date.UTC(2026, 2, 14, 9, 26, 53, 589);
/** Tick and lot sizes x 1e8, with decimals of 0 to 8. */
const SIZES = [
  [1e6, 1e8],
  [1e8, 1],
  [25e6, 1e4],
  [1, 1e6],
  [5e8, 5e7],
  [1e3, 1e7],
];

/** A whole number of 1 to so many digits. */
function digits(random: Random, most: number): number {
  const below = 10 ** (1 + random.draw(most));
  return 1 + random.draw(Math.min(below, 2 ** 31 - 1)) +
    (below > 2 ** 31 ? random.draw(4_000_000) * 2 ** 31 : 0);
}

/** Fills the first record with something that is mostly plain. */
function fill(store: OutboundStore, random: Random): void {
  const { u8, u16, u32, i32, f64 } = store;
  u8.fill(0, 0, 192);
  const fills = random.draw(2) === 1;
  u8[EVT_KIND_U8] = random.draw(10) === 0
    ? EventKind.REPLACED
    : fills
    ? EventKind.FILLED
    : EventKind.ACCEPTED;
  u8[EVT_FLAGS_U8] = random.draw(20) === 0 ? 0 : EVT_FLAG_TEXT;
  u8[EVT_ORD_STATUS_U8] = 0x30 + random.draw(3);
  u8[EVT_SIDE_U8] = 1 + random.draw(2);
  u8[EVT_ORD_TYPE_U8] = 1 + random.draw(3);
  u8[EVT_TIME_IN_FORCE_U8] = random.pick([0, 1, 3, 4, 6, 11]);
  u16[EVT_INSTRUMENT_U16] = random.draw(SIZES.length);
  u32[EVT_OUT_SEQUENCE_U32] = digits(random, 9);
  u32[EVT_INDEX_U32] = random.draw(20_000);
  u32[EVT_ACCOUNT_U32] = random.draw(20) === 0 ? 1 : 0;
  u32[EVT_TIME_HI_U32] = 407_000_000;
  f64[EVT_SEQUENCE_F64] = digits(random, 15);
  f64[EVT_ORDER_ID_F64] = random.draw(20) === 0 ? 0 : digits(random, 15);
  i32[EVT_PRICE_I32] = random.draw(10) === 0 ? 0 : digits(random, 9);
  i32[EVT_LAST_PRICE_I32] = digits(random, 9);
  const quantity = digits(random, 7);
  const cum = fills ? 1 + random.draw(quantity) : 0;
  f64[EVT_QUANTITY_F64] = quantity;
  f64[EVT_LAST_QUANTITY_F64] = 1 + random.draw(quantity);
  f64[EVT_CUM_F64] = cum;
  f64[EVT_LEAVES_F64] = quantity - cum;
  f64[EVT_NOTIONAL_F64] = cum * i32[EVT_LAST_PRICE_I32]! +
    (random.draw(3) === 0 ? 1 : 0);
  const length = 1 + random.draw(20);
  for (let i = 0; i < length; i++) {
    u8[EVT_CL_ORD_ID_U8 + i] = random.draw(30) === 0
      ? 0xe9
      : 0x21 + random.draw(94);
  }
  if (random.draw(20) === 0) u8[EVT_ORIG_CL_ORD_ID_U8] = 0x41;
}

/** Fields as a first sending has them: without 43, 122, BodyLength and CheckSum. */
function plainFields(message: string): string[] {
  const fields = message.split(SOH);
  const original = fields.find((field) => field.startsWith("122="));
  return fields
    .filter((field) => !/^(43|122|9|10)=/.test(field))
    .map((field) =>
      original !== undefined && field.startsWith("52=")
        ? `52=${original.slice(4)}`
        : field
    );
}

for (const seed of [1, 2]) {
  Deno.test(`FixEncoder writes plain reports as it writes all others, seed ${seed}`, () => {
    const random = new Random(seed);
    const bytes = new Uint8Array(4096);
    const instruments = new Instruments(
      SIZES.map(([tickSizeE8, lotSizeE8], index) => ({
        index,
        symbol: "SYMBOL-12".slice(0, 1 + index),
        tickSizeE8: tickSizeE8!,
        lotSizeE8: lotSizeE8!,
      })),
    );
    const accounts = new Names();
    accounts.set(1, "DESK");
    const encoder = new FixEncoder(bytes, instruments, accounts);
    const store = new OutboundStore({ recordCount: 64 });
    const session = new FixSession(
      { index: 1, name: "CLIENT1", username: "", secret: "" },
      "FERRULE",
      store,
    );
    const text = (at: number, resendMs: number): string => {
      bytes.fill(0xff);
      const length = encoder.encode(session, store, 0, at, resendMs);
      return String.fromCharCode(...bytes.subarray(at, at + length));
    };
    for (let i = 0; i < RECORDS; i++) {
      fill(store, random);
      const at = random.draw(9);
      const first = text(at, FIRST_TIME);
      const [begin, length] = first.split(SOH);
      const head = `${begin}${SOH}${length}${SOH}`;
      const trailer = first.length - 7;
      assertEquals(head, `8=FIX.4.4${SOH}9=${trailer - head.length}${SOH}`);
      let sum = 0;
      for (let k = 0; k < trailer; k++) sum += first.charCodeAt(k);
      const checksum = String(sum % 256).padStart(3, "0");
      assertEquals(first.slice(trailer), `10=${checksum}${SOH}`, first);
      assertEquals(plainFields(first), plainFields(text(at, NOW_MS)));
    }
  });
}
