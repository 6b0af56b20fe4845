// Events on their way to the endpoints of the account, signed as Stripe signs them, tried again as Stripe tries again.
import Stripe from "stripe";
import { apiVersion, type WireEvent } from "../world/event.ts";
import { Random } from "../world/random.ts";
import { secondsOf } from "../world/times.ts";
import { type World, wants } from "../world/world.ts";
import { plain } from "./expansion.ts";

/**
 * `deliver` sends it; `refuse` is an endpoint that answers 500, so that Stripe keeps it pending and tries again; `lose` is
 * one that answers 200 and forgets it, so that Stripe takes it for delivered.
 */
export type Outcome = "deliver" | "refuse" | "lose";

export interface Attempt {
  event: string;
  type: string;
  endpoint: string;
  attempt: number;
  /** HTTP status, or null when nobody answered. */
  status: number | null;
}

interface Pending {
  eventId: string;
  endpointId: string;
  attempts: number;
  dueAt: number;
}

/** How long an endpoint may take to answer. */
const patienceMs = 10_000;

/** Growing gaps between attempts, in minutes: three days in all. */
const retryMinutes = [5, 30, 120, 300, 600, 720, 720, 720, 720];

export class Webhooks {
  /** By event id, id of the object, event type or id of the endpoint; `*` for all. */
  readonly outcomes = new Map<string, Outcome>();
  readonly attempts: Attempt[] = [];
  readonly #world: World;
  readonly #now: () => Date;
  readonly #random: Random;
  readonly #secrets = new Map<string, string>();
  /** Event and endpoint of each delivery that was taken: one that is sent again counts once. */
  readonly #taken = new Set<string>();
  #pending: Pending[] = [];
  #delivering: Promise<void> = Promise.resolve();

  constructor(world: World, now: () => Date) {
    this.#world = world;
    this.#now = now;
    this.#random = new Random(world.seed + 11);
    world.listeners.add(this.#take);
  }

  /** Answers the endpoint with its secret, which Stripe shows this once. */
  add(url: string, options: { secret?: string; events?: readonly string[] } = {}): Stripe.WebhookEndpoint {
    const secret = options.secret ?? this.#random.id("whsec", 32);
    const endpoint: Stripe.WebhookEndpoint = {
      id: this.#random.id("we_1", 23),
      object: "webhook_endpoint",
      api_version: apiVersion,
      application: null,
      created: secondsOf(this.#now()),
      description: null,
      enabled_events: [...(options.events ?? ["*"])],
      livemode: this.#world.livemode,
      metadata: {},
      status: "enabled",
      url,
    };
    this.#world.webhookEndpoints.put(endpoint);
    this.#secrets.set(endpoint.id, secret);
    return { ...endpoint, secret };
  }

  /** Sends what is due by now, one after the other, and answers when all of it was tried. */
  deliver(): Promise<void> {
    this.#delivering = this.#delivering.then(async () => {
      const now = secondsOf(this.#now());
      const due = this.#pending.filter((pending) => pending.dueAt <= now);
      this.#pending = this.#pending.filter((pending) => pending.dueAt > now);
      for (const pending of due) await this.#try(pending, now);
    });
    return this.#delivering;
  }

  /** Sends one event again whatever became of it, as "Resend" in the Dashboard does. */
  async resend(eventId: string): Promise<void> {
    this.#pending = this.#pending.filter((pending) => pending.eventId !== eventId);
    const event = this.#world.events.get(eventId);
    if (event) this.#take(event);
    await this.deliver();
  }

  close(): void {
    this.#world.listeners.delete(this.#take);
    this.#pending = [];
  }

  readonly #take = (event: WireEvent): void => {
    for (const endpoint of this.#world.webhookEndpoints.values())
      if (wants(endpoint, event.type))
        this.#pending.push({ eventId: event.id, endpointId: endpoint.id, attempts: 0, dueAt: event.created });
  };

  async #try(pending: Pending, now: number): Promise<void> {
    const event = this.#world.events.get(pending.eventId);
    const endpoint = this.#world.webhookEndpoints.get(pending.endpointId);
    if (!event || !endpoint || endpoint.status !== "enabled") return;
    const status = await this.#send(event, endpoint, now);
    pending.attempts++;
    this.attempts.push({
      event: event.id,
      type: event.type,
      endpoint: endpoint.id,
      attempt: pending.attempts,
      status,
    });
    if (status !== null && status >= 200 && status < 300) {
      this.#count(event.id, endpoint.id);
      return;
    }
    const minutes = retryMinutes[pending.attempts - 1];
    if (minutes !== undefined) this.#pending.push({ ...pending, dueAt: now + minutes * 60 });
  }

  #count(eventId: string, endpointId: string): void {
    const delivery = `${eventId} ${endpointId}`;
    if (this.#taken.has(delivery)) return;
    this.#taken.add(delivery);
    const event = this.#world.events.get(eventId);
    if (event)
      this.#world.events.put({ ...event, pending_webhooks: Math.max(0, event.pending_webhooks - 1) });
  }

  async #send(event: WireEvent, endpoint: Stripe.WebhookEndpoint, now: number): Promise<number | null> {
    const object = event.data.object.id;
    const outcome = [event.id, object, event.type, endpoint.id, "*"]
      .map((key) => (key === undefined ? undefined : this.outcomes.get(key)))
      .find((found) => found !== undefined);
    if (outcome === "refuse") return 500;
    if (outcome === "lose") return 200;
    // Reserved for examples: nobody is there, and no name server has to be asked about it.
    if (new URL(endpoint.url).hostname.endsWith(".example")) return null;
    const payload = JSON.stringify(plain(event), null, 2);
    const signature = Stripe.webhooks.generateTestHeaderString({
      payload,
      secret: this.#secrets.get(endpoint.id) ?? "",
      timestamp: now,
    });
    try {
      const answer = await fetch(endpoint.url, {
        method: "POST",
        body: payload,
        headers: {
          "Content-Type": "application/json; charset=utf-8",
          "Stripe-Signature": signature,
          "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        },
        redirect: "manual",
        signal: AbortSignal.timeout(patienceMs),
      });
      await answer.body?.cancel();
      return answer.status;
    } catch {
      return null;
    }
  }
}
