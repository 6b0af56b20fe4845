// How fast we ask. Two budgets per account, the whole account's and each endpoint's: a request is sent when both have
// room. Other users of the account are noticed by their effect on us: 429s slow the budget that was named down by a
// factor, successes bring it back bit by bit.

export interface Clock {
  /** Milliseconds, monotonic. */
  now: () => number;
  sleep: (ms: number) => Promise<void>;
}

export interface Budgets {
  requestsPerSecond: number;
  perEndpoint: number;
}

/** More requests at the same time only run into Stripe's concurrency limits. */
const maxInFlight = 50;

interface Queue {
  budget: Budget;
  /** In the order in which they came; `ticket` compares across endpoints. */
  waiting: { ticket: number; go: () => void }[];
  /** When somebody last had to wait here. */
  waitedAt: number;
}

/** Some turns of a busy endpoint: between two of them nobody may happen to wait. */
const crowdedMs = 300;

export class Pace {
  readonly #clock: Clock;
  readonly #budgets: Budgets;
  readonly #account: Budget;
  readonly #endpoints = new Map<string, Queue>();
  #inFlight = 0;
  #ticket = 0;
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(budgets: Budgets, clock: Clock) {
    this.#budgets = budgets;
    this.#clock = clock;
    this.#account = new Budget(budgets.requestsPerSecond);
  }

  /** Waits until a request to this endpoint may be sent. Whoever waited must call `over` when it was answered. */
  turn(endpoint: string): Promise<void> {
    return new Promise((go) => {
      this.#queue(endpoint).waiting.push({ ticket: this.#ticket++, go });
      this.#dispatch();
    });
  }

  /** Whether somebody waits for a turn at this endpoint, or did just now. */
  crowded(endpoint: string): boolean {
    return this.#clock.now() - this.#queue(endpoint).waitedAt < crowdedMs;
  }

  over(): void {
    this.#inFlight--;
    this.#dispatch();
  }

  /** `reason` is Stripe's `Stripe-Rate-Limited-Reason`; without one, both budgets are meant. */
  refused(endpoint: string, reason: string | undefined): void {
    const now = this.#clock.now();
    if (!reason?.startsWith("global")) this.#queue(endpoint).budget.slowDown(now);
    if (reason === undefined || reason.startsWith("global")) this.#account.slowDown(now);
  }

  succeeded(endpoint: string): void {
    this.#queue(endpoint).budget.speedUp();
    this.#account.speedUp();
  }

  #queue(endpoint: string): Queue {
    let queue = this.#endpoints.get(endpoint);
    if (!queue) {
      queue = {
        budget: new Budget(this.#budgets.perEndpoint),
        waiting: [],
        waitedAt: Number.NEGATIVE_INFINITY,
      };
      this.#endpoints.set(endpoint, queue);
    }
    return queue;
  }

  /**
   * Sends whatever may go now, and sleeps until the next may. Of the endpoints with room the one that has waited
   * longest is served: one that is held back holds up nobody else.
   */
  #dispatch(): void {
    while (this.#inFlight < maxInFlight) {
      const now = this.#clock.now();
      const waiting = [...this.#endpoints.values()].filter((queue) => queue.waiting.length > 0);
      if (waiting.length === 0) return;
      const room = Math.min(...waiting.map((queue) => queue.budget.earliest()));
      const at = Math.max(room, this.#account.earliest());
      if (at > now) {
        for (const queue of waiting) queue.waitedAt = now;
        this.#wake(at, now);
        return;
      }
      const [first] = waiting
        .filter((queue) => queue.budget.earliest() <= now)
        .sort((a, b) => (a.waiting[0]?.ticket ?? 0) - (b.waiting[0]?.ticket ?? 0));
      first?.budget.take(now);
      this.#account.take(now);
      this.#inFlight++;
      first?.waiting.shift()?.go();
    }
  }

  #wake(at: number, now: number): void {
    if (this.#wakeAt <= at) return;
    this.#wakeAt = at;
    void this.#clock.sleep(at - now).then(() => {
      // A later sleep that was overtaken by an earlier one finds nothing of its own to do.
      if (this.#wakeAt === at) this.#wakeAt = Number.POSITIVE_INFINITY;
      this.#dispatch();
    });
  }
}

/** After a stall of the process at most this much of the missed time is made up for. */
const catchUpMs = 100;
/** Requests in flight learn of a limit together: they are one sign, not fifty. */
const slowAgainAfterMs = 1_000;

class Budget {
  readonly #full: number;
  /** When the last requests were sent, as many as fit into one second: the oldest is at `#oldest`. */
  readonly #sent: Float64Array;
  #oldest = 0;
  #rate: number;
  #nextAt = Number.NEGATIVE_INFINITY;
  #slowedAt = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number) {
    this.#full = perSecond;
    this.#rate = perSecond;
    this.#sent = new Float64Array(Math.min(Math.max(1, Math.floor(perSecond)), 10_000));
    this.#sent.fill(Number.NEGATIVE_INFINITY);
  }

  /** When the next request could go: evenly spread, and never more than the budget within any second. */
  earliest(): number {
    const window = (1_000 * this.#sent.length) / this.#full;
    return Math.max(this.#nextAt, (this.#sent[this.#oldest] ?? 0) + window);
  }

  take(now: number): void {
    this.#nextAt = Math.max(this.#nextAt, now - catchUpMs) + 1_000 / this.#rate;
    this.#sent[this.#oldest] = now;
    this.#oldest = (this.#oldest + 1) % this.#sent.length;
  }

  slowDown(now: number): void {
    if (now - this.#slowedAt < slowAgainAfterMs) return;
    this.#slowedAt = now;
    this.#rate = Math.max(this.#rate * 0.6, Math.min(1, this.#full));
  }

  /** One success is worth a fraction of a request per second: from half speed to full takes some ten seconds. */
  speedUp(): void {
    this.#rate = Math.min(this.#full, this.#rate + this.#full / 500);
  }
}
