// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Passwords and keys that stand elsewhere: read, judged like those in the
 * file, and shown in no message.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { SECRET_FILES } from "../../engine/appliance/secret_files.ts";
import {
  ConfigError,
  type ConfigProblem,
  loadConfig,
  type SecretSource,
} from "../../engine/config/mod.ts";

const SECRETS: Readonly<Record<string, string>> = {
  "/secrets/a": "from a file\n",
  "/secrets/key": "18446744073709551615\n",
  "/secrets/lines": "two\nlines\n",
  "/secrets/empty": "",
  "/secrets/big": "18446744073709551616",
  "/secrets/demo": "demo",
  "credential": "from systemd",
  "number": "7\r\n",
};
const SOURCE: SecretSource = {
  file: (path) => SECRETS[path] ?? missing(path),
  credential: (name) => SECRETS[name] ?? missing(name),
};

function missing(name: string): never {
  throw new Error(`there is no ${name}`);
}

function problems(text: string, source?: SecretSource): ConfigProblem[] {
  return [
    ...assertThrows(() => loadConfig(text, "test", source), ConfigError)
      .problems,
  ];
}

const FIX = (more: string): string =>
  `[[fix.sessions]]\nsender_comp_id = "A"\n${more}\n`;
const BINARY = (more: string): string =>
  `[[binary.sessions]]\nnumber = 1\n${more}\n`;

Deno.test("loadConfig() takes secrets from files and credentials", () => {
  const config = loadConfig(
    FIX('password_file = "/secrets/a"') +
      BINARY('key_credential = "number"') +
      '[[dpdk.sessions]]\nnumber = 2\nkey_file = "/secrets/key"\n',
    "test",
    SOURCE,
  );
  assertEquals(config.fix.sessions[0]!.password, "from a file");
  assertEquals(config.binary.sessions[0]!.key, "7");
  assertEquals(config.dpdk.sessions[0]!.key, "18446744073709551615");
  const other = loadConfig(
    FIX('password_credential = "credential"'),
    "test",
    SOURCE,
  );
  assertEquals(other.fix.sessions[0]!.password, "from systemd");
});

Deno.test("loadConfig() wants exactly one secret for each session", () => {
  for (
    const [text, key, count] of [
      [FIX(""), "fix.sessions[0].password", 0],
      [
        FIX('password = "p"\npassword_file = "/secrets/a"'),
        "fix.sessions[0].password",
        2,
      ],
      [BINARY(""), "binary.sessions[0].key", 0],
      [
        BINARY('key = "1"\nkey_file = "/secrets/key"\nkey_credential = "n"'),
        "binary.sessions[0].key",
        3,
      ],
    ] as const
  ) {
    const [problem, ...more] = problems(text, SOURCE);
    assertEquals([problem!.key, more], [key, []]);
    assert(problem!.text.endsWith(`must be given, not ${count}`));
  }
});

Deno.test("loadConfig() says what is wrong with a secret elsewhere, and shows none", () => {
  for (
    const [more, value, text] of [
      ["password_file", "/secrets/lines", "what it names must be 1 to 64"],
      ["password_file", "/secrets/empty", "what it names must be 1 to 64"],
      ["password_file", "/secrets/none", "there is no /secrets/none"],
      ["password_credential", "none", "there is no none"],
      ["password_file", "relative", "must be an absolute path"],
      ["password_credential", "a/b", "must be 1 to 255 letters"],
    ] as const
  ) {
    const [problem] = problems(FIX(`${more} = "${value}"`), SOURCE);
    assertEquals(
      [problem!.key, problem!.value],
      [`fix.sessions[0].${more}`, `"${value}"`],
    );
    assert(problem!.text.startsWith(text), problem!.text);
  }
  const [big] = problems(BINARY('key_file = "/secrets/big"'), SOURCE);
  assert(big!.text.startsWith("what it names must be a decimal number"));
  assert(!JSON.stringify(big).includes("18446744073709551616"));
});

Deno.test("loadConfig() refuses the demo secret of a file as well", () => {
  const [problem] = problems(
    '[fix]\naddress = "192.0.2.1"\n' + FIX('password_file = "/secrets/demo"'),
    SOURCE,
  );
  assert(problem!.text.startsWith("the demo secret is for loopback only"));
  assertEquals(problem!.value, "(not shown)");
});

Deno.test("SECRET_FILES says why a secret is not there", async () => {
  const directory = await Deno.makeTempDir({ prefix: "ferrule-secrets-" });
  const before = Deno.env.get("CREDENTIALS_DIRECTORY");
  try {
    await Deno.writeTextFile(`${directory}/A`, "secret\n");
    assertEquals(SECRET_FILES.file(`${directory}/A`), "secret\n");
    assertThrows(
      () => SECRET_FILES.file(`${directory}/B`),
      Error,
      `there is no ${directory}/B; write the secret there`,
    );
    Deno.env.delete("CREDENTIALS_DIRECTORY");
    assertThrows(
      () => SECRET_FILES.credential("A"),
      Error,
      "$CREDENTIALS_DIRECTORY is not set",
    );
    Deno.env.set("CREDENTIALS_DIRECTORY", directory);
    assertEquals(SECRET_FILES.credential("A"), "secret\n");
    assertThrows(
      () => SECRET_FILES.credential("B"),
      Error,
      "say LoadCredential=B:/path in the unit",
    );
  } finally {
    if (before === undefined) Deno.env.delete("CREDENTIALS_DIRECTORY");
    else Deno.env.set("CREDENTIALS_DIRECTORY", before);
    await Deno.remove(directory, { recursive: true });
  }
});
