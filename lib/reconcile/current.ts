import type { Resource, StripeObject } from "../config/resource.ts";
import type { StripeReader } from "../stripe/reader.ts";

/** Everything at Stripe that a local row could stand for, as of now: by the object's id, or by whose it is. */
export async function readCurrent(
  stripe: StripeReader,
  resource: Resource,
  wanted: { by: Resource["match"]["by"]; match: string },
): Promise<StripeObject[]> {
  const { stripe: type, expand } = resource;
  if (wanted.by === "id") {
    const object = await stripe.retrieve(type, wanted.match, expand);
    return object ? [object] : [];
  }
  const customers =
    wanted.by === "customer"
      ? [wanted.match]
      : (
          await allPages((startingAfter) => stripe.list("customer", { email: wanted.match, startingAfter }))
        ).map((customer) => customer.id);
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
  return found;
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
