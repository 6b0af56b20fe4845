// The pages: built when the build is missing or older than the sources, then served by a child process.
import { spawn } from "node:child_process";
import { appendFileSync, readdirSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { flagsFor } from "../../bin/node-flags.ts";
import { DriftdeskError } from "../../lib/errors.ts";

type Cleanups = (() => Promise<unknown>)[];
const nextBin = "node_modules/next/dist/bin/next";

export async function refuseTakenPort(port: number): Promise<void> {
  const taken = await new Promise<boolean>((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(true) : reject(error),
    );
    probe.listen(port, () => probe.close(() => resolve(false)));
  });
  if (taken)
    throw new DriftdeskError(
      "port_taken",
      `Port ${port} is taken by another program. Stop it, or choose another port: PORT=${port + 1} npm run demo`,
    );
}

export async function buildWhenNeeded(cleanups: Cleanups, say: (line: string) => void): Promise<void> {
  const built = modified(".next/BUILD_ID");
  const sources = ["app", "components", "lib", "public", "proxy.ts", "next.config.js", "package-lock.json"];
  if (built > Math.max(...sources.map(newest))) return;
  say("Building the pages, once (about a minute)…");
  const build = run(["build"], {});
  cleanups.push(build.stop);
  const code = await build.ended;
  cleanups.splice(cleanups.indexOf(build.stop), 1);
  if (code === 0) return;
  throw new DriftdeskError("build_failed", `The pages could not be built:\n${build.output()}`);
}

/** Starts the web process and waits until it answers. */
export async function serveWeb(
  variables: Record<string, string>,
  port: number,
  cleanups: Cleanups,
): Promise<{ ended: Promise<number | null>; pid: number }> {
  const web = run(["start", "--port", String(port)], variables);
  cleanups.push(web.stop);
  const deadline = Date.now() + 60_000;
  let ended: number | null | undefined;
  void web.ended.then((code) => {
    ended = code;
  });
  for (;;) {
    const answer = await fetch(`http://localhost:${port}/api/health`).catch(() => null);
    if (answer?.ok) return { ended: web.ended, pid: web.pid ?? 0 };
    if (ended !== undefined || Date.now() > deadline)
      throw new DriftdeskError("web_failed", `The web process did not start:\n${web.output()}`);
    await wait(200);
  }
}

/** A child of Next. What it prints is kept, to be shown when it fails. */
function run(args: string[], variables: Record<string, string>) {
  const child = spawn(process.execPath, [...flagsFor(args[0]), nextBin, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: Ctrl-C reaches it through us, after which we can wait for it.
    detached: process.platform !== "win32",
    // The web process lets go of its runs and its database first (app/web-process.ts).
    env: { ...process.env, ...variables, NEXT_MANUAL_SIG_HANDLE: "true", NEXT_TELEMETRY_DISABLED: "1" },
  });
  let text = "";
  const keep = (data: Buffer) => {
    text = (text + data).slice(-8_000);
    // Tests look through all of it.
    if (process.env.DRIFTDESK_DEMO_OUTPUT) appendFileSync(process.env.DRIFTDESK_DEMO_OUTPUT, data);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const ended = new Promise<number | null>((resolve) => {
    child.once("exit", (code) => resolve(code));
    child.once("error", (error) => {
      text += error.message;
      resolve(null);
    });
  });
  return {
    ended,
    pid: child.pid,
    output: () => text.trim(),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      const patience = setTimeout(() => killGroup(child.pid), 10_000);
      await ended;
      clearTimeout(patience);
      killGroup(child.pid);
    },
  };
}

/** Whatever is left of a child and of its own children. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
  } catch {
    // Nobody is left.
  }
}

const modified = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function newest(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}
