// Most of this is checked by `tsc`: an expected error that does not come fails the type check.
import { expect, test } from "vitest";
import { date, defineConfig } from "./define.ts";

const rows = { table: "t", key: "id" };

test("each resource's functions know the Stripe object that it names", () => {
  const config = defineConfig({
    resources: {
      subscriptions: {
        stripe: "subscription",
        ...rows,
        match: { column: "c", by: "customer" },
        choose: (s) => (s.status === "active" ? 0 : 1),
        fields: {
          short: "status",
          period: (s) => date(s.items.data[0]?.current_period_end),
          long: { from: (s) => s.items.data[0]?.price.id, values: { price_1: "pro" }, policy: "auto" },
          // @ts-expect-error invoices have this, subscriptions do not
          wrong: (s) => s.amount_due,
          // @ts-expect-error the same in the long form
          wrongToo: { from: (s) => s.amount_due },
        },
        missingLocal: { insert: (s) => ({ id: s.id, ends: date(s.ended_at) }) },
      },
      invoices: {
        stripe: "invoice",
        ...rows,
        stripeId: "s",
        fields: { due: "amount_due", total: { from: (i) => i.total, money: true } },
        missingLocal: {
          // @ts-expect-error an invoice has no such property
          insert: (i) => ({ id: i.cancel_at_period_end }),
        },
      },
      customers: {
        stripe: "customer",
        ...rows,
        stripeId: "s",
        // @ts-expect-error a customer has no status
        choose: (c) => (c.status === "active" ? 0 : 1),
        fields: { email: "email", balance: (c) => c.balance },
      },
      charges: { stripe: "charge", ...rows, stripeId: "s", fields: { captured: (c) => c.captured } },
      intents: { stripe: "payment_intent", ...rows, stripeId: "s", fields: { a: (p) => p.amount_received } },
      refunds: { stripe: "refund", ...rows, stripeId: "s", fields: { reason: (r) => r.reason } },
      disputes: {
        stripe: "dispute",
        ...rows,
        stripeId: "s",
        fields: { due: (d) => date(d.evidence_details.due_by) },
      },
      payouts: { stripe: "payout", ...rows, stripeId: "s", fields: { on: (p) => date(p.arrival_date) } },
    },
  });
  expect(Object.keys(config.resources)).toHaveLength(8);
});

test("a short form names a property of that object", () => {
  defineConfig({
    resources: {
      // @ts-expect-error a property of invoices
      a: { stripe: "subscription", ...rows, stripeId: "s", fields: { column: "amount_due" } },
      b: {
        stripe: "subscription",
        ...rows,
        stripeId: "s",
        fields: {
          // @ts-expect-error misspelt
          column: { from: "statuss" },
        },
      },
    },
  });
});

test("accounts know the objects of their own mapping, and have to say where their key is", () => {
  const config = defineConfig({
    accounts: {
      eu: {
        key: "STRIPE_KEY_EU",
        pace: { perEndpoint: 5 },
        resources: {
          invoices: {
            stripe: "invoice",
            ...rows,
            stripeId: "s",
            fields: { due: "amount_due", total: (i) => i.total },
            missingLocal: { insert: (i, account) => ({ id: i.id, region: account?.toUpperCase() }) },
          },
        },
      },
      // @ts-expect-error without its key nobody can ask about it
      us: { where: { invoices: "region = 'us'" } },
    },
  });
  expect(Object.keys(config.accounts)).toEqual(["eu", "us"]);
  // @ts-expect-error the short form's pin is for one account
  defineConfig({
    account: { id: "acct_1" },
    accounts: { eu: { key: "STRIPE_KEY_EU" } },
    resources: {},
  });
});

test("settings that do not exist are errors where they are written", () => {
  defineConfig({
    resources: {
      // @ts-expect-error there is no such kind of object
      a: { stripe: "subscriptions", ...rows, stripeId: "s", fields: {} },
    },
  });
  defineConfig({
    resources: {},
    // @ts-expect-error misspelt
    shedule: [],
  });
  defineConfig({
    resources: {},
    // @ts-expect-error a duration has a unit
    fixes: { maxAge: "15" },
  });
});

test("a Stripe time is a Date, and no time is null", () => {
  expect(date(1_767_225_600)).toEqual(new Date("2026-01-01T00:00:00Z"));
  expect(date(0)).toEqual(new Date(0));
  expect([date(null), date(undefined)]).toEqual([null, null]);
});
