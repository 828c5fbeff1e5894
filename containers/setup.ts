// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * Prepares the volumes of `compose.yml`, once: a configuration with passwords
 * of its own, and Grafana's admin password. What is there already stays. It
 * prints where the secrets are, never what they are.
 *
 *   setup.ts FOLDER_OF_CONFIGURATION FOLDER_OF_GRAFANA
 *
 * @module
 */

const PASSWORD_BYTES = 18;
const INSTRUMENTS = [
  ["AAPL", "0.01", "1"],
  ["MSFT", "0.01", "1"],
  ["BTC-USD", "0.01", "0.00000001"],
] as const;

function password(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(PASSWORD_BYTES));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-").replaceAll("/", "_");
}

function key(): string {
  return String(crypto.getRandomValues(new BigUint64Array(1))[0]);
}

/** A configuration for a container: it listens on all of its addresses. */
export function configuration(): string {
  const lines = [
    "# Written once by containers/setup.ts. Keep it: clients log on with what stands here.",
    "[appliance]",
    'data_directory = "/var/lib/ferrule"',
    "[fix]",
    'address = "0.0.0.0"',
    "[binary]",
    'address = "0.0.0.0"',
    "[admin]",
    'address = "0.0.0.0"',
  ];
  for (const [symbol, tickSize, lotSize] of INSTRUMENTS) {
    lines.push(
      "[[instruments]]",
      `symbol = "${symbol}"`,
      `tick_size = "${tickSize}"`,
      `lot_size = "${lotSize}"`,
    );
  }
  for (const number of [1, 2]) {
    lines.push(
      "[[fix.sessions]]",
      `sender_comp_id = "CLIENT${number}"`,
      `password = "${password()}"`,
      "[[binary.sessions]]",
      `number = ${number}`,
      `key = "${key()}"`,
    );
  }
  return lines.join("\n") + "\n";
}

/** Writes a file that is not there yet. */
function writeOnce(path: string, text: string, mode: number): string {
  try {
    Deno.writeTextFileSync(path, text, { createNew: true, mode });
    return `${path}: written`;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    return `${path}: there already, kept`;
  }
}

/**
 * Prepares both folders. Grafana runs as another user, so its file can be read
 * by all in its volume, which nobody else mounts.
 *
 * @returns A line for each file.
 */
export function setup(configFolder: string, grafanaFolder: string): string[] {
  return [
    writeOnce(`${configFolder}/ferrule.toml`, configuration(), 0o600),
    writeOnce(`${grafanaFolder}/admin_password`, password(), 0o444),
  ];
}

if (import.meta.main) {
  const [configFolder, grafanaFolder] = Deno.args;
  if (configFolder === undefined || grafanaFolder === undefined) {
    console.error("Wanted: setup.ts FOLDER_OF_CONFIGURATION FOLDER_OF_GRAFANA");
    Deno.exit(2);
  }
  for (const line of setup(configFolder, grafanaFolder)) console.log(line);
}
