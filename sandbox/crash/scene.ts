// What happens when nothing is killed: the records as they are when an action begins, the steps it takes, and its end.
import { join } from "node:path";
import type { Sql } from "postgres";
import type Stripe from "stripe";
import { readEnvironment } from "../../lib/config/environment.ts";
import { loadConfig } from "../../lib/config/load.ts";
import { connect } from "../../lib/db/connect.ts";
import type { BulkAction } from "../../lib/db/schema.ts";
import { appRole, migratedTemplate } from "../../lib/db/testing-server.ts";
import { type Actor, type Desk, desksOf, openDesk, systemActor } from "../../lib/desk.ts";
import { requestBulk } from "../../lib/fixes/bulk.ts";
import { executeBulk } from "../../lib/fixes/execute.ts";
import { requestRevert } from "../../lib/fixes/revert.ts";
import { approveBulk } from "../../lib/fixes/second-person.ts";
import { grantsFor } from "../../lib/grants/grants.ts";
import { executeRun } from "../../lib/reconcile/run.ts";
import { requestRun } from "../../lib/reconcile/runs.ts";
import { createAccounts } from "../accounts-table.ts";
import type { World } from "../world/world.ts";
import type { Task } from "./children.ts";
import type { Ending } from "./ending.ts";
import { play } from "./play.ts";
import { drift, meddle, type Plot, plotOf } from "./plot.ts";
import { snapshot } from "./snapshot.ts";
import { type Looking, now, type Stage } from "./stage.ts";
import { openWire, type Step } from "./wire.ts";
import { post } from "./witness.ts";

export const actions = ["single", "bulk", "revert", "policy"] as const;
export type Action = (typeof actions)[number];

export interface Script {
  action: Action;
  databases: 1 | 2;
  plot: number;
}

/** Ready to be played, any number of times. */
export interface Prepared {
  script: Script;
  /** Driftdesk's database and the user's; the same one when there is one. */
  own: string;
  local: string;
  /** Puts everything back to where the action begins. */
  restore(looking: Looking): Promise<void>;
  variables: Record<string, string>;
  task: Task;
  /** Number of the last fix before. */
  since: number;
  now: string;
  /** What Stripe says by then. */
  stripe: { world: World; changed: Stripe.Subscription[] };
}

export interface Scene extends Prepared {
  steps: readonly Step[];
  ending: Ending;
  /** What must not be, and is so already when nothing is killed. */
  wrong: string[];
}

export async function prepare(stage: Stage, script: Script): Promise<Scene> {
  const prepared = await begin(stage, script);
  const { steps, ending, wrong } = await play(stage, prepared, []);
  const from = steps.findIndex(({ name }) => script.action !== "policy" || name === firstOfPolicies);
  return { ...prepared, steps: steps.slice(from), ending, wrong };
}

const person = (name: string): Actor => ({ email: `${name}@example.com`, name, role: "finance" });
const [fin, flo] = [person("fin"), person("flo")];

async function begin(stage: Stage, script: Script): Promise<Prepared> {
  const own = await stage.create(migratedTemplate);
  const local = script.databases === 2 ? await stage.create("template1") : own;
  const looking = stage.look({ own, local });
  const { sql, user } = looking;
  const sandbox = await stage.sandbox(script.plot);
  const variables = {
    STRIPE_SECRET_KEY: sandbox.secretKey,
    STRIPE_API_BASE: sandbox.url,
    DRIFTDESK_CONFIG: join(
      import.meta.dirname,
      script.action === "policy" ? "policy.config.ts" : "../accounts.config.ts",
    ),
  };
  const subscriptions = [...sandbox.world.subscriptions.values()];
  const plot = plotOf(script.plot, subscriptions);
  await createAccounts(user, subscriptions);
  await drift(user, plot);
  await grant(stage, script, local, variables.DRIFTDESK_CONFIG);
  const addresses = { DATABASE_URL: stage.appUrl(own), LOCAL_DATABASE_URL: stage.appUrl(local) };
  const task = await decided({ ...variables, ...addresses }, script);
  if (task.what === "run") await interrupt(stage, { ...variables, ...addresses }, task);
  // What the interrupted one had of the account's requests would be waited for.
  await sql`DELETE FROM driftdesk.pace_shares`;
  await meddle(user, plot);
  await post(user);
  const [last] = await sql<{ id: number }[]>`SELECT coalesce(max(id), 0)::bigint AS id FROM driftdesk.fixes`;
  const [restoreOwn, restoreLocal] = [await snapshot(sql), user === sql ? null : await snapshot(user)];
  await looking.close();
  return {
    script,
    own,
    local,
    restore: async (again) => {
      await restoreOwn(again.sql);
      await restoreLocal?.(again.user);
    },
    variables,
    task,
    since: last?.id ?? 0,
    now: new Date(now.getTime() + (plot.late ? 16 * 60_000 : 1_000)).toISOString(),
    stripe: { world: sandbox.world, changed: changedAtStripe(sandbox.world, plot) },
  };
}

/** Lets Driftdesk's role do on these tables what the config takes. */
async function grant(
  stage: Stage,
  { databases }: Script,
  database: string,
  configFile: string,
): Promise<void> {
  // One connection, which the script's transaction is on.
  const owner = connect(stage.url(database), { max: 1 });
  const local = { local: owner, config: await loadConfig(configFile) };
  await owner.unsafe(await grantsFor(appRole.name, databases === 1 ? ["own", local] : [local]));
  await owner.end();
}

/** What people want, down to where a process has to begin with it. */
async function decided(variables: Record<string, string>, script: Script): Promise<Task> {
  const environment = readEnvironment(variables);
  const config = await loadConfig(environment.configFile);
  const opened = await openDesk({ environment, config, now: () => now });
  try {
    const [desk] = desksOf(opened);
    const { run } = await requestRun(desk, { mode: "full", trigger: "command", actor: systemActor });
    if (script.action === "policy") return { what: "run", run: run.id };
    const { state, message } = await executeRun(desk, run.id);
    if (state !== "succeeded") throw new Error(`the run is ${state}: ${message}`);
    await desk.sql`INSERT INTO driftdesk.users ${desk.sql([fin, flo], "email", "name", "role")}`;
    const all = await found(desk.sql);
    const bulk = await agreed(desk, await apply(desk, script.action === "single" ? all.slice(0, 1) : all));
    if (script.action !== "revert") return { what: "carry out", bulk };
    await executeBulk(desk, bulk);
    const request = { undo: { bulk }, reason: "It was right before.", requestKey: "undo that" };
    return { what: "carry out", bulk: await agreed(desk, await requestRevert(desk, request, fin)) };
  } finally {
    await opened.close();
  }
}

const apply = (desk: Desk, ids: { id: number; version: number }[]) =>
  requestBulk(
    desk,
    { kind: "apply", selection: { ids }, reason: "As Stripe says.", requestKey: "decision" },
    fin,
  );

async function agreed(desk: Desk, bulk: BulkAction): Promise<number> {
  if (bulk.state === "waiting") await approveBulk(desk, bulk.id, flo);
  return bulk.id;
}

/** Has a run come to where policies decide: everything before that is the storm's. */
async function interrupt(stage: Stage, variables: Record<string, string>, task: Task): Promise<void> {
  const hold = { name: firstOfPolicies, nth: 1, when: "before" } as const;
  const urls = [variables.DATABASE_URL, variables.STRIPE_API_BASE] as [string, string];
  const wire = await openWire(urls, hold);
  const through = Object.entries(variables).map(([name, value]) => [
    name,
    /_URL$|_BASE$/.test(name) ? wire.through(value) : value,
  ]);
  const { ended, kill } = await stage.children.order({
    task,
    now: now.toISOString(),
    variables: Object.fromEntries(through),
  });
  const first = await Promise.race([ended, wire.held]);
  if (first === "killed" || "error" in first)
    throw new Error(`no policy decided anything: ${JSON.stringify(first)}`);
  kill();
  await ended;
  await wire.close();
}

const firstOfPolicies = "insert bulk_actions";

const found = (sql: Sql) => sql<{ id: number; version: number }[]>`
  SELECT id, version FROM driftdesk.discrepancies WHERE state = 'open' ORDER BY id`;

function changedAtStripe(world: World, plot: Plot): Stripe.Subscription[] {
  return plot.renewed.map((id) => ({
    ...(world.subscriptions.get(id) as Stripe.Subscription),
    status: "unpaid",
  }));
}
