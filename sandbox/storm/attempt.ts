// Processes of their own for tests to kill: each takes part in a run, in the commands' own way.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Sql } from "postgres";
import { getRun } from "../../lib/reconcile/runs.ts";
import { childEnvironment } from "../child-environment.ts";

export interface Attempt {
  child: ChildProcess;
  /** The exit code and what it wrote, once it has ended. */
  ended: Promise<{ code: number | null; out: string }>;
}

export interface AttemptOptions {
  /** What the process needs to open the desk, its config included. */
  variables: Record<string, string>;
  now: Date;
  leaseMs: number;
}

export function attemptRun(runId: number, { variables, now, leaseMs }: AttemptOptions): Attempt {
  const lib = (file: string) => JSON.stringify(join(import.meta.dirname, "../../lib", file));
  const script = `
    import { openDesk } from ${lib("desk.ts")};
    import { executeRun } from ${lib("reconcile/run.ts")};
    const desk = await openDesk({ now: () => new Date(${now.getTime()}) });
    try {
      await executeRun(desk, ${runId}, { leaseMs: ${leaseMs} });
    } catch (error) {
      console.log(error.code ?? error);
      process.exitCode = 3;
    } finally {
      await desk.close();
    }`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", script], {
    env: { ...childEnvironment(), ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const out = Promise.all([text(child.stdout), text(child.stderr)]).then((parts) => parts.join(""));
  const ended = once(child, "close").then(async ([code]) => ({
    code: code as number | null,
    out: await out,
  }));
  return { child, ended };
}

export async function kill({ child, ended }: Attempt): Promise<void> {
  child.kill("SIGKILL");
  await ended;
}

/** Starts processes until one of them brings the run to its end; says what they wrote before that. */
export async function bringToEnd(sql: Sql, runId: number, begin: () => Attempt): Promise<string[]> {
  const said: string[] = [];
  for (let tries = 0; tries < 60; tries++) {
    const { code, out } = await begin().ended;
    if (code === 0) return said;
    said.push(out.trim());
    // A killed one's lease has to end first.
    if (!/^(run_busy|run_superseded|database_lost)$/.test(out.trim())) throw new Error(`it said ${out}`);
  }
  const left = await getRun(sql, runId);
  throw new Error(`the run is still ${left?.state}: ${said.join(", ")}`);
}
