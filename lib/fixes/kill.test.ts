// kill -9 at every step of an action and at random instants: whoever goes on ends where an undisturbed one ends, and
// no row was ever written without an intent that was committed before.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { childEnvironment } from "../../sandbox/child-environment.ts";
import { type Accounts, accountsTable, ada, fin, openAccounts } from "../../sandbox/testing-accounts.ts";
import { closeGate, type Gate, type Place } from "../../sandbox/testing-writes.ts";
import { Random } from "../../sandbox/world/random.ts";
import { cancelBulk, getBulk } from "./bulk.ts";
import { executeBulk } from "./execute.ts";
import { recoverFixes } from "./recover.ts";
import { requestRevert } from "./revert.ts";

let company: Accounts;
/** What is wrong: values, rows that are missing, rows that Stripe does not know, rows that somebody changes meanwhile. */
let wrong: string[];
let missing: string[];
const unknown = ["sub_unknown1", "sub_unknown2", "sub_unknown3"];
let touchy: string[];
let everything: string[];
let undisturbed: Awaited<ReturnType<typeof ending>>;

beforeAll(async () => {
  company = await openAccounts({ customers: 2_000, databases: 2 });
  const ids = company.take(1_240);
  [wrong, missing, touchy] = [ids.slice(0, 1_200), ids.slice(1_200, 1_230), ids.slice(1_230)];
  everything = [...ids, ...unknown];
  await company.local.unsafe(`INSERT INTO ${accountsTable} ("stripe ""id""") SELECT unnest($1::text[])`, [
    unknown,
  ]);
  const bulk = await decide();
  await executeBulk(company.desk, bulk);
  undisturbed = await ending(bulk);
  expect(undisturbed.bulk).toMatchObject({ state: "done", total: 1_243, applied: 1_233, stale: 10 });
  expect(new Set(undisturbed.writes.values())).toEqual(new Set([1]));
});
afterAll(() => company.close());

/** Brings the same differences about every time, and decides to correct them. */
async function decide(): Promise<number> {
  await company.local.unsafe(`DELETE FROM ${accountsTable} WHERE "stripe ""id""" = ANY($1::text[])`, [
    missing,
  ]);
  await company.spoil([...wrong, ...touchy], `"the status" = 'past_due', "Updated At" = NULL`);
  await company.spoil(unknown, `"the status" = 'active', "Updated At" = NULL`);
  await findAgain();
  const rows = (await company.found(everything)).filter((row) => row.state === "open");
  expect(rows).toHaveLength(everything.length);
  const { id } = await company.decide("apply", rows, fin);
  await company.spoil(touchy, `"the status" = 'unpaid'`);
  await company.writes.forget();
  return id;
}

/** The first time by a run; then as that run found it, in a version that nobody decided on. */
async function findAgain(): Promise<void> {
  const sql = company.owner;
  const [first] = await sql`SELECT to_regclass('found_first') IS NULL AS yes`;
  if (first?.yes) {
    await company.reconcile();
    await sql`CREATE TABLE found_first AS SELECT * FROM driftdesk.discrepancies`;
  }
  await sql`
    UPDATE driftdesk.discrepancies d
    SET state = f.state, observed = f.observed, fields = f.fields, change = f.change, impact = f.impact,
        version = d.version + 1, closed_at = NULL, decided_by = NULL, decided_at = NULL, bulk_id = NULL
    FROM found_first f WHERE f.id = d.id`;
}

/** Everything that an action leaves behind, but for numbers that sequences give and what an earlier round counted. */
async function ending(bulkId: number) {
  const { id: _, requestKey: __, ...bulk } = (await getBulk(company.desk.sql, bulkId)) ?? {};
  const fixes = await company.desk.sql`
    SELECT d.stripe_id, f.action, f.state, f.message, f.observed, f.expected, f.actor
    FROM driftdesk.fixes f JOIN driftdesk.discrepancies d ON d.id = f.discrepancy_id
    WHERE f.bulk_id = ${bulkId} ORDER BY d.stripe_id`;
  const found = (await company.found(everything)).map(
    ({ stripeId, kind, state, fields, change, impact }) => ({
      stripeId,
      kind,
      state,
      fields,
      change,
      impact,
    }),
  );
  const rows = (await company.rows(everything)).map(({ "the key": _, ...row }) => row);
  return { bulk, fixes: [...fixes], found, rows, writes: await company.writes.rows() };
}

async function endsAsUndisturbed(bulkId: number): Promise<void> {
  expect(await ending(bulkId)).toEqual(undisturbed);
  await company.tellsTheWholeStory();
}

/** Invariant 1: whatever has changed by now was intended before. */
async function nothingUnintended(bulkId: number): Promise<void> {
  const intended = await company.desk.sql<{ id: string }[]>`
    SELECT d.stripe_id AS id FROM driftdesk.fixes f JOIN driftdesk.discrepancies d ON d.id = f.discrepancy_id
    WHERE f.bulk_id = ${bulkId}`;
  const ids = new Set(intended.map((row) => row.id));
  expect([...(await company.writes.rows()).keys()].filter((id) => !ids.has(id))).toEqual([]);
}

function begin(what: number | "recover") {
  const child = spawn(
    process.execPath,
    ["sandbox/testing-apply.ts", String(what), company.desk.now().toISOString()],
    {
      env: {
        ...childEnvironment(),
        ...company.variables,
        DRIFTDESK_CONFIG: join(process.cwd(), "sandbox/accounts.config.ts"),
      },
    },
  );
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]).then(
    ([, error, [code, signal]]) => ({ code: code as number | null, signal: signal as string | null, error }),
  );
  const kill = () => {
    child.kill("SIGKILL");
    return ended;
  };
  return { ended, kill };
}

/** Carries out an action until it comes to a place, and kills it there. */
async function killedAt(bulkId: number | "recover", gate: Gate): Promise<void> {
  const child = begin(bulkId);
  await Promise.race([
    gate.reached(),
    child.ended.then(({ error }) =>
      Promise.reject(new Error(`it ended before it came to the gate: ${error}`)),
    ),
  ]);
  expect(await child.kill()).toMatchObject({ signal: "SIGKILL" });
}

/** Calls the recovery until there is nothing left: the killed one's lock goes a moment after it. */
async function recover(bulkId: number): Promise<void> {
  const state = async () => {
    await recoverFixes(company.desk);
    return (await getBulk(company.desk.sql, bulkId))?.state;
  };
  await expect.poll(state, { timeout: 20_000, interval: 10 }).toBe("done");
}

const own = (place: string) => ({ place: place as Place, where: "own" as const });
const local = (place: string) => ({ place: place as Place, where: "local" as const });
describe("killed", () => {
  test.each([
    ["while it intends the first rows", own("AFTER INSERT ON driftdesk.fixes FOR EACH STATEMENT"), 1],
    ["while it tells what it intends", own("AFTER INSERT ON driftdesk.audit_entries FOR EACH STATEMENT"), 1],
    ["before it writes the first rows", local(`BEFORE UPDATE ON ${accountsTable} FOR EACH STATEMENT`), 1],
    ["in the middle of the rows", local(`BEFORE UPDATE ON ${accountsTable} FOR EACH ROW`), 700],
    ["before it inserts", local(`BEFORE INSERT ON ${accountsTable} FOR EACH ROW`), 17],
    ["before it tells the first outcomes", own("BEFORE UPDATE ON driftdesk.fixes FOR EACH STATEMENT"), 1],
    [
      "while it tells the last outcomes",
      own("AFTER INSERT ON driftdesk.audit_entries FOR EACH STATEMENT"),
      6,
    ],
    ["before it says that it is done", own("AFTER INSERT ON driftdesk.audit_entries FOR EACH STATEMENT"), 7],
  ])("%s", async (_, { place, where }, nth) => {
    const id = await decide();
    const sql = where === "own" ? company.owner : company.local;
    const gate = await closeGate(sql, place, nth);
    await killedAt(id, gate);
    await nothingUnintended(id);
    await gate.lift();
    await recover(id);
    await gate.remove();
    await endsAsUndisturbed(id);
  });

  test("while its last write is on the way to the disk, which arrives after somebody else has looked", async () => {
    const id = await decide();
    const gate = await closeGate(
      company.local,
      `AFTER UPDATE ON ${accountsTable} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW`,
      1,
    );
    await killedAt(id, gate);
    const recovering = recover(id);
    const waiting = async () =>
      (
        await company.local`
          SELECT FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event = 'transactionid' AND query LIKE '%UPDATE%'`
      ).length;
    await expect.poll(waiting, { timeout: 10_000, interval: 10 }).toBe(1);
    await gate.lift();
    await recovering;
    await gate.remove();
    await nothingUnintended(id);
    await endsAsUndisturbed(id);
  });

  test("twice, before it tells outcomes and again in the recovery", async () => {
    const id = await decide();
    const place = "BEFORE UPDATE ON driftdesk.fixes FOR EACH STATEMENT";
    for (const _ of [1, 2]) {
      const gate = await closeGate(company.owner, place, 1);
      await killedAt(_ === 1 ? id : "recover", gate);
      await nothingUnintended(id);
      await gate.lift();
      await gate.remove();
    }
    expect(await begin("recover").ended).toMatchObject({ code: 0, error: "" });
    await endsAsUndisturbed(id);
  });

  test("and taken up when Stripe says something else: what was written is told, not asked about", async () => {
    const id = await decide();
    const [one = ""] = wrong;
    const { status } = company.subscription(one);
    const gate = await closeGate(company.owner, "BEFORE UPDATE ON driftdesk.fixes FOR EACH STATEMENT", 1);
    await killedAt(id, gate);
    await gate.lift();
    await gate.remove();
    company.pass(16 * 60_000);
    company.change(one, { status: "unpaid" });
    await recover(id);
    company.change(one, { status });
    company.pass(-16 * 60_000);
    const { bulk, ...rest } = await ending(id);
    expect(rest).toEqual({ ...undisturbed, bulk: undefined });
    expect(bulk).toMatchObject({ state: "done", applied: 1_233, stale: 10, failed: 0 });
    await company.tellsTheWholeStory();
  });

  const random = new Random(2026);
  test.each([1, 2, 3].map((round) => [round, Math.floor(random.next() * 2 * 1_200)]))(
    "at random, round %i: when %i entries are told",
    async (_, entries) => {
      const id = await decide();
      const child = begin(id);
      const told = async () =>
        (
          await company.desk
            .sql`SELECT FROM driftdesk.audit_entries WHERE bulk_id = ${id} AND fix_id IS NOT NULL LIMIT ${entries}`
        ).length;
      await expect.poll(told, { timeout: 20_000, interval: 1 }).toBeGreaterThanOrEqual(entries);
      expect(await child.kill()).toMatchObject({ signal: "SIGKILL" });
      await nothingUnintended(id);
      expect(await begin("recover").ended).toMatchObject({ code: 0, error: "" });
      await endsAsUndisturbed(id);
    },
  );

  test("and then stopped by a person: what was intended is told all the same", async () => {
    const id = await decide();
    const gate = await closeGate(company.owner, "BEFORE UPDATE ON driftdesk.fixes FOR EACH STATEMENT", 1);
    await killedAt(id, gate);
    await gate.lift();
    await gate.remove();
    const intended = async () =>
      (await company.desk.sql`SELECT FROM driftdesk.fixes WHERE state = 'intended'`).length;
    // The batch that was written, and perhaps the one after it.
    const skipped = 1_243 - (await intended());
    expect([743, 243]).toContain(skipped);
    expect(await cancelBulk(company.desk, id, ada)).toMatchObject({ state: "cancelled", skipped });
    const left = async () => {
      await recoverFixes(company.desk);
      return intended();
    };
    await expect.poll(left, { timeout: 10_000, interval: 10 }).toBe(0);
    const bulk = await getBulk(company.desk.sql, id);
    expect(bulk).toMatchObject({ state: "cancelled", total: 1_243, skipped });
    expect((await company.writes.rows()).size).toBe(bulk?.applied);
    await company.tellsTheWholeStory();
  });
});

describe("killed while it undoes", () => {
  let asUndisturbed: Awaited<ReturnType<typeof ending>>;
  beforeAll(async () => {
    const id = await decideToUndo();
    await executeBulk(company.desk, id);
    asUndisturbed = await ending(id);
    // What was inserted is left out, what somebody changed since is left alone.
    const counts = { total: 1_233, applied: 1_193, stale: 10, skipped: 30 };
    expect(asUndisturbed.bulk).toMatchObject({ kind: "revert", state: "done", ...counts });
    expect(new Set(asUndisturbed.writes.values())).toEqual(new Set([1]));
  });

  /** Corrects everything, lets somebody change some of it, and decides to undo the rest. */
  async function decideToUndo(): Promise<number> {
    const applied = await decide();
    expect(await executeBulk(company.desk, applied)).toMatchObject({ applied: 1_233 });
    await company.spoil(wrong.slice(0, 10), `"the status" = 'unpaid'`);
    await company.writes.forget();
    const requestKey = `undo bulk ${applied}`;
    return (await requestRevert(company.desk, { undo: { bulk: applied }, requestKey }, fin)).id;
  }

  test.each([
    ["while it intends", own("AFTER INSERT ON driftdesk.fixes FOR EACH STATEMENT"), 1],
    ["in the middle of the rows", local(`BEFORE UPDATE ON ${accountsTable} FOR EACH ROW`), 700],
    ["before it tells outcomes", own("BEFORE UPDATE ON driftdesk.fixes FOR EACH STATEMENT"), 1],
    ["while it opens them again", own("BEFORE UPDATE ON driftdesk.discrepancies FOR EACH STATEMENT"), 2],
  ])("%s", async (_, { place, where }, nth) => {
    const id = await decideToUndo();
    const gate = await closeGate(where === "own" ? company.owner : company.local, place, nth);
    await killedAt(id, gate);
    await nothingUnintended(id);
    await gate.lift();
    await recover(id);
    await gate.remove();
    const { bulk, ...rest } = await ending(id);
    expect(rest).toEqual({ ...asUndisturbed, bulk: undefined });
    expect({ ...bulk, reverts: undefined }).toEqual({ ...asUndisturbed.bulk, reverts: undefined });
    await company.tellsTheWholeStory();
  });
});
