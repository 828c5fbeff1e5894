// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * What makes an order special: from tags to the terms of a command, and what
 * is refused because it can not be expressed. The exchange takes no part.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  COMMAND_FIELDS,
  CommandKind,
  MassScope,
  OrdType,
  Reason,
  REASON_TEXT,
  TermFlag,
  TimeInForce,
} from "../../engine/record/mod.ts";
import { Client, Rig, START_MS, timestamp } from "./fix_harness.ts";

type Message = Map<number, string>;
const TIME = `60=${timestamp(START_MS)}|`;
const START_NS = BigInt(START_MS) * 1_000_000n;

/** A rig whose commands are captured, and its client. */
function start(): { rig: Rig; a: Client } {
  const rig = new Rig();
  const a = new Client(rig);
  a.logon();
  rig.defineAccount(3, "HOUSE");
  rig.defineAccount(7, "A-7");
  rig.capturing = true;
  return { rig, a };
}

const TEXTS = ["clOrdId", "origClOrdId"];

/** Fields of a record by name; texts without padding, zeros left out. */
function fieldsOf(record: Uint8Array): Record<string, number | string> {
  const view = new DataView(record.buffer, record.byteOffset);
  const result: Record<string, number | string> = {};
  const length = view.getUint16(4, true);
  for (const [name, at, bytes] of COMMAND_FIELDS) {
    if (at >= length || bytes > 8 && !TEXTS.includes(name)) continue;
    let value: number | string;
    if (TEXTS.includes(name)) {
      value = new TextDecoder().decode(record.slice(at, at + bytes))
        .replaceAll("\0", "");
    } else if (bytes === 8) value = view.getFloat64(at, true);
    else if (bytes === 4) {
      value = name === "offset"
        ? view.getInt32(at, true)
        : view.getUint32(at, true);
    } else if (bytes === 2) value = view.getUint16(at, true);
    else value = view.getUint8(at);
    if (value !== 0 && value !== "") result[name] = value;
  }
  return result;
}

const BASE = [
  ...["crc32c", "kind", "flags", "sequence", "timeLo", "timeHi", "session"],
  ...["inSequence", "side", "clOrdId", "reference", "receiveTimeLo"],
  ...["receiveTimeHi", "quantity"],
];

/** What the newest command says beyond that it is an order of 100. */
function terms(rig: Rig): Record<string, number | string> {
  const record = rig.captured.pop();
  if (record === undefined) throw new Error("no command");
  const fields = fieldsOf(record);
  for (const name of BASE) delete fields[name];
  return fields;
}

const HEAD = `55=AAPL|54=1|${TIME}38=100|`;
let id = 0;

/** Sends a NewOrderSingle of `tags`; returns what was answered at once. */
function order(a: Client, tags: string): Message[] {
  return a.send("D", `11=i${++id}|${HEAD}${tags}`);
}

/** Words of a time in nanoseconds. */
function words(ns: bigint): { expireTimeLo: number; expireTimeHi: number } {
  return {
    expireTimeLo: Number(ns & 0xffffffffn),
    expireTimeHi: Number(ns >> 32n),
  };
}

const PLAIN = { length: 128, ordType: 2, price: 15025 };
const SPECIAL = { ...PLAIN, length: 192 };
const LIMIT = "40=2|44=150.25|";

Deno.test("OrderDesk leaves a plain order at 128 bytes", () => {
  const { rig, a } = start();
  assertEquals(order(a, LIMIT), []);
  assertEquals(terms(rig), PLAIN);
  // Tags that say what is so anyway make no terms.
  order(a, `${LIMIT}110=0|583=basket|1084=1|211=0|`);
  assertEquals(terms(rig), PLAIN);
  order(a, `${LIMIT}59=3|21=1|5000=x|`);
  assertEquals(terms(rig), { ...PLAIN, timeInForce: TimeInForce.IOC });
});

Deno.test("OrderDesk maps each OrdType, with ExecInst for P", () => {
  const { rig, a } = start();
  const stop = { length: 192, stopPrice: 15100 };
  const cases: [string, Record<string, number>][] = [
    ["40=1|", { length: 128, ordType: OrdType.MARKET }],
    ["40=1|44=5|", { length: 128, ordType: OrdType.MARKET }],
    [LIMIT, PLAIN],
    ["40=3|99=151.00|", { ...stop, ordType: OrdType.STOP }],
    [
      "40=4|44=152|99=151|",
      { ...stop, ordType: OrdType.STOP_LIMIT, price: 15200 },
    ],
    ["40=K|", { length: 128, ordType: OrdType.MARKET_TO_LIMIT }],
    [
      "40=P|18=a|211=0.50|",
      { length: 192, ordType: OrdType.TRAILING_STOP, offset: 50 },
    ],
    [
      "40=P|18=a|211=0.50|836=0|99=151|",
      { ...stop, ordType: OrdType.TRAILING_STOP, offset: 50 },
    ],
    [
      "40=P|18=a|211=25|836=1|",
      {
        length: 192,
        ordType: OrdType.TRAILING_STOP,
        offset: 25,
        termFlags: TermFlag.BASIS_POINTS,
      },
    ],
    [
      "40=P|18=a|211=7|836=2|",
      { length: 192, ordType: OrdType.TRAILING_STOP, offset: 7 },
    ],
    ["40=P|18=R|", { length: 128, ordType: OrdType.PEG_PRIMARY }],
    [
      "40=P|18=R|211=-0.02|44=149|",
      {
        length: 192,
        ordType: OrdType.PEG_PRIMARY,
        offset: -2,
        price: 14900,
      },
    ],
    [
      "40=P|18=P|211=-3|836=2|",
      { length: 192, ordType: OrdType.PEG_MARKET, offset: -3 },
    ],
    ["40=P|18=M|", { length: 128, ordType: OrdType.PEG_MIDPOINT }],
    [
      "40=P|18=M G|",
      {
        length: 192,
        ordType: OrdType.PEG_MIDPOINT,
        termFlags: TermFlag.ALL_OR_NONE,
      },
    ],
  ];
  for (const [tags, expected] of cases) {
    assertEquals(order(a, tags), [], tags);
    assertEquals(terms(rig), expected, tags);
  }
});

Deno.test("OrderDesk maps each TimeInForce, with ExpireTime or ExpireDate", () => {
  const { rig, a } = start();
  const plain: [string, number][] = [
    ["0", TimeInForce.DAY],
    ["1", TimeInForce.GTC],
    ["2", TimeInForce.AT_OPEN],
    ["3", TimeInForce.IOC],
    ["4", TimeInForce.FOK],
    ["7", TimeInForce.AT_CLOSE],
    ["B", TimeInForce.GOOD_FOR_AUCTION],
  ];
  for (const [value, timeInForce] of plain) {
    assertEquals(order(a, `${LIMIT}59=${value}|`), []);
    const expected = timeInForce === 0 ? PLAIN : { ...PLAIN, timeInForce };
    assertEquals(terms(rig), expected, value);
  }
  const times: [string, bigint][] = [
    [`126=${timestamp(START_MS)}|`, START_NS],
    [`126=20260314-09:26:53|`, START_NS - 589_000_000n],
    [`126=20260314-09:26:53.589123|`, START_NS + 123_000n],
    [`126=20260314-09:26:53.589123456|`, START_NS + 123_456n],
    [`126=20260314-09:26:53.000000001|`, START_NS - 588_999_999n],
    ["432=20260314|", BigInt(Date.UTC(2026, 2, 15)) * 1_000_000n],
    ["432=20280228|", BigInt(Date.UTC(2028, 1, 29)) * 1_000_000n],
    ["432=25540720|", BigInt(Date.UTC(2554, 6, 21)) * 1_000_000n],
  ];
  for (const [tags, ns] of times) {
    assertEquals(order(a, `${LIMIT}59=6|${tags}`), [], tags);
    const expected = { ...SPECIAL, timeInForce: 6, ...words(ns) };
    assertEquals(terms(rig), expected, tags);
  }
});

Deno.test("OrderDesk maps what is shown, minimum and execution instructions", () => {
  const { rig, a } = start();
  const flags = (termFlags: number) => ({ ...SPECIAL, termFlags });
  const cases: [string, Record<string, number>][] = [
    ["111=20|", { ...SPECIAL, displayQuantity: 20 }],
    ["1138=20|", { ...SPECIAL, displayQuantity: 20 }],
    ["111=20|1138=20|", { ...SPECIAL, displayQuantity: 20 }],
    ["111=20|1084=1|", { ...SPECIAL, displayQuantity: 20 }],
    [
      "111=20|1084=3|1085=15|1086=25|",
      { ...SPECIAL, displayQuantity: 20, displayRange: 5 },
    ],
    [
      "1138=20|1084=3|1085=20|1086=20|",
      { ...SPECIAL, displayQuantity: 20 },
    ],
    ["111=0|", flags(TermFlag.HIDDEN)],
    ["1138=0|", flags(TermFlag.HIDDEN)],
    ["1084=4|", flags(TermFlag.HIDDEN)],
    ["110=30|", { ...SPECIAL, minQuantity: 30 }],
    ["18=6|", flags(TermFlag.POST_ONLY)],
    ["18=6|20001=R|", flags(TermFlag.POST_ONLY)],
    ["18=6|20001=S|", flags(TermFlag.POST_SLIDE)],
    ["18=G|", flags(TermFlag.ALL_OR_NONE)],
    [
      "18=G 6|111=0|",
      flags(TermFlag.ALL_OR_NONE | TermFlag.POST_ONLY | TermFlag.HIDDEN),
    ],
  ];
  for (const [tags, expected] of cases) {
    assertEquals(order(a, LIMIT + tags), [], tags);
    assertEquals(terms(rig), expected, tags);
  }
  // Lots of ten.
  const es = `11=es|55=ES|54=1|${TIME}38=100|40=2|44=5000.25|111=20|110=30|`;
  assertEquals(a.send("D", es), []);
  assertEquals(terms(rig), {
    length: 192,
    instrument: 2,
    ordType: 2,
    price: 20001,
    displayQuantity: 2,
    minQuantity: 3,
  });
});

Deno.test("OrderDesk maps account, self-trade prevention and link", () => {
  const { rig, a } = start();
  assertEquals(order(a, `${LIMIT}1=HOUSE|`), []);
  assertEquals(terms(rig), { ...SPECIAL, account: 3 });
  assertEquals(order(a, `${LIMIT}1=A-7|`), []);
  assertEquals(terms(rig), { ...SPECIAL, account: 7 });
  const modes: [string, number][] = [
    ["1", 1],
    ["2", 2],
    ["3", 3],
    ["100", 4],
    ["101", 5],
    ["N", 7],
  ];
  for (const [value, mode] of modes) {
    assertEquals(order(a, `${LIMIT}2964=${value}|`), [], value);
    assertEquals(terms(rig), { ...SPECIAL, termFlags: mode << 8 }, value);
  }
  order(a, LIMIT);
  const first = rig.captured.pop()!;
  const reference = Number(fieldsOf(first).reference);
  const name = fieldsOf(first).clOrdId;
  assertEquals(order(a, `${LIMIT}1385=1|583=${name}|`), []);
  const linked = rig.captured.pop()!;
  assertEquals(fieldsOf(linked).linkReference, reference);
  assertEquals(fieldsOf(linked).clOrdId, `i${id}`);
  // The order's own id was kept: it is taken now, and can be linked with.
  const own = fieldsOf(linked).clOrdId;
  a.send("D", `11=${own}|${HEAD}${LIMIT}`);
  const again = fieldsOf(rig.captured.pop()!);
  assertEquals(again.reason, Reason.DUPLICATE_ORDER);
  assertEquals(order(a, `${LIMIT}1385=1|583=${own}|`), []);
  assertEquals(fieldsOf(rig.captured.pop()!).linkReference, reference + 1);
});

/** 39, 103 and Text of an ExecutionReport; type, tag and code of others. */
function brief(message: Message): string {
  const tags = message.get(35) === "8"
    ? [35, 39, 103, 58]
    : message.get(35) === "3"
    ? [35, 371, 373]
    : message.get(35) === "9"
    ? [35, 434, 102, 58]
    : message.get(35) === "r"
    ? [35, 530, 531, 532, 533, 58]
    : [35, 380, 58];
  return tags.map((tag) => message.get(tag) ?? "-").join(" ");
}

Deno.test("OrderDesk rejects tags that are malformed", () => {
  const { rig, a } = start();
  const cases: [string, number, number][] = [
    ["18=x|", 18, 5],
    ["18=6G|", 18, 5],
    ["18=6  G|", 18, 5],
    ["18=6 |", 18, 5],
    ["18= |", 18, 5],
    ["20001=X|18=6|", 20001, 5],
    ["99=1e5|", 99, 6],
    ["211=--1|", 211, 6],
    ["211=x|", 211, 6],
    ["211=1|836=4|", 836, 5],
    ["211=1|836=10|", 836, 5],
    ["110=many|", 110, 6],
    ["111=few|", 111, 6],
    ["1138=1.2.3|", 1138, 6],
    ["111=5|1084=5|", 1084, 5],
    ["111=5|1084=3|1085=a|1086=5|", 1085, 6],
    ["111=5|1084=3|1085=5|1086=a|", 1086, 6],
    ["126=20260314|", 126, 6],
    ["126=20260314-25:00:00|", 126, 6],
    ["432=20260230|", 432, 6],
    ["432=202603|", 432, 6],
    ["2964=4|", 2964, 5],
    ["2964=102|", 2964, 5],
    ["2964=0100|", 2964, 5],
    ["2964=n|", 2964, 5],
    ["1385=5|583=x|", 1385, 5],
    ["1385=11|583=x|", 1385, 5],
  ];
  for (const [tags, tag, code] of cases) {
    assertEquals(order(a, LIMIT + tags).map(brief), [`3 ${tag} ${code}`], tags);
  }
  assertEquals(order(a, "40=2|44=1|59=C|").map(brief), ["3 59 5"]);
  assertEquals(order(a, `${LIMIT}99=|`).map(brief), ["3 99 4"]);
  assertEquals(order(a, `${LIMIT}99=1|99=2|`).map(brief), ["3 99 13"]);
  assertEquals(order(a, `${LIMIT}1089=1|`).map(brief), ["3 1089 3"]);
  assertEquals(
    a.send("H", `11=x|55=AAPL|54=1|99=1|`).map(brief),
    ["3 99 2"],
  );
  assertEquals(rig.captured, []);
});

Deno.test("OrderDesk asks for tags that an order type or time needs", () => {
  const { rig, a } = start();
  const cases: [string, string][] = [
    ["40=3|", "StopPx (99)"],
    ["40=4|44=1|", "StopPx (99)"],
    ["40=4|99=1|", "Price (44)"],
    ["40=P|", "ExecInst (18)"],
    ["40=P|18=6|", "ExecInst (18)"],
    ["40=P|18=a|", "PegOffsetValue (211)"],
    [`${LIMIT}59=6|`, "ExpireTime (126)"],
    [`${LIMIT}1385=1|`, "ClOrdLinkID (583)"],
    [`${LIMIT}111=5|1084=3|`, "DisplayLowQty (1085)"],
    [`${LIMIT}111=5|1085=4|`, "DisplayLowQty (1085)"],
  ];
  for (const [tags, text] of cases) {
    const [answer] = order(a, tags);
    assertEquals([answer!.get(35), answer!.get(380)], ["j", "5"], tags);
    assert(answer!.get(58)!.startsWith(text), `${tags}: ${answer!.get(58)}`);
  }
  assertEquals(rig.captured, []);
});

Deno.test("OrderDesk refuses what it can not express exactly", () => {
  const { rig, a } = start();
  rig.capturing = false;
  const combination = Reason.INVALID_COMBINATION;
  const cases: [string, number, number][] = [
    ["40=3|99=0|", 99, Reason.INVALID_STOP_PRICE],
    ["40=3|99=-1|", 99, Reason.INVALID_STOP_PRICE],
    ["40=3|99=1.005|", 99, Reason.PRICE_OFF_TICK],
    ["40=3|99=99999999|", 99, Reason.PRICE_OUT_OF_RANGE],
    ["40=3|99=5|44=5|", 11, combination],
    ["40=K|44=5|", 11, combination],
    ["40=P|18=a|211=1|44=5|", 11, combination],
    ["40=P|18=R M|", 11, combination],
    ["40=P|18=L|", 11, Reason.UNSUPPORTED],
    ["40=P|18=a|211=0.005|", 99, Reason.PRICE_OFF_TICK],
    ["40=P|18=a|211=1.5|836=2|", 99, Reason.INVALID_OFFSET],
    ["40=P|18=a|211=0.5|836=1|", 99, Reason.INVALID_OFFSET],
    ["40=P|18=a|211=3000000000|836=2|", 99, Reason.INVALID_OFFSET],
    ["40=P|18=a|211=1|836=3|", 11, Reason.UNSUPPORTED],
    ["40=P|18=R|211=5|836=1|", 99, Reason.INVALID_OFFSET],
    ["40=6|44=5|", 11, Reason.INVALID_ORD_TYPE],
    ["40=J|99=5|", 11, Reason.INVALID_ORD_TYPE],
    [`${LIMIT}59=5|`, 11, Reason.INVALID_TIME_IN_FORCE],
    [`${LIMIT}18=R|`, 11, combination],
    ["40=3|99=5|18=a|", 11, combination],
    [`${LIMIT}18=1|`, 11, Reason.UNSUPPORTED],
    [`${LIMIT}18=6 Q|`, 11, Reason.UNSUPPORTED],
    [`${LIMIT}20001=S|`, 11, combination],
    [`${LIMIT}111=-1|`, 13, Reason.INVALID_DISPLAY_QUANTITY],
    [`${LIMIT}111=1.5|`, 13, Reason.QUANTITY_OFF_LOT],
    [`${LIMIT}111=5|1138=6|`, 13, Reason.INVALID_DISPLAY_QUANTITY],
    [
      `${LIMIT}111=5|1084=3|1085=4|1086=7|`,
      13,
      Reason.INVALID_DISPLAY_QUANTITY,
    ],
    [
      `${LIMIT}111=5|1084=3|1085=6|1086=4|`,
      13,
      Reason.INVALID_DISPLAY_QUANTITY,
    ],
    [
      `${LIMIT}1084=3|1085=4|1086=6|`,
      13,
      Reason.INVALID_DISPLAY_QUANTITY,
    ],
    [`${LIMIT}111=5|1085=4|1086=6|`, 11, combination],
    [`${LIMIT}111=0|1084=3|1085=0|1086=0|`, 11, combination],
    [`${LIMIT}111=5|1084=4|`, 11, combination],
    [`${LIMIT}111=5|1084=2|`, 11, Reason.UNSUPPORTED],
    [`${LIMIT}110=-1|`, 13, Reason.INVALID_MIN_QUANTITY],
    [`${LIMIT}110=0.5|`, 13, Reason.QUANTITY_OFF_LOT],
    [`${LIMIT}59=6|126=20260315-00:00:00|432=20260316|`, 11, combination],
    [`${LIMIT}59=6|432=25540721|`, 99, Reason.INVALID_EXPIRE_TIME],
    [`${LIMIT}59=6|126=19691231-23:59:59|`, 99, Reason.INVALID_EXPIRE_TIME],
    [`${LIMIT}1=NOBODY|`, 15, Reason.UNKNOWN_ACCOUNT],
    [`${LIMIT}1=HOUS|`, 15, Reason.UNKNOWN_ACCOUNT],
    [`${LIMIT}1385=1|583=nobody|`, 5, Reason.UNKNOWN_LINK],
    [`${LIMIT}1385=1|583=${"x".repeat(21)}|`, 5, Reason.UNKNOWN_LINK],
    [`${LIMIT}1385=2|583=x|`, 11, Reason.UNSUPPORTED],
    [`${LIMIT}388=1|389=0.5|`, 11, Reason.UNSUPPORTED],
    [`${LIMIT}168=20260315-00:00:00|`, 11, Reason.UNSUPPORTED],
    [`${LIMIT}210=5|`, 11, Reason.UNSUPPORTED],
    [`${LIMIT}20002=T|`, 11, combination],
    [`${LIMIT}20005=Y|`, 11, combination],
  ];
  const counted = new Map<number, number>();
  for (const [tags, code, reason] of cases) {
    counted.set(reason, (counted.get(reason) ?? 0) + 1);
    assertEquals(
      order(a, tags).map(brief),
      [`8 8 ${code} ${REASON_TEXT[reason]}`],
      tags,
    );
    const command = fieldsOf(rig.journal.at(-1)!);
    assertEquals(
      [command.kind, command.detail, command.reason, command.length],
      [CommandKind.REFUSED, 1, reason, 128],
      tags,
    );
  }
  assertEquals(
    [...rig.refusals].sort(([x], [y]) => x - y),
    [...counted].sort(([x], [y]) => x - y),
  );
  // An unknown symbol goes before what its terms say.
  rig.capturing = true;
  a.send("D", `11=u|55=NOPE|54=1|${TIME}38=1|40=3|99=1.005|111=0.5|1=X|`);
  assertEquals(fieldsOf(rig.captured[0]!).reason, Reason.UNKNOWN_INSTRUMENT);
});

Deno.test("A refused special order is told in FIX terms", () => {
  const rig = new Rig();
  const a = new Client(rig);
  a.logon();
  const tags = (m: Message) =>
    [39, 103, 40, 18, 59].map((tag) => m.get(tag) ?? "-").join(" ");
  const cases: [string, string][] = [
    ["40=3|99=0|", "8 99 3 - 0"],
    ["40=P|18=R M|", "8 11 P - 0"],
    ["40=P|18=R|211=0.001|", "8 99 P R 0"],
    ["40=P|18=a|211=0.001|", "8 99 P a 0"],
    ["40=K|44=1|59=B|", "8 11 K - B"],
    ["40=6|44=1|59=7|", "8 11 6 - 7"],
    ["40=I|44=1|59=5|", "8 11 I - 5"],
    [`${LIMIT}1=NOBODY|`, "8 15 2 - 0"],
    [`${LIMIT}1385=1|583=nobody|`, "8 5 2 - 0"],
    [`${LIMIT}110=-1|`, "8 13 2 - 0"],
  ];
  for (const [text, expected] of cases) {
    assertEquals(order(a, text).map(tags), [expected], text);
  }
});

Deno.test("OrderDesk takes price, stop price and both meanings of a quantity from a replace", () => {
  const { rig, a } = start();
  order(a, LIMIT);
  const first = rig.captured.pop()!;
  const replace = (tags: string) => {
    const orig = fieldsOf(first).clOrdId;
    const answers = a.send("G", `11=r${++id}|41=${orig}|${HEAD}${tags}`);
    assertEquals(answers, [], tags);
    const command = terms(rig);
    for (const name of ["origClOrdId", "newReference"]) delete command[name];
    return command;
  };
  const flag = TermFlag;
  const cases: [string, Record<string, number>][] = [
    [LIMIT, PLAIN],
    [`${LIMIT}20002=T|`, PLAIN],
    [`${LIMIT}20002=O|`, { ...SPECIAL, termFlags: flag.OPEN_QUANTITY }],
    [
      "40=3|99=1|",
      {
        length: 192,
        ordType: 3,
        stopPrice: 100,
        termFlags: flag.REPLACE_STOP,
      },
    ],
    [
      "40=4|44=150.25|99=1|20002=O|",
      {
        ...SPECIAL,
        ordType: 4,
        stopPrice: 100,
        termFlags: flag.REPLACE_STOP | flag.OPEN_QUANTITY,
      },
    ],
    ["40=1|44=5|", { length: 128, ordType: 1 }],
    ["40=K|44=5|", { length: 128, ordType: 5 }],
    ["40=P|44=5|", { length: 128, ordType: 0x50, price: 500 }],
    ["40=P|", { length: 128, ordType: 0x50 }],
    // What can not be changed stays, whatever is said.
    [
      `${LIMIT}18=6|111=5|110=1|1=NOBODY|2964=1|583=x|1385=1|59=6|`,
      { ...PLAIN, timeInForce: 6 },
    ],
  ];
  for (const [tags, expected] of cases) {
    assertEquals(replace(tags), expected, tags);
  }
  const bad = (tags: string) => {
    const orig = fieldsOf(first).clOrdId;
    return a.send("G", `11=b${++id}|41=${orig}|${HEAD}${tags}`).map(brief);
  };
  assertEquals(bad("40=3|99=x|"), ["3 99 6"]);
  assertEquals(bad(`${LIMIT}20002=X|`), ["3 20002 5"]);
  assertEquals(bad("40=4|99=1|"), [
    "j 5 Price (44) is required for a limit order",
  ]);
  rig.capturing = false;
  assertEquals(bad("40=3|99=0|"), [
    `9 2 1 ${REASON_TEXT[Reason.INVALID_STOP_PRICE]}`.replace("2 1", "2 99"),
  ]);
});

Deno.test("MassDesk maps scope, side, price range and kill switch", () => {
  const { rig, a } = start();
  const mass = (tags: string) => {
    assertEquals(a.send("q", `11=m${++id}|${TIME}${tags}`), [], tags);
    const command = fieldsOf(rig.captured.pop()!);
    assertEquals([command.clOrdId, command.flags], [`m${id}`, 1]);
    return [
      command.kind,
      command.detail ?? 0,
      command.reason,
      command.instrument ?? 0,
      command.side ?? 0,
      command.price ?? 0,
      command.quantity ?? 0,
      command.length,
    ];
  };
  const { MASS_CANCEL, KILL } = CommandKind;
  const { SESSION, ACCOUNT, PRICE_RANGE, UNLOCK } = MassScope;
  const any = 0xffff;
  const max = 0x7fffffff;
  const cases: [string, number[]][] = [
    ["530=7|", [MASS_CANCEL, SESSION, 1, any, 0, 0, 0, 128]],
    ["530=7|54=2|", [MASS_CANCEL, SESSION, 1, any, 2, 0, 0, 128]],
    ["530=7|1=A-7|", [MASS_CANCEL, ACCOUNT, 7, any, 0, 0, 0, 128]],
    ["530=1|55=AAPL|", [MASS_CANCEL, SESSION, 1, 0, 0, 0, 0, 128]],
    ["530=1|55=ES|54=1|1=HOUSE|", [MASS_CANCEL, ACCOUNT, 3, 2, 1, 0, 0, 128]],
    [
      "530=1|55=AAPL|20003=1|20004=2.50|",
      [MASS_CANCEL, SESSION | PRICE_RANGE, 1, 0, 0, 100, 250, 128],
    ],
    [
      "530=1|55=AAPL|20003=1|",
      [MASS_CANCEL, SESSION | PRICE_RANGE, 1, 0, 0, 100, max, 128],
    ],
    [
      "530=1|55=AAPL|20004=1|",
      [MASS_CANCEL, SESSION | PRICE_RANGE, 1, 0, 0, 1, 100, 128],
    ],
    ["530=7|20005=Y|", [KILL, SESSION, 1, any, 0, 0, 0, 128]],
    ["530=7|20005=N|", [KILL, SESSION | UNLOCK, 1, any, 0, 0, 0, 128]],
    ["530=7|20005=Y|1=HOUSE|", [KILL, ACCOUNT, 3, any, 0, 0, 0, 128]],
  ];
  for (const [tags, expected] of cases) {
    assertEquals(mass(tags), expected, tags);
  }
});

Deno.test("MassDesk refuses what it can not express, by an OrderMassCancelReport", () => {
  const { rig, a } = start();
  const mass = (tags: string) => a.send("q", `11=m${++id}|${TIME}${tags}`);
  const text = (reason: number) => REASON_TEXT[reason];
  const combination = text(Reason.INVALID_COMBINATION);
  const cases: [string, string][] = [
    ["530=2|", `r 2 0 0 - ${text(Reason.UNSUPPORTED)}`],
    ["530=1|55=NOPE|", `r 1 0 1 - ${text(Reason.UNKNOWN_INSTRUMENT)}`],
    ["530=7|55=AAPL|", `r 7 0 99 - ${combination}`],
    ["530=7|54=5|", `r 7 0 99 - ${text(Reason.INVALID_SIDE)}`],
    ["530=7|1=NOBODY|", `r 7 0 99 - ${text(Reason.UNKNOWN_ACCOUNT)}`],
    ["530=7|20003=1|", `r 7 0 99 - ${combination}`],
    ["530=7|20005=Y|54=1|", `r 7 0 99 - ${combination}`],
    ["530=1|55=AAPL|20005=Y|", `r 1 0 99 - ${combination}`],
    [
      "530=1|55=AAPL|20003=2|20004=1|",
      `r 1 0 99 - ${text(Reason.INVALID_PRICE)}`,
    ],
    [
      "530=1|55=AAPL|20003=1.005|",
      `r 1 0 99 - ${text(Reason.PRICE_OFF_TICK)}`,
    ],
    ["530=1|", "j 5 Symbol (55) is required for this MassCancelRequestType"],
    ["530=8|", "3 530 5"],
    ["530=77|", "3 530 5"],
    ["530=7|54=x|", "3 54 5"],
    ["530=7|20005=1|", "3 20005 5"],
    ["530=1|55=AAPL|20004=x|", "3 20004 6"],
    ["", "3 530 1"],
    ["530=7|44=1|", "3 44 2"],
  ];
  for (const [tags, expected] of cases) {
    assertEquals(mass(tags).map(brief), [expected], tags);
  }
  assertEquals(
    a.send("q", `11=${"m".repeat(21)}|${TIME}530=7|`).map(brief),
    ["3 11 5"],
  );
  assertEquals(a.send("q", `11=m|60=x|530=7|`).map(brief), ["3 60 6"]);
  assertEquals(rig.captured, []);
  assertEquals(rig.refusals.get(Reason.INVALID_COMBINATION), 4);
  const [answer] = mass("530=1|55=AAPL|54=2|20005=N|");
  const shown = [11, 530, 531, 532, 55, 54, 20005];
  assertEquals(
    shown.map((tag) => answer!.get(tag) ?? "-"),
    [`m${id}`, "1", "0", "99", "AAPL", "2", "N"],
  );
  assert(Number(answer!.get(37)) > 0 && answer!.has(60));
  // It is an application message: sent again on request.
  const again = a.send("2", `7=${answer!.get(34)}|16=0|`);
  assertEquals(again.map((m) => [m.get(35), m.get(43), m.get(11)]), [
    ["r", "Y", `m${id}`],
  ]);
});
