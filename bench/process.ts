import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { nodeFlags } from "../bin/node-flags.ts";

export interface BenchProcess {
  /** The next line that it writes, as JSON. */
  line(): Promise<unknown>;
  /** Sends it a line. */
  say(line: string): void;
  /** Asks it to end, by closing its input. */
  end(): void;
  ended: Promise<unknown>;
}

/** Starts a script of this folder as a process of its own. */
export function startProcess(
  script: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
  flags: readonly string[] = nodeFlags,
): BenchProcess {
  const child = spawn(process.execPath, [...flags, join(import.meta.dirname, script), ...args], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  return {
    ended,
    say: (line) => child.stdin.write(`${line}\n`),
    end: () => child.stdin.end(),
    async line() {
      const first = await Promise.race([once(lines, "line"), ended.then(([code]) => Number(code))]);
      if (typeof first === "number") throw new Error(`${script} ended with ${first} before it answered`);
      return JSON.parse(String(first[0]));
    },
  };
}
