// A Redis for tests: the real one, started on a free port, or none where it is not installed.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { Redis } from "ioredis";
import { freePort } from "../lib/db/free-port.ts";

export interface TestRedis {
  url: string;
  /** What everything in it is called. */
  names(): Promise<string[]>;
  client: Redis;
  /** It takes connections and commands, and answers none of them. */
  hang(): void;
  goOn(): void;
  /** `kill -9`: what it held is gone. */
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** False where `redis-server` is not installed, which is said loudly: what needs it is then not tested. */
export function redisIsHere(): boolean {
  const here = spawnSync("redis-server", ["--version"]).status === 0;
  if (!here)
    console.warn("NOT TESTED: redis-server is not installed, and the tests with a shared cache need it.");
  return here;
}

export async function startRedis(): Promise<TestRedis> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => 50 });
  client.on("error", () => {});
  let child: ChildProcess;
  const start = async () => {
    child = spawn(
      "redis-server",
      ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
      {
        stdio: "ignore",
      },
    );
    for (;;) {
      if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
      const probe = new Redis(url, { lazyConnect: true, retryStrategy: null });
      probe.on("error", () => {});
      const answer = await probe
        .connect()
        .then(() => probe.ping())
        .catch(() => null);
      probe.disconnect();
      if (answer === "PONG") return;
      await wait(20);
    }
  };
  const kill = async () => {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  await start();
  return {
    url,
    client,
    names: async () => (await client.keys("*")).sort(),
    hang: () => void child.kill("SIGSTOP"),
    goOn: () => void child.kill("SIGCONT"),
    kill,
    start,
    async close() {
      client.disconnect();
      if (child.exitCode === null && child.signalCode === null) await kill();
    },
  };
}
