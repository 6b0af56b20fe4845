// Rows that look like drift and are none. A run that finds one of these has found too much.
import type { Dice } from "./dice.ts";
import type { Mirror } from "./mirror.ts";
import type { AccountRow } from "./rows.ts";

export function lookalikes(tables: Mirror, dice: Dice, now: Date): void {
  const accounts = tables.customer_accounts;
  let id = accounts.reduce((highest, row) => Math.max(highest, row.id), 0) + 100;
  const created = new Date(now.getTime() - 90 * 86_400_000);
  const blank: Omit<AccountRow, "id"> = {
    stripe_subscription_id: null,
    stripe_customer_id: null,
    customer_email: null,
    subscription_status: "none",
    plan: "free",
    seats: 1,
    amount_minor: null,
    currency: null,
    current_period_end: null,
    canceled_at: null,
    created_at: created,
    updated_at: created,
    deleted_at: null,
  };
  const count = Math.max(2, Math.round(accounts.length * 0.03));
  const paying = accounts.filter((row) => row.stripe_subscription_id !== null);
  for (let i = 0; i < count; i++) {
    // Free accounts: no Stripe id, or what an old form saved instead of one.
    accounts.push({
      ...blank,
      id: id++,
      stripe_subscription_id: dice.pick([null, "", "  "]),
      customer_email: `free${i}@example.com`,
    });
    // Canceled here and forgotten by Stripe: there is nothing left to correct.
    accounts.push({
      ...blank,
      id: id++,
      stripe_subscription_id: dice.id("sub", 24),
      stripe_customer_id: dice.id("cus"),
      customer_email: `former${i}@example.com`,
      subscription_status: "canceled",
      plan: "pro",
    });
    // Soft-deleted: wrong in every column, a second row for its subscription, and none of anybody's business.
    if (paying.length > 0)
      accounts.push({
        ...dice.pick(paying),
        id: id++,
        subscription_status: "unpaid",
        plan: "pro",
        seats: 99,
        amount_minor: 1,
        deleted_at: new Date(now.getTime() - dice.int(1, 300) * 86_400_000),
      });
    // People who never became customers.
    tables.users.push({
      id: dice.uuid(),
      email: `visitor${i}@example.com`,
      name: "Visitor",
      stripe_customer_id: dice.pick([null, ""]),
      subscription_status: dice.pick(["none", "active"]),
      plan: null,
      current_period_end: null,
      created_at: created,
      updated_at: created,
    });
  }
}
