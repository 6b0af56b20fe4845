// Everything that can happen in an account, for tests that let it happen in any order.
import type Stripe from "stripe";
import type { Shelf } from "../shelf.ts";
import type { World } from "../world.ts";
import { changeEmail, createCustomer, deleteCustomer } from "./customer.ts";
import { closeDispute, dispute, refund, settlePayout } from "./money.ts";
import {
  cancel,
  changePlan,
  expire,
  failRenewal,
  giveUp,
  recover,
  renew,
  subscribe,
} from "./subscription.ts";

/** `at`, from 0 to 1, decides whom it happens to. Throws when Stripe would refuse it: nothing has changed then. */
type Happening = (world: World, now: Date, at: number) => unknown;

const any = <T extends { id: string }>(
  shelf: Shelf<T>,
  at: number,
  fits: (object: T) => boolean = () => true,
): string => {
  const fitting = shelf.newestFirst().filter(fits);
  return fitting[Math.floor(at * fitting.length)]?.id ?? "nothing";
};
const customer = (world: World, at: number) => any(world.customers, at, (c) => !c.deleted);
const charge = (world: World, at: number) => any(world.charges, at, (c) => c.paid);
const price = (world: World, at: number) => any(world.prices, at);

const onSubscription =
  (
    change: (world: World, now: Date, asked: { subscription: string }) => unknown,
    ...statuses: Stripe.Subscription.Status[]
  ): Happening =>
  (world, now, at) =>
    change(world, now, { subscription: any(world.subscriptions, at, (s) => statuses.includes(s.status)) });

export const anything: readonly Happening[] = [
  (world, now, at) => createCustomer(world, now, at < 0.5 ? {} : { email: "some@example.com" }),
  (world, now, at) => subscribe(world, now, { customer: customer(world, at), price: price(world, at) }),
  (world, now, at) =>
    subscribe(world, now, { customer: customer(world, at), price: price(world, 1 - at), trialDays: 7 }),
  (world, now, at) =>
    subscribe(world, now, { customer: customer(world, at), price: price(world, at), declined: true }),
  onSubscription(renew, "active", "trialing", "past_due"),
  onSubscription(failRenewal, "active", "trialing", "past_due"),
  onSubscription(recover, "past_due", "unpaid", "incomplete"),
  onSubscription(giveUp, "past_due"),
  onSubscription(expire, "incomplete"),
  onSubscription(cancel, "active", "trialing", "past_due", "unpaid", "incomplete", "paused"),
  (world, now, at) => cancel(world, now, { subscription: any(world.subscriptions, at), atPeriodEnd: true }),
  (world, now, at) =>
    changePlan(world, now, { subscription: any(world.subscriptions, at), price: price(world, 1 - at) }),
  (world, now, at) => changeEmail(world, now, { customer: customer(world, at), email: `a${at}@example.com` }),
  (world, now, at) => deleteCustomer(world, now, { customer: customer(world, at) }),
  (world, now, at) => refund(world, now, { charge: charge(world, at) }),
  (world, now, at) => refund(world, now, { charge: charge(world, at), amount: 500 }),
  (world, now, at) => dispute(world, now, { charge: charge(world, at) }),
  (world, now, at) =>
    closeDispute(world, now, { dispute: any(world.disputes, at), outcome: at < 0.5 ? "won" : "lost" }),
  (world, now, at) => settlePayout(world, now, { payout: any(world.payouts, at) }),
];
