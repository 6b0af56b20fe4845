import fc from "fast-check";
import type Stripe from "stripe";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { day, secondsOf } from "../world/times.ts";
import { type Asked, now, openSandbox } from "./testing.ts";

let asked: Asked;
let stripe: Stripe;
beforeAll(async () => {
  asked = await openSandbox();
  stripe = asked.stripe;
});
afterAll(() => asked.close());

type Kind =
  | "charges"
  | "customers"
  | "disputes"
  | "events"
  | "invoices"
  | "paymentIntents"
  | "payouts"
  | "refunds"
  | "subscriptions";
const kinds: Kind[] = [
  "charges",
  "customers",
  "disputes",
  "events",
  "invoices",
  "paymentIntents",
  "payouts",
  "refunds",
  "subscriptions",
];

interface Listed {
  id: string;
  object: string;
  created: number;
}
type Params = Stripe.PaginationParams & { status?: string; created?: Stripe.RangeQueryParam | number };
const list = (kind: Kind, params: Params) =>
  (stripe[kind] as unknown as { list(params: Params): Stripe.ApiListPromise<Listed> }).list(params);
const everything = (kind: Kind): Params => (kind === "subscriptions" ? { status: "all" } : {});

/** What a list has to show, newest first. */
function expected(kind: Kind): Listed[] {
  return [...(asked.sandbox.world[kind].newestFirst() as readonly unknown[] as readonly Listed[])].filter(
    (object) => !("deleted" in object),
  );
}
const idsOf = (objects: readonly { id: string }[]) => objects.map(({ id }) => id);

describe.each(kinds)("%s", (kind) => {
  test("every page is complete, newest first, and says whether there is more", async () => {
    const wanted = expected(kind);
    expect(wanted.length).toBeGreaterThan(2);
    const page = await list(kind, { ...everything(kind), limit: 2 });
    expect(idsOf(page.data)).toEqual(idsOf(wanted.slice(0, 2)));
    expect(page).toMatchObject({ object: "list", has_more: true });
    expect(idsOf((await list(kind, everything(kind))).data)).toEqual(idsOf(wanted.slice(0, 10)));
    for (const { created, id } of page.data) expect([created, id]).not.toContain(undefined);
  });

  test("paging finds every object once, in both directions and for any limit", async () => {
    const wanted = idsOf(expected(kind));
    const first = wanted[0] as string;
    const last = wanted.at(-1) as string;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 7, max: 100 }), async (limit) => {
        const forwards = await list(kind, { ...everything(kind), limit }).autoPagingToArray({
          limit: 10_000,
        });
        expect(idsOf(forwards)).toEqual(wanted);
        const backwards = await list(kind, {
          ...everything(kind),
          limit,
          ending_before: last,
        }).autoPagingToArray({ limit: 10_000 });
        expect(idsOf(backwards)).toEqual(wanted.slice(0, -1).reverse());
      }),
      { numRuns: 4 },
    );
    const after = await list(kind, { ...everything(kind), starting_after: last });
    expect(after).toMatchObject({ data: [], has_more: false });
    const before = await list(kind, { ...everything(kind), ending_before: first });
    expect(before).toMatchObject({ data: [], has_more: false });
  });

  test("`created` narrows by each of its bounds, the moment itself included or not", async () => {
    const wanted = expected(kind);
    const at = (share: number) => wanted[Math.floor(share * (wanted.length - 1))]?.created as number;
    const [late, early] = [at(0.25), at(0.75)];
    const bounds: Record<string, (created: number, at: number) => boolean> = {
      gt: (created, bound) => created > bound,
      gte: (created, bound) => created >= bound,
      lt: (created, bound) => created < bound,
      lte: (created, bound) => created <= bound,
    };
    const ask = (created: Stripe.RangeQueryParam | number) =>
      list(kind, { ...everything(kind), created, limit: 100 }).autoPagingToArray({ limit: 10_000 });
    for (const lower of ["gt", "gte"] as const)
      for (const upper of ["lt", "lte"] as const) {
        const found = await ask({ [lower]: early, [upper]: late });
        expect(idsOf(found)).toEqual(
          idsOf(
            wanted.filter(({ created }) => bounds[lower]?.(created, early) && bounds[upper]?.(created, late)),
          ),
        );
      }
    expect(idsOf(await ask(late))).toEqual(idsOf(wanted.filter(({ created }) => created === late)));
    expect(await ask({ gt: late, lt: early })).toEqual([]);
  });

  test("each object can be retrieved as it was listed", async () => {
    const resource = stripe[kind] as unknown as { retrieve(id: string): Promise<Listed> };
    for (const object of (await list(kind, { ...everything(kind), limit: 3 })).data) {
      const { lastResponse, ...retrieved } = (await resource.retrieve(object.id)) as Listed & {
        lastResponse: unknown;
      };
      expect(lastResponse).toBeDefined();
      expect(retrieved).toEqual(object);
    }
  });
});

test("objects that appear meanwhile shift no page", async () => {
  const other = await openSandbox();
  const { world } = other.sandbox;
  const before = idsOf(world.customers.newestFirst().filter((customer) => !customer.deleted));
  const first = await other.stripe.customers.list({ limit: 100 });
  const newest = first.data[0] as Stripe.Customer;
  world.customers.put({ ...newest, id: "cus_newcomer", created: secondsOf(now) });
  const rest = await other.stripe.customers.list({
    limit: 100,
    starting_after: first.data.at(-1)?.id as string,
  });
  expect(idsOf([...first.data, ...rest.data])).toEqual(before);
  const newcomers = await other.stripe.customers.list({ ending_before: newest.id });
  expect(idsOf(newcomers.data)).toEqual(["cus_newcomer"]);
  await other.close();
});

describe("subscriptions", () => {
  const statuses = async (status?: Stripe.SubscriptionListParams.Status) =>
    new Set(
      (
        await stripe.subscriptions
          .list({ ...(status && { status }), limit: 100 })
          .autoPagingToArray({ limit: 10_000 })
      ).map((subscription) => subscription.status),
    );

  test("canceled ones are left out unless they are asked for", async () => {
    const all = await statuses("all");
    expect(all).toContain("canceled");
    expect(await statuses()).toEqual(new Set([...all].filter((status) => status !== "canceled")));
  });

  test("can be asked for by status; ended ones are those that will never be paid again", async () => {
    expect(await statuses("canceled")).toEqual(new Set(["canceled"]));
    expect(await statuses("active")).toEqual(new Set(["active"]));
    expect(await statuses("past_due")).toEqual(new Set(["past_due"]));
    expect(await statuses("ended")).toEqual(new Set(["canceled", "incomplete_expired"]));
  });

  test("canceled ones of deleted customers are there too", async () => {
    const gone = [...asked.sandbox.world.customers.values()].find(
      (customer) =>
        customer.deleted && asked.sandbox.world.subscriptions.having("customer", customer.id).length > 0,
    );
    const found = await stripe.subscriptions.list({ customer: gone?.id as string, status: "all" });
    expect(found.data.length).toBeGreaterThan(0);
    expect((await stripe.subscriptions.list({ customer: gone?.id as string })).data).toEqual([]);
  });

  test("are found by customer, price and the end of their period", async () => {
    const all = await stripe.subscriptions
      .list({ status: "all", limit: 100 })
      .autoPagingToArray({ limit: 1_000 });
    const one = all.find((subscription) => subscription.status === "active") as Stripe.Subscription;
    const itemOf = (subscription: Stripe.Subscription) =>
      subscription.items.data[0] as Stripe.SubscriptionItem;
    const ask = (params: Stripe.SubscriptionListParams) =>
      stripe.subscriptions.list({ status: "all", limit: 100, ...params }).autoPagingToArray({ limit: 1_000 });
    expect(idsOf(await ask({ customer: String(one.customer) }))).toEqual(
      idsOf(all.filter((each) => each.customer === one.customer)),
    );
    expect(idsOf(await ask({ price: itemOf(one).price.id }))).toEqual(
      idsOf(all.filter((each) => itemOf(each).price.id === itemOf(one).price.id)),
    );
    const until = secondsOf(now) + 10 * day;
    expect(idsOf(await ask({ current_period_end: { lte: until } }))).toEqual(
      idsOf(all.filter((each) => itemOf(each).current_period_end <= until)),
    );
    expect(await ask({ collection_method: "send_invoice" })).toEqual([]);
  });
});

test("each list is narrowed by what it can be narrowed by, and by nothing else", async () => {
  const { world } = asked.sandbox;
  const all = { limit: 100 };
  const check = <T extends { id: string }>(
    found: Stripe.ApiList<{ id: string }>,
    shelf: { newestFirst(): readonly T[] },
    fits: (object: T) => boolean,
  ) => {
    const wanted = shelf.newestFirst().filter(fits);
    expect(wanted.length).toBeGreaterThan(0);
    expect(wanted.length).toBeLessThan(shelf.newestFirst().length);
    expect(idsOf(found.data)).toEqual(idsOf(wanted.slice(0, 100)));
  };
  const refund = world.refunds.newestFirst()[0] as Stripe.Refund;
  const charge = world.charges.get(String(refund.charge)) as Stripe.Charge;
  const customer = String(charge.customer);
  const dispute = world.disputes.newestFirst()[0] as Stripe.Dispute;
  const invoice = world.invoices.newestFirst().find((each) => each.customer === customer) as Stripe.Invoice;
  const subscription = String(invoice.parent?.subscription_details?.subscription);
  const payout = world.payouts.newestFirst()[0] as Stripe.Payout;
  const person = world.customers.get(customer) as Stripe.Customer;

  check(
    await stripe.customers.list({ ...all, email: String(person.email) }),
    world.customers,
    (c) => c.id === person.id,
  );
  check(await stripe.charges.list({ ...all, customer }), world.charges, (c) => c.customer === customer);
  check(
    await stripe.charges.list({ ...all, payment_intent: String(charge.payment_intent) }),
    world.charges,
    (c) => c.payment_intent === charge.payment_intent,
  );
  check(
    await stripe.paymentIntents.list({ ...all, customer }),
    world.paymentIntents,
    (p) => p.customer === customer,
  );
  check(
    await stripe.refunds.list({ ...all, charge: charge.id }),
    world.refunds,
    (r) => r.charge === charge.id,
  );
  check(
    await stripe.disputes.list({ ...all, payment_intent: String(dispute.payment_intent) }),
    world.disputes,
    (d) => d.payment_intent === dispute.payment_intent,
  );
  check(await stripe.invoices.list({ ...all, status: "open" }), world.invoices, (i) => i.status === "open");
  check(
    await stripe.invoices.list({ ...all, subscription }),
    world.invoices,
    (i) => i.parent?.subscription_details?.subscription === subscription,
  );
  check(await stripe.payouts.list({ ...all, status: "paid" }), world.payouts, (p) => p.status === "paid");
  check(
    await stripe.payouts.list({ ...all, arrival_date: { gte: payout.arrival_date - 7 * day } }),
    world.payouts,
    (p) => p.arrival_date >= payout.arrival_date - 7 * day,
  );
  check(await stripe.events.list({ ...all, type: "invoice.*" }), world.events, (e) =>
    e.type.startsWith("invoice."),
  );
  check(
    await stripe.events.list({ ...all, types: ["invoice.paid", "customer.created"] }),
    world.events,
    (e) => e.type === "invoice.paid" || e.type === "customer.created",
  );
});

describe("events", () => {
  test("are forgotten after thirty days", async () => {
    let today = now;
    const other = await openSandbox({ now: () => today });
    const count = async () =>
      (await other.stripe.events.list({ limit: 100 }).autoPagingToArray({ limit: 10_000 })).length;
    const atFirst = await count();
    const oldest = other.sandbox.world.events.newestFirst().at(-1)?.id as string;
    expect(await other.stripe.events.retrieve(oldest)).toMatchObject({ id: oldest });
    today = new Date(now.getTime() + 20 * day * 1_000);
    const later = await count();
    expect(later).toBeGreaterThan(0);
    expect(later).toBeLessThan(atFirst);
    await expect(other.stripe.events.retrieve(oldest)).rejects.toMatchObject({ code: "resource_missing" });
    today = new Date(now.getTime() + 30 * day * 1_000);
    expect(await count()).toBe(0);
    await other.close();
  });

  test("are found by whether every endpoint has taken them", async () => {
    const { world } = asked.sandbox;
    const event = world.events.newestFirst()[4] as typeof world.events extends Map<string, infer E>
      ? E
      : never;
    world.events.put({ ...event, pending_webhooks: 2 });
    expect(idsOf((await stripe.events.list({ delivery_success: false })).data)).toEqual([event.id]);
    expect(idsOf((await stripe.events.list({ delivery_success: true, limit: 100 })).data)).not.toContain(
      event.id,
    );
    world.events.put(event);
  });
});
