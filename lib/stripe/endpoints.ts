// How the package asks Stripe for each kind of object, and what of its answers means that there is nothing.
import Stripe from "stripe";
import type { StripeObject, StripeObjects, StripeType } from "../config/resource.ts";
import type { EventFilter, ListFilter, ListPage } from "./reader.ts";

interface Endpoint<T extends StripeObject> {
  list(filter: ListFilter): Promise<ListPage<T>>;
  retrieve(id: string, expand: string[] | undefined): Promise<T | null>;
}

/** The parameters that every list of ours has. Stripe refuses unknown ones, so nothing undefined is sent. */
function listParams(filter: ListFilter) {
  const {
    createdFrom,
    createdTo,
    startingAfter,
    status,
    customer,
    email,
    charge,
    limit = 100,
    expand,
  } = filter;
  const created = {
    ...(createdFrom !== undefined && { gte: createdFrom }),
    ...(createdTo !== undefined && { lt: createdTo }),
  };
  return {
    limit,
    ...(Object.keys(created).length > 0 && { created }),
    ...(startingAfter !== undefined && { starting_after: startingAfter }),
    ...(status !== undefined && { status }),
    ...(customer !== undefined && { customer }),
    ...(email !== undefined && { email }),
    ...(charge !== undefined && { charge }),
    ...(expand && expand.length > 0 && { expand: expand.map((path) => `data.${path}`) }),
  };
}

/** What each kind of object is listed and retrieved by. */
export function endpointsOf(stripe: Stripe): { [K in StripeType]: Endpoint<StripeObjects[K]> } {
  function endpoint<T extends StripeObject>(
    list: (params: ReturnType<typeof listParams>) => Promise<Stripe.ApiList<T>>,
    retrieve: (id: string, params: { expand?: string[] }) => Promise<T | Stripe.DeletedCustomer>,
  ): Endpoint<T> {
    return {
      async list(filter) {
        try {
          const page = await list(listParams(filter));
          return { data: page.data, hasMore: page.has_more };
        } catch (error) {
          // A customer whom Stripe does not know has nothing.
          if (isMissing(error) && error.param === "customer") return { data: [], hasMore: false };
          throw error;
        }
      },
      async retrieve(id, expand) {
        try {
          const object = await retrieve(id, expand ? { expand } : {});
          return "deleted" in object && object.deleted ? null : (object as T);
        } catch (error) {
          if (error instanceof Stripe.errors.StripeInvalidRequestError && error.code === "resource_missing")
            return null;
          throw error;
        }
      },
    };
  }
  return {
    customer: endpoint(
      (params) => stripe.customers.list(params),
      (id, params) => stripe.customers.retrieve(id, params),
    ),
    subscription: endpoint(
      (params) => stripe.subscriptions.list({ status: "all", ...params }),
      (id, params) => stripe.subscriptions.retrieve(id, params),
    ),
    invoice: endpoint(
      (params) => stripe.invoices.list(params),
      (id, params) => stripe.invoices.retrieve(id, params),
    ),
    charge: endpoint(
      (params) => stripe.charges.list(params),
      (id, params) => stripe.charges.retrieve(id, params),
    ),
    payment_intent: endpoint(
      (params) => stripe.paymentIntents.list(params),
      (id, params) => stripe.paymentIntents.retrieve(id, params),
    ),
    refund: endpoint(
      (params) => stripe.refunds.list(params),
      (id, params) => stripe.refunds.retrieve(id, params),
    ),
    dispute: endpoint(
      (params) => stripe.disputes.list(params),
      (id, params) => stripe.disputes.retrieve(id, params),
    ),
    payout: endpoint(
      (params) => stripe.payouts.list(params),
      (id, params) => stripe.payouts.retrieve(id, params),
    ),
  };
}

const isMissing = (error: unknown): error is Stripe.errors.StripeInvalidRequestError =>
  error instanceof Stripe.errors.StripeInvalidRequestError && error.code === "resource_missing";

/** Newest first, a hundred a page. */
export async function listEvents(stripe: Stripe, filter: EventFilter): Promise<ListPage<Stripe.Event>> {
  const { types, createdFrom, delivered, startingAfter } = filter;
  const page = await stripe.events.list({
    limit: 100,
    ...(types && { types: [...types] }),
    created: { gte: createdFrom },
    ...(delivered !== undefined && { delivery_success: delivered }),
    ...(startingAfter !== undefined && { starting_after: startingAfter }),
  });
  return { data: page.data, hasMore: page.has_more };
}
