// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
import { assert, assertEquals } from "@std/assert";
import {
  byteSum,
  daysFromCivil,
  Decimal,
  FixParser,
  MessageType,
  nanosecondsBelow,
  nanosecondWords,
  Parsed,
  parseDecimal,
  parseUint,
  putDecimal,
  putUint,
  RejectReason,
  Slot,
  SLOT_TAGS,
  TAG_DEFINED,
  TAG_INFO,
  Term,
  TERM_SLOTS,
  TERM_TAGS,
  TimestampReader,
  TimestampWriter,
  wordsOf,
} from "../../engine/wire/fix/mod.ts";

const MEMORY = new Uint8Array(1 << 16);

function put(text: string, at = 0): number {
  for (let i = 0; i < text.length; i++) MEMORY[at + i] = text.charCodeAt(i);
  return at + text.length;
}

function frame(body: string, begin = "FIX.4.4"): string {
  const text = body.replaceAll("|", "\x01");
  const head = `8=${begin}\x019=${text.length}\x01${text}`;
  let sum = 0;
  for (let i = 0; i < head.length; i++) sum += head.charCodeAt(i);
  return `${head}10=${String(sum % 256).padStart(3, "0")}\x01`;
}

function parse(text: string, at = 0): { parser: FixParser; found: number } {
  const parser = new FixParser(MEMORY, 8192);
  const found = parser.parse(at, put(text, at));
  return { parser, found };
}

const HEADER = "49=CLIENT1|56=FERRULE|34=7|52=20260314-09:26:53.589|";
const TIME = "60=20260314-09:26:53|";
const ORDER = `35=D|${HEADER}11=A1|55=AAPL|54=1|${TIME}38=100|40=2|44=150.25|`;

function value(parser: FixParser, slot: number): string {
  return new TextDecoder().decode(
    MEMORY.slice(parser.from[slot]!, parser.to[slot]!),
  );
}

function judge(body: string): [number, number] {
  const { parser, found } = parse(frame(body));
  assertEquals(found, Parsed.OK, body);
  return [parser.error, parser.errorTag];
}

Deno.test("FixParser does not find what only an earlier message had", () => {
  const parser = new FixParser(MEMORY, 8192);
  const first = frame(
    `35=A|49=A|56=B|34=1|43=Y|52=20260314-09:26:53.589|98=0|108=30|141=Y|`,
  );
  const second = frame(
    `35=A|49=A|56=B|34=2|52=20260314-09:26:53.589|98=0|108=30|`,
  );
  assertEquals(parser.parse(0, put(first)), Parsed.OK);
  assertEquals(parser.character(Slot.RESET_SEQ_NUM_FLAG), 0x59);
  assertEquals(parser.character(Slot.POSS_DUP_FLAG), 0x59);
  // It lies elsewhere, so that the first one is still there to be read.
  assertEquals(parser.parse(2000, put(second, 2000)), Parsed.OK);
  assertEquals(parser.character(Slot.RESET_SEQ_NUM_FLAG), -1);
  assertEquals(parser.character(Slot.POSS_DUP_FLAG), -1);
  assertEquals(parser.uint(Slot.BEGIN_SEQ_NO), -1);
});

Deno.test("FixParser.parse() notes where values lie, at any alignment", () => {
  const text = frame(ORDER);
  for (let at = 0; at < 9; at++) {
    const { parser, found } = parse(text, at);
    assertEquals(found, Parsed.OK);
    assertEquals(parser.length, text.length);
    assertEquals(parser.type, MessageType.NEW_ORDER_SINGLE);
    assertEquals(parser.error, RejectReason.NONE);
    assertEquals(parser.uint(Slot.MSG_SEQ_NUM), 7);
    assertEquals(value(parser, Slot.CL_ORD_ID), "A1");
    assertEquals(value(parser, Slot.PRICE), "150.25");
    assertEquals(parser.character(Slot.SIDE), 0x31);
    assertEquals(parser.character(Slot.PRICE), -1);
    assert(!parser.has(Slot.ORIG_CL_ORD_ID));
    assertEquals(parser.terms, 0);
  }
});

Deno.test("FixParser.parse() notes the tags that make an order special", () => {
  const tags = TERM_TAGS.map((tag, i) => `${tag}=v${i}|`);
  const { parser } = parse(frame(ORDER + tags.join("")));
  assertEquals([parser.error, parser.errorTag], [RejectReason.NONE, 0]);
  assertEquals(parser.terms, 2 ** TERM_TAGS.length - 1);
  TERM_TAGS.forEach((tag, term) => {
    assertEquals(value(parser, TERM_SLOTS + term), `v${term}`, `${tag}`);
  });
  for (const [term, tag] of TERM_TAGS.entries()) {
    const alone = parse(frame(`${ORDER}${tag}=x|`)).parser;
    assertEquals(alone.terms, 1 << term, `${tag}`);
    assert(alone.hasTerm(term) && !alone.hasTerm(31));
    assertEquals(judge(`${ORDER}${tag}=x|${tag}=x|`), [
      RejectReason.REPEATED,
      tag,
    ]);
    assertEquals(judge(`${ORDER}${tag}=|`), [RejectReason.NO_VALUE, tag]);
  }
  // The parser is used again: nothing is left of the message before.
  parser.parse(0, put(frame(ORDER)));
  assertEquals(parser.terms, 0);
  for (const tag of [168, 388, 1088]) {
    const unsupported = parse(frame(`${ORDER}${tag}=x|389=1|`)).parser;
    assertEquals(unsupported.terms, 1 << Term.UNSUPPORTED, `${tag}`);
    assertEquals(judge(`${ORDER}${tag}=x|${tag}=x|`), [
      RejectReason.REPEATED,
      tag,
    ]);
  }
  for (const tag of [20000, 20006, 5000, 99999]) {
    assertEquals(parse(frame(`${ORDER}${tag}=x|`)).parser.terms, 0, `${tag}`);
  }
});

Deno.test("FixParser.parse() waits for every missing byte", () => {
  const text = frame(ORDER);
  for (let length = 0; length < text.length; length++) {
    const { parser, found } = parse(text.slice(0, length));
    assertEquals(found, Parsed.INCOMPLETE, `${length} bytes`);
    assertEquals(parser.length, 0);
  }
});

Deno.test("FixParser.parse() goes over several messages in a window", () => {
  const first = frame(ORDER);
  const second = frame(`35=0|${HEADER}`);
  const end = put(first + second + first.slice(0, 30));
  const parser = new FixParser(MEMORY, 8192);
  assertEquals(parser.parse(0, end), Parsed.OK);
  let at = parser.length;
  assertEquals(parser.parse(at, end), Parsed.OK);
  assertEquals(parser.type, MessageType.HEARTBEAT);
  at += parser.length;
  assertEquals(at, first.length + second.length);
  assertEquals(parser.parse(at, end), Parsed.INCOMPLETE);
});

Deno.test("FixParser.parse() accepts a BodyLength with leading zeros", () => {
  const text = frame(`35=0|${HEADER}`);
  const padded = text.replace(/9=(\d+)/, "9=00000$1");
  let sum = 0;
  for (let i = 0; i < padded.length - 7; i++) sum += padded.charCodeAt(i);
  const right = padded.slice(0, -7) +
    `10=${String(sum % 256).padStart(3, "0")}\x01`;
  assertEquals(parse(right).found, Parsed.OK);
});

Deno.test("FixParser.parse() skips what is garbled to the next message", () => {
  const good = frame(`35=0|${HEADER}`);
  const order = frame(ORDER);
  const wrongSum = order.replace(
    /10=(\d)/,
    (_, d) => `10=${(Number(d) + 1) % 3}`,
  );
  const cases: Record<string, string> = {
    "wrong CheckSum": wrongSum,
    "BodyLength too small": order.replace(/9=\d+/, "9=100"),
    "BodyLength too large": order.replace(/9=\d+/, "9=145"),
    "BodyLength no number": order.replace(/9=\d+/, "9=12x"),
    "BodyLength empty": order.replace(/9=\d+/, "9="),
    "BodyLength without end": order.replace(/9=\d+/, "9=1234567890"),
    "no BodyLength": order.replace(/9=\d+./s, ""),
    "35 not third": frame(`49=CLIENT1|35=0|56=FERRULE|34=7|`),
    "no MsgType": frame(`49=CLIENT1|56=FERRULE|34=7|`),
    "empty body": frame(""),
    "rubbish": "hello, world\x01",
    "BeginString too long": "8=FIX" + "x".repeat(40) + "\x019=5\x01",
    "a digit": "8",
    "half a start": "8=FI8=FIX.4.48=",
  };
  for (const [name, bad] of Object.entries(cases)) {
    const end = put(bad + good + good);
    const parser = new FixParser(MEMORY, 8192);
    let at = 0;
    let garbled = 0;
    let right = 0;
    for (let i = 0; i < 100 && at < end; i++) {
      const found = parser.parse(at, end);
      if (found === Parsed.GARBLED) garbled++;
      else if (found === Parsed.OK) right++;
      else break;
      assert(parser.length > 0, `${name}: no progress`);
      at += parser.length;
    }
    assert(garbled > 0, `${name} was taken`);
    assertEquals(right, 2, name);
    assertEquals(at, end, name);
  }
});

Deno.test("FixParser.parse() finds messages that are too long before they arrive", () => {
  const parser = new FixParser(MEMORY, 500);
  const end = put("8=FIX.4.4\x019=501\x01");
  assertEquals(parser.parse(0, end), Parsed.TOO_LONG);
  assertEquals(
    parser.parse(0, put("8=FIX.4.4\x019=500\x01")),
    Parsed.INCOMPLETE,
  );
  assertEquals(
    parser.parse(0, put("8=FIX.4.4\x019=999999999\x01")),
    Parsed.TOO_LONG,
  );
});

Deno.test("FixParser.parse() takes other BeginStrings and says so", () => {
  const { parser, found } = parse(frame(`35=A|${HEADER}`, "FIX.4.2"));
  assertEquals(found, Parsed.OK);
  assert(!parser.version);
  assertEquals(
    parse(frame(`35=A|${HEADER}`, "FIXT.1.1")).parser.version,
    false,
  );
  assertEquals(parse(frame(ORDER)).parser.version, true);
});

Deno.test("FixParser.parse() finds each defect of a message's form", () => {
  const body = "11=A1|55=AAPL|54=1|60=20260314-09:26:53|38=1|40=2|44=1|";
  const head = `35=D|${HEADER}`;
  const table: [string, string, number, number][] = [
    ["right", head + body, RejectReason.NONE, 0],
    [
      "group members may repeat",
      `${head}${body}453=2|448=a|447=D|448=b|447=D|`,
      RejectReason.NONE,
      0,
    ],
    [
      "user-defined tags",
      `${head}${body}5001=x|9999=y|20000=z|`,
      RejectReason.NONE,
      0,
    ],
    [
      "signature in the trailer",
      `${head}${body}93=2|89=ab|`,
      RejectReason.NONE,
      0,
    ],
    [
      "required tag missing",
      head + body.replace("55=AAPL|", ""),
      RejectReason.REQUIRED_MISSING,
      55,
    ],
    [
      "first of two missing",
      `${head}55=AAPL|54=1|60=x|`,
      RejectReason.REQUIRED_MISSING,
      11,
    ],
    [
      "missing goes before undefined",
      `${head}11=A1|101=x|`,
      RejectReason.REQUIRED_MISSING,
      55,
    ],
    ["undefined tag", `${head}${body}101=x|`, RejectReason.UNDEFINED_TAG, 101],
    [
      "undefined tag beyond the version",
      `${head}${body}4999=x|`,
      RejectReason.UNDEFINED_TAG,
      4999,
    ],
    [
      "undefined goes before repeated",
      `${head}${body}44=1|101=x|`,
      RejectReason.UNDEFINED_TAG,
      101,
    ],
    [
      "tag of another type",
      `${head}${body}39=0|`,
      RejectReason.NOT_FOR_TYPE,
      39,
    ],
    [
      "kept tag of another type",
      `${head}${body}112=x|`,
      RejectReason.NOT_FOR_TYPE,
      112,
    ],
    ["repeated tag", `${head}${body}44=2|`, RejectReason.REPEATED, 44],
    [
      "repeated tag that isn't kept",
      `${head}${body}1=a|21=1|1=b|`,
      RejectReason.REPEATED,
      1,
    ],
    [
      "repeated header tag",
      `35=D|${HEADER}34=8|${body}`,
      RejectReason.REPEATED,
      34,
    ],
    [
      "repeated MsgType",
      `35=D|35=D|${HEADER}${body}`,
      RejectReason.REPEATED,
      35,
    ],
    [
      "repeated BodyLength",
      `35=D|9=7|${HEADER}${body}`,
      RejectReason.REPEATED,
      9,
    ],
    ["header tag in the body", `${head}${body}43=N|`, RejectReason.ORDER, 43],
    ["CheckSum in the middle", `${head}10=123|${body}`, RejectReason.ORDER, 10],
    [
      "body after the trailer",
      `${head}93=2|89=ab|${body}`,
      RejectReason.ORDER,
      11,
    ],
    [
      "no value",
      head + body.replace("44=1|", "44=|"),
      RejectReason.NO_VALUE,
      44,
    ],
    [
      "no value in a tag that isn't kept",
      `${head}${body}1=|`,
      RejectReason.NO_VALUE,
      1,
    ],
    ["tag no number", `${head}${body}abc=1|`, RejectReason.INVALID_TAG, 0],
    ["tag zero", `${head}${body}0=1|`, RejectReason.INVALID_TAG, 0],
    [
      "tag with a leading zero",
      `${head}${body}01=1|`,
      RejectReason.INVALID_TAG,
      0,
    ],
    ["no equals sign", `${head}${body}58|`, RejectReason.INVALID_TAG, 0],
    ["empty field", `${head}${body}|`, RejectReason.INVALID_TAG, 0],
    [
      "tag of many digits",
      `${head}${body}123456789=1|`,
      RejectReason.INVALID_TAG,
      0,
    ],
    [
      "data length that leaves the message",
      `${head}${body}354=900|355=x|`,
      RejectReason.BAD_FORMAT,
      355,
    ],
  ];
  for (const [name, text, code, tag] of table) {
    assertEquals(judge(text), [code, tag], name);
  }
});

Deno.test("FixParser.parse() knows every kept tag in the types it belongs to", () => {
  for (const tag of SLOT_TAGS) assert((TAG_INFO[tag]! & TAG_DEFINED) !== 0);
  const types: [string, string][] = [
    ["0", ""],
    ["0", "112=x|"],
    ["1", "112=x|"],
    ["2", "7=1|16=0|"],
    ["3", "45=1|371=1|372=D|373=5|58=x|"],
    ["4", "36=9|123=Y|"],
    ["5", "58=bye|"],
    ["A", "98=0|108=30|141=Y|553=u|554=p|789=1|384=1|372=D|385=S|"],
    ["F", `41=A|11=B|55=X|54=1|${TIME}38=5|37=x|`],
    ["G", `41=A|11=B|55=X|54=1|${TIME}38=5|40=2|44=1|59=0|37=x|18=6|`],
    ["H", "11=B|55=X|54=1|790=q|37=x|"],
    ["q", `11=B|530=1|55=X|54=1|${TIME}1=x|58=y|311=U|20003=1|`],
  ];
  for (const [type, body] of types) {
    assertEquals(judge(`35=${type}|${HEADER}${body}`), [-1, 0], type);
  }
});

Deno.test("FixParser.parse() lets data fields hold SOH", () => {
  const text = frame(`35=A|${HEADER}98=0|108=30|95=5|96=a|b|c|554=p|`);
  const { parser } = parse(text);
  assertEquals(parser.error, RejectReason.NONE);
  assertEquals(value(parser, Slot.PASSWORD), "p");
});

Deno.test("FixParser.parse() tells unsupported types from invalid ones", () => {
  for (const type of ["8", "V", "AE", "BH", "z", "s", "r", "AA"]) {
    assertEquals(
      parse(frame(`35=${type}|${HEADER}99999=x|`)).parser.type,
      MessageType.UNSUPPORTED,
      type,
    );
  }
  for (
    const type of ["I", "O", "U", "BI", "CA", "U1", "ABC", "", "@", "\xff"]
  ) {
    assertEquals(
      parse(frame(`35=${type}|${HEADER}`)).parser.type,
      MessageType.INVALID,
      type,
    );
  }
});

Deno.test("byteSum() equals the plain sum at every place and length", () => {
  const words = wordsOf(MEMORY);
  for (let i = 0; i < 4096; i++) MEMORY[i] = (i * 151 + 77) & 255;
  MEMORY.fill(255, 1024, 3072);
  for (let from = 0; from < 8; from++) {
    for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 100, 511, 512, 513, 2500]) {
      let sum = 0;
      for (let i = 0; i < length; i++) sum += MEMORY[from + i + 900]!;
      assertEquals(
        byteSum(MEMORY, words, from + 900, from + 900 + length),
        sum & 255,
        `${length} bytes at ${from}`,
      );
    }
  }
});

Deno.test("parseUint() reads 32 bits and nothing else", () => {
  const read = (text: string) => parseUint(MEMORY, 0, put(text));
  assertEquals(read("0"), 0);
  assertEquals(read("007"), 7);
  assertEquals(read("4294967295"), 4294967295);
  for (
    const bad of [
      "",
      "-1",
      "+1",
      "1.0",
      " 1",
      "1 ",
      "x",
      "4294967296",
      "99999999999999999999",
      "999999999999999999999",
    ]
  ) assertEquals(read(bad), -1, bad);
});

Deno.test("parseDecimal() is exact or says why not", () => {
  const out = new Float64Array(1);
  const read = (text: string, decimals: number): number => {
    out[0] = -1;
    const code = parseDecimal(MEMORY, 0, put(text), decimals, out);
    return code === Decimal.OK ? out[0]! : -10 - code;
  };
  const bad = (code: number) => -10 - code;
  assertEquals(read("150.25", 2), 15025);
  assertEquals(read("150.250000", 2), 15025);
  assertEquals(read("00150.2", 2), 15020);
  assertEquals(read("150", 2), 15000);
  assertEquals(read("150.", 2), 15000);
  assertEquals(read(".5", 2), 50);
  assertEquals(read("-0.0", 2), 0);
  assertEquals(read("0.1", 1), 1);
  assertEquals(read("0.3", 8), 30000000);
  assertEquals(read("90071992.54740991", 8), Number.MAX_SAFE_INTEGER);
  assertEquals(read("90071992.54740992", 8), bad(Decimal.TOO_LARGE));
  assertEquals(read("9007199254740992", 0), bad(Decimal.TOO_LARGE));
  assertEquals(read("1" + "0".repeat(400), 0), bad(Decimal.TOO_LARGE));
  assertEquals(read("150.255", 2), bad(Decimal.INEXACT));
  assertEquals(read("0.0000000001", 8), bad(Decimal.INEXACT));
  assertEquals(read("-1", 2), bad(Decimal.NEGATIVE));
  assertEquals(read("-0.001", 2), bad(Decimal.NEGATIVE));
  for (
    const text of [
      "",
      "-",
      ".",
      "-.",
      "1.2.3",
      "1e5",
      "+1",
      "abc",
      "1,000",
      " 1",
      "--1",
      "1-",
      "0x10",
      "NaN",
      "Infinity",
    ]
  ) assertEquals(read(text, 2), bad(Decimal.FORMAT), text);
});

Deno.test("putDecimal() and putUint() write what parseDecimal() reads", () => {
  const out = new Float64Array(1);
  let state = 20260314;
  const random = () =>
    (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 4294967296;
  const edges = [
    0,
    1,
    9,
    10,
    99,
    100,
    999999999,
    1e9,
    1e9 - 1,
    1e9 + 1,
    1e15,
    9e15,
    Number.MAX_SAFE_INTEGER,
  ];
  for (let i = 0; i < 20000; i++) {
    const units = i < edges.length
      ? edges[i]!
      : Math.floor(random() * 2 ** Math.floor(random() * 54));
    if (units > Number.MAX_SAFE_INTEGER) continue;
    const end = putUint(MEMORY, 3, units);
    const text = new TextDecoder().decode(MEMORY.slice(3, end));
    assertEquals(text, String(units), "seed 20260314");
    for (const decimals of [0, 2, 8]) {
      const last = putDecimal(MEMORY, 5, units, decimals);
      assertEquals(
        parseDecimal(MEMORY, 5, last, decimals, out),
        Decimal.OK,
        `${units} with ${decimals}, seed 20260314`,
      );
      assertEquals(out[0], units, "seed 20260314");
    }
  }
  // Just below a whole number, where a quotient rounds up.
  for (const whole of [9e7, 90071992, 67108864, 1e6]) {
    const end = putDecimal(MEMORY, 0, whole * 1e8 - 1, 8);
    assertEquals(
      new TextDecoder().decode(MEMORY.slice(0, end)),
      `${whole - 1}.99999999`,
    );
  }
});

Deno.test("TimestampReader and TimestampWriter agree with the calendar", () => {
  const reader = new TimestampReader();
  const writer = new TimestampWriter();
  const view = new DataView(MEMORY.buffer);
  const times = [
    0,
    951782400000,
    951868799999,
    4102444800000,
    1773480413589,
    253402300799999,
  ];
  for (let i = 0; i < 3000; i++) times.push(i * 86400000 * 13 + i * 7919);
  for (const ms of times) {
    const end = writer.put(view, 1, ms);
    assertEquals(end, 22);
    const text = new TextDecoder().decode(MEMORY.slice(1, end));
    assertEquals(
      text,
      new Date(ms).toISOString().replaceAll("-", "").replace("T", "-").replace(
        "Z",
        "",
      ),
    );
    assert(reader.parse(MEMORY, 1, end), text);
    assertEquals(reader.ms[0], ms);
  }
  assertEquals(daysFromCivil(1970, 1, 1), 0);
});

Deno.test("nanosecondWords() gives the time of a UTCTimestamp to the nanosecond", () => {
  const reader = new TimestampReader();
  const out = new Uint32Array(2);
  const read = (text: string): bigint => {
    const end = put(text, 5);
    assert(reader.parse(MEMORY, 5, end), text);
    const below = nanosecondsBelow(MEMORY, 5, end);
    return nanosecondWords(reader.ms, below, out)
      ? BigInt(out[1]!) << 32n | BigInt(out[0]!)
      : -1n;
  };
  const times: [string, bigint][] = [
    ["19700101-00:00:00", 0n],
    ["19700101-00:00:00.000000001", 1n],
    ["19700101-00:00:04.294967295", 0xffffffffn],
    ["19700101-00:00:04.294967296", 0x100000000n],
    ["20260314-09:26:53", 1773480413000000000n],
    ["20260314-09:26:53.589", 1773480413589000000n],
    ["20260314-09:26:53.589793", 1773480413589793000n],
    ["20260314-09:26:53.589793238", 1773480413589793238n],
    ["22620411-23:47:16.854775807", 2n ** 63n - 1n],
    ["25540721-23:34:33.709551615", 2n ** 64n - 1n],
    ["25540721-23:34:33.709551616", -1n],
    ["99991231-23:59:59.999", -1n],
    ["19691231-23:59:59.999", -1n],
    ["00000101-00:00:00", -1n],
  ];
  for (const [text, ns] of times) assertEquals(read(text), ns, text);
});

Deno.test("TimestampReader.parseDate() gives the start of a day", () => {
  const reader = new TimestampReader();
  const read = (text: string) => reader.parseDate(MEMORY, 3, put(text, 3));
  assert(read("20240229"));
  assertEquals(reader.ms[0], Date.UTC(2024, 1, 29));
  assert(read("19700101"));
  assertEquals(reader.ms[0], 0);
  // The times that follow are not of that day.
  const end = put("20260314-00:00:01", 3);
  assert(reader.parse(MEMORY, 3, end));
  assertEquals(reader.ms[0], Date.UTC(2026, 2, 14, 0, 0, 1));
  for (
    const bad of [
      "",
      "2024022",
      "202402290",
      "20250229",
      "20241301",
      "2024-1-1",
    ]
  ) assert(!read(bad), bad);
});

Deno.test("TimestampReader.parse() refuses what is no time", () => {
  const reader = new TimestampReader();
  const read = (text: string) => reader.parse(MEMORY, 0, put(text));
  for (
    const good of [
      "20260314-09:26:53",
      "20260314-09:26:53.589",
      "20240229-00:00:00",
      "20260314-23:59:60",
      "20260314-09:26:53.589123",
      "20260314-09:26:53.589123456",
    ]
  ) assert(read(good), good);
  for (
    const bad of [
      "",
      "20260314",
      "20260314-09:26",
      "20260314 09:26:53",
      "20260314-24:00:00",
      "20260314-09:60:00",
      "20260314-09:26:61",
      "20261314-09:26:53",
      "20260230-09:26:53",
      "20250229-00:00:00",
      "20260300-09:26:53",
      "2026031x-09:26:53",
      "20260314-09:26:53,589",
      "20260314-09:26:53.58",
      "20260314-09:26:53.58x",
      "20260314-09.26:53.589",
      "--------------------x",
    ]
  ) assert(!read(bad), bad);
});

Deno.test("FixParser.parse() survives 100,000 mutated messages", () => {
  const seed = 4242;
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 4294967296 * below);
  };
  const corpus = [
    frame(ORDER),
    frame(`35=A|${HEADER}98=0|108=30|95=5|96=a|b|c|554=p|`),
    frame(`35=2|${HEADER}7=1|16=0|`),
    frame(
      `35=G|${HEADER}41=A|11=B|55=X|54=1|${TIME}38=5|40=2|44=1|453=1|448=x|`,
    ),
    frame(`${ORDER}18=6 G|99=1|111=5|2964=1|20001=S|388=1|`),
  ].map((text) => Uint8Array.from(text, (c) => c.charCodeAt(0)));
  const parser = new FixParser(MEMORY, 8192);
  const found = [0, 0, 0, 0];
  for (let i = 0; i < 100000; i++) {
    let end = 64;
    for (let part = 0; part < 2; part++) {
      const source = corpus[random(corpus.length)]!;
      MEMORY.set(source, end);
      const start = end;
      end += source.length;
      for (let n = random(4); n > 0; n--) {
        const at = start + random(source.length);
        switch (random(4)) {
          case 0:
            MEMORY[at] = random(256);
            break;
          case 1:
            MEMORY[at] = 1;
            break;
          case 2:
            MEMORY.copyWithin(at, at + 1 + random(8), end);
            break;
          case 3:
            end -= random(end - at);
            break;
        }
      }
    }
    let at = 64;
    for (let steps = 0; at < end; steps++) {
      assert(steps < 2000, `no end, seed ${seed}, round ${i}`);
      const status = parser.parse(at, end);
      found[status]!++;
      if (status === Parsed.INCOMPLETE || status === Parsed.TOO_LONG) break;
      assert(
        parser.length > 0 && at + parser.length <= end,
        `bad length, seed ${seed}, round ${i}`,
      );
      for (let slot = 0; slot < 64; slot++) {
        const bits = slot < TERM_SLOTS ? parser.seen : parser.terms;
        if ((bits & (1 << (slot & 31))) === 0 || status !== Parsed.OK) continue;
        assert(
          parser.from[slot]! >= at && parser.to[slot]! <= at + parser.length,
        );
      }
      at += parser.length;
    }
  }
  assert(
    found[Parsed.OK]! > 10000 && found[Parsed.GARBLED]! > 10000,
    `${found}`,
  );
});
