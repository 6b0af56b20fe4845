import type Stripe from "stripe";
import type { EventType, ObjectOf } from "../event.ts";
import type { Shelf } from "../shelf.ts";
import { happen, type World } from "../world.ts";

/**
 * Something that can happen in an account from now on. It leaves everything consistent, tells with the events that Stripe
 * would send, and answers the object that it is about, as it is afterwards. What Stripe would refuse throws.
 */
export type Change<Asked, Answer extends { id: string }> = (world: World, now: Date, asked: Asked) => Answer;

/** Replaces an object, and tells what was different before. Tells nothing when nothing was. */
export function revise<K extends EventType, T extends ObjectOf<K> & { id: string }>(
  world: World,
  at: number,
  shelf: Shelf<T>,
  type: K,
  id: string,
  patch: Partial<T>,
): T {
  const before = of(shelf, id);
  const names = (Object.keys(patch) as (keyof T & string)[]).filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(patch[name]),
  );
  if (names.length === 0) return before;
  const after = shelf.put({ ...before, ...patch });
  const previous = Object.fromEntries(names.map((name) => [name, before[name] ?? null]));
  // The compiler cannot see that a T is what events of type K are about.
  happen(world, type, at, after as unknown as ObjectOf<K>, previous);
  return after;
}

export function reviseCustomer(
  world: World,
  at: number,
  id: string,
  patch: Partial<Stripe.Customer>,
): Stripe.Customer {
  customerOf(world, id);
  const living = world.customers as unknown as Shelf<Stripe.Customer>;
  return revise(world, at, living, "customer.updated", id, patch);
}

export function customerOf(world: World, id: string): Stripe.Customer {
  const customer = of(world.customers, id);
  if (customer.deleted) throw new Error(`${id} is deleted`);
  return customer;
}

export function of<T extends { id: string }>(shelf: Shelf<T>, id: string): T {
  const object = shelf.get(id);
  if (!object) throw new Error(`the account has no ${id}`);
  return object;
}
