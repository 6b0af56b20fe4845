// Plays a scene: an action is carried out and struck down, whoever recovers it is perhaps struck down too, and then it
// comes to its end.
import { setTimeout as wait } from "node:timers/promises";
import { untold } from "../whole-story.ts";
import type { Ended, Task } from "./children.ts";
import { type Ending, ending } from "./ending.ts";
import type { Prepared } from "./scene.ts";
import type { Stage } from "./stage.ts";
import { type Hold, type Link, openWire, type Step, type Wire } from "./wire.ts";
import { unaccounted } from "./witness.ts";

export const kills = ["process", "own", "local", "session"] as const;
/** The process; or its connections to one of the databases; or only the connection that is at the step. */
export type Kill = (typeof kills)[number];

export interface Blow extends Hold {
  kill: Kill;
}

export interface Play {
  /** Those of the first process. */
  steps: readonly Step[];
  /** How many of the blows fell. */
  fell: number;
  ending: Ending;
  /** What must not be, whatever happens. */
  wrong: string[];
}

/** Nothing here takes as long as that. */
const patienceMs = 30_000;

export async function play(stage: Stage, scene: Prepared, blows: readonly Blow[]): Promise<Play> {
  const { own, local } = scene;
  const looking = stage.look(scene);
  const { sql, user } = looking;
  const undo = tell(scene);
  const wires: Wire[] = [];
  const wrong: string[] = [];
  const survivors: { ended: Promise<Ended>; kill: () => void }[] = [];
  let fell = 0;
  try {
    let task: Task = scene.task;
    for (;;) {
      const blow = blows[fell] ?? null;
      const { wire, ended, kill } = await dispatch(stage, scene, { own, local, task, blow });
      wires.push(wire);
      survivors.push({ ended, kill });
      const first = await Promise.race([ended, wire.held, patience()]);
      if (first === "stuck") wrong.push(`it did not come to an end: ${JSON.stringify(task)}`);
      if (typeof first === "object" && "error" in first && first.error !== null) wrong.push(first.error);
      if (first === "stuck" || first === "killed" || "error" in first) break;
      fell++;
      await strike(stage, { kill: (blow as Blow).kill, held: first, wire, own, local }, kill);
      // A killed process's share of the requests would be waited for until it expires, five seconds later.
      await sql`DELETE FROM driftdesk.pace_shares`;
      if (task.what !== "run") task = { what: "recover" };
    }
    const all = Promise.all(survivors.map(({ ended }) => ended));
    if ((await Promise.race([all, patience()])) === "stuck") {
      wrong.push("a process whose connection was killed did not come to an end");
      for (const { kill } of survivors) kill();
      await all;
    }
    wrong.push(...(await untold(sql)), ...(await unaccounted(sql, user, scene.since)));
    const end = await ending(sql, user);
    return { steps: wires[0]?.steps ?? [], fell, ending: end, wrong };
  } finally {
    for (const wire of wires) await wire.close();
    undo();
    await scene.restore(looking);
    await looking.close();
  }
}

/** Stripe says something else from now on. */
function tell({ stripe: { world, changed } }: Prepared): () => void {
  const before = changed.map(({ id }) => world.subscriptions.get(id));
  for (const one of changed) world.subscriptions.put(one);
  return () => {
    for (const one of before) if (one) world.subscriptions.put(one);
  };
}

const patience = () => wait(patienceMs, "stuck" as const, { ref: false });

interface Errand {
  own: string;
  local: string;
  task: Task;
  blow: Blow | null;
}

async function dispatch(stage: Stage, scene: Prepared, { own, local, task, blow }: Errand) {
  const { variables } = scene;
  const wire = await openWire([stage.url(own), variables.STRIPE_API_BASE as string], blow);
  const order = await stage.children.order({
    task,
    now: scene.now,
    variables: {
      ...variables,
      DATABASE_URL: wire.through(stage.appUrl(own)),
      LOCAL_DATABASE_URL: wire.through(stage.appUrl(local)),
      STRIPE_API_BASE: wire.through(variables.STRIPE_API_BASE as string),
    },
  });
  return { wire, ...order };
}

interface Target extends Pick<Errand, "own" | "local"> {
  kill: Kill;
  held: Link;
  wire: Wire;
}

async function strike(stage: Stage, target: Target, killProcess: () => void): Promise<void> {
  const { kill, held, wire, own, local } = target;
  if (kill === "process") return killProcess();
  const links =
    kill === "session"
      ? [held]
      : wire.links().filter((link) => link.database === (kill === "own" ? own : local));
  const ports = links.flatMap((link) => link.port ?? []);
  // Where there is no such connection at this step, the others are killed.
  const doomed = ports.length > 0 ? ports : wire.links().flatMap((link) => link.port ?? []);
  await stage.admin`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_port = ANY(${doomed}::int[])`;
  for (let left = 1; left > 0; )
    left = (await stage.admin`SELECT FROM pg_stat_activity WHERE client_port = ANY(${doomed}::int[])`).length;
  // Its own connection is alive: what was held goes on.
  if (!doomed.includes(held.port ?? 0)) held.release();
}
