// A whole account as the `stripe` package reads it, and a search for what does not fit together in it.
import type Stripe from "stripe";

export interface Account {
  customers: Stripe.Customer[];
  subscriptions: Stripe.Subscription[];
  invoices: Stripe.Invoice[];
  charges: Stripe.Charge[];
  paymentIntents: Stripe.PaymentIntent[];
  refunds: Stripe.Refund[];
  disputes: Stripe.Dispute[];
  payouts: Stripe.Payout[];
  events: Stripe.Event[];
}

export async function readAccount(stripe: Stripe): Promise<Account> {
  const all = <T extends { id: string }>(list: Stripe.ApiListPromise<T>) =>
    list.autoPagingToArray({ limit: 10_000 });
  const limit = 100;
  return {
    customers: await all(stripe.customers.list({ limit })),
    subscriptions: await all(stripe.subscriptions.list({ limit, status: "all" })),
    invoices: await all(stripe.invoices.list({ limit, expand: ["data.payments"] })),
    charges: await all(stripe.charges.list({ limit })),
    paymentIntents: await all(stripe.paymentIntents.list({ limit })),
    refunds: await all(stripe.refunds.list({ limit })),
    disputes: await all(stripe.disputes.list({ limit })),
    payouts: await all(stripe.payouts.list({ limit })),
    events: await all(stripe.events.list({ limit })),
  };
}

/** Everything in it that contradicts something else in it, in a sentence each. */
export function contradictions(account: Account, nowSeconds: number): string[] {
  const wrong: string[] = [];
  const must = (holds: unknown, id: string, what: string) => {
    if (!holds) wrong.push(`${id}: ${what}`);
  };
  const known = {
    customers: byId(account.customers),
    subscriptions: byId(account.subscriptions),
    invoices: byId(account.invoices),
    charges: byId(account.charges),
    paymentIntents: byId(account.paymentIntents),
  };
  for (const subscription of account.subscriptions) checkSubscription(subscription, known, nowSeconds, must);
  for (const invoice of account.invoices) checkInvoice(invoice, known, must);
  checkCustomers(account, must);
  checkPayments(account, known, must);
  checkMoneyBack(account, known, must);
  checkEvents(account, nowSeconds, must);
  return wrong;
}

type Must = (holds: unknown, id: string, what: string) => void;

interface Known {
  customers: Map<string, Stripe.Customer>;
  subscriptions: Map<string, Stripe.Subscription>;
  invoices: Map<string, Stripe.Invoice>;
  charges: Map<string, Stripe.Charge>;
  paymentIntents: Map<string, Stripe.PaymentIntent>;
}

const byId = <T extends { id: string }>(objects: readonly T[]) =>
  new Map(objects.map((object) => [object.id, object]));
const idOf = (value: string | { id: string } | null | undefined) =>
  typeof value === "string" ? value : (value?.id ?? "");
const subscriptionOf = (invoice: Stripe.Invoice) => idOf(invoice.parent?.subscription_details?.subscription);

function checkSubscription(s: Stripe.Subscription, known: Known, nowSeconds: number, must: Must): void {
  const customer = known.customers.get(idOf(s.customer));
  const over = s.status === "canceled" || s.status === "incomplete_expired";
  must(customer || over, s.id, "runs without a customer");
  must(over === (s.ended_at !== null), s.id, `is ${s.status} and ended at ${s.ended_at}`);
  must(!over || s.canceled_at !== null, s.id, "is over and was never canceled");
  must(s.items.data.length > 0, s.id, "has no items");
  for (const item of s.items.data) {
    must(item.subscription === s.id, s.id, "has an item of another subscription");
    must(item.price.currency === s.currency, s.id, "has a price in another currency");
    must(item.plan.id === item.price.id, s.id, "has a plan that is not its price");
    must(
      item.current_period_start < item.current_period_end,
      s.id,
      "has a period that ends before it begins",
    );
    must(
      s.status !== "active" || item.current_period_end >= nowSeconds,
      s.id,
      "is active in a period that is over",
    );
  }
  must(customer === undefined || customer.created <= s.created, s.id, "is older than its customer");
  const latest = known.invoices.get(idOf(s.latest_invoice));
  must(latest && subscriptionOf(latest) === s.id, s.id, "has a latest invoice that is not its own");
  const unpaid = latest?.status === "open" || latest?.status === "uncollectible";
  if (s.status === "past_due" || s.status === "unpaid" || s.status === "incomplete")
    must(unpaid, s.id, `is ${s.status}, its latest invoice ${latest?.status}`);
  if (s.status === "active") must(!unpaid, s.id, `is active, its latest invoice ${latest?.status}`);
  if (s.status === "trialing") must((s.trial_end ?? 0) >= nowSeconds, s.id, "is in a trial that is over");
}

function checkInvoice(invoice: Stripe.Invoice, known: Known, must: Must): void {
  const { id, amount_due: due, amount_paid: paid, amount_remaining: remaining, status } = invoice;
  const subscription = known.subscriptions.get(subscriptionOf(invoice));
  must(subscription, id, "belongs to no subscription");
  must(idOf(subscription?.customer) === idOf(invoice.customer), id, "goes to somebody else");
  must(invoice.created >= (subscription?.created ?? 0), id, "is older than its subscription");
  must(invoice.currency === subscription?.currency, id, "is in another currency");
  must(paid + remaining === due, id, `${paid} paid and ${remaining} left are not ${due}`);
  must(
    (status === "paid") === (remaining === 0 && status !== "draft"),
    id,
    `is ${status}, ${remaining} left`,
  );
  must(
    (status === "paid") === (invoice.status_transitions.paid_at !== null),
    id,
    `is ${status}, and paid at?`,
  );
  must((status === "draft") === (invoice.number === null), id, `is ${status} with number ${invoice.number}`);
  const lines = invoice.lines.data.reduce((sum, line) => sum + line.amount, 0);
  must(lines === invoice.total && invoice.total === due, id, `lines of ${lines} make a total of ${due}`);
  const payments = invoice.payments?.data ?? [];
  must(payments.length === (due > 0 && status !== "draft" ? 1 : 0), id, `has ${payments.length} payments`);
  for (const payment of payments) {
    const intent = known.paymentIntents.get(idOf(payment.payment.payment_intent));
    const charge = known.charges.get(idOf(intent?.latest_charge));
    must(intent && charge, id, "has a payment without intent or charge");
    must(intent?.amount === due && charge?.amount === due, id, "asks for another amount than its payment");
    must(idOf(charge?.customer) === idOf(invoice.customer), id, "was charged to somebody else");
    must((status === "paid") === (intent?.status === "succeeded"), id, `is ${status}, its ${intent?.status}`);
    must((status === "void") === (intent?.status === "canceled"), id, `is ${status}, its ${intent?.status}`);
    must((payment.amount_paid ?? 0) === paid, id, "has a payment of another amount");
  }
}

function checkCustomers({ customers, subscriptions, invoices }: Account, must: Must): void {
  const owing = new Set(
    subscriptions
      .filter(({ status }) => status === "past_due" || status === "unpaid")
      .map(({ customer }) => idOf(customer)),
  );
  for (const { id, delinquent } of customers)
    must(delinquent === owing.has(id), id, `owes: ${owing.has(id)}, delinquent: ${delinquent}`);
  const numbers = invoices.flatMap(({ number }) => number ?? []);
  must(new Set(numbers).size === numbers.length, "invoices", "share a number");
}

function checkPayments({ charges, paymentIntents }: Account, known: Known, must: Must): void {
  for (const charge of charges) {
    const { id, amount, status } = charge;
    const intent = known.paymentIntents.get(idOf(charge.payment_intent));
    must(
      intent?.amount === amount && intent.currency === charge.currency,
      id,
      "is not what its intent asks for",
    );
    must(idOf(intent?.customer) === idOf(charge.customer), id, "is of another customer than its intent");
    must(charge.paid === (status === "succeeded"), id, `is ${status} and paid: ${charge.paid}`);
    must(charge.amount_captured === (charge.paid ? amount : 0), id, `captured ${charge.amount_captured}`);
    must(
      (charge.failure_code !== null) === (status === "failed"),
      id,
      `is ${status}: ${charge.failure_code}`,
    );
  }
  for (const intent of paymentIntents) {
    const charge = known.charges.get(idOf(intent.latest_charge));
    const paid = intent.status === "succeeded";
    must(idOf(charge?.payment_intent) === intent.id, intent.id, "has a charge that is not its own");
    must(paid === (charge?.status === "succeeded"), intent.id, `is ${intent.status}, its ${charge?.status}`);
    must(
      intent.amount_received === (paid ? intent.amount : 0),
      intent.id,
      `received ${intent.amount_received}`,
    );
  }
}

function checkMoneyBack({ charges, refunds, disputes, payouts }: Account, known: Known, must: Must): void {
  const back = new Map<string, number>();
  for (const refund of refunds) {
    const charge = known.charges.get(idOf(refund.charge));
    must(charge?.paid, refund.id, "gives back what was never paid");
    must(refund.created >= (charge?.created ?? 0), refund.id, "is older than its charge");
    must(refund.currency === charge?.currency, refund.id, "is in another currency");
    must(idOf(refund.payment_intent) === idOf(charge?.payment_intent), refund.id, "is of another payment");
    if (refund.status !== "failed" && refund.status !== "canceled")
      back.set(idOf(refund.charge), (back.get(idOf(refund.charge)) ?? 0) + refund.amount);
  }
  const disputed = new Set(disputes.map(({ charge }) => idOf(charge)));
  for (const charge of charges) {
    const { id, amount, amount_refunded: refunded } = charge;
    must(refunded === (back.get(id) ?? 0), id, `gave ${refunded} back, its refunds ${back.get(id) ?? 0}`);
    must(refunded <= amount, id, `gave ${refunded} back of ${amount}`);
    must(charge.refunded === (refunded === amount), id, `gave ${refunded} of ${amount}: ${charge.refunded}`);
    must(
      charge.disputed === disputed.has(id),
      id,
      `disputed: ${disputed.has(id)}, and says ${charge.disputed}`,
    );
  }
  for (const dispute of disputes) {
    const charge = known.charges.get(idOf(dispute.charge));
    must(charge?.paid && dispute.amount === charge.amount, dispute.id, "is about another amount");
    const moved = dispute.balance_transactions.reduce((sum, { amount }) => sum + amount, 0);
    const kept = dispute.status === "won" || dispute.status.startsWith("warning") ? 0 : -dispute.amount;
    must(moved === kept, dispute.id, `is ${dispute.status} and moved ${moved}`);
  }
  for (const payout of payouts) {
    must(payout.amount > 0, payout.id, `pays ${payout.amount}`);
    must(payout.arrival_date > payout.created, payout.id, "arrives before it leaves");
  }
}

/** Kinds whose every object of the last thirty days has an event that tells of it. */
const told = [
  "customers",
  "subscriptions",
  "invoices",
  "charges",
  "paymentIntents",
  "refunds",
  "disputes",
] as const;

function checkEvents(account: Account, nowSeconds: number, must: Must): void {
  const latest = new Map<string, Stripe.Event>();
  for (const event of account.events) {
    const { id, created } = event.data.object as { id: string; created: number };
    must(event.created <= nowSeconds, event.id, "has not happened yet");
    must(event.created >= created, event.id, `tells of ${id} before it was made`);
    if (!latest.has(id)) latest.set(id, event);
    for (const [name, at] of moments(event.data.object))
      must(at <= event.created, event.id, `${event.type} knows ${name} of ${at - event.created} s later`);
  }
  for (const kind of told)
    for (const { id, created } of account[kind])
      must(created <= nowSeconds - 30 * 86_400 || latest.has(id), id, "came without an event");
}

/** When something happened to an object or a part of it. */
function moments(value: unknown): [string, number][] {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([name, inner]): [string, number][] =>
    typeof inner === "number"
      ? /ed(_at)?$/.test(name) && inner > 1e9
        ? [[name, inner]]
        : []
      : moments(inner),
  );
}
