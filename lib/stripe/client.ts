import { createHash } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import Stripe from "stripe";
import { countRequest } from "../metrics/counters.ts";
import { traced } from "../tracing/span.ts";
import { endpointsOf, listEvents } from "./endpoints.ts";
import { type Budgets, type Clock, Pace } from "./pace.ts";
import type { Board } from "./pace-board.ts";
import { currentHaste, currentPriority } from "./priority.ts";
import type { StripeReader } from "./reader.ts";
import { SharedPace } from "./shared-pace.ts";
import { judge, type Verdict } from "./verdict.ts";

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

  const call = <T>(endpoint: string, send: () => Promise<T>): Promise<T> =>
    traced(`stripe ${endpoint}`, {}, () => tryToCall(endpoint, send));

  async function tryToCall<T>(endpoint: string, send: () => Promise<T>): Promise<T> {
    const attempts = currentHaste()?.attempts;
    for (let attempt = 1; ; attempt++) {
      const turn = await pace.turn(endpoint, currentPriority());
      let verdict: Verdict;
      try {
        counts.requests++;
        const answer = await send();
        countRequest(endpoint, "answered");
        turn.over("answered");
        return answer;
      } catch (error) {
        verdict = judge(error, endpoint, options);
        if (verdict.limited) counts.rateLimited++;
        countRequest(endpoint, verdict.limited ? "refused" : "failed", verdict.reason);
        turn.over(verdict.limited ? { refused: verdict.reason } : "failed");
      }
      // A limit is not a fault: it deserves more patience.
      const most = attempts ?? (verdict.limited ? maxAttempts * 2 : maxAttempts);
      if (!verdict.again || attempt >= most) throw verdict.error;
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
    webhookEndpoints: () =>
      call("list webhook endpoint", async () => (await stripe.webhookEndpoints.list({ limit: 100 })).data),
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
  client.makeRequest = async (host, port, path, method, headers, data, protocol, timeoutMs) => {
    // The package has one time limit for all that a client asks.
    const limitMs = currentHaste()?.timeoutMs ?? timeoutMs;
    try {
      const response = await makeRequest.call(
        client,
        host,
        port,
        path,
        method,
        headers,
        data,
        protocol,
        limitMs,
      );
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
