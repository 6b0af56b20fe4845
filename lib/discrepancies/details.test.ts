import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createExample } from "../../sandbox/example/create.ts";
import everyType from "../../sandbox/example/every-type.config.ts";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { generateWorld } from "../../sandbox/world/index.ts";
import { addUser } from "../auth/users.ts";
import type { Kind } from "../db/schema.ts";
import { type Actor, type Desk, systemActor } from "../desk.ts";
import { requestBulk } from "../fixes/bulk.ts";
import { executeBulk } from "../fixes/execute.ts";
import { executeRun } from "../reconcile/run.ts";
import { requestRun } from "../reconcile/runs.ts";
import { discrepancyDetails } from "./details.ts";
import { discrepancyFilterSchema } from "./filter.ts";
import { waitingForSecond } from "./waiting.ts";

const now = new Date("2026-11-24T12:00:00Z");
const list = {
  filter: discrepancyFilterSchema.parse({}),
  sort: { by: "impact", direction: "desc" } as const,
};
const ada: Actor = { email: "ada@example.com", name: "Ada Lovelace", role: "admin" };
const grace: Actor = { email: "grace@example.com", name: "Grace Hopper", role: "finance" };

let opened: TestDesk;
let desk: Desk;

beforeAll(async () => {
  const world = generateWorld({ seed: 71, customers: 150, now });
  const pace = { requestsPerSecond: 2_000, perEndpoint: 2_000 };
  opened = await openTestDesk({ world, config: { ...everyType, pace }, now: () => now });
  desk = opened.desk;
  await createExample(opened.local, world, { seed: 71, now });
  await opened.grant();
  await addUser(desk, { ...grace, role: "finance", password: "correct horse battery" }, systemActor);
  const { run } = await requestRun(desk, { mode: "full", trigger: "command", actor: systemActor });
  expect((await executeRun(desk, run.id)).state).toBe("succeeded");
});
afterAll(() => opened.close());

async function oneOf(kind: Kind, more = desk.sql`true`): Promise<{ id: number; version: number }> {
  const [row] = await desk.sql<{ id: number; version: number }[]>`
    SELECT d.id, d.version FROM driftdesk.discrepancies d
    WHERE d.kind = ${kind} AND d.state = 'open' AND ${more} ORDER BY d.id LIMIT 1`;
  if (!row) throw new Error(`the example has no ${kind} like that`);
  return row;
}

describe("the details of a discrepancy", () => {
  test("show the statement that applying it amounts to, guarded by what the record says now", async () => {
    const { id } = await oneOf("mismatch");
    const { discrepancy, statement, obstacle } = await discrepancyDetails(desk, { id, reader: ada, ...list });
    expect(obstacle).toBeNull();
    expect(statement).toMatch(/^UPDATE "/);
    for (const field of discrepancy.fields) {
      expect(statement).toContain(`"${field.name}" = `);
      if (field.local !== null) expect(statement).toContain(`'${field.local.replaceAll("'", "''")}'`);
    }
  });

  test("say why nothing can be applied, and show no statement then", async () => {
    const { id } = await oneOf("duplicate");
    const { statement, obstacle } = await discrepancyDetails(desk, { id, reader: ada, ...list });
    expect(statement).toBeNull();
    expect(obstacle).toMatch(/Which of the local records is right/);
  });

  test("tell whether an amount of money would change", async () => {
    const money = await oneOf("mismatch", desk.sql`d.fields @> '[{"name": "amount_minor"}]'`);
    const other = await oneOf("mismatch", desk.sql`d.change = 'past_due → active'`);
    const changes = async (id: number) =>
      (await discrepancyDetails(desk, { id, reader: ada, ...list })).changesMoney;
    expect(await changes(money.id)).toBe(true);
    expect(await changes(other.id)).toBe(false);
  });

  test("tell what happened, newest first, with people by their names", async () => {
    const { id, version } = await oneOf("mismatch");
    await requestBulk(
      desk,
      {
        kind: "reject",
        selection: { ids: [{ id, version }] },
        reason: "agreed by telephone",
        requestKey: "details-test-1",
      },
      grace,
    );
    const { history, neighbours, discrepancy } = await discrepancyDetails(desk, { id, reader: ada, ...list });
    expect(discrepancy.state).toBe("rejected");
    expect(history.map(({ who, did }) => `${who} ${did}`)).toEqual([
      expect.stringMatching(/^Grace Hopper left .+ as it is$/),
      expect.stringMatching(/^Driftdesk found a difference on /),
    ]);
    expect(history[0]?.more).toContain("“agreed by telephone”");
    expect(history[1]?.changes.length).toBeGreaterThan(0);
    expect(neighbours.place).toBeNull();
  });

  test.each([0, -1, 999_999, Number.NaN, 1.5])(
    "of number %d, which does not exist, are an answer of their own",
    async (id) => {
      await expect(discrepancyDetails(desk, { id, reader: ada, ...list })).rejects.toMatchObject({
        code: "discrepancy_unknown",
        status: 404,
      });
    },
  );
});

test("what waits for a second person comes with who asked and what it would change", async () => {
  const careful = opened.with({
    config: { ...desk.config, fixes: { ...desk.config.fixes, secondPersonAbove: 1 } },
  });
  const filter = discrepancyFilterSchema.parse({ kind: ["mismatch"] });
  const bulk = await requestBulk(
    careful,
    { kind: "apply", selection: { filter, seenUntil: now }, requestKey: "details-test-2" },
    grace,
  );
  expect(bulk.state).toBe("waiting");
  // Other rows that wait, for another action.
  await desk.sql`
    UPDATE driftdesk.discrepancies SET state = 'waiting' WHERE kind = 'duplicate' AND state = 'open'`;
  const [waiting, ...others] = await waitingForSecond(careful, ada);
  expect(others).toEqual([]);
  expect(waiting).toMatchObject({ askedBy: "Grace Hopper", own: false, mayApprove: true, left: bulk.total });
  expect((await waitingForSecond(careful, grace))[0]).toMatchObject({ own: true, mayApprove: false });
  expect(waiting?.changes.reduce((sum, change) => sum + change.count, 0)).toBe(bulk.total);
  expect((await executeBulk(careful, bulk.id)).state).toBe("waiting");
});
