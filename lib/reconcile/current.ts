import type { Resource, StripeObject } from "../config/resource.ts";
import type { StripeReader } from "../stripe/reader.ts";

export interface Wanted {
  by: Resource["match"]["by"];
  match: string;
  /** Other spellings of an e-mail address: Stripe tells upper and lower case apart. */
  addresses?: readonly string[];
  /** Customers who are known to have the address. */
  customers?: readonly string[];
  /** Objects without a customer that are known to belong to the address. */
  objects?: readonly string[];
}

/** Everything at Stripe that a local row could stand for, as of now: by the object's id, or by whose it is. */
export async function readCurrent(
  stripe: StripeReader,
  resource: Resource,
  wanted: Wanted,
): Promise<StripeObject[]> {
  const { stripe: type, expand } = resource;
  if (wanted.by === "id") {
    const object = await stripe.retrieve(type, wanted.match, expand);
    return object ? [object] : [];
  }
  const customers = wanted.by === "customer" ? [wanted.match] : await customersOf(stripe, wanted);
  const found: StripeObject[] = [];
  for (const customer of customers) {
    if (type === "customer") {
      const object = await stripe.retrieve("customer", customer, expand);
      if (object) found.push(object);
    } else {
      found.push(
        ...(await allPages((startingAfter) => stripe.list(type, { customer, startingAfter, expand }))),
      );
    }
  }
  for (const id of wanted.objects ?? []) {
    const object = await stripe.retrieve(type, id, expand);
    if (object) found.push(object);
  }
  return found;
}

async function customersOf(stripe: StripeReader, wanted: Wanted): Promise<Set<string>> {
  const customers = new Set(wanted.customers);
  for (const email of new Set([wanted.match, ...(wanted.addresses ?? [])])) {
    const pages = allPages((startingAfter) => stripe.list("customer", { email, startingAfter }));
    for (const customer of await pages) customers.add(customer.id);
  }
  return customers;
}

async function allPages<T extends StripeObject>(
  page: (startingAfter: string | undefined) => Promise<{ data: T[]; hasMore: boolean }>,
): Promise<T[]> {
  const all: T[] = [];
  for (let more = true; more; ) {
    const { data, hasMore } = await page(all.at(-1)?.id);
    all.push(...data);
    more = hasMore && data.length > 0;
  }
  return all;
}
