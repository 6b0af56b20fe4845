import { describe, expect, test } from "vitest";
import { DriftdeskError } from "../errors.ts";
import { readEnvironment } from "./environment.ts";
import { parseConfig } from "./schema.ts";

const invoices = {
  stripe: "invoice",
  table: "invoices",
  key: "id",
  stripeId: "stripe_id",
  fields: { status: "status" },
};
const shared = { invoices };
const eu = { key: "STRIPE_KEY_EU", where: { invoices: "region = 'eu'" } };
const us = { key: "STRIPE_KEY_US", where: { invoices: "region = 'us'" } };

function mistakes(given: unknown): string[] {
  return parseConfig(given).issues.map(({ path, message }) => `${path}: ${message}`);
}

function accountsOf(given: unknown) {
  const { config, issues } = parseConfig(given);
  if (!config) throw new Error(JSON.stringify(issues));
  return config.accounts;
}

describe("every mistake is named with its place, what was found and what to do", () => {
  test.each<[string, unknown, string]>([
    ["no accounts", { accounts: {}, resources: shared }, "accounts: name at least one account"],
    [
      "an account's name",
      { accounts: { "e u": eu }, resources: shared },
      `accounts.e u: found "e u": an account's name has up to 40 letters, digits, _ and -`,
    ],
    [
      "an unknown setting of an account",
      { accounts: { eu: { ...eu, stripeAcount: "acct_1" } }, resources: shared },
      'accounts.eu.stripeAcount: there is no such setting; did you mean "stripeAccount"?',
    ],
    [
      "the short form beside the long one",
      { account: { id: "acct_1" }, accounts: { eu }, resources: shared },
      "account: is the short form for one account: write its id into one of the accounts",
    ],
    ["no key", { accounts: { eu: {} }, resources: shared }, "accounts.eu.key: is missing: expected string"],
    [
      "something else than a variable's name",
      { accounts: { eu: { key: "my key" } }, resources: shared },
      'accounts.eu.key: found "my key": name the environment variable that holds the key, as in "STRIPE_KEY_EU"',
    ],
    [
      "a key itself, which is not told",
      { accounts: { eu: { key: "sk_live_verysecretindeed" } }, resources: shared },
      "accounts.eu.key: found a Stripe key: a key does not belong into the config: put it into an environment variable and write the variable's name here",
    ],
    [
      "a signing secret itself, which is not told",
      { accounts: { eu: { ...eu, webhookSecret: "whsec_verysecretindeed" } }, resources: shared },
      "accounts.eu.webhookSecret: found a signing secret: a signing secret does not belong into the config: put it into an environment variable and write the variable's name here",
    ],
    [
      "no mapping at all",
      { accounts: { eu: { key: "K" } } },
      "accounts.eu.resources: there is no mapping: give this account its own resources, or all of them shared ones",
    ],
    [
      "a mistake in an account's own mapping",
      { accounts: { eu: { key: "K", resources: { invoices: { ...invoices, fields: { a: 3 } } } } } },
      "accounts.eu.resources.invoices.fields.a: found 3: name a property of the Stripe object, give a function of it, or { from, … }",
    ],
    [
      "a condition on a resource that there is not",
      { accounts: { eu: { key: "K", where: { invoice: "true" } } }, resources: shared },
      'accounts.eu.where.invoice: there is no resource of this name; did you mean "invoices"?',
    ],
    [
      "a pin that contradicts the connected account",
      { accounts: { shop: { key: "K", id: "acct_1", stripeAccount: "acct_2" } }, resources: shared },
      "accounts.shop.id: a connected account is pinned by its stripeAccount: leave id out",
    ],
    [
      "one key for two accounts",
      { accounts: { eu, us: { ...us, key: eu.key } }, resources: shared },
      'accounts.us.key: "eu" has STRIPE_KEY_EU too: one Stripe account has one name. Remove one of them',
    ],
    [
      "one id for two accounts",
      { accounts: { eu: { ...eu, id: "acct_1" }, us: { ...us, id: "acct_1" } }, resources: shared },
      'accounts.us.id: "eu" has acct_1 too: one Stripe account has one name. Remove one of them',
    ],
    [
      "one connected account twice",
      {
        accounts: { eu: { ...eu, stripeAccount: "acct_1" }, us: { ...us, stripeAccount: "acct_1" } },
        resources: shared,
      },
      'accounts.us.stripeAccount: "eu" has acct_1 too: one Stripe account has one name. Remove one of them',
    ],
  ])("%s", (_, given, message) => {
    expect(mistakes(given)).toEqual([message]);
  });
});

describe("no row may be two accounts' own", () => {
  const twice = (table: string) =>
    `accounts.us.where.invoices: "eu" reads the same rows of ${table}, and those of the one would look missing in Stripe to the other: give both a condition that says which rows are theirs, or tables of their own`;

  test.each<[string, object, object]>([
    ["without conditions", {}, {}],
    ["with a condition of one only", { where: eu.where }, {}],
    ["with the same condition", { where: eu.where }, { where: eu.where }],
    ["by a mapping of its own", {}, { resources: { invoices: { ...invoices, table: "public.invoices" } } }],
  ])("%s", (_, first, second) => {
    const accounts = { eu: { key: "A", ...first }, us: { key: "B", ...second } };
    expect(mistakes({ accounts, resources: shared })).toEqual([twice("public.invoices")]);
  });

  test.each<[string, object, object]>([
    ["different conditions", { where: eu.where }, { where: us.where }],
    ["different tables", {}, { resources: { invoices: { ...invoices, table: "us.invoices" } } }],
    ["a column for each account's ids", {}, { resources: { invoices: { ...invoices, stripeId: "us_id" } } }],
  ])("%s keep them apart", (_, first, second) => {
    const accounts = { eu: { key: "A", ...first }, us: { key: "B", ...second } };
    expect(mistakes({ accounts, resources: shared })).toEqual([]);
  });
});

test("accounts share the mapping and the pace unless they have their own, and keep their names apart", () => {
  const [first, second, third] = accountsOf({
    accounts: {
      eu: { ...eu, id: "acct_eu" },
      us: { ...us, pace: { perEndpoint: 5 } },
      shop: {
        key: eu.key,
        stripeAccount: "acct_shop",
        resources: { bills: { ...invoices, table: "bills" } },
      },
    },
    resources: { invoices: { ...invoices, where: "NOT gone -- soft" } },
    pace: { requestsPerSecond: 40 },
    schedule: [{ cron: "0 * * * *", mode: "full" }],
  });
  expect(first).toMatchObject({
    account: { name: "eu", id: "acct_eu", key: eu.key, stripeAccount: undefined, others: ["us", "shop"] },
    resources: [
      { name: "invoices", where: "(NOT gone -- soft\n) AND (region = 'eu'\n)", share: "region = 'eu'" },
    ],
    pace: { requestsPerSecond: 40, perEndpoint: 20 },
    schedule: [{ mode: "full" }],
  });
  expect(second).toMatchObject({
    account: { name: "us", id: undefined, others: ["eu", "shop"] },
    pace: { requestsPerSecond: 40, perEndpoint: 5 },
  });
  expect(third).toMatchObject({
    account: { name: "shop", id: "acct_shop", key: eu.key, stripeAccount: "acct_shop" },
    resources: [{ name: "bills", table: { name: "bills" }, where: undefined }],
  });
});

test("a function that makes a new row is told the account's name, and null in the short form", () => {
  const insert = (_: unknown, account: string | null) => ({ region: account });
  const inserting = { invoices: { ...invoices, missingLocal: { insert } } };
  const made = (given: object) =>
    accountsOf(given).map(({ resources: [resource] }) =>
      resource?.missingLocal === "report" ? null : resource?.missingLocal.insert({} as never),
    );
  expect(made({ accounts: { eu, us }, resources: inserting })).toEqual([{ region: "eu" }, { region: "us" }]);
  expect(made({ resources: inserting })).toEqual([{ region: null }]);
});

describe("the variables that accounts name", () => {
  const variables = new Map([
    ["STRIPE_KEY_EU", "accounts.eu.key"],
    ["STRIPE_KEY_US", "accounts.us.key"],
  ]);
  const refusal = (given: Record<string, string>) => {
    try {
      readEnvironment(given, variables);
    } catch (error) {
      if (error instanceof DriftdeskError) return error.message;
    }
    throw new Error("it was accepted");
  };

  test("are read in the place of STRIPE_SECRET_KEY", () => {
    const given = { STRIPE_KEY_EU: "rk_test_eu0000000000", STRIPE_KEY_US: "rk_test_us0000000000" };
    expect(readEnvironment(given, variables).stripeKeys).toEqual(given);
  });

  test("are all named when they are missing or no keys, with the setting and without the value", () => {
    const message = refusal({ STRIPE_KEY_US: "pk_live_public00000", DATABASE_URL: "mysql://x" });
    expect(message.split("\n").slice(1)).toEqual([
      expect.stringContaining("STRIPE_KEY_EU is missing: accounts.eu.key names it; create a restricted key"),
      expect.stringContaining("STRIPE_KEY_US does not look like a Stripe key"),
      expect.stringContaining("DATABASE_URL is not a Postgres URL"),
    ]);
    expect(message).not.toContain("public0");
  });
});
