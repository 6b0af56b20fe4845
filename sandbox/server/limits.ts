import { tooMany } from "./refusal.ts";

export interface Limits {
  requestsPerSecond: number;
  perEndpoint: number;
  /** Requests at the same time. */
  concurrency?: number;
  endpointConcurrency?: number;
}

class Bucket {
  #tokens: number;
  #at: number;
  #running = 0;

  constructor(rate: number, now: number) {
    this.#tokens = rate;
    this.#at = now;
  }

  /** Refills by the time that passed; at most one second's worth is ever there. */
  full(rate: number, now: number): boolean {
    this.#tokens = Math.min(rate, this.#tokens + ((now - this.#at) / 1_000) * rate);
    this.#at = now;
    return this.#tokens < 1;
  }
  get running(): number {
    return this.#running;
  }
  take(): void {
    this.#tokens -= 1;
  }
  enter(): void {
    this.#running += 1;
  }
  leave(): void {
    this.#running -= 1;
  }
}

/** Both rate limits and both concurrency limits of an account. */
export class Gate {
  limits: Limits | null;
  readonly #now: () => number;
  readonly #account: Bucket;
  readonly #endpoints = new Map<string, Bucket>();

  constructor(limits: Limits | null, now: () => number) {
    this.limits = limits;
    this.#now = now;
    this.#account = new Bucket(limits?.requestsPerSecond ?? 0, now());
  }

  /** Lets a request in, or throws the 429 that Stripe would send. Answers what to call when the request is over. */
  enter(endpoint: string): () => void {
    const { limits } = this;
    if (limits === null) return () => {};
    const now = this.#now();
    let own = this.#endpoints.get(endpoint);
    if (!own) {
      own = new Bucket(limits.perEndpoint, now);
      this.#endpoints.set(endpoint, own);
    }
    const account = this.#account;
    // What is received counts, whatever is refused next: whoever runs into one limit uses up the others as well.
    if (account.full(limits.requestsPerSecond, now)) throw tooMany("global-rate");
    account.take();
    if (own.full(limits.perEndpoint, now)) throw tooMany("endpoint-rate");
    own.take();
    if (account.running >= (limits.concurrency ?? Number.POSITIVE_INFINITY))
      throw tooMany("global-concurrency");
    if (own.running >= (limits.endpointConcurrency ?? Number.POSITIVE_INFINITY))
      throw tooMany("endpoint-concurrency");
    account.enter();
    own.enter();
    return () => {
      account.leave();
      own.leave();
    };
  }
}
