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
  const customers =
    wanted.by === "customer"
      ? [wanted.match]
      : new Set([
          ...(wanted.customers ?? []),
          ...(await customersWith(stripe, [wanted.match, ...(wanted.addresses ?? [])])),
        ]);
  const found: StripeObject[] = [];
  for (const customer of customers) found.push(...(await objectsOfCustomer(stripe, resource, customer)));
  for (const id of wanted.objects ?? []) {
    const object = await stripe.retrieve(type, id, expand);
    if (object) found.push(object);
  }
  return found;
}

/** Everything of the resource's kind that belongs to a customer. */
export async function objectsOfCustomer(
  stripe: StripeReader,
  { stripe: type, expand }: Pick<Resource, "stripe" | "expand">,
  customer: string,
): Promise<StripeObject[]> {
  switch (type) {
    case "customer": {
      const object = await stripe.retrieve("customer", customer, expand);
      return object ? [object] : [];
    }
    // Stripe lists these by their charge alone.
    case "refund": {
      const refunded = (await chargesOf(stripe, customer, ["refunds"])).filter((one) => one.refunds?.data[0]);
      return listed(refunded, (charge, startingAfter) =>
        stripe.list("refund", { charge, startingAfter, expand }),
      );
    }
    case "dispute": {
      const disputed = (await chargesOf(stripe, customer)).filter((charge) => charge.disputed);
      return listed(disputed, (charge, startingAfter) =>
        stripe.list("dispute", { charge, startingAfter, expand }),
      );
    }
    // Nobody's but the account's own.
    case "payout":
      return [];
    default:
      return allPages((startingAfter) => stripe.list(type, { customer, startingAfter, expand }));
  }
}

const chargesOf = (stripe: StripeReader, customer: string, expand: readonly string[] = []) =>
  allPages((startingAfter) => stripe.list("charge", { customer, startingAfter, expand }));

/** What belongs to each of the charges. */
async function listed<T extends StripeObject>(
  charges: readonly { id: string }[],
  page: (charge: string, startingAfter: string | undefined) => Promise<{ data: T[]; hasMore: boolean }>,
): Promise<T[]> {
  const lists = charges.map(({ id }) => allPages((startingAfter) => page(id, startingAfter)));
  return (await Promise.all(lists)).flat();
}

/** Customers who have one of the addresses, letter by letter. */
export async function customersWith(stripe: StripeReader, addresses: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    [...new Set(addresses)].map((email) =>
      allPages((startingAfter) => stripe.list("customer", { email, startingAfter })),
    ),
  );
  return [...new Set(found.flat().map((customer) => customer.id))];
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
