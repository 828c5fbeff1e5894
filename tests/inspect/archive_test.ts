// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * `inspect`, `verify` and `shadow` read a journal of which older segments lie in
 * an archive as if they had never been moved, say what is wrong with the
 * archive, and where to look if it was not named.
 *
 * ```
 *   journal ─▶ answers ◀══ equal ══▶ answers ◀─ journal/ + archive/
 *                                       └─ a bit, a line, a file is changed ─▶ verify
 * ```
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { journalDirectory } from "../../engine/appliance/build_journal.ts";
import type { Config } from "../../engine/config/mod.ts";
import { PrunedError } from "../../engine/inspect/archive.ts";
import { History } from "../../engine/inspect/history.ts";
import { Output } from "../../engine/inspect/output.ts";
import { segmentObjects } from "../../engine/inspect/segments.ts";
import { shadow } from "../../engine/inspect/shadow.ts";
import { NEWEST, parsePoint, parseRange } from "../../engine/inspect/units.ts";
import { problemText, verdictText } from "../../engine/inspect/verdict_text.ts";
import { type Problem, verify } from "../../engine/inspect/verify.ts";
import {
  type Question,
  showCommands,
  showEvents,
  showMessages,
} from "../../engine/inspect/views.ts";
import {
  listSegments,
  SegmentArchive,
  segmentName,
  SUMS_NAME,
} from "../../engine/journal/mod.ts";
import { trafficRig } from "../appliance/traffic.ts";
import { Random } from "../oracle/random.ts";
import { jsonLines, runMain } from "./cli.ts";
import { withData, writeJournal, writeSnapshot } from "./journal_folder.ts";

const SEED = 53;
const COMMANDS = 2000;
const SEGMENT_BYTES = 1 << 15;
const SNAPSHOT = 1500;
const SESSION = "ONE";

const rig = trafficRig(SEED, COMMANDS);

/** A data folder of which the older segments were moved to an archive. */
interface Folders {
  readonly data: string;
  readonly archive: string;
  /** Knows of the archive. */
  readonly config: Config;
  /** Does not. */
  readonly pruned: Config;
  /** First sequences: in the archive, in the journal. */
  readonly moved: readonly number[];
  readonly kept: readonly number[];
  /** Of the snapshot. */
  readonly snapshot: number;
}

/** Runs a test with such folders; `before` with the journal in one piece. */
async function withArchive(
  test: (folders: Folders) => void | Promise<void>,
  before: (config: Config) => void = () => {},
): Promise<void> {
  await withData(rig.config, async (data, pruned) => {
    writeJournal(data, rig.journal, { segmentBytes: SEGMENT_BYTES });
    const snapshot = writeSnapshot(pruned, SNAPSHOT);
    before(pruned);
    const archive = `${data}/older`;
    Deno.mkdirSync(archive);
    const directory = journalDirectory(data);
    const mover = new SegmentArchive({
      directory,
      archive,
      keepDays: 0,
      nowMs: () => 0,
    });
    while (mover.moveOne(snapshot) !== undefined);
    const moved = listSegments(archive);
    const kept = listSegments(directory);
    assert(moved.length > 3 && kept.length > 1, `${moved}; ${kept}`);
    const journal = { ...pruned.journal, archiveDirectory: archive };
    const config = { ...pruned, journal };
    await test({ data, archive, config, pruned, moved, kept, snapshot });
  });
}

/** What a view prints, as JSON, from the first command on. */
function printed(
  config: Config,
  show: (question: Question) => void,
  point = NEWEST,
): Record<string, unknown>[] {
  let text = "";
  const output = new Output((part) => text += part, true);
  const history = new History({ config, progress: () => {} });
  show({ history, point, output });
  output.flush();
  return jsonLines(text);
}

const VIEWS: readonly ((question: Question) => void)[] = [
  (question) => showCommands(question, parseRange("..")),
  (question) => showCommands(question, parseRange("3..40")),
  (question) => showEvents(question, parseRange("5..300")),
  (question) => showMessages(question, SESSION, parseRange("..")),
  (question) => showMessages(question, SESSION, parseRange("1..9")),
];

function stateAt(config: Config, sequence: number) {
  const moment = new History({ config, progress: () => {} }).at({ sequence });
  const found = {
    sequence: moment.sequence,
    hash: moment.replica.stateHash(),
    applied: moment.commands,
  };
  moment.replica.dispose();
  return found;
}

function problemsOf({ data, archive, config }: Folders, quick = true) {
  const { problems } = verify({
    config,
    directory: data,
    archived: archive,
    quick,
    progress: () => {},
  });
  return problems;
}

function pathOf(folder: string, first: number): string {
  return `${folder}/${segmentName(first)}`;
}

/** Changes the lines of an archive's manifest. */
function editSums(archive: string, edit: (lines: string[]) => string[]): void {
  const path = `${archive}/${SUMS_NAME}`;
  const lines = Deno.readTextFileSync(path).split("\n");
  Deno.writeTextFileSync(path, edit(lines).join("\n"));
}

function only(problems: readonly Problem[]): Problem {
  assertEquals(problems.length, 1, problems.map(problemText).join("\n"));
  return problems[0]!;
}

Deno.test("a journal with an archive answers as before segments were moved", async () => {
  const points = [0, 1, 57, 400, SNAPSHOT, COMMANDS];
  let states: unknown[] = [];
  let answers: unknown[] = [];
  await withArchive(({ config, moved, kept }) => {
    assert(points.some((point) => point > 1 && point < moved.at(-1)!));
    const found = points.map((point) => stateAt(config, point));
    assertEquals(found, states as typeof found);
    assertEquals(VIEWS.map((show) => printed(config, show)), answers as never);
    const messages = printed(config, VIEWS[4]!);
    assertEquals(messages.map(({ number }) => number), [
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9],
    ]);
    assert(Number(messages[0]!.sequence) < kept[0]!);
    const verdict = shadow({ config, fromSnapshot: false, progress: () => {} });
    assertEquals(verdict.commands, rig.journal.length);
    assertEquals(verdict.snapshot, 0);
  }, (whole) => {
    states = points.map((point) => stateAt(whole, point));
    answers = VIEWS.map((show) => printed(whole, show));
  });
});

Deno.test("segments says in which folder each lies", async () => {
  await withArchive(({ data, archive, config, moved, kept }) => {
    const folders = () =>
      segmentObjects(new History({ config }).archive).map((one) => [
        one.first,
        one.folder,
      ]);
    const expected = [
      ...moved.map((first) => [first, "archive"]),
      ...kept.map((first) => [first, "journal"]),
    ];
    assertEquals(folders(), expected);
    // Copied and not removed yet.
    const last = moved.at(-1)!;
    Deno.copyFileSync(
      pathOf(archive, last),
      pathOf(journalDirectory(data), last),
    );
    expected[moved.length - 1] = [last, "both"];
    assertEquals(folders(), expected);
  });
});

Deno.test("verify counts an archive in, and does all commands again", async () => {
  await withArchive(({ data, archive, config, moved, kept, snapshot }) => {
    const verdict = verify({
      config,
      directory: data,
      archived: archive,
      quick: false,
      progress: () => {},
    });
    assertEquals(verdict.problems, []);
    assertEquals(verdict.segments, moved.length + kept.length);
    assertEquals(verdict.archived, moved.length);
    assertEquals(verdict.commands, rig.journal.length);
    assertEquals(verdict.replayed, rig.journal.length);
    assertEquals(verdict.stateHash, rig.exchange.stateHash());
    assertMatch(
      verdictText(verdict),
      new RegExp(
        `segments \\(${moved.length} in the archive\\), commands 1 to`,
      ),
    );
    // Each folder alone.
    const alone = (directory: string) =>
      verify({ config, directory, quick: false, progress: () => {} });
    assertEquals(alone(data).problems, []);
    assertEquals(alone(data).replayed, rig.journal.length - snapshot);
    assertEquals(alone(archive).problems, []);
    assertEquals(alone(archive).replayed, kept[0]! - 1);
  });
});

Deno.test("verify finds a flipped bit in an archived segment, by its place and by its SHA-256", async () => {
  const random = new Random(SEED);
  await withArchive((folders) => {
    const { archive, moved, config } = folders;
    for (let i = 0; i < 10; i++) {
      const path = pathOf(archive, moved[random.draw(moved.length)]!);
      const whole = Deno.readFileSync(path);
      const bytes = whole.slice();
      const at = random.draw(bytes.findLastIndex((byte) => byte !== 0) + 1);
      bytes[at]! ^= 1 << random.draw(8);
      Deno.writeFileSync(path, bytes);
      const problems = problemsOf(folders);
      assertEquals(problems.length, 2, problems.map(problemText).join("\n"));
      const [sum, place] = problems as [Problem, Problem];
      assertEquals(sum.file, path);
      assertMatch(sum.expected, /^SHA-256 [0-9a-f]{64}, as line \d+ of /);
      assertMatch(sum.found, /^SHA-256 [0-9a-f]{64}$/);
      assertEquals(place.file, path);
      assert(place.offset! <= at && at - place.offset! < 192);
      // Whoever looks reads of the same place.
      const error = assertThrows(
        () => printed(config, VIEWS[0]!),
        Error,
        "Journal damaged",
      );
      assert(error.message.includes(path), error.message);
      Deno.writeFileSync(path, whole);
    }
    // Behind the last group nothing counts but the SHA-256.
    const path = pathOf(archive, moved[0]!);
    const whole = Deno.readFileSync(path);
    Deno.writeFileSync(path, new Uint8Array([...whole, 0]));
    assertEquals(only(problemsOf(folders)).file, path);
    Deno.writeFileSync(path, whole);
    assertEquals(problemsOf(folders), []);
  });
});

Deno.test("verify finds a wrong, a missing and a superfluous line of SHA256SUMS", async () => {
  await withArchive((folders) => {
    const { data, archive, moved } = folders;
    const sums = `${archive}/${SUMS_NAME}`;
    const whole = Deno.readTextFileSync(sums);
    const second = pathOf(archive, moved[1]!);
    const flip = (line: string) =>
      (line[0] === "0" ? "1" : "0") + line.slice(1);
    editSums(archive, (lines) => lines.with(1, flip(lines[1]!)));
    const wrong = only(problemsOf(folders));
    assertEquals(wrong.file, second);
    assertMatch(wrong.expected, /as line 2 of SHA256SUMS says$/);
    Deno.writeTextFileSync(sums, whole);

    editSums(archive, (lines) => lines.toSpliced(1, 1));
    const missing = only(problemsOf(folders));
    assertEquals(missing.file, second);
    assertMatch(problemText(missing), /expected a line for it in SHA256SUMS/);
    // As long as the journal has it too, moving it has not ended.
    const copy = pathOf(journalDirectory(data), moved[1]!);
    Deno.copyFileSync(second, copy);
    assertEquals(problemsOf(folders), []);
    Deno.removeSync(copy);
    Deno.writeTextFileSync(sums, whole);

    editSums(archive, (lines) => [...lines.slice(0, -1), "nonsense", ""]);
    const strange = only(problemsOf(folders));
    assertEquals(strange.file, sums);
    assertMatch(problemText(strange), /in line \d+, found "nonsense"/);
    Deno.writeTextFileSync(sums, whole);

    editSums(archive, (lines) => [lines[0]!, ...lines]);
    assertMatch(only(problemsOf(folders)).found, /, as in line 1$/);
    Deno.removeSync(sums);
    const none = only(problemsOf(folders));
    assertEquals(none.file, sums);
    assertEquals(none.found, "no such file");
    Deno.writeTextFileSync(sums, whole);
    assertEquals(problemsOf(folders), []);
  });
});

Deno.test("verify finds what is listed and not there, and an archive that is not there", async () => {
  await withArchive((folders) => {
    const { archive, moved } = folders;
    // The oldest: what is left is a journal that begins later.
    const path = pathOf(archive, moved[0]!);
    Deno.renameSync(path, `${path}.away`);
    const lost = only(problemsOf(folders));
    assertEquals(lost.file, path);
    assertEquals(lost.expected, "the segment of line 1 of SHA256SUMS");
    assertEquals(lost.found, "no such file");
    Deno.renameSync(`${path}.away`, path);
    Deno.renameSync(archive, `${archive}.away`);
    const gone = only(problemsOf(folders));
    assertEquals(gone.file, archive);
    assertMatch(problemText(gone), /no such folder.*mount it/);
    Deno.renameSync(`${archive}.away`, archive);
    assertEquals(problemsOf(folders), []);
  });
});

Deno.test("a pruned journal names --archive when something older is asked for", async () => {
  await withArchive(({ pruned, config, archive, kept, snapshot }) => {
    const [first] = kept as [number];
    const refuse = (
      show: (question: Question) => void,
      point = NEWEST,
      from = pruned,
    ) => {
      const { message } = assertThrows(
        () => printed(from, show, point),
        PrunedError,
        `starts at sequence ${first}`,
      );
      return message;
    };
    const commands = (range: string) => (question: Question) =>
      showCommands(question, parseRange(range));
    const events = (range: string) => (question: Question) =>
      showEvents(question, parseRange(range));
    const messages = (range: string) => (question: Question) =>
      showMessages(question, SESSION, parseRange(range));
    const asked: [(question: Question) => void, string?][] = [
      [commands("1..")],
      [commands(`..${first - 1}`)],
      [commands(".."), "10"],
      [commands(".."), "1970-01-02"],
      [events("1..3")],
      [events(`${snapshot}..`)],
      [messages("1..")],
      [messages(".."), "10"],
    ];
    for (const [show, at] of asked) {
      const message = refuse(show, at === undefined ? NEWEST : parsePoint(at));
      assertMatch(message, /--archive DIRECTORY \(make: ARCHIVE=\)/);
    }
    // What it has, it shows.
    assertEquals(printed(pruned, commands(".."))[0]!.sequence, first);
    assertEquals(printed(pruned, commands(`${first}`)).length, 1);
    assert(printed(pruned, events(`${snapshot + 1}..`)).length > 0);
    const [oldest] = printed(pruned, messages(".."));
    assert(printed(pruned, messages(`${oldest!.number}..`)).length > 0);
    assertMatch(
      refuse(messages(`${Number(oldest!.number) - 1}..`)),
      new RegExp(`from number ${oldest!.number} on`),
    );
    Deno.renameSync(archive, `${archive}.away`);
    assertMatch(
      refuse(commands("1"), NEWEST, config),
      /is not there: mount it/,
    );
    Deno.mkdirSync(archive);
    assertMatch(refuse(commands("1"), NEWEST, config), /nothing older either/);
  });
});

Deno.test("a segment that is moved while the journal is read is found in the archive, or missed aloud", async () => {
  await withArchive(({ data, archive, config, pruned, kept }) => {
    const journal = journalDirectory(data);
    const walk = (from: Config): number => {
      const source = new History({ config: from }).source(kept[0]!);
      let commands = 0;
      try {
        while (source.next() >= 0) {
          if (++commands > 1) continue;
          for (const first of kept.slice(0, -1)) {
            Deno.renameSync(pathOf(journal, first), pathOf(archive, first));
          }
        }
        return commands;
      } finally {
        source.dispose();
        for (const first of kept.slice(0, -1)) {
          Deno.renameSync(pathOf(archive, first), pathOf(journal, first));
        }
      }
    };
    assert(kept.length > 2);
    assertEquals(walk(config), rig.journal.length - kept[0]! + 1);
    const error = assertThrows(() => walk(pruned), PrunedError, "went away");
    assertMatch(error.message, /Ask again\. .*--archive DIRECTORY/);
  });
});

Deno.test("--archive of the commands, and what they may read", async () => {
  await withArchive(async ({ data, archive, moved, kept }) => {
    const outside = await Deno.makeTempDir({ prefix: "ferrule-older-" });
    try {
      await Deno.remove(outside);
      await new Deno.Command("mv", { args: [archive, outside] }).output();
      const toml = `${data}/ferrule.toml`;
      Deno.writeTextFileSync(
        toml,
        `[appliance]\ndata_directory = ${JSON.stringify(data)}\n` +
          `[journal]\narchive_directory = ${JSON.stringify(outside)}\n`,
      );
      for (const from of [["--data", data], ["--config", toml]]) {
        const named = from[0] === "--data" ? ["--archive", outside] : [];
        const { code, out, error } = await runMain(
          ["inspect", ...from, ...named, "--json", "segments"],
          [data, outside],
        );
        assertEquals(code, 0, error);
        assertEquals(jsonLines(out).map(({ first }) => first), [
          ...moved,
          ...kept,
        ]);
      }
      const quick = ["verify", "--quick", "--json"];
      const sound = await runMain(
        [...quick, "--archive", outside, data],
        [data, outside],
      );
      assertEquals(sound.code, 0, sound.error);
      const [verdict] = jsonLines(sound.out);
      assertEquals(verdict!.archived, moved.length);
      assertEquals(verdict!.commands, rig.journal.length);
      const refused = await runMain([...quick, "--config", toml], [data]);
      assertEquals(refused.code, 1);
      assertMatch(refused.error, /With make, say ARCHIVE=/);
      const two = await runMain([...quick, "--archive", outside, data, data], [
        data,
        outside,
      ]);
      assertEquals(two.code, 2);
      assertMatch(two.error, /--archive goes with one folder only/);
      const none = await runMain(
        ["shadow", "--data", data, "--archive", `${data}/none`],
        [data],
      );
      assertEquals(none.code, 1);
      assertMatch(none.error, /No folder '.*\/none': --archive names/);
    } finally {
      await Deno.remove(outside, { recursive: true });
    }
  });
});
