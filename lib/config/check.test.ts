import { afterEach, beforeEach, expect, test } from "vitest";
import { createExample } from "../../sandbox/example/create.ts";
import everyType from "../../sandbox/example/every-type.config.ts";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { generateWorld } from "../../sandbox/world/index.ts";
import type { Desk } from "../desk.ts";
import { createStripeReader } from "../stripe/client.ts";
import { checkConfig, type Finding, renderFinding } from "./check.ts";
import { checkWebhooks } from "./check-webhooks.ts";
import { parseConfig } from "./schema.ts";

const now = new Date("2026-11-24T12:00:00Z");
const world = generateWorld({ seed: 4, customers: 120, now });
const restricted = "rk_test_restricted000000000000";
const withoutEvents = "rk_test_withoutevents0000000000";
const rights = ["rak_accounts_kyc_basic_read", "rak_subscription_read", "rak_customer_read"];
const pace = { requestsPerSecond: 5_000, perEndpoint: 5_000 };

let t: TestDesk;
beforeEach(async () => {
  t = await openTestDesk({
    world,
    config: { ...everyType, pace },
    now: () => now,
    sandbox: {
      restrictedKeys: {
        [restricted]: [...rights, "rak_event_read"],
        [withoutEvents]: rights,
      },
    },
  });
});
afterEach(() => t.close());

/** A small table of subscriptions, three rows that are right, and its mapping. */
const accounts = {
  stripe: "subscription",
  table: "accounts",
  key: "id",
  stripeId: "stripe_id",
  updatedAt: "updated_at",
  fields: { state: { from: "status", values: states("active") }, plan: "description" },
  access: { field: "state", granted: ["active"] },
};

/** All of Stripe's values, mapped to one of ours. */
function states(local: string): Record<string, string> {
  const all = [
    "active",
    "trialing",
    "past_due",
    "unpaid",
    "paused",
    "incomplete",
    "incomplete_expired",
    "canceled",
  ];
  return Object.fromEntries(all.map((status) => [status, local]));
}

/** The table, with the rights that its mapping takes. */
async function createAccounts(): Promise<void> {
  await t.local`CREATE TYPE "account state" AS ENUM ('active', 'locked')`;
  await t.local`CREATE TABLE accounts (
    id serial PRIMARY KEY, stripe_id text UNIQUE, state "account state" NOT NULL, plan varchar(40),
    name text, born date, shout text GENERATED ALWAYS AS (upper(name)) STORED, updated_at timestamptz)`;
  const ids = [...world.subscriptions.keys()].slice(0, 3);
  await t.local`INSERT INTO accounts ${t.local(ids.map((id) => ({ stripe_id: id, state: "active" })))}`;
  await t.grant({ config: { resources: { accounts: accounts as never } } });
}

async function check(given: object, change: Partial<Desk> = {}): Promise<Finding[]> {
  const { config, issues } = parseConfig(given);
  if (!config) throw new Error(JSON.stringify(issues));
  // What is not there cannot be granted: it is what is looked for then.
  await t.grant({ config: config.accounts[0] }).catch(() => {});
  return checkConfig(t.with({ config: config.accounts[0], ...change }));
}

/** What is wrong with the mapping of accounts, after a change to it. */
async function problems(change: object, top: object = {}, desk: Partial<Desk> = {}) {
  const findings = await check({ resources: { accounts: { ...accounts, ...change } }, ...top }, desk);
  return findings
    .filter((finding) => finding.level !== "ok")
    .map(({ level, code, where, message }) => [level, code, where, message]);
}

/** The same without the message. */
async function codes(...given: Parameters<typeof problems>) {
  return (await problems(...given)).map((problem) => problem.slice(0, 3));
}

test("the example's mapping is right on both sides: a line for each resource, and the account", async () => {
  await createExample(t.local, world, { seed: 4, now });
  await t.grant();
  const findings = await checkConfig(t.desk);
  expect(findings.filter((finding) => finding.level === "error")).toEqual([]);
  expect(findings.filter((finding) => finding.level === "ok").map((finding) => finding.where)).toEqual([
    "account",
    ...Object.keys(everyType.resources).map((name) => `resources.${name}`),
  ]);
});

test("a mapping without mistakes has no findings but ok", async () => {
  await createAccounts();
  expect(await problems({})).toEqual([]);
});

test("tables and columns that are not there, with the name that was meant", async () => {
  await createAccounts();
  expect(await problems({ table: "acounts" })).toEqual([
    [
      "error",
      "table_missing",
      "resources.accounts.table",
      'there is no table "public.acounts"; did you mean "public.accounts"?',
    ],
  ]);
  await t.local`CREATE SCHEMA billing`;
  await t.local`CREATE TABLE billing."Ledger" (id int)`;
  expect((await problems({ table: "Ledger" }))[0]?.[3]).toContain('did you mean "billing.Ledger"?');
  expect(
    await problems({
      key: "ids",
      label: "nmae",
      fields: { statte: "status", plan: "description" },
      access: undefined,
    }),
  ).toEqual([
    [
      "error",
      "column_missing",
      "resources.accounts.key",
      'table public.accounts has no column "ids"; did you mean "id"?',
    ],
    [
      "error",
      "column_missing",
      "resources.accounts.label",
      'table public.accounts has no column "nmae"; did you mean "name"?',
    ],
    [
      "error",
      "column_missing",
      "resources.accounts.fields.statte",
      'table public.accounts has no column "statte"; did you mean "state"?',
    ],
  ]);
});

test("values that a column cannot hold", async () => {
  await createAccounts();
  const mapped = { state: { from: "status", values: { ...states("active"), canceled: "closed" } } };
  expect(await problems({ fields: mapped, access: { field: "state", granted: ["activ"] } })).toEqual([
    [
      "error",
      "value_does_not_fit",
      "resources.accounts.fields.state.values.canceled",
      expect.stringContaining("active, locked"),
    ],
    [
      "error",
      "value_does_not_fit",
      "resources.accounts.access.granted.0",
      expect.stringContaining("active, locked"),
    ],
  ]);
  expect(await problems({ access: { field: "state", granted: ["locked"] } })).toEqual([
    [
      "warning",
      "granted_unreachable",
      "resources.accounts.access.granted.0",
      'no value of Stripe\'s is mapped to "locked"',
    ],
  ]);
  expect(await codes({ missingInStripe: { set: { state: null } } })).toEqual([
    ["error", "null_not_allowed", "resources.accounts.missingInStripe.set.state"],
  ]);
  expect(await codes({ updatedAt: "born" })).toEqual([
    ["error", "updated_at_not_a_time", "resources.accounts.updatedAt"],
  ]);
  expect(await codes({ fields: { ...accounts.fields, shout: "description" } })).toEqual([
    ["error", "column_generated", "resources.accounts.fields.shout"],
  ]);
});

test("a condition that Postgres does not take, and one that it does", async () => {
  await createAccounts();
  expect(await problems({ where: "deleted IS NULL" })).toEqual([
    [
      "error",
      "where_invalid",
      "resources.accounts.where",
      expect.stringContaining('column "deleted" does not exist'),
    ],
  ]);
  expect(await problems({ where: "name IS NULL" })).toEqual([]);
});

test("keys that are not unique, and several rows of one object", async () => {
  await createAccounts();
  expect(await codes({ key: "updated_at" })).toEqual([
    ["warning", "key_not_unique", "resources.accounts.key"],
  ]);
  await t.local`UPDATE accounts SET name = 'same'`;
  expect(await problems({ key: "name" })).toEqual([
    ["error", "key_not_unique", "resources.accounts.key", expect.stringContaining('1 values of "name"')],
  ]);
  await t.local`ALTER TABLE accounts DROP CONSTRAINT accounts_stripe_id_key`;
  await t.local`UPDATE accounts SET stripe_id = (SELECT min(stripe_id) FROM accounts)`;
  expect(await codes({})).toEqual([["warning", "match_not_unique", "resources.accounts.stripeId"]]);
  expect(await problems({ where: "id = 1" })).toEqual([]);
});

test("rights that are missing in the database, each with the statement that grants it", async () => {
  await createAccounts();
  await t.local`DROP ROLE IF EXISTS check_reader`;
  await t.local`CREATE ROLE check_reader`;
  await t.local`GRANT SELECT (id, stripe_id, state) ON accounts TO check_reader`;
  await t.local`GRANT UPDATE (state) ON accounts TO check_reader`;
  const insert = { insert: () => ({}) };
  try {
    // One connection that stays in the role; a pool would hand out others.
    const reserved = await t.local.reserve();
    await reserved`SET ROLE check_reader`;
    const local = Object.assign(reserved, { begin: t.local.begin }) as unknown as Desk["local"];
    const { config } = parseConfig({ resources: { accounts: { ...accounts, missingLocal: insert } } });
    if (!config) throw new Error("the config is right");
    const findings = await checkConfig(t.with({ config: config.accounts[0], local }));
    await reserved`RESET ROLE`;
    reserved.release();
    const wrong = findings.filter((finding) => finding.level !== "ok");
    expect(wrong.map(({ level, code, remedy }) => [level, code, remedy])).toEqual([
      [
        "error",
        "select_not_granted",
        'GRANT SELECT ("updated_at", "plan") ON "public"."accounts" TO "check_reader"',
      ],
      ["warning", "xmin_not_granted", 'GRANT SELECT ("xmin") ON "public"."accounts" TO "check_reader"'],
      [
        "warning",
        "update_not_granted",
        'GRANT UPDATE ("plan", "updated_at") ON "public"."accounts" TO "check_reader"',
      ],
      ["warning", "insert_not_granted", 'GRANT INSERT ON "public"."accounts" TO "check_reader"'],
      [
        "warning",
        "insert_not_granted",
        'GRANT USAGE ON SEQUENCE "public"."accounts_id_seq" TO "check_reader"',
      ],
    ]);
  } finally {
    await t.local`DROP OWNED BY check_reader`;
    await t.local`DROP ROLE check_reader`;
  }
});

test("the webhook log's table and columns", async () => {
  await createAccounts();
  await t.local`CREATE TABLE hooks (event_id text, received timestamptz, done boolean)`;
  const webhookLog = { table: "hooks", eventId: "event_id", receivedAt: "received_at" };
  expect(await problems({}, { webhookLog })).toEqual([
    ["error", "column_missing", "webhookLog.receivedAt", expect.stringContaining('did you mean "received"?')],
  ]);
  expect(
    await codes({}, { webhookLog: { ...webhookLog, receivedAt: "received", processedAt: "done" } }),
  ).toEqual([["error", "webhook_log_not_a_time", "webhookLog.processedAt"]]);
  expect(await codes({}, { webhookLog: { ...webhookLog, table: "hookz" } })).toEqual([
    ["error", "table_missing", "webhookLog.table"],
  ]);
});

const withKey = (secretKey: string) => ({
  stripe: createStripeReader({ secretKey, apiBase: t.sandbox.url, pace, maxAttempts: 1 }),
});

test("a key of another account, of another mode, or no key at all", async () => {
  await createAccounts();
  expect(await problems({}, { account: { id: "acct_other" } })).toEqual([
    ["error", "account_mismatch", "account.id", expect.stringContaining(world.account.id)],
  ]);
  await t.desk
    .sql`INSERT INTO driftdesk.accounts (id, livemode, first_seen_at) VALUES (${world.account.id}, true, now())`;
  expect(await codes({})).toEqual([["error", "mode_mismatch", "account"]]);
  expect(await codes({}, {}, withKey("sk_test_unknown"))).toEqual([
    ["error", "stripe_key_rejected", "account"],
  ]);
});

test("a key that is not pinned, where nobody looks before something is written", async () => {
  await createAccounts();
  expect(await problems({ policy: "auto" })).toEqual([
    [
      "warning",
      "account_not_pinned",
      "account.id",
      expect.stringContaining("accounts is corrected without a person"),
    ],
  ]);
  expect(await problems({ policy: "auto" }, { account: { id: world.account.id } })).toEqual([]);
});

test("what an incremental run cannot learn from events, so that it reads everything", async () => {
  await createAccounts();
  expect(await problems({}, {}, withKey(withoutEvents))).toEqual([
    ["warning", "events_unreadable", "account", expect.stringContaining("incremental runs read everything")],
  ]);
  // A hint is not a problem.
  const hints = await checkConfig(t.with(withKey(withoutEvents)));
  expect(hints.find(({ code }) => code === "webhook_endpoints_unreadable")).toMatchObject({ level: "ok" });
  expect((await checkConfig(t.desk)).map(({ code }) => code)).not.toContain("webhook_endpoints_unreadable");
  expect(await problems({ expand: ["customer", "latest_invoice"] })).toEqual([
    [
      "warning",
      "expand_not_followed",
      "resources.accounts.expand",
      expect.stringContaining("latest_invoice"),
    ],
  ]);
});

test("a permission that the key lacks, only for what needs it", async () => {
  await createAccounts();
  expect(await problems({}, {}, withKey(restricted))).toEqual([]);
  expect(
    await problems(
      { stripe: "invoice", fields: { plan: "number" }, access: undefined },
      {},
      withKey(restricted),
    ),
  ).toEqual([
    ["error", "stripe_permission_missing", "resources.accounts", expect.stringContaining("list invoice")],
  ]);
});

test("ids of another kind, and ids that Stripe does not know", async () => {
  await createAccounts();
  await t.local`UPDATE accounts SET stripe_id = 'sub_elsewhere' || id`;
  expect(await codes({})).toEqual([["warning", "no_id_known", "resources.accounts.stripeId"]]);
  await t.local`UPDATE accounts SET stripe_id = 'cus_' || id`;
  expect(await codes({})).toEqual([["warning", "ids_of_another_kind", "resources.accounts.stripeId"]]);
  const customers = [...world.customers.keys()].slice(0, 3);
  for (const [i, id] of customers.entries())
    await t.local`UPDATE accounts SET stripe_id = ${id} WHERE id = ${i + 1}`;
  expect(await problems({ stripeId: undefined, match: { column: "stripe_id", by: "customer" } })).toEqual([]);
});

test("a property that objects lack, and values that real objects have and the mapping does not", async () => {
  await createAccounts();
  expect(await problems({ fields: { ...accounts.fields, plan: "descripton" } })).toEqual([
    [
      "error",
      "property_missing",
      "resources.accounts.fields.plan.from",
      'a subscription has no property "descripton"; did you mean "description"?',
    ],
  ]);
  expect(await codes({ fields: { state: { from: "status", values: { unheard_of: "active" } } } })).toEqual([
    ["warning", "sample_failed", "resources.accounts.fields.state"],
  ]);
  expect(await problems({ fields: { ...accounts.fields, born: (s: { id: string }) => s.id } })).toEqual([
    ["warning", "sample_failed", "resources.accounts.fields.born", expect.stringContaining("not a time")],
  ]);
});

test("a finding is a line, with its remedy on the next", () => {
  const finding = {
    level: "error",
    where: "resources.a.key",
    code: "column_missing",
    message: "no",
    remedy: "do",
  } as const;
  expect(renderFinding(finding)).toBe("✗ resources.a.key: no [column_missing]\n    → do");
  expect(renderFinding({ level: "ok", where: "account", code: "ok", message: "fine" })).toBe(
    "✓ account: fine",
  );
});

test("webhooks that would be refused, because there is no secret or one too few", async () => {
  await createAccounts();
  const without = { environment: { ...t.desk.environment, webhookSecrets: {} } };
  expect(await problems({}, {}, without)).toEqual([
    [
      "warning",
      "webhook_secret_missing",
      "webhooks",
      "webhooks are refused: STRIPE_WEBHOOK_SECRET is not set",
    ],
  ]);
  const { config } = parseConfig({
    accounts: {
      eu: { key: "EU", where: { accounts: "true" } },
      us: { key: "US", where: { accounts: "false" } },
      asia: { key: "ASIA", where: { accounts: "NULL" }, webhookSecret: "SECRET_ASIA" },
      shop: {
        key: "EU",
        stripeAccount: "acct_shop",
        resources: { accounts: { ...accounts, table: "shop" } },
      },
    },
    resources: { accounts },
  });
  if (!config) throw new Error("the config is wrong");
  const desks = config.accounts.map((one) => t.with({ config: one })) as [Desk, ...Desk[]];
  expect(checkWebhooks(desks).map(({ code, where, message }) => [code, where, message])).toEqual([
    ["webhook_secret_missing", "webhooks", "webhooks of asia are refused: SECRET_ASIA is not set"],
    [
      "webhook_secret_shared",
      "accounts.us.webhookSecret",
      '"eu" has the same signing secret: whose an event is could not be told, and it is refused',
    ],
  ]);
});
