import { describe, expect, test } from "vitest";
import { parseConfig } from "./schema.ts";

const invoices = {
  stripe: "invoice",
  table: "invoices",
  key: "id",
  stripeId: "stripe_id",
  fields: { status: "status" },
};

/** A config with changes to its only resource, and to its top level. */
const changed = (resource: object, top: object = {}) => ({
  resources: { invoices: { ...invoices, ...resource } },
  ...top,
});

function mistakes(given: unknown): string[] {
  return parseConfig(given).issues.map(({ path, message }) => `${path}: ${message}`);
}

describe("every mistake is named with its place, what was found and what to do", () => {
  test.each<[string, unknown, string]>([
    ["nothing at all", undefined, ": is missing: expected object"],
    ["no object", 7, ": found 7: expected object"],
    ["no resources", {}, "resources: say what is compared: name at least one resource"],
    ["an empty list of resources", { resources: {} }, "resources: name at least one resource"],
    [
      "a resource's name",
      { resources: { "a b": invoices } },
      `resources.a b: found "a b": a resource's name has letters, digits and _`,
    ],
    [
      "an unknown kind of object",
      changed({ stripe: "invoices" }),
      'resources.invoices.stripe: found "invoices": name one of customer, subscription, invoice, charge, payment_intent, refund, dispute, payout; did you mean "invoice"?',
    ],
    [
      "an unknown setting of a resource",
      changed({ lable: "x" }),
      'resources.invoices.lable: there is no such setting; did you mean "label"?',
    ],
    [
      "an unknown setting at the top",
      changed({}, { shedule: [] }),
      'shedule: there is no such setting; did you mean "schedule"?',
    ],
    [
      "an unknown setting of a field",
      changed({ fields: { status: { from: "status", polici: "auto" } } }),
      'resources.invoices.fields.status.polici: there is no such setting; did you mean "policy"?',
    ],
    [
      "an unknown setting with nothing like it",
      changed({}, { webhooks: { lifetime: 5 } }),
      "webhooks.lifetime: there is no such setting; there are grace",
    ],
    [
      "an unknown setting of what is there without being written",
      changed({}, { alerts: { quiethours: {} } }),
      'alerts.quiethours: there is no such setting; did you mean "quietHours"?',
    ],
    [
      "quiet hours that never begin",
      changed({}, { alerts: { quietHours: { from: "22:00", to: "22:00" } } }),
      "alerts.quietHours: from and to are the same: leave quietHours out for none",
    ],
    [
      "quiet hours whose end is no time",
      changed({}, { alerts: { quietHours: { from: "22:00", to: "7:00" } } }),
      'alerts.quietHours.to: found "7:00": write a time of day, as in "08:00"',
    ],
    [
      "money with a fraction",
      changed({}, { alerts: { newAtStake: { usd: 99.5 } } }),
      "alerts.newAtStake.usd: found 99.5: write the amount in the currency's smallest unit: 10_000 are $100",
    ],
    [
      "somebody without an address",
      changed({}, { alerts: { email: { to: ["ada"] } } }),
      'alerts.email.to.0: found "ada": is no e-mail address',
    ],
    [
      "a rhythm for what has no final state",
      changed({ stripe: "customer", settled: { after: "30d", rereadEvery: "7d" } }),
      "resources.invoices.settled: a customer has no final state: leave it out",
    ],
    [
      "a rhythm without its end",
      changed({ settled: { after: "30d" } }),
      "resources.invoices.settled.rereadEvery: is missing: expected string",
    ],
    [
      "a rhythm that never rests",
      changed({ settled: { after: "0s", rereadEvery: "0s" } }),
      "resources.invoices.settled.rereadEvery: nothing is always: leave the setting out instead",
    ],
    ["a missing key", changed({ key: undefined }), "resources.invoices.key: is missing: expected string"],
    ["a key of another type", changed({ key: 5 }), "resources.invoices.key: found 5: expected string"],
    [
      "a table with too many dots",
      changed({ table: "a.b.c" }),
      'resources.invoices.table: found "a.b.c": write "table" or "schema.table"',
    ],
    [
      "no way to match",
      changed({ stripeId: undefined }),
      "resources.invoices.stripeId: say how rows find their object: either stripeId or match, not both and not none",
    ],
    [
      "two ways to match",
      changed({ match: { column: "c", by: "customer" } }),
      "resources.invoices.stripeId: say how rows find their object: either stripeId or match, not both and not none",
    ],
    [
      "a match by something else",
      changed({ stripeId: undefined, match: { column: "c", by: "email" } }),
      'resources.invoices.match.by: found "email": expected one of "id"|"customer"|"customerEmail"',
    ],
    [
      "a customer of a payout",
      changed({ stripe: "payout", stripeId: undefined, match: { column: "c", by: "customer" } }),
      'resources.invoices.match.by: a payout names no customer: match it by "id"',
    ],
    ["no fields", changed({ fields: {} }), "resources.invoices.fields: name at least one column to compare"],
    [
      "a field that is no field",
      changed({ fields: { plan: 3 } }),
      "resources.invoices.fields.plan: found 3: name a property of the Stripe object, give a function of it, or { from, … }",
    ],
    [
      "a source that is no source",
      changed({ fields: { plan: { from: 3 } } }),
      "resources.invoices.fields.plan.from: found 3: name a property of the Stripe object, or give a function of it",
    ],
    [
      "a policy",
      changed({ fields: { plan: { from: "status", policy: "automatic" } } }),
      'resources.invoices.fields.plan.policy: found "automatic": expected one of "review"|"auto"',
    ],
    [
      "a choice",
      changed({ choose: "newest" }),
      'resources.invoices.choose: found "newest": write "current", or a function that ranks an object',
    ],
    [
      "access by a column that is not compared",
      changed({ access: { field: "plan", granted: ["pro"] } }),
      'resources.invoices.access.field: "plan" is not among the fields: status',
    ],
    [
      "access for nobody",
      changed({ access: { field: "status", granted: [] } }),
      "resources.invoices.access.granted: found a list: name at least one value",
    ],
    [
      "setting a column that is not compared",
      changed({ missingInStripe: { set: { plan: "none" } } }),
      "resources.invoices.missingInStripe.set.plan: only a column among the fields can be set: the others are not watched",
    ],
    [
      "a row without a function",
      changed({ missingLocal: { insert: { id: 1 } } }),
      'resources.invoices.missingLocal: write "report", or { insert: (object) => ({ … }) }',
    ],
    [
      "an account",
      changed({}, { account: { id: "1A2b" } }),
      'account.id: found "1A2b": an account id looks like "acct_1A2b3C"',
    ],
    [
      "a duration",
      changed({}, { fixes: { maxAge: "15 minutes" } }),
      'fixes.maxAge: found "15 minutes": a duration is a number with a unit, as in "90s", "15m", "24h" or "7d"',
    ],
    [
      "a share above one",
      changed({}, { fixes: { autoLimit: { share: 2 } } }),
      "fixes.autoLimit.share: found 2: Too big: expected number to be <=1",
    ],
    [
      "a schedule in a zone that does not exist",
      changed({}, { schedule: [{ cron: "0 3 * * *", mode: "full", timeZone: "Europe/Bonn" }] }),
      'schedule.0.timeZone: found "Europe/Bonn": is no time zone: write one as in "Europe/Berlin" or "UTC"',
    ],
    [
      "a cron expression of a day that is in no month",
      changed({}, { schedule: [{ cron: "0 3 31 2 *", mode: "full" }] }),
      'schedule.0.cron: found "0 3 31 2 *": it never comes: no month has such a day',
    ],
    [
      "a cron expression of six fields",
      changed({}, { schedule: [{ cron: "0 0 3 * * *", mode: "full" }] }),
      'schedule.0.cron: found "0 0 3 * * *": write five fields: minute, hour, day, month, weekday, as in "0 3 * * *"',
    ],
    [
      "an hour that does not exist",
      changed({}, { schedule: [{ cron: "0 24 * * *", mode: "full" }] }),
      'schedule.0.cron: found "0 24 * * *": "24" is no hour: write 0 to 23, *, a range (1-5) or steps (*/10)',
    ],
    [
      "a pace of nothing",
      changed({}, { pace: { perEndpoint: 0 } }),
      "pace.perEndpoint: found 0: Too small: expected number to be >0",
    ],
  ])("%s", (_, given, message) => {
    expect(mistakes(given)).toEqual([message]);
  });

  test("several mistakes are all told at once", () => {
    const given = changed({ key: "", fields: { a: 1, b: { from: "x", compare: "no" } } }, { typo: 1 });
    expect(parseConfig(given).issues.map((issue) => issue.path)).toEqual(["resources.invoices.key", "typo"]);
    expect(parseConfig(changed({ fields: { a: 1, b: { from: "x", compare: "no" } } })).issues).toHaveLength(
      2,
    );
  });
});

function parsed(given: unknown) {
  const { config, issues } = parseConfig(given);
  if (!config) throw new Error(JSON.stringify(issues));
  return config.accounts[0];
}

test("what is left out has its default", () => {
  expect(parsed(changed({}))).toMatchObject({
    account: {
      name: null,
      id: undefined,
      key: "STRIPE_SECRET_KEY",
      stripeAccount: undefined,
      webhookSecret: "STRIPE_WEBHOOK_SECRET",
      others: [],
    },
    schedule: [],
    fixes: {
      maxAgeMs: 15 * 60_000,
      autoLimit: { rows: 500, share: 0.02 },
      secondPersonAbove: undefined,
      secondPersonForMoney: true,
    },
    alerts: {
      slack: undefined,
      email: undefined,
      newDrift: 0,
      newAtStake: {},
      quietHours: undefined,
      digest: "08:00",
      timeZone: "UTC",
    },
    status: {
      resource: undefined,
      plan: undefined,
      periodEnd: undefined,
      ttlMs: 5 * 60_000,
      negativeTtlMs: 30_000,
      staleForMs: 24 * 3_600_000,
      deadlineMs: 2_000,
      fail: "closed",
      shadow: false,
      requestsPerSecond: 1_000,
    },
    webhooks: { graceMs: 60_000 },
    pace: { requestsPerSecond: 80, perEndpoint: 20 },
    resources: [
      {
        name: "invoices",
        table: { schema: "public", name: "invoices" },
        match: { column: "stripe_id", by: "id" },
        missingInStripe: "report",
        missingLocal: "report",
        expand: [],
        fields: [{ column: "status", policy: "review", compare: "exact", money: false, values: undefined }],
      },
    ],
  });
  expect(parsed(changed({}, { fixes: { maxAge: "24h", autoLimit: { rows: 3 } } })).fixes).toEqual({
    maxAgeMs: 86_400_000,
    autoLimit: { rows: 3, share: 0.02 },
    secondPersonAbove: undefined,
    secondPersonForMoney: true,
  });
});

test("tables are taken as written; a resource's policy is its fields' default", () => {
  const config = parsed(
    changed({
      table: "billing.Member Accounts",
      policy: "auto",
      fields: { a: "status", b: { from: "total", policy: "review" } },
    }),
  );
  expect(config.resources[0]).toMatchObject({
    table: { schema: "billing", name: "Member Accounts" },
    fields: [{ policy: "auto" }, { policy: "review" }],
  });
});

test("an amount of money is never corrected by itself: where all fields are, it is not, and to say so is a mistake", () => {
  const amount = { from: "total", money: true } as const;
  expect(parsed(changed({ policy: "auto", fields: { a: "status", amount } })).resources[0]).toMatchObject({
    policy: "auto",
    fields: [{ policy: "auto" }, { column: "amount", policy: "review" }],
  });
  expect(parseConfig(changed({ fields: { amount: { ...amount, policy: "auto" } } }))).toEqual({
    config: null,
    issues: [
      {
        path: "resources.invoices.fields.amount.policy",
        message: 'an amount of money is never changed without a person: leave it out, or write "review"',
      },
    ],
  });
});

test("a property that Stripe expanded is its id, and matching by email asks for the customer", () => {
  const config = parsed(
    changed({
      stripe: "subscription",
      stripeId: undefined,
      match: { column: "email", by: "customerEmail" },
      fields: { customer: "customer", metadata: "metadata" },
    }),
  );
  const [customer, metadata] = config.resources[0]?.fields ?? [];
  expect(config.resources[0]?.expand).toEqual(["customer"]);
  expect(customer?.from({ customer: { id: "cus_1", object: "customer" } } as never)).toBe("cus_1");
  expect(customer?.from({ customer: "cus_1" } as never)).toBe("cus_1");
  expect(customer?.from({ customer: null } as never)).toBeNull();
  // Metadata may hold anything, an id too: it is no object of Stripe's.
  expect(metadata?.from({ metadata: { id: "7" } } as never)).toEqual({ id: "7" });
});

test("of several subscriptions the one that lets its customer in counts first", () => {
  const choose = parsed(changed({})).resources[0]?.choose as (object: object) => number;
  const order = ["active", "trialing", "past_due", "unpaid", "paused", "incomplete", "canceled", "brand_new"];
  expect([...order].reverse().sort((a, b) => choose({ status: a }) - choose({ status: b }))).toEqual(order);
});

test.each(["* * * * *", "*/15 0-6,22 1 jan-mar MON", "0 3 * * 7", "59 23 31 12 sun"])(
  "the schedule %s is accepted",
  (cron) => {
    expect(mistakes(changed({}, { schedule: [{ cron, mode: "full" }] }))).toEqual([]);
  },
);

test.each([
  "60 * * * *",
  "* * 0 * *",
  "5-1 * * * *",
  "*/0 * * * *",
  "a * * * *",
  "1-2-3 * * * *",
  "",
  ", * * * *",
])("the schedule %j is refused", (cron) => {
  expect(mistakes(changed({}, { schedule: [{ cron, mode: "full" }] }))).toHaveLength(1);
});
