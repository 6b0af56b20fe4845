import { setTimeout as wait } from "node:timers/promises";
import type { Sql } from "postgres";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connect } from "../db/connect.ts";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { onRunChange } from "./changes.ts";
import { followRun } from "./follow.ts";

let database: FreshDatabase;
/** Another process. */
let other: Sql;
beforeEach(async () => {
  database = await freshDatabase({ migrated: true });
  other = connect(database.url, { max: 2 });
  await database.sql`
    INSERT INTO driftdesk.runs (mode, trigger, requested_by, state) VALUES ('full', 'person', 'ada', 'running')`;
  await database.sql`INSERT INTO driftdesk.run_resources (run_id, resource) VALUES (1, 'people')`;
});
afterEach(async () => {
  await other.end();
  await database.drop();
});

/** What is seen of run 1 until it ends, as "state objects". */
async function seen(sql: Sql, then: (line: string) => unknown): Promise<string[]> {
  const lines: string[] = [];
  for await (const { run, ended } of followRun(sql, 1, { everyMs: 5 })) {
    lines.push(`${run.state} ${run.resources[0]?.objects}`);
    expect(ended).toBe(run.state === "succeeded");
    await then(lines.at(-1) as string);
  }
  return lines;
}

async function goOn(line: string): Promise<void> {
  if (line === "running 0") await other`UPDATE driftdesk.run_resources SET objects = 5`;
  if (line === "running 5") await other`UPDATE driftdesk.runs SET state = 'succeeded'`;
}

test("what any process writes of a run is heard of at once", async () => {
  const heard: number[] = [];
  const stop = onRunChange(database.sql, (id) => heard.push(id));
  await expect
    .poll(async () => {
      await other`UPDATE driftdesk.runs SET requests = requests + 1`;
      return heard.length;
    })
    .toBeGreaterThan(0);
  const before = heard.length;
  await other`UPDATE driftdesk.run_resources SET pages = 1`;
  await expect.poll(() => heard.length).toBeGreaterThan(before);
  expect(new Set(heard)).toEqual(new Set([1]));
  stop();
  const after = heard.length;
  await other`UPDATE driftdesk.runs SET requests = 0`;
  await wait(50);
  expect(heard).toHaveLength(after);
});

test("a run is followed to its end, with every change", async () => {
  expect(await seen(database.sql, goOn)).toEqual(["running 0", "running 5", "succeeded 5"]);
});

test("where nobody can listen, it is looked for changes instead", async () => {
  const deaf = new Proxy(database.sql, {
    get: (sql, name) =>
      name === "listen" ? () => Promise.reject(new Error("not through a pooler")) : Reflect.get(sql, name),
  });
  expect(await seen(deaf, goOn)).toEqual(["running 0", "running 5", "succeeded 5"]);
});
