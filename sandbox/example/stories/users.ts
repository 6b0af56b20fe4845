import type Stripe from "stripe";
import { accessImpact } from "../access.ts";
import type { Dice } from "../dice.ts";
import { planOf } from "../plans.ts";
import type { Damage, Ledger } from "../planter.ts";
import { statusOf, type UserRow, utc } from "../rows.ts";

type S = Stripe.Subscription;

interface Surroundings {
  rows: UserRow[];
  /** By customer: the one subscription that counts, and all of them. */
  current: ReadonlyMap<string, S>;
  all: ReadonlyMap<string, readonly S[]>;
  dice: Dice;
}

export function userLedger({ rows, current, all, dice }: Surroundings): Ledger<S, UserRow> {
  const known = (s: S) => planOf(s) !== null;
  const customerOf = (row: UserRow) => row.stripe_customer_id ?? "";
  const earlier = (s: S, row: UserRow) =>
    all.get(customerOf(row))?.find((other) => other !== s && other.status === "canceled" && known(other));
  const becomes =
    (status: string) =>
    (s: S, row: UserRow): Damage => {
      row.subscription_status = status;
      return {
        fields: ["subscription_status"],
        impact: accessImpact(status, statusOf(s)),
        before: { status },
      };
    };
  const differing = (before: UserRow, row: UserRow) =>
    (["subscription_status", "plan", "current_period_end"] as const).filter(
      (name) => before[name] !== row[name],
    );
  return {
    resource: "users",
    rows,
    objectOf: (row) => current.get(customerOf(row)),
    keyOf: (row) => row.id,
    stories: [
      {
        kind: "mismatch",
        weight: 4,
        origin: "webhook",
        why: "The cancellation of an old subscription came after the start of the new one, and overwrote it.",
        happensTo: (s, row) => s.status === "active" && known(s) && earlier(s, row) !== undefined,
        tell: (s, row) => {
          const old = earlier(s, row) as S;
          const before = { ...row };
          row.subscription_status = "canceled";
          row.plan = planOf(old);
          row.current_period_end = utc(old.items.data[0]?.current_period_end);
          return {
            fields: differing(before, row),
            impact: accessImpact("canceled", statusOf(s)),
            overwrittenBy: old.id,
          };
        },
      },
      {
        kind: "mismatch",
        weight: 3,
        origin: "webhook",
        why: "The payment went through after all; the person is still locked out.",
        happensTo: (s) => s.status === "active" && known(s),
        tell: becomes("past_due"),
      },
      {
        kind: "mismatch",
        weight: 3,
        origin: "webhook",
        why: "The subscription has ended; the person still gets in.",
        happensTo: (s) => s.status === "canceled" && known(s),
        tell: becomes("active"),
      },
      {
        kind: "mismatch",
        weight: 2,
        origin: "edit",
        why: "A trial was given by hand.",
        happensTo: (s) =>
          ["canceled", "unpaid", "past_due", "incomplete_expired"].includes(s.status) && known(s),
        tell: becomes("trialing"),
      },
      {
        kind: "mismatch",
        weight: 2,
        origin: "edit",
        why: "Somebody set the plan here only.",
        happensTo: (s) => known(s),
        tell: (s, row) => {
          row.plan = dice.pick(["starter", "pro", "enterprise"].filter((plan) => plan !== planOf(s)));
          return { fields: ["plan"], impact: "other" };
        },
      },
      {
        kind: "missing_local",
        weight: 2,
        origin: "webhook",
        why: "The customer's id was never saved after checkout.",
        happensTo: (s) => s.status === "active" && known(s),
        tell: (s, row) => {
          const columns = ["subscription_status", "plan", "current_period_end"] as const;
          const damage: Damage = {
            fields: columns.filter((name) => row[name] !== null),
            impact: accessImpact("", statusOf(s)),
            row: { key: null },
          };
          row.stripe_customer_id = dice.chance(0.5) ? null : "";
          row.subscription_status = "none";
          row.plan = null;
          row.current_period_end = null;
          return damage;
        },
      },
      {
        kind: "missing_in_stripe",
        weight: 2,
        origin: "none",
        why: "The account was moved by hand to a customer whom Stripe does not have.",
        happensTo: () => true,
        tell: (_, row) => {
          const copy = {
            ...row,
            id: dice.uuid(),
            stripe_customer_id: dice.id("cus"),
            email: `old.${row.email}`,
          };
          Object.assign(copy, {
            subscription_status: "active",
            plan: "pro",
            current_period_end: "2026-01-31T00:00:00",
          });
          rows.push(copy);
          return {
            fields: ["current_period_end", "plan", "subscription_status"],
            impact: "access_no_pay",
            stripeId: copy.stripe_customer_id,
            row: { key: copy.id },
          };
        },
      },
      {
        kind: "duplicate",
        weight: 1,
        origin: "none",
        why: "The person signed up twice; both accounts were given the same customer.",
        happensTo: (s) => s.status === "active" && known(s),
        tell: (_, row) => {
          const copy = {
            ...row,
            id: dice.uuid(),
            email: `second.${row.email}`,
            subscription_status: "canceled",
          };
          rows.push(copy);
          return [
            { fields: [], impact: "other" },
            { fields: ["subscription_status"], impact: "paid_no_access", row: { key: copy.id } },
          ];
        },
      },
    ],
  };
}
