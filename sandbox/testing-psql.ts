// psql as a person has it, for tests that run scripts.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { childEnvironment } from "./child-environment.ts";

/** Tests that need it say loudly that they were left out. Debian: apt-get install postgresql-client. */
export const psqlMissing = spawnSync("psql", ["--version"]).status !== 0;

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Stops at the first error unless told otherwise, and reads no settings of whoever runs the tests. */
export async function psql(
  args: readonly string[],
  { url, options = "" }: { url: string; options?: string },
): Promise<Ran> {
  const child = spawn("psql", ["-X", "-v", "ON_ERROR_STOP=1", url, ...args], {
    env: { ...childEnvironment(), PGOPTIONS: options, LC_ALL: "C.UTF-8" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { code, stdout, stderr };
}

export async function scriptFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "driftdesk-script-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
