// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Management messages of PTP: questions byte by byte, and answers as linuxptp
 * 3.1.1 gave them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  type PtpAnswer,
  PtpDataSet,
  ptpQuestion,
  readPtpAnswer,
} from "../../engine/wire/ptp_management.ts";

function bytesOf(hex: string): Uint8Array {
  const digits = hex.replaceAll(/\s/g, "");
  return Uint8Array.from(
    digits.match(/../g) ?? [],
    (pair) => parseInt(pair, 16),
  );
}

/** An answer about a data set: what is in front is the same for all. */
function answer(dataSet: number, data: string, action = "02"): Uint8Array {
  const content = bytesOf(data);
  const head = bytesOf(
    "0d 02 0000 00 00 0000 0000000000000000 00000000" +
      "1e3ac0fffe398be9 0001 0007 04 7f" +
      `0000000000000000 0007 00 00 ${action} 00` +
      `0001 0000 ${dataSet.toString(16)}`,
  );
  const bytes = new Uint8Array([...head, ...content]);
  const view = new DataView(bytes.buffer);
  view.setUint16(2, bytes.length);
  view.setUint16(50, content.length + 2);
  return bytes;
}

Deno.test("ptpQuestion() asks all ports of the local clock, and no further", () => {
  assertEquals(
    ptpQuestion(PtpDataSet.PORT, 24, 0x10203),
    bytesOf(
      "0d 02 0036 18 00 0000 0000000000000000 00000000" +
        "0000000000000000 0203 0203 04 7f" +
        "ffffffffffffffff ffff 00 00 00 00 0001 0002 2004",
    ),
  );
});

const CASES: readonly (readonly [string, number, string, PtpAnswer])[] = [
  [
    "current data set",
    PtpDataSet.CURRENT,
    "0001 ffffffffff100000 0000000007c98000",
    { stepsRemoved: 1, offsetNs: -240, pathDelayNs: 1993.5 },
  ],
  [
    "port",
    PtpDataSet.PORT,
    "1e3ac0fffe398be9 0001 09 fd 0000000000000000 fe 03 fd 01 00 02",
    { port: 1, portState: "SLAVE" },
  ],
  [
    "time properties",
    PtpDataSet.TIME_PROPERTIES,
    "0025 0c 20",
    { utcOffsetS: 37, utcOffsetValid: true },
  ],
  [
    "time status",
    PtpDataSet.TIME_STATUS,
    "ffffffffffffff10 18ea3e2ab1c0e784 00000000 00000000 0000" +
    "0000 0000000000000000 0000 00000001 7a033cfffed88043",
    {
      offsetNs: -240,
      grandmasterPresent: true,
      grandmaster: "7a033cfffed88043",
    },
  ],
];

for (const [name, dataSet, data, expected] of CASES) {
  Deno.test(`readPtpAnswer() reads the ${name}, and refuses it cut short`, () => {
    const bytes = answer(dataSet, data);
    assertEquals(readPtpAnswer(bytes), expected);
    const wanted = dataSet === PtpDataSet.PORT
      ? 11
      : data.replaceAll(" ", "").length / 2;
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.slice(0, length);
      if (length >= 4) new DataView(cut.buffer).setUint16(2, length);
      const whole = length >= 54 + wanted;
      assertEquals(readPtpAnswer(cut), whole ? expected : undefined);
    }
  });
}

Deno.test("readPtpAnswer() takes answers only, of data sets that it knows", () => {
  const port = "1e3ac0fffe398be9 0001 09";
  assertEquals(readPtpAnswer(answer(PtpDataSet.PORT, port, "00")), undefined);
  assertEquals(readPtpAnswer(answer(0x2005, port)), undefined);
  const state = "1e3ac0fffe398be9 0001 7f";
  assertEquals(readPtpAnswer(answer(PtpDataSet.PORT, state)), undefined);
  const other = answer(PtpDataSet.PORT, port);
  other[0] = 0x0b;
  assertEquals(readPtpAnswer(other), undefined);
  const long = answer(PtpDataSet.PORT, port);
  new DataView(long.buffer).setUint16(2, long.length + 1);
  assertEquals(readPtpAnswer(long), undefined);
});
