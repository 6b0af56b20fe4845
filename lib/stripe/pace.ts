// How fast we ask. Two budgets per account, the whole account's and each endpoint's; a request waits for a send time
// that keeps within both. Other users of the account are noticed by their effect on us: 429s slow the budget that was
// named down by a factor, successes bring it back bit by bit.

export interface Clock {
  /** Milliseconds, monotonic. */
  now: () => number;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export interface Budgets {
  requestsPerSecond: number;
  perEndpoint: number;
}

/** After a stall of the process at most this much of the missed time is made up for: no burst is longer. */
const catchUpMs = 100;
/** Requests in flight learn of a limit together: they are one sign, not fifty. */
const slowAgainAfterMs = 1_000;

class Budget {
  readonly #full: number;
  #rate: number;
  #nextAt = Number.NEGATIVE_INFINITY;
  #slowedAt = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number) {
    this.#full = perSecond;
    this.#rate = perSecond;
  }

  /** When the next request could go. */
  earliest(now: number): number {
    return Math.max(this.#nextAt, now - catchUpMs);
  }

  take(at: number): void {
    this.#nextAt = at + 1_000 / this.#rate;
  }

  slowDown(now: number): void {
    if (now - this.#slowedAt < slowAgainAfterMs) return;
    this.#slowedAt = now;
    this.#rate = Math.max(this.#rate * 0.6, Math.min(1, this.#full));
  }

  /** One success is worth a fraction of a request per second: from half speed to full takes some ten seconds. */
  speedUp(): void {
    this.#rate = Math.min(this.#full, this.#rate + 0.05);
  }
}

export class Pace {
  readonly #clock: Clock;
  readonly #budgets: Budgets;
  readonly #account: Budget;
  readonly #endpoints = new Map<string, Budget>();

  constructor(budgets: Budgets, clock: Clock) {
    this.#budgets = budgets;
    this.#clock = clock;
    this.#account = new Budget(budgets.requestsPerSecond);
  }

  #endpoint(name: string): Budget {
    let budget = this.#endpoints.get(name);
    if (!budget) {
      budget = new Budget(this.#budgets.perEndpoint);
      this.#endpoints.set(name, budget);
    }
    return budget;
  }

  /** Waits for the next send time of an endpoint. Callers are served in the order in which they came. */
  async turn(endpoint: string): Promise<void> {
    const now = this.#clock.now();
    const own = this.#endpoint(endpoint);
    const at = Math.max(this.#account.earliest(now), own.earliest(now));
    this.#account.take(at);
    own.take(at);
    if (at > now) await this.#clock.sleep(at - now);
  }

  /** `reason` is Stripe's `Stripe-Rate-Limited-Reason`; without one, both budgets are meant. */
  refused(endpoint: string, reason: string | undefined): void {
    const now = this.#clock.now();
    if (!reason?.startsWith("global")) this.#endpoint(endpoint).slowDown(now);
    if (!reason?.startsWith("endpoint")) this.#account.slowDown(now);
  }

  succeeded(endpoint: string): void {
    this.#endpoint(endpoint).speedUp();
    this.#account.speedUp();
  }
}
