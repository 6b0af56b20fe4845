import type Stripe from "stripe";
import { accessImpact } from "../access.ts";
import type { Dice } from "../dice.ts";
import { planOf } from "../plans.ts";
import type { Damage, Ledger, Story } from "../planter.ts";
import { type AccountRow, idOf, statusOf, type UserRow, utc } from "../rows.ts";

type S = Stripe.Subscription;
type SubscriptionStory = Story<S, AccountRow>;

/** What our handler would have written, had it heard: the state that the rows are stuck in. */
interface Stuck {
  status: string;
  /** Unix seconds. */
  periodEnd?: number;
  canceledAt?: null;
}

interface Surroundings {
  rows: AccountRow[];
  objects: ReadonlyMap<string, S>;
  /** Rows of `users` by customer, and the subscription that each of them shows. */
  users: ReadonlyMap<string, UserRow>;
  current: ReadonlyMap<string, S>;
  touched: Set<object>;
  dice: Dice;
}

export function subscriptionLedger(around: Surroundings): Ledger<S, AccountRow> {
  return {
    resource: "subscriptions",
    rows: around.rows,
    objectOf: (row) => around.objects.get(row.stripe_subscription_id ?? ""),
    keyOf: (row) => String(row.id),
    stories: [...staleStories(around), ...editedStories(around.dice), ...structuralStories(around)],
  };
}

const item = (s: S) => s.items.data[0] as Stripe.SubscriptionItem;
/** The subscription's items as they were when the first of them said something else. */
const itemsOf = (s: S, before: Partial<Stripe.SubscriptionItem>) => ({
  ...s.items,
  data: s.items.data.map((one, i) => (i === 0 ? { ...one, ...before } : one)),
});
const known = (s: S) => planOf(s) !== null;
const renewed = (s: S) => item(s).current_period_start > s.created;

/** The handler writes both tables, so both are stuck when it did not hear. */
function staleStories(around: Surroundings): SubscriptionStory[] {
  const stuck = (state: (s: S) => Stuck) => (s: S, row: AccountRow) => {
    const { status, periodEnd, canceledAt } = state(s);
    const impact = accessImpact(status, statusOf(s));
    const before: Record<string, unknown> = { status };
    const damage: Damage = { fields: ["subscription_status"], impact, before };
    row.subscription_status = status;
    if (periodEnd !== undefined) {
      row.current_period_end = `${utc(periodEnd)}Z`;
      damage.fields.push("current_period_end");
      before.items = itemsOf(s, { current_period_end: periodEnd });
    }
    if (canceledAt === null && row.canceled_at !== null) {
      row.canceled_at = null;
      damage.fields.push("canceled_at");
      before.canceled_at = null;
    }
    const customer = idOf(s.customer) ?? "";
    const user = around.users.get(customer);
    if (!user || around.current.get(customer) !== s || around.touched.has(user)) return damage;
    around.touched.add(user);
    user.subscription_status = status;
    user.updated_at = row.updated_at;
    if (periodEnd !== undefined) user.current_period_end = utc(periodEnd);
    damage.together = user;
    const fields = damage.fields.filter((name) => name !== "canceled_at");
    return [damage, { fields, impact, resource: "users", row: { key: user.id } }];
  };
  const story = (given: Pick<SubscriptionStory, "weight" | "why" | "happensTo">, state: (s: S) => Stuck) => ({
    ...given,
    kind: "mismatch" as const,
    origin: "webhook" as const,
    tell: stuck(state),
  });
  return [
    story(
      {
        weight: 6,
        why: "The card was charged again after a failed attempt; the renewal never arrived here.",
        happensTo: (s) => s.status === "active" && known(s) && renewed(s),
      },
      (s) => ({ status: "past_due", periodEnd: item(s).current_period_start }),
    ),
    story(
      {
        weight: 3,
        why: "The first payment went through; the row still waits for it.",
        happensTo: (s) => s.status === "active" && known(s) && !renewed(s),
      },
      () => ({ status: "incomplete" }),
    ),
    story(
      {
        weight: 5,
        why: "Canceled at Stripe; nobody told the row.",
        happensTo: (s) => s.status === "canceled" && known(s),
      },
      () => ({ status: "active", canceledAt: null }),
    ),
    story(
      {
        weight: 5,
        why: "The renewal payment failed; the row still says active.",
        happensTo: (s) => (s.status === "past_due" || s.status === "unpaid") && known(s),
      },
      () => ({ status: "active" }),
    ),
    story(
      {
        weight: 1,
        why: "The trial has become a paid subscription. Both let the customer in.",
        happensTo: (s) => s.status === "active" && known(s),
      },
      () => ({ status: "trialing" }),
    ),
  ];
}

/** Somebody changed the row here, or an old script did. */
function editedStories(dice: Dice): SubscriptionStory[] {
  return [
    {
      kind: "mismatch",
      weight: 2,
      origin: "edit",
      why: "Support let the customer in by hand, and nobody took it back.",
      happensTo: (s) => ["canceled", "unpaid", "past_due"].includes(s.status) && known(s),
      tell: (_, row) => {
        row.subscription_status = "active";
        return { fields: ["subscription_status"], impact: "access_no_pay" };
      },
    },
    {
      kind: "mismatch",
      weight: 1,
      origin: "edit",
      why: "Paused by hand over a complaint; the customer went on paying.",
      happensTo: (s) => s.status === "active" && known(s),
      tell: (_, row) => {
        row.subscription_status = "paused";
        return { fields: ["subscription_status"], impact: "paid_no_access" };
      },
    },
    {
      kind: "mismatch",
      weight: 3,
      origin: "webhook",
      why: "Seats were added in the billing portal; the row counts the old ones.",
      happensTo: (s) => known(s),
      tell: (s, row) => {
        row.seats = (item(s).quantity ?? 1) + dice.int(1, 4);
        row.amount_minor = (item(s).price.unit_amount ?? 0) * row.seats;
        const before = { items: itemsOf(s, { quantity: row.seats }) };
        return { fields: ["amount_minor", "seats"], impact: "money", before };
      },
    },
    {
      kind: "mismatch",
      weight: 2,
      origin: "edit",
      why: "Sales promised a discount in our database and never made it at Stripe.",
      happensTo: (s) => known(s) && (item(s).price.unit_amount ?? 0) > 0,
      tell: (s, row) => {
        row.amount_minor = Math.floor(((item(s).price.unit_amount ?? 0) * (item(s).quantity ?? 1) * 4) / 5);
        return { fields: ["amount_minor"], impact: "money" };
      },
    },
    {
      kind: "mismatch",
      weight: 2,
      origin: "edit",
      why: "Somebody moved the account to another plan here only.",
      happensTo: (s) => known(s),
      tell: (s, row) => {
        row.plan = dice.pick(["starter", "pro", "team"].filter((plan) => plan !== planOf(s)));
        return { fields: ["plan"], impact: "other" };
      },
    },
    {
      kind: "mismatch",
      weight: 2,
      origin: "edit",
      why: "The customer's address was changed here only.",
      happensTo: (s, row) => known(s) && row.customer_email !== null,
      tell: (_, row) => {
        row.customer_email = row.customer_email?.replace("@", ".new@") ?? null;
        return { fields: ["customer_email"], impact: "other" };
      },
    },
    {
      kind: "mismatch",
      weight: 2,
      origin: "webhook",
      why: "The renewal never arrived: the row ends a period too early.",
      happensTo: (s) => known(s) && renewed(s),
      tell: (s, row) => {
        const ended = item(s).current_period_start;
        row.current_period_end = `${utc(ended)}Z`;
        const before = { items: itemsOf(s, { current_period_end: ended }) };
        return { fields: ["current_period_end"], impact: "other", before };
      },
    },
  ];
}

const mapped = [
  "subscription_status",
  "plan",
  "seats",
  "amount_minor",
  "currency",
  "current_period_end",
  "canceled_at",
  "customer_email",
] as const;

function structuralStories({ rows, dice }: Surroundings): SubscriptionStory[] {
  const nextId = () => rows.reduce((highest, row) => Math.max(highest, row.id), 0) + dice.int(1, 3);
  const forget = (s: S, row: AccountRow): Damage => {
    rows.splice(rows.indexOf(row), 1);
    return {
      fields: mapped.filter((name) => row[name] !== null),
      impact: accessImpact("", statusOf(s), "money"),
      row: { key: null },
    };
  };
  const stray =
    (status: string) =>
    (_: S, row: AccountRow): Damage => {
      const copy = {
        ...row,
        id: nextId(),
        stripe_subscription_id: dice.id("sub", 24),
        subscription_status: status,
      };
      rows.push(copy);
      return {
        fields: ["subscription_status"],
        impact: accessImpact(status, "", "money"),
        stripeId: copy.stripe_subscription_id,
        row: { key: String(copy.id) },
      };
    };
  return [
    {
      kind: "missing_local",
      weight: 2,
      origin: "webhook",
      why: "Bought and paid; our side never made the account.",
      happensTo: (s) => s.status === "active" && known(s),
      tell: forget,
    },
    {
      kind: "missing_local",
      weight: 1,
      origin: "webhook",
      why: "An old subscription that our side never had.",
      happensTo: (s) => s.status === "canceled" && known(s),
      tell: forget,
    },
    {
      kind: "missing_in_stripe",
      weight: 2,
      origin: "none",
      why: "The id was pasted from Stripe's test mode.",
      happensTo: () => true,
      tell: stray("active"),
    },
    {
      kind: "missing_in_stripe",
      weight: 1,
      origin: "none",
      why: "Left over from the previous Stripe account.",
      happensTo: () => true,
      tell: stray("past_due"),
    },
    {
      kind: "duplicate",
      weight: 1,
      origin: "none",
      why: "The handler ran twice at once and made two rows.",
      happensTo: (s) => s.status === "active" && known(s),
      tell: (_, row) => {
        const copy = { ...row, id: nextId(), subscription_status: "incomplete" };
        rows.push(copy);
        return [
          { fields: [], impact: "other" },
          { fields: ["subscription_status"], impact: "paid_no_access", row: { key: String(copy.id) } },
        ];
      },
    },
  ];
}
