// Actions that are killed at every step: whatever becomes of their processes and connections, they have to end as if
// nothing had happened. All of a round is decided by its seed.
import { Random } from "../world/random.ts";
import { differences } from "./ending.ts";
import { type Blow, type Kill, kills, play } from "./play.ts";
import { actions, type Scene, type Script } from "./scene.ts";
import { Stage } from "./stage.ts";
import type { Step } from "./wire.ts";

export interface CrashOptions {
  seed: number;
  rounds: number;
  /** Address of a Postgres that knows when transactions were committed. */
  postgres: string;
  report?: (round: Round) => void;
}

export interface Round {
  /** Null for one that no seed decided about. */
  seed: number | null;
  script: Script;
  blows: readonly Blow[];
  /** How many of the blows fell: a process may have nothing left to do at the second one's step. */
  fell: number;
  seconds: number;
  /** What is not as it has to be; empty when all is. */
  wrong: string[];
}

/** How many different plots there are. */
const plots = 16;

/** Plays so many rounds; each one's seed is the number after the one before. */
export async function crash({ seed, rounds, postgres, report }: CrashOptions): Promise<Round[]> {
  const stage = new Stage(postgres);
  try {
    const played: Round[] = [];
    for (let of = seed; of < seed + rounds; of++) {
      const round = await seeded(stage, of);
      played.push(round);
      report?.(round);
    }
    return played;
  } finally {
    await stage.close();
  }
}

/** A round of which the seed decides everything. */
export async function seeded(stage: Stage, seed: number): Promise<Round> {
  const random = new Random(seed);
  const script: Script = {
    action: random.pick(actions),
    databases: random.pick([1, 2]),
    plot: random.int(1, plots),
  };
  const scene = await stage.scene(script);
  return { ...(await round(stage, scene, blowsOf(random, scene))), seed };
}

/** Where an action is killed, and where those are who recover it. */
function blowsOf(random: Random, { steps }: Scene): Blow[] {
  const names = namesOf(steps);
  const blows: Blow[] = [];
  do {
    const name = random.pick(names);
    // A recovery has less to do: it may not come to a later one.
    const most = blows.length === 0 ? steps.filter((step) => step.name === name) : [{ nth: 1 }];
    const { nth } = random.pick(most);
    blows.push({ name, nth, when: random.pick(["before", "after"]), kill: random.pick(kills) });
  } while (blows.length < 3 && random.chance(0.4));
  return blows;
}

/** A round for each step that changes something or asks Stripe; in turns of the process and of connections, before and after. */
export async function walk(stage: Stage, script: Script): Promise<Round[]> {
  const scene = await stage.scene(script);
  const names = namesOf(scene.steps).filter((name) => !name.startsWith("read "));
  const rounds: Round[] = [];
  for (const [n, name] of names.entries()) {
    const of = scene.steps.filter((step) => step.name === name);
    const { nth } = of[Math.floor(of.length / 2)] as Step;
    // In the other mode it is the other kind.
    const turn = n + script.databases;
    const kill = turn % 2 === 0 ? "process" : (kills[1 + (n % 3)] as Kill);
    const blow: Blow = { name, nth, when: n % 4 < 2 ? "before" : "after", kill };
    const again: Blow = {
      name: names[(5 * n) % names.length] as string,
      nth: 1,
      when: "after",
      kill: "process",
    };
    rounds.push(await round(stage, scene, n % 3 === 0 ? [blow, again] : [blow]));
  }
  return rounds;
}

const namesOf = (steps: readonly Step[]) => [...new Set(steps.map((step) => step.name))];

async function round(stage: Stage, scene: Scene, blows: readonly Blow[]): Promise<Round> {
  const began = performance.now();
  const { fell, ending, wrong } = await play(stage, scene, blows);
  if (fell === 0) wrong.push("it never came to the step at which it was to be killed");
  return {
    seed: null,
    script: scene.script,
    blows,
    fell,
    seconds: (performance.now() - began) / 1_000,
    wrong: [
      ...scene.wrong.map((line) => `undisturbed, too: ${line}`),
      ...wrong,
      ...differences(ending, scene.ending),
    ],
  };
}
