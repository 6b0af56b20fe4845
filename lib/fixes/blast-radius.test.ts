// A wrong key, a wrong mode or a wrong mapping never rewrites a table by itself: each is stopped before a single write,
// also where there is no history that could tell, and where too few rows are missing to look suspicious.
import { afterEach, expect, test } from "vitest";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { generateWorld, type World } from "../../sandbox/world/world.ts";
import type { ConfigDefinition } from "../config/define.ts";
import type { Config, Field, Resource } from "../config/resource.ts";
import type { RunMode, Targets } from "../db/schema.ts";
import { type Desk, systemActor } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { executeRun } from "../reconcile/run.ts";
import { type RunView, requestRun } from "../reconcile/runs.ts";
import { createStripeReader } from "../stripe/client.ts";
import type { StripeReader } from "../stripe/reader.ts";
import { mostAtOnce } from "./blast-radius.ts";

const now = new Date("2026-11-24T12:00:00Z");
const pace = { requestsPerSecond: 10_000, perEndpoint: 10_000 };
/** Everything that can be corrected by itself is. */
const config = {
  resources: {
    subscriptions: {
      stripe: "subscription",
      table: "accounts",
      key: "id",
      stripeId: "stripe_id",
      updatedAt: "updated_at",
      policy: "auto",
      fields: { status: "status", collection: "collection_method" },
      missingInStripe: { set: { status: "canceled" } },
      missingLocal: {
        insert: (s) => ({ stripe_id: s.id, status: s.status, collection: s.collection_method }),
      },
    },
  },
  pace,
} satisfies ConfigDefinition;

let opened: TestDesk | undefined;
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

const keys = { test: "sk_test_other", live: "sk_live_own" };

interface Company extends TestDesk {
  /** The desk with the key of `other`. */
  other: Desk;
}

/** A company whose rows say what `world` does, and a second key, which opens `other`. */
async function open(
  world: World,
  other: World,
  change: { key?: string; own?: string; config?: Partial<ConfigDefinition>; tables?: string } = {},
): Promise<Company> {
  const { key = keys.test, own = keys.live } = change;
  const given = { ...config, ...change.config } as ConfigDefinition;
  const others = [
    { world: other, secretKey: key },
    { world, secretKey: own },
  ];
  opened = await openTestDesk({ world, config: given, now: () => now, sandbox: { others } });
  const { local, sandbox, desk } = opened;
  await local`
    CREATE TABLE accounts (id serial PRIMARY KEY, stripe_id text, status text, collection text, updated_at timestamptz)`;
  if (change.tables) await local.unsafe(change.tables);
  await opened.grant();
  const rows = [...world.subscriptions.values()].map((s) => ({
    stripe_id: s.id,
    status: s.status,
    collection: s.collection_method,
  }));
  await local`INSERT INTO accounts ${local(rows)}`;
  const with_ = (secretKey: string): Desk => ({
    ...desk,
    stripe: createStripeReader({ secretKey, apiBase: sandbox.url, pace }),
  });
  return { ...opened, desk: with_(own), other: with_(key) };
}

/** Few enough that whatever is missing does not look suspicious by itself. */
const small = (seed: number) => generateWorld({ seed, customers: 40, now, invoicesPerSubscription: 0 });

async function run(desk: Desk, mode: RunMode = "full", targets?: Targets): Promise<RunView> {
  const request = { mode, targets, trigger: "command", actor: systemActor } as const;
  return executeRun(desk, (await requestRun(desk, request)).run.id);
}

const table = async (t: TestDesk) => [...(await t.local`SELECT * FROM accounts ORDER BY id`)];
/** Runs, and expects that not a single row was written or even intended. */
async function writesNothing(t: TestDesk, running: () => Promise<RunView>): Promise<RunView> {
  const before = await table(t);
  const ended = await running();
  expect(await table(t)).toEqual(before);
  const intended = await t.desk.sql`
    SELECT id FROM driftdesk.fixes UNION ALL SELECT id FROM driftdesk.bulk_actions`;
  expect([...intended]).toEqual([]);
  return ended;
}
const heldBack = (ended: RunView) => ended.resources.map((resource) => resource.heldBack);
const noneFound = "No local record was found in Stripe: the key, its mode or the mapping may be wrong.";

test("a test key against live rows, before anything was ever compared", async () => {
  const t = await open(small(5), small(6));
  const ended = await writesNothing(t, () => run(t.other));
  expect(ended).toMatchObject({ state: "succeeded", resources: [{ state: "done", fixed: 0 }] });
  expect(ended.resources[0]?.missingInStripe).toBeGreaterThan(20);
  expect(heldBack(ended)).toEqual([noneFound]);
});

test("a test key where nearly all rows say already what would be set: the last few active ones stay", async () => {
  const t = await open(small(5), small(6));
  await t.local`UPDATE accounts SET status = 'canceled' WHERE id > 1`;
  await t.local`UPDATE accounts SET status = 'active' WHERE id = 1`;
  const without = { ...t.other, config: onlyMissingInStripe(t.other.config) };
  const ended = await writesNothing(t, () => run(without));
  expect(ended.resources[0]).toMatchObject({ missingInStripe: 1, heldBack: noneFound });
});

/** Without inserts, so that the one row is all that is due. */
function onlyMissingInStripe(of: Config): Config {
  const [resource] = of.resources as [Resource];
  return { ...of, resources: [{ ...resource, missingLocal: "report" }] };
}

test("a test key against rows that were live before", async () => {
  const [world, other] = [small(5), small(6)];
  // In both modes Stripe's account has the same id.
  other.account.id = world.account.id;
  const t = await open(world, other);
  expect(await run(t.desk)).toMatchObject({ state: "succeeded" });
  const ended = await writesNothing(t, () => run(t.other));
  expect(ended).toMatchObject({ state: "failed", errorCode: "mode_mismatch" });
});

test("another account's key: refused by a pin; without one held back, even where its objects look like the own", async () => {
  const world = small(5);
  // A sister company whose objects match the rows, but for one.
  const sister = small(5);
  sister.account.id = "acct_sister";
  const [first] = sister.subscriptions.values();
  sister.subscriptions.put({ ...first, status: "unpaid" } as never);
  const t = await open(world, sister, { key: "sk_live_sister" });
  expect(await run(t.desk)).toMatchObject({ state: "succeeded", accountId: world.account.id });
  const ended = await writesNothing(t, () => run(t.other));
  expect(ended).toMatchObject({ state: "succeeded", resources: [{ mismatch: 1, fixed: 0 }] });
  expect(heldBack(ended)).toEqual([
    `Earlier runs compared ${world.account.id}, this one acct_sister. If that is meant, set account.id in the config.`,
  ]);
  const pinnedTo = (id: string): Desk => ({
    ...t.other,
    config: { ...t.other.config, account: { ...t.other.config.account, id } },
  });
  const refused = await writesNothing(t, () => run(pinnedTo(world.account.id)));
  expect(refused).toMatchObject({ state: "failed", errorCode: "account_mismatch" });
  expect(await run(pinnedTo("acct_sister"))).toMatchObject({
    resources: [{ mismatch: 1, fixed: 1, heldBack: null }],
  });
});

test("a mapping on the wrong column, as a whole and by single customers", async () => {
  const t = await open(small(5), small(6));
  expect((await run(t.desk)).resources[0]).toMatchObject({ mismatch: 0, heldBack: null });
  const [resource] = t.desk.config.resources as [Resource];
  const wrong = (fields: readonly Field[], match = resource.match): Desk => ({
    ...t.desk,
    config: { ...t.desk.config, resources: [{ ...resource, fields, match }] },
  });
  const [status, collection] = resource.fields as [Field, Field];
  const swapped = wrong([
    { ...status, column: "collection" },
    { ...collection, column: "status" },
  ]);
  // Before any run has read everything by it.
  const id = [...t.sandbox.world.subscriptions.values()][0]?.id as string;
  const single = await writesNothing(t, () => run(swapped, "targeted", { ids: [id] }));
  expect(single.resources[0]).toMatchObject({
    mismatch: 1,
    heldBack: "No run has read everything by this mapping yet; a full run does.",
  });
  const whole = await writesNothing(t, () => run(swapped, "incremental"));
  const rows = t.sandbox.world.subscriptions.size;
  expect(whole).toMatchObject({ mode: "full", resources: [{ mismatch: rows }] });
  expect(heldBack(whole)).toEqual([
    `${rows} records would be corrected of ${rows} that are in Stripe, and the limit is ${Math.floor(rows / 10)}.`,
  ]);
  for (const _ of [1, 2]) {
    const later = await writesNothing(t, () => run(swapped, "targeted", { ids: [id] }));
    expect(heldBack(later)).toEqual(heldBack(whole));
  }
  const unmatched = await writesNothing(t, () => run(wrong(resource.fields, { column: "status", by: "id" })));
  expect(heldBack(unmatched)).toEqual([noneFound]);
});

test("an empty Stripe answer", async () => {
  const empty = generateWorld({ seed: 8, customers: 0, now });
  const t = await open(small(5), empty);
  const ended = await writesNothing(t, () => run(t.other));
  const living = [...t.sandbox.world.subscriptions.values()].filter((s) => s.status !== "canceled");
  expect(ended.resources[0]).toMatchObject({ missingInStripe: living.length });
  expect(heldBack(ended)).toEqual([noneFound]);
});

test("an empty local table, also when the config allows everything", async () => {
  const t = await open(small(5), small(6), {
    config: { fixes: { autoLimit: { rows: 1_000_000, share: 1 } } },
  });
  await run(t.desk);
  await t.local`TRUNCATE accounts`;
  const ended = await writesNothing(t, () => run(t.desk));
  expect(ended.resources[0]).toMatchObject({ missingLocal: t.sandbox.world.subscriptions.size });
  expect(heldBack(ended)).toEqual([noneFound]);
});

test("a part that the run does not believe holds back the others", async () => {
  const world = generateWorld({ seed: 5, customers: 130, now, invoicesPerSubscription: 0 });
  const both = {
    resources: {
      ...config.resources,
      people: {
        stripe: "customer",
        table: "people",
        key: "id",
        stripeId: "stripe_id",
        fields: { email: "email" },
      },
    },
  } satisfies Partial<ConfigDefinition>;
  const tables = "CREATE TABLE people (id serial PRIMARY KEY, stripe_id text, email text)";
  const t = await open(world, small(6), { config: both, tables });
  await t.local`UPDATE accounts SET status = 'nonsense' WHERE id = 1`;
  const doubted = await writesNothing(t, () => run(t.desk));
  expect(doubted).toMatchObject({ state: "suspicious" });
  expect(heldBack(doubted)).toEqual([
    null,
    "The run did not believe what it saw of people: the key may be a wrong one.",
  ]);
});

test("what was seen before Stripe stopped answering is not corrected by itself", async () => {
  const t = await open(small(5), small(6));
  await run(t.desk);
  const [one, two] = [...t.sandbox.world.subscriptions.keys()] as [string, string];
  await t.local`UPDATE accounts SET status = 'nonsense' WHERE stripe_id IN (${one}, ${two})`;
  const { stripe } = t.desk;
  const retrieve: StripeReader["retrieve"] = (type, id, expand) =>
    id === two
      ? Promise.reject(new DriftdeskError("stripe_unreachable", "Stripe does not answer."))
      : stripe.retrieve(type, id, expand);
  const deaf = { ...t.desk, stripe: { ...stripe, retrieve } };
  const ended = await writesNothing(t, () => run(deaf, "targeted", { ids: [one, two] }));
  expect(ended.resources[0]).toMatchObject({ state: "incomplete", mismatch: 1 });
  expect(heldBack(ended)).toEqual(["Not everything could be read, so it is not known how much is wrong."]);
  expect(await run(t.desk, "targeted", { ids: [one, two] })).toMatchObject({ resources: [{ fixed: 2 }] });
});

test("far more differences than usual, although the limit would allow them", async () => {
  const world = generateWorld({ seed: 5, customers: 130, now, invoicesPerSubscription: 0 });
  const t = await open(world, small(6), { config: { fixes: { autoLimit: { rows: 1_000, share: 1 } } } });
  const drift = async (rows: number) => {
    await t.local`UPDATE accounts SET status = 'nonsense' WHERE id <= ${rows}`;
    return (await run(t.desk)).resources[0];
  };
  // A beginning has no history.
  expect(await drift(60)).toMatchObject({ fixed: 60 });
  for (const rows of [3, 0, 4, 2]) expect(await drift(rows)).toMatchObject({ fixed: rows, heldBack: null });
  for (const _ of [1, 2, 3, 4, 5, 6])
    expect(await drift(51)).toMatchObject({
      fixed: 0,
      // What is held back does not become usual.
      heldBack: "51 differences are open, and 3 are usual.",
    });
  await t.local`UPDATE accounts a SET status = s.status FROM (
    SELECT stripe_id, expected ->> 'status' AS status FROM driftdesk.discrepancies) s
    WHERE s.stripe_id = a.stripe_id AND a.id <= 3`;
  expect(await drift(0)).toMatchObject({ fixed: 48, heldBack: null });
});

test.each([
  [500, 0.02, 1_000_000, 500],
  [500, 0.02, 10_000, 200],
  [500, 0.02, 250, 5],
  [500, 0.02, 50, 5],
  [500, 0.02, 10, 1],
  [500, 0.02, 9, 0],
  [500, 0.02, 0, 0],
  [3, 0.02, 250, 3],
  [500, 0, 250, 0],
  [0, 1, 250, 0],
  [500, 1, 20, 20],
])(
  "a limit of %i rows and a share of %f lets through, of %i records, at most %i",
  (rows, share, paired, most) => {
    expect(mostAtOnce({ rows, share }, paired)).toBe(most);
  },
);
