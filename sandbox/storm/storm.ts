// Workers that are killed at random while they do a run: whatever becomes of them, it has to end as if nothing had
// happened. The same seed kills at the same moments, as far as a machine keeps time.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { readEnvironment } from "../../lib/config/environment.ts";
import { desksOf, openDesk, systemActor } from "../../lib/desk.ts";
import { enqueueRun } from "../../lib/jobs/enqueue.ts";
import { closeQueues } from "../../lib/jobs/queues.ts";
import { executeRun } from "../../lib/reconcile/run.ts";
import { getRun, requestRun } from "../../lib/reconcile/runs.ts";
import { childEnvironment } from "../child-environment.ts";
import { createExample } from "../example/create.ts";
import { startSandbox } from "../server/server.ts";
import { Random } from "../world/random.ts";
import { generateWorld } from "../world/world.ts";
import { type EndState, endState, leftovers } from "./end-state.ts";

export interface StormOptions {
  seed: number;
  rounds: number;
  /** How many workers there are, always. */
  workers: number;
  customers: number;
  latencyMs: number;
  /** Makes an empty database; answers its address. */
  database: () => Promise<string>;
  /** Called after each round. */
  report?: (round: Round) => void;
}

export interface Round {
  number: number;
  seed: number;
  kills: number;
  seconds: number;
  /** Of the run; more than once when all who were at it were killed. */
  attempts: number;
  /** What is not as after the undisturbed run; empty when it is. */
  wrong: string[];
}

const now = new Date("2026-11-24T12:00:00Z");
const configFile = join(import.meta.dirname, "../example/every-type.config.ts");
/** A run that takes longer is stuck. */
const patienceMs = 180_000;

export async function storm(options: StormOptions): Promise<Round[]> {
  const { seed, customers, latencyMs } = options;
  const world = generateWorld({ seed, customers, now });
  const sandbox = await startSandbox({ world, now: () => now, latencyMs });
  const prepare = async () => {
    const url = await options.database();
    const variables = {
      DATABASE_URL: url,
      STRIPE_SECRET_KEY: sandbox.secretKey,
      STRIPE_API_BASE: sandbox.url,
      DRIFTDESK_CONFIG: configFile,
    };
    const desks = await openDesk({ environment: readEnvironment(variables) });
    await createExample(desks.sql, world, { seed, now });
    const [desk] = desksOf(desks);
    const { run } = await requestRun(desk, { mode: "full", trigger: "person", actor: systemActor });
    return { desks, variables, id: run.id };
  };
  try {
    const calm = await prepare();
    await executeRun(calm.desks, calm.id);
    const undisturbed = await endState(calm.desks.sql);
    await calm.desks.close();
    const rounds: Round[] = [];
    for (let number = 1; number <= options.rounds; number++) {
      const of = seed * 1_000 + number;
      const prepared = await prepare();
      const round = await disturb(prepared, options.workers, new Random(of), undisturbed);
      await prepared.desks.close();
      rounds.push({ number, seed: of, ...round });
      options.report?.(rounds.at(-1) as Round);
    }
    return rounds;
  } finally {
    await sandbox.close();
  }
}

interface Prepared {
  desks: Awaited<ReturnType<typeof openDesk>>;
  variables: Record<string, string>;
  id: number;
}

async function disturb(
  { desks, variables, id }: Prepared,
  count: number,
  random: Random,
  undisturbed: EndState,
): Promise<Omit<Round, "number" | "seed">> {
  const began = performance.now();
  const workers = Array.from({ length: count }, () => startWorkerProcess(variables));
  const over = async () => (await getRun(desks.sql, id))?.finishedAt != null;
  const until = async (done: () => Promise<boolean>) => {
    while (!(await done()) && performance.now() - began < patienceMs) await wait(50);
  };
  await enqueueRun(desks, id);
  await closeQueues(desks);
  let kills = 0;
  try {
    await until(async () => (await getRun(desks.sql, id))?.state === "running");
    for (const most = random.int(2, 9); kills < most && !(await over()); kills++) {
      await wait(random.int(30, 900));
      const unlucky = random.int(0, count - 1);
      await kill(workers[unlucky] as ChildProcess);
      workers[unlucky] = startWorkerProcess(variables);
    }
    await until(over);
    await until(async () => (await leftovers(desks.sql)).length === 0);
  } finally {
    await Promise.all(workers.map(kill));
  }
  const [state, left, run] = [
    await endState(desks.sql),
    await leftovers(desks.sql),
    await getRun(desks.sql, id),
  ];
  const parts = Object.keys(undisturbed) as (keyof EndState)[];
  const wrong = parts.flatMap((part) => differences(part, state[part], undisturbed[part]));
  return {
    kills,
    seconds: (performance.now() - began) / 1_000,
    attempts: run?.attempts ?? 0,
    wrong: [...wrong, ...left.map((one) => `left behind: ${one}`)],
  };
}

function startWorkerProcess(variables: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, "worker-process.ts")], {
    env: {
      ...childEnvironment(),
      LOG_LEVEL: process.env.LOG_LEVEL ?? "fatal",
      ...variables,
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** The first few lines in which two states are not the same. */
function differences(part: string, is: unknown, was: unknown): string[] {
  if (isDeepStrictEqual(is, was)) return [];
  const lines = (value: unknown) => [value].flat().map((one) => JSON.stringify(one));
  const [present, wanted] = [lines(is), lines(was)];
  const only = (some: string[], others: string[], mark: string) =>
    some.filter((line) => !others.includes(line)).map((line) => `${part} ${mark} ${line}`);
  return [...only(present, wanted, "+"), ...only(wanted, present, "-")].slice(0, 6);
}
