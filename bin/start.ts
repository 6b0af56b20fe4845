// The desk for production: built when it has not been, then served on PORT.
import "./env-files.ts";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readSettings } from "../lib/desk.ts";
import { whenAsked } from "./ending.ts";
import { flagsFor } from "./node-flags.ts";

const next = (...args: string[]) =>
  spawn(process.execPath, [...flagsFor(args[0]), "node_modules/next/dist/bin/next", ...args], {
    stdio: "inherit",
    // The web process lets go of its runs and its database first (app/web-process.ts).
    env: { ...process.env, NEXT_MANUAL_SIG_HANDLE: "true" },
  });

const ended = (child: ReturnType<typeof next>) =>
  new Promise<number>((resolve) => {
    child.once("exit", (code) => resolve(code ?? 2));
  });

try {
  const {
    environment: { port },
  } = await readSettings();
  const built = existsSync(".next/BUILD_ID") || (await ended(next("build"))) === 0;
  if (!built) process.exit(2);
  const server = next("start", "--port", String(port));
  whenAsked((signal) => server.kill(signal));
  process.exitCode = await ended(server);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
