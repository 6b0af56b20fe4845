// Checks a configuration and brings it into the one shape that the rest of the code knows.
import { z } from "zod";
import { checkAccounts, claimedTwice, joinConditions, keyVariable, webhookVariable } from "./accounts.ts";
import { alertRules, alerts } from "./alerts.ts";
import type { ConfigDefinition } from "./define.ts";
import { duration, milliseconds } from "./duration.ts";
import { type ConfigIssue, describeIssues } from "./issues.ts";
import type { Account, Config, Configuration, Field, Resource, StripeType } from "./resource.ts";
import { schedule } from "./schedule.ts";
import { checkStatus, status, statusRules } from "./status.ts";

const stripeTypes = [
  "customer",
  "subscription",
  "invoice",
  "charge",
  "payment_intent",
  "refund",
  "dispute",
  "payout",
] as const satisfies readonly StripeType[];

const name = z.string().min(1, "a name cannot be empty");
const fn = z.custom<(object: never) => unknown>(
  (value) => typeof value === "function",
  "expected a function",
);
const rank = z.custom<(object: never) => number>(
  (value) => typeof value === "function",
  "expected a function",
);
const insert = z.custom<(object: never, account: string | null) => Record<string, unknown>>(
  (value) => typeof value === "function",
  "expected a function that answers the columns of the new row",
);
const policy = z.enum(["review", "auto"]);
const localValue = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const fieldObject = z.strictObject(
  {
    from: z.union([z.string().min(1), fn], {
      error: "name a property of the Stripe object, or give a function of it",
    }),
    values: z.record(z.string(), localValue).optional(),
    policy: policy.optional(),
    compare: z.enum(["exact", "ignoreCase"]).default("exact"),
    money: z.boolean().default(false),
  },
  {
    error: (issue) =>
      issue.code === "invalid_type"
        ? "name a property of the Stripe object, give a function of it, or { from, … }"
        : undefined,
  },
);

const resource = z
  .strictObject({
    stripe: z.enum(stripeTypes, { error: `name one of ${stripeTypes.join(", ")}` }),
    table: z.string().regex(/^[^.]+(\.[^.]+)?$/, 'write "table" or "schema.table"'),
    key: name,
    stripeId: name.optional(),
    match: z.strictObject({ column: name, by: z.enum(["id", "customer", "customerEmail"]) }).optional(),
    choose: z
      .union([z.literal("current"), rank], { error: 'write "current", or a function that ranks an object' })
      .default("current"),
    updatedAt: name.optional(),
    label: name.optional(),
    where: z.string().min(1).optional(),
    expand: z.array(z.string().min(1)).readonly().default([]),
    fields: z
      .record(z.string().min(1), z.unknown())
      .refine((fields) => Object.keys(fields).length > 0, "name at least one column to compare"),
    policy: policy.default("review"),
    access: z
      .strictObject({
        field: name,
        granted: z.array(z.string()).min(1, "name at least one value").readonly(),
      })
      .optional(),
    settled: z
      .strictObject({
        after: duration,
        rereadEvery: duration,
      })
      .optional(),
    missingInStripe: z
      .union([z.literal("report"), z.strictObject({ set: z.record(z.string(), z.unknown()) })], {
        error: 'write "report", or { set: { column: value } }',
      })
      .default("report"),
    missingLocal: z
      .union([z.literal("report"), z.strictObject({ insert })], {
        error: 'write "report", or { insert: (object) => ({ … }) }',
      })
      .default("report"),
  })
  .superRefine((given, context) => {
    const issue = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    if ((given.stripeId === undefined) === (given.match === undefined))
      issue(["stripeId"], "say how rows find their object: either stripeId or match, not both and not none");
    if (given.access && !(given.access.field in given.fields))
      issue(
        ["access", "field"],
        `"${given.access.field}" is not among the fields: ${Object.keys(given.fields).join(", ")}`,
      );
    const by = given.match?.by ?? "id";
    if (by !== "id" && ["refund", "dispute", "payout"].includes(given.stripe))
      issue(["match", "by"], `a ${given.stripe} names no customer: match it by "id"`);
    if (given.settled && given.stripe === "customer")
      issue(["settled"], "a customer has no final state: leave it out");
    if (given.settled?.rereadEvery === 0)
      issue(["settled", "rereadEvery"], "nothing is always: leave the setting out instead");
    if (given.missingInStripe !== "report")
      for (const column of Object.keys(given.missingInStripe.set))
        if (!(column in given.fields))
          issue(
            ["missingInStripe", "set", column],
            "only a column among the fields can be set: the others are not watched",
          );
  });

const accountId = z.string().regex(/^acct_\w+$/, 'an account id looks like "acct_1A2b3C"');
const resources = z
  .record(z.string().regex(/^[a-z][a-z0-9_]*$/i, "a resource's name has letters, digits and _"), resource)
  .refine((given) => Object.keys(given).length > 0, "name at least one resource");
const pace = z.strictObject({
  requestsPerSecond: z.number().positive().optional(),
  perEndpoint: z.number().positive().optional(),
});
const account = z.strictObject({
  id: accountId.optional(),
  key: keyVariable,
  stripeAccount: accountId.optional(),
  webhookSecret: webhookVariable.optional(),
  pace: pace.optional(),
  resources: resources.optional(),
  where: z.record(z.string(), z.string().min(1, "write a condition, or leave it out")).optional(),
});

const shape = z.strictObject({
  account: z.strictObject({ id: accountId }).optional(),
  accounts: z
    .record(
      z.string().regex(/^[a-z][a-z0-9_-]{0,39}$/i, "an account's name has up to 40 letters, digits, _ and -"),
      account,
    )
    .refine((given) => Object.keys(given).length > 0, "name at least one account")
    .optional(),
  resources: resources.optional(),
  webhookLog: z
    .strictObject({ table: z.string().min(1), eventId: name, receivedAt: name, processedAt: name.optional() })
    .optional(),
  schedule,
  fixes: z
    .strictObject({
      maxAge: duration.default(milliseconds("15m")),
      autoLimit: z
        .strictObject({
          rows: z.number().int().min(0).default(500),
          share: z.number().min(0).max(1).default(0.02),
        })
        .default({ rows: 500, share: 0.02 }),
      secondPersonAbove: z.number().int().min(0).optional(),
      secondPersonForMoney: z.boolean().default(true),
    })
    .default({
      maxAge: milliseconds("15m"),
      autoLimit: { rows: 500, share: 0.02 },
      secondPersonForMoney: true,
    }),
  alerts: alerts.prefault({}),
  status: status.prefault({}),
  webhooks: z
    .strictObject({ grace: duration.default(milliseconds("1m")) })
    .default({ grace: milliseconds("1m") }),
  pace: pace.default({}),
});
const definition = shape.superRefine((given, context) => {
  for (const { path, message } of checkAccounts(given)) context.addIssue({ code: "custom", path, message });
});

/** Answers the config, or everything that is wrong with it. Takes whatever a file exported. */
export function parseConfig(
  given: unknown,
): { config: Configuration; issues: [] } | { config: null; issues: ConfigIssue[] } {
  const parsed = definition.safeParse(given, { reportInput: true });
  if (!parsed.success) return { config: null, issues: describeIssues(definition, parsed.error.issues) };
  const { webhookLog, fixes } = parsed.data;
  const rules = {
    webhookLog: webhookLog && { ...webhookLog, processedAt: webhookLog.processedAt },
    schedule: parsed.data.schedule,
    fixes: {
      maxAgeMs: fixes.maxAge,
      autoLimit: fixes.autoLimit,
      secondPersonAbove: fixes.secondPersonAbove,
      secondPersonForMoney: fixes.secondPersonForMoney,
    },
    alerts: alertRules(parsed.data.alerts),
    status: statusRules(parsed.data.status),
    webhooks: { graceMs: parsed.data.webhooks.grace },
  };
  const issues: ConfigIssue[] = [];
  const accounts = accountsOf(parsed.data, issues).map((one): Config => ({ ...rules, ...one }));
  issues.push(...checkStatus(rules.status, accounts));
  issues.push(...claimedTwice(accounts));
  const [first, ...others] = accounts;
  if (issues.length > 0 || !first) return { config: null, issues };
  return { config: { ...rules, accounts: [first, ...others] }, issues: [] };
}

type Resources = Record<string, z.output<typeof resource>>;

/** Each account with its mapping: its own, or the shared one narrowed to its rows. */
function accountsOf(
  given: z.output<typeof definition>,
  issues: ConfigIssue[],
): Pick<Config, "account" | "resources" | "pace">[] {
  const mapping = (of: Resources | undefined, path: string[], name: string | null) =>
    Object.entries(of ?? {}).map(([resourceName, value]) =>
      normalise([...path, resourceName], value, name, issues),
    );
  const shared = (name: string | null) => mapping(given.resources, ["resources"], name);
  const pace = { requestsPerSecond: 80, perEndpoint: 20, ...given.pace };
  const key = "STRIPE_SECRET_KEY";
  const webhookSecret = "STRIPE_WEBHOOK_SECRET";
  if (!given.accounts) {
    const { id } = given.account ?? {};
    const account: Account = { name: null, id, key, stripeAccount: undefined, webhookSecret, others: [] };
    return [{ account, resources: shared(null), pace }];
  }
  const names = Object.keys(given.accounts);
  return Object.entries(given.accounts).map(([name, one]) => ({
    account: {
      name,
      id: one.id ?? one.stripeAccount,
      key: one.key,
      stripeAccount: one.stripeAccount,
      webhookSecret: one.webhookSecret ?? webhookSecret,
      others: names.filter((other) => other !== name),
    },
    resources: (one.resources
      ? mapping(one.resources, ["accounts", name, "resources"], name)
      : shared(name)
    ).map((of) => {
      const share = one.where?.[of.name];
      return { ...of, where: joinConditions(of.where, share), share };
    }),
    pace: { ...pace, ...one.pace },
  }));
}

function normalise(
  path: readonly string[],
  value: z.output<typeof resource>,
  accountName: string | null,
  issues: ConfigIssue[],
): Resource {
  const [first = "", second] = value.table.split(".");
  const match = value.match ?? { column: value.stripeId as string, by: "id" as const };
  const expand = new Set(value.expand);
  const { missingLocal } = value;
  if (match.by === "customerEmail" && value.stripe !== "customer") expand.add("customer");
  return {
    name: path.at(-1) as string,
    stripe: value.stripe,
    table: second === undefined ? { schema: "public", name: first } : { schema: first, name: second },
    key: value.key,
    match,
    choose: value.choose === "current" ? currentRank : value.choose,
    updatedAt: value.updatedAt,
    label: value.label,
    where: value.where,
    share: undefined,
    expand: [...expand],
    fields: Object.entries(value.fields).flatMap(([column, field]) => {
      const parsed = fieldObject.safeParse(
        typeof field === "string" || typeof field === "function" ? { from: field } : field,
        { reportInput: true },
      );
      if (parsed.success && parsed.data.money && parsed.data.policy === "auto")
        issues.push({
          path: [...path, "fields", column, "policy"].join("."),
          message: `an amount of money is never changed without a person: leave it out, or write "review"`,
        });
      if (parsed.success) return [fieldOf(column, parsed.data, value.policy)];
      issues.push(...describeIssues(fieldObject, parsed.error.issues, [...path, "fields", column]));
      return [];
    }),
    policy: value.policy,
    access: value.access,
    settled: value.settled && { afterMs: value.settled.after, rereadEveryMs: value.settled.rereadEvery },
    missingInStripe: value.missingInStripe,
    missingLocal:
      missingLocal === "report"
        ? missingLocal
        : { insert: (object) => missingLocal.insert(object, accountName) },
  };
}

function fieldOf(column: string, field: z.output<typeof fieldObject>, inherited: "review" | "auto"): Field {
  const { from } = field;
  return {
    column,
    from: typeof from === "string" ? (object) => propertyOf(object, from) : from,
    property: typeof from === "string" ? from : undefined,
    values: field.values,
    // Where everything else is corrected by itself, amounts still wait for a person.
    policy: field.policy ?? (field.money ? "review" : inherited),
    compare: field.compare,
    money: field.money,
  };
}

/** A property of an object; what Stripe may have expanded is its id. */
function propertyOf(object: Readonly<Record<string, unknown>>, property: string): unknown {
  const value = object[property];
  return typeof value === "object" && value !== null && "id" in value && "object" in value ? value.id : value;
}

const order = ["active", "trialing", "past_due", "unpaid", "paused", "incomplete", "canceled"];

function currentRank(object: { status?: unknown }): number {
  const rankOf = order.indexOf(String(object.status));
  return rankOf < 0 ? order.length : rankOf;
}

// The definition's type is the promise to people who write configs; the schema must take all of it.
true satisfies ConfigDefinition extends z.input<typeof definition> ? true : never;
