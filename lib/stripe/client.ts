import { createHash } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import Stripe from "stripe";
import type { StripeObject, StripeObjects, StripeType } from "../config/resource.ts";
import { DriftdeskError } from "../errors.ts";
import { type Budgets, type Clock, Pace } from "./pace.ts";
import type { Board } from "./pace-board.ts";
import { currentPriority } from "./priority.ts";
import type { EventFilter, ListFilter, ListPage, StripeReader } from "./reader.ts";
import { SharedPace } from "./shared-pace.ts";

export interface StripeReaderOptions {
  secretKey: string;
  /** Environment variable that the key is from, for messages. */
  keyVariable?: string;
  /** A connected account to ask about, through its platform's key. */
  stripeAccount?: string | undefined;
  /** Where Stripe is; a sandbox or a proxy in its place, e.g. `http://127.0.0.1:12111`. */
  apiBase?: string | undefined;
  pace: Budgets;
  /** Where all processes that ask the account share its budgets. Without it they are this reader's alone. */
  board?: Board | undefined;
  clock?: Clock;
  /** 0 to 1, for the jitter between retries. */
  random?: () => number;
  maxAttempts?: number;
  /** Per request. */
  timeoutMs?: number;
}

const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, background = false) => wait(ms, undefined, { ref: !background }),
};

/** Stripe, read-only, behind the account's two budgets. */
export function createStripeReader(options: StripeReaderOptions): StripeReader {
  const {
    secretKey,
    stripeAccount,
    apiBase,
    clock = systemClock,
    random = Math.random,
    maxAttempts = 6,
  } = options;
  const base = apiBase === undefined ? undefined : new URL(apiBase);
  let time: Date | null = null;
  const stripe = new Stripe(secretKey, {
    ...(base && {
      host: base.hostname,
      port: base.port === "" ? (base.protocol === "http:" ? 80 : 443) : Number(base.port),
      protocol: base.protocol === "http:" ? "http" : "https",
    }),
    // Retries are ours: each of them has to wait for its turn like any other request.
    maxNetworkRetries: 0,
    httpClient: withoutRetries(Stripe.createNodeHttpClient(), (date) => {
      time = date;
    }),
    timeout: options.timeoutMs ?? 30_000,
    telemetry: false,
    appInfo: { name: "Driftdesk" },
    ...(stripeAccount !== undefined && { stripeAccount }),
  });
  const endpoints = endpointsOf(stripe);
  const shared = sharePace(options, clock);
  const pace = shared?.pace ?? new Pace(options.pace, clock);
  const livemode = /^[a-z]+_live_/.test(secretKey);
  const counts = { requests: 0, rateLimited: 0 };

  async function call<T>(endpoint: string, send: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const turn = await pace.turn(endpoint, currentPriority());
      let verdict: Verdict;
      try {
        counts.requests++;
        const answer = await send();
        turn.over("answered");
        return answer;
      } catch (error) {
        verdict = judge(error, endpoint, options);
        if (verdict.limited) counts.rateLimited++;
        turn.over(verdict.limited ? { refused: verdict.reason } : "failed");
      }
      // A limit is not a fault: it deserves more patience.
      if (!verdict.again || attempt >= (verdict.limited ? maxAttempts * 2 : maxAttempts)) throw verdict.error;
      await clock.sleep(random() * Math.min(10_000, 250 * 2 ** attempt));
    }
  }

  return {
    livemode,
    counts,
    async account() {
      const account = await call("retrieve account", () => stripe.accounts.retrieveCurrent());
      shared?.alsoKnownAs(`${account.id} ${livemode ? "live" : "test"}`);
      return {
        id: account.id,
        name: account.business_profile?.name ?? account.settings?.dashboard.display_name ?? null,
        created: account.created,
      };
    },
    events: (filter) => call("list event", () => listEvents(stripe, filter)),
    time: () => time,
    crowded: (type) => pace.crowded(`list ${type}`),
    list: (type, filter) => call(`list ${type}`, () => endpoints[type].list(filter)),
    retrieve: (type, id, expand) =>
      call(`retrieve ${type}`, () =>
        endpoints[type].retrieve(id, expand && expand.length > 0 ? [...expand] : undefined),
      ),
  };
}

function sharePace(options: StripeReaderOptions, clock: Clock): SharedPace | null {
  const { secretKey, stripeAccount = "", pace, board } = options;
  if (board === undefined) return null;
  // Whoever reads the board must not learn the key, only that it is the same one.
  const asked = createHash("sha256").update(`driftdesk pace ${secretKey} ${stripeAccount}`).digest("hex");
  return new SharedPace({ budgets: pace, clock, board, account: asked.slice(0, 32) });
}

/**
 * The package sends a request again by itself when its connection was closed, whatever it was told; it goes by these codes.
 * `heard` is told what time each answer says it is.
 */
function withoutRetries(client: Stripe.HttpClient, heard: (date: Date) => void): Stripe.HttpClient {
  const { makeRequest } = client;
  client.makeRequest = async (...request) => {
    try {
      const response = await makeRequest.apply(client, request);
      const date = new Date(String(response.getHeaders().date));
      if (!Number.isNaN(date.getTime())) heard(date);
      return response;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "ECONNRESET" || code === "EPIPE") (error as { code: string }).code = "connection_closed";
      throw error;
    }
  };
  return client;
}

async function listEvents(stripe: Stripe, filter: EventFilter): Promise<ListPage<Stripe.Event>> {
  const { types, createdFrom, startingAfter } = filter;
  const page = await stripe.events.list({
    limit: 100,
    types: [...types],
    created: { gte: createdFrom },
    ...(startingAfter !== undefined && { starting_after: startingAfter }),
  });
  return { data: page.data, hasMore: page.has_more };
}

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

function endpointsOf(stripe: Stripe): { [K in StripeType]: Endpoint<StripeObjects[K]> } {
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

interface Verdict {
  error: Error;
  again: boolean;
  limited: boolean;
  reason?: string | undefined;
}

/** What a failed request means, and whether to ask again. Messages of ours never carry the key. */
function judge(
  failure: unknown,
  endpoint: string,
  { keyVariable = "STRIPE_SECRET_KEY", stripeAccount }: StripeReaderOptions,
): Verdict {
  if (!(failure instanceof Stripe.errors.StripeError)) {
    return {
      error: failure instanceof Error ? failure : new Error(String(failure)),
      again: false,
      limited: false,
    };
  }
  const fail = (code: string, message: string, again = false, limited = false): Verdict => ({
    error: new DriftdeskError(code, message, { status: 502 }),
    again,
    limited,
    reason: headerOf(failure, "stripe-rate-limited-reason"),
  });
  const request = failure.requestId ? ` (Stripe's request ${failure.requestId})` : "";
  const shouldRetry = headerOf(failure, "stripe-should-retry");
  // Another request has the object just now: that says nothing about the pace.
  const locked = failure.code === "lock_timeout";
  if (failure.statusCode === 429 && !locked)
    return fail(
      "stripe_rate_limited",
      `Stripe kept refusing to ${endpoint}: too many requests${request}. Lower pace in the config.`,
      true,
      true,
    );
  if (failure.statusCode === 401)
    return fail(
      "stripe_key_rejected",
      `Stripe rejects ${keyVariable}${request}. Create a restricted key with read permissions and set it.`,
    );
  if (failure.code === "account_invalid" || /does not have access to account/.test(failure.message))
    return fail(
      "stripe_account_unknown",
      `The key in ${keyVariable} has no access to ${stripeAccount ?? "the account"}, or there is no such account${request}. Take the key of its platform, and look whether it is still connected.`,
    );
  if (failure.statusCode === 403)
    return fail(
      "stripe_permission_missing",
      `The key in ${keyVariable} may not ${endpoint}${request}. Give the restricted key read permission for it.`,
    );
  if (failure.code === "resource_missing" && failure.param === "starting_after")
    return fail(
      "stripe_cursor_gone",
      `The object at which to go on with ${endpoint} was deleted meanwhile${request}.`,
    );
  const again =
    locked ||
    shouldRetry === "true" ||
    (shouldRetry !== "false" &&
      (failure.statusCode === undefined ||
        failure.statusCode === 409 ||
        failure.statusCode >= 500 ||
        failure.statusCode === 200));
  if (again)
    return fail(
      "stripe_unreachable",
      `Stripe could not be asked to ${endpoint}: ${failure.type}${request}. Try again when it is back.`,
      true,
    );
  return fail(
    "stripe_request_invalid",
    `Stripe did not accept the request to ${endpoint}: ${failure.message}${request}`,
  );
}

function headerOf(error: Stripe.errors.StripeError, name: string): string | undefined {
  const value: unknown = error.headers?.[name];
  return typeof value === "string" ? value : undefined;
}
