import type Stripe from "stripe";
import { makeCustomer } from "../customer.ts";
import { secondsOf } from "../times.ts";
import { happen } from "../world.ts";
import { type Change, customerOf, reviseCustomer } from "./change.ts";
import { cancel } from "./subscription.ts";

export const createCustomer: Change<{ email?: string }, Stripe.Customer> = (world, now, asked) => {
  const made = makeCustomer(world.random, {
    created: secondsOf(now),
    livemode: world.livemode,
    number: world.customers.size + 1,
    currency: null,
    delinquent: false,
  });
  const customer = { ...made, email: asked.email ?? made.email };
  world.customers.put(customer);
  happen(world, "customer.created", customer.created, customer);
  return customer;
};

export const changeEmail: Change<{ customer: string; email: string }, Stripe.Customer> = (
  world,
  now,
  asked,
) => reviseCustomer(world, secondsOf(now), asked.customer, { email: asked.email });

/** Cancels the customer's subscriptions, as Stripe does. */
export const deleteCustomer: Change<{ customer: string }, Stripe.DeletedCustomer> = (world, now, asked) => {
  const customer = customerOf(world, asked.customer);
  for (const subscription of world.subscriptions.having("customer", customer.id))
    if (subscription.ended_at === null) cancel(world, now, { subscription: subscription.id });
  const deleted = { id: customer.id, object: "customer", deleted: true } as const;
  world.customers.put(deleted);
  happen(world, "customer.deleted", secondsOf(now), customer);
  return deleted;
};
