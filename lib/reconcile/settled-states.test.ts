import type Stripe from "stripe";
import { expect, test } from "vitest";
import { generateWorld } from "../../sandbox/world/world.ts";
import type { StripeObject } from "../config/resource.ts";
import { finalSince } from "./settled-states.ts";

const now = new Date("2026-11-24T12:00:00Z");
const world = generateWorld({ seed: 9, customers: 400, now });

/** Whether each object of a kind is final, by its state. */
function finality(objects: Iterable<StripeObject & { status?: string | null }>): Record<string, boolean> {
  const states: Record<string, boolean> = {};
  for (const object of objects) {
    const since = finalSince(object);
    const state = String(object.status);
    expect(states[state] ?? since !== null, `${object.id} is like the others in ${state}`).toBe(
      since !== null,
    );
    states[state] = since !== null;
    if (since === null) continue;
    expect(since).toBeGreaterThanOrEqual(object.created);
  }
  return states;
}

test("a generated account's objects are final in the states that Stripe does not leave any more", () => {
  expect(finality(world.customers.values() as Iterable<Stripe.Customer>)).toEqual({ undefined: false });
  expect(finality(world.subscriptions.values())).toMatchObject({
    active: false,
    canceled: true,
    past_due: false,
  });
  expect(finality(world.invoices.values())).toMatchObject({ paid: true, open: false });
  expect(finality(world.charges.values())).toMatchObject({ succeeded: true, failed: true });
  expect(finality(world.paymentIntents.values())).toMatchObject({ succeeded: true });
  expect(finality(world.refunds.values())).toMatchObject({ succeeded: true });
  expect(finality(world.payouts.values())).toMatchObject({ paid: true });
  finality(world.disputes.values());
});

const first = <T>(objects: Iterable<T>, wanted: (object: T) => boolean = () => true): T => {
  for (const object of objects) if (wanted(object)) return object;
  throw new Error("the account has none of that kind");
};

test("it is final since Stripe says so, not since it was made", () => {
  const invoice = first(world.invoices.values(), (one) => one.status === "paid");
  const at = { ...invoice.status_transitions, paid_at: invoice.created + 9, voided_at: invoice.created + 7 };
  expect(finalSince({ ...invoice, status_transitions: at })).toBe(invoice.created + 9);
  expect(finalSince({ ...invoice, status: "void", status_transitions: at })).toBe(invoice.created + 7);
  expect(finalSince({ ...invoice, status: "uncollectible" })).toBeNull();

  const subscription = first(world.subscriptions.values());
  expect(finalSince({ ...subscription, status: "canceled", ended_at: 99 })).toBe(99);
  expect(finalSince({ ...subscription, status: "incomplete_expired", ended_at: null })).toBe(
    subscription.created,
  );
  expect(finalSince({ ...subscription, status: "unpaid", ended_at: 99 })).toBeNull();

  const intent = first(world.paymentIntents.values());
  expect(finalSince({ ...intent, status: "canceled", canceled_at: 99 })).toBe(99);

  const payout = first(world.payouts.values());
  expect(finalSince({ ...payout, status: "paid", arrival_date: payout.created + 5 })).toBe(
    payout.created + 5,
  );
  expect(finalSince({ ...payout, status: "in_transit" })).toBeNull();
});

test("a reservation, and a dispute that goes on, are not final", () => {
  const charge = first(world.charges.values(), (one) => one.status === "succeeded");
  expect(finalSince({ ...charge, captured: false })).toBeNull();
  expect(finalSince({ ...charge, status: "pending" })).toBeNull();
  const dispute = first(world.disputes.values());
  const movement = { created: dispute.created + 50 } as Stripe.BalanceTransaction;
  for (const status of ["won", "lost", "warning_closed"] as const)
    expect(finalSince({ ...dispute, status, balance_transactions: [movement] })).toBe(dispute.created + 50);
  for (const status of [
    "needs_response",
    "under_review",
    "appeal_under_review",
    "warning_needs_response",
  ] as const)
    expect(finalSince({ ...dispute, status })).toBeNull();
  const refund = first(world.refunds.values());
  expect(finalSince({ ...refund, status: "requires_action" })).toBeNull();
  expect(finalSince({ ...refund, status: "something new" })).toBeNull();
});
