// How fast we ask. Two budgets per account, the whole account's and each endpoint's: a request is sent when both have
// room. Other users of the account are noticed by their effect on us: a 429 slows down what it names, and time brings
// it back. Other processes of ours are told what they may send (shared-pace.ts): then a budget is a share of one.
import { Budget } from "./pace-budget.ts";
import { Limit } from "./pace-limit.ts";
import { Line } from "./pace-line.ts";
import type { Demand } from "./pace-shares.ts";

export interface Clock {
  /** Milliseconds, monotonic. */
  now: () => number;
  /** A sleep in the background does not keep the process alive. */
  sleep: (ms: number, background?: boolean) => Promise<void>;
}

export interface Budgets {
  requestsPerSecond: number;
  perEndpoint: number;
}

/** A person who waits goes before a run's pages. */
export type Priority = keyof Demand;

/** What the account's own budget is called where endpoints have names. */
export const wholeAccount = "";

/** More requests at the same time only run into Stripe's concurrency limits. */
const maxInFlight = 50;
/** While no share is known, or what was known is too old. Somebody may use the whole budget meanwhile. */
export const carefulPerSecond = 1;
/** So many requests of people in a row, then one of a run's: neither starves the other. */
const personsInARow = 4;

/** A request that may be sent. */
export interface Turn {
  /** To be told when it was answered, or was not. */
  over(ending: Ending): void;
}

/** `refused` is Stripe's `Stripe-Rate-Limited-Reason`; without one, both rates are meant. */
export type Ending = "answered" | "failed" | { refused: string | undefined };

class Queue {
  readonly budget: Budget;
  readonly atOnce = new Limit(maxInFlight);
  readonly lines: Record<Priority, Line> = { person: new Line(), run: new Line() };
  readonly turns = new Turns();
  inFlight = 0;

  constructor(perSecond: number) {
    this.budget = new Budget(perSecond);
  }

  get next(): Priority | null {
    return this.turns.next(this.lines.person.waiting > 0, this.lines.run.waiting > 0);
  }

  get ticket(): number {
    return this.next === null ? Number.POSITIVE_INFINITY : this.lines[this.next].ticket;
  }

  demand(now: number): Demand {
    return { person: this.lines.person.demand(now), run: this.lines.run.demand(now) };
  }
}

/** Whose turn it is. */
class Turns {
  #persons = 0;

  next(person: boolean, run: boolean): Priority | null {
    if (person && (!run || this.#persons < personsInARow)) return "person";
    return run ? "run" : null;
  }

  took(priority: Priority): void {
    this.#persons = priority === "person" ? this.#persons + 1 : 0;
  }
}

export class Pace {
  readonly #clock: Clock;
  readonly #budgets: Budgets;
  readonly #wanted: ((endpoint: string) => void) | undefined;
  readonly #account: Budget;
  readonly #atOnce = new Limit(maxInFlight);
  readonly #endpoints = new Map<string, Queue>();
  readonly #turns = new Turns();
  #inFlight = 0;
  #ticket = 0;
  #wakeAt = Number.POSITIVE_INFINITY;
  /** When the shares end that other processes know of. */
  #sharesEnd = Number.POSITIVE_INFINITY;
  #askedElsewhere: ReadonlyMap<string, number> = new Map();

  /** With `wanted` the budgets are shared with other processes; it is told of each request that comes. */
  constructor(budgets: Budgets, clock: Clock, wanted?: (endpoint: string) => void) {
    this.#budgets = budgets;
    this.#clock = clock;
    this.#wanted = wanted;
    this.#account = new Budget(budgets.requestsPerSecond);
    if (wanted) this.#account.share(carefulPerSecond, clock.now());
  }

  /** Waits until a request to this endpoint may be sent. */
  async turn(endpoint: string, priority: Priority = "run"): Promise<Turn> {
    const queue = this.#queue(endpoint);
    await new Promise<void>((go) => {
      queue.lines[priority].join(this.#ticket++, this.#clock.now(), go);
      this.#wanted?.(endpoint);
      this.#dispatch();
    });
    return { over: (ending) => this.#over(endpoint, priority, ending) };
  }

  /** Whether more requests to this endpoint at the same time would only wait. */
  crowded(endpoint: string): boolean {
    const now = this.#clock.now();
    return this.#queue(endpoint).budget.used(now) || this.#account.used(now);
  }

  /** Requests a second that are wanted of each endpoint. */
  demand(): Map<string, Demand> {
    const now = this.#clock.now();
    return new Map(
      [...this.#endpoints]
        .map(([endpoint, queue]) => [endpoint, queue.demand(now)] as const)
        .filter(([, { person, run }]) => person + run > 0),
    );
  }

  /** What is known of the limits of the account and of each endpoint that was used. */
  limits(): Map<string, Limit> {
    const limits = new Map([[wholeAccount, this.#account.limit]]);
    for (const [endpoint, { budget }] of this.#endpoints) limits.set(endpoint, budget.limit);
    return limits;
  }

  /** As `limits`, also for an endpoint that was not used yet. */
  limit(endpoint: string): Limit {
    return this.#budget(endpoint).limit;
  }

  /**
   * Requests a second that are this process's until the clock says `end`. What is not named has no share yet: there,
   * and when the end is reached without another word, it goes on carefully. `elsewhere`: what other processes want.
   */
  share(shares: ReadonlyMap<string, number>, end: number, elsewhere: ReadonlyMap<string, number>): void {
    const now = this.#clock.now();
    for (const endpoint of shares.keys()) this.#budget(endpoint);
    this.#account.share(shares.get(wholeAccount) ?? carefulPerSecond, now);
    for (const [endpoint, { budget }] of this.#endpoints)
      budget.share(shares.get(endpoint) ?? carefulPerSecond, now);
    this.#sharesEnd = end;
    this.#askedElsewhere = elsewhere;
    this.#dispatch();
  }

  #over(endpoint: string, priority: Priority, ending: Ending): void {
    const now = this.#clock.now();
    const queue = this.#queue(endpoint);
    if (ending === "answered")
      for (const limit of [queue.budget.limit, queue.atOnce, this.#account.limit, this.#atOnce])
        limit.answered();
    else if (ending !== "failed") this.#refused(endpoint, ending.refused);
    queue.lines[priority].over(now);
    queue.inFlight--;
    this.#inFlight--;
    this.#dispatch();
  }

  #refused(endpoint: string, reason: string | undefined): void {
    const now = this.#clock.now();
    const queue = this.#queue(endpoint);
    if (reason === "endpoint-concurrency") queue.atOnce.refused(now, queue.inFlight);
    else if (reason === "global-concurrency") this.#atOnce.refused(now, this.#inFlight);
    else {
      if (reason !== "global-rate") queue.budget.refused(now, this.#asked(endpoint, now));
      if (reason === undefined || reason === "global-rate")
        this.#account.refused(now, this.#asked(wholeAccount, now));
    }
  }

  /** Requests a second that are wanted here and in other processes. */
  #asked(endpoint: string, now: number): number {
    const queues = endpoint === wholeAccount ? [...this.#endpoints.values()] : [this.#queue(endpoint)];
    return queues
      .map((queue) => queue.demand(now))
      .reduce((sum, { person, run }) => sum + person + run, this.#askedElsewhere.get(endpoint) ?? 0);
  }

  #budget(endpoint: string): Budget {
    return endpoint === wholeAccount ? this.#account : this.#queue(endpoint).budget;
  }

  #queue(endpoint: string): Queue {
    let queue = this.#endpoints.get(endpoint);
    if (!queue) {
      queue = new Queue(this.#budgets.perEndpoint);
      if (this.#wanted) queue.budget.share(carefulPerSecond, this.#clock.now());
      this.#endpoints.set(endpoint, queue);
    }
    return queue;
  }

  /**
   * Sends whatever may go now, and sleeps until the next may. Of the endpoints with room the one that has waited
   * longest is served: one that is held back holds up nobody else.
   */
  #dispatch(): void {
    for (;;) {
      const now = this.#clock.now();
      // A process that was asleep must not wake up with a share that others have by now.
      if (now >= this.#sharesEnd) {
        this.share(new Map(), Number.POSITIVE_INFINITY, new Map());
        return;
      }
      if (this.#inFlight >= Math.floor(this.#atOnce.at(now))) return;
      const waiting = [...this.#endpoints.values()].filter((queue) => queue.next !== null);
      const open = waiting.filter((queue) => queue.inFlight < Math.floor(queue.atOnce.at(now)));
      if (open.length === 0) return;
      const room = Math.min(...open.map((queue) => queue.budget.earliest(now)));
      const at = Math.max(room, this.#account.earliest(now));
      if (at > now) {
        this.#wake(at, now);
        return;
      }
      this.#send(
        open.filter((queue) => queue.budget.earliest(now) <= now),
        now,
      );
    }
  }

  #send(ready: readonly Queue[], now: number): void {
    const has = (priority: Priority) => ready.some((queue) => queue.next === priority);
    const priority = this.#turns.next(has("person"), has("run"));
    const [first] = ready.filter((queue) => queue.next === priority).sort((a, b) => a.ticket - b.ticket);
    if (!first || !priority) return;
    const line = first.lines[priority];
    const due = Math.max(line.since, first.budget.earliest(now));
    const allDue = Math.max(due, this.#account.earliest(now));
    first.budget.take(now, due, allDue);
    this.#account.take(now, allDue, allDue);
    first.turns.took(priority);
    this.#turns.took(priority);
    first.inFlight++;
    this.#inFlight++;
    line.send(now);
  }

  #wake(at: number, now: number): void {
    if (this.#wakeAt <= at || at === Number.POSITIVE_INFINITY) return;
    this.#wakeAt = at;
    void this.#clock.sleep(at - now).then(() => {
      // A later sleep that was overtaken by an earlier one finds nothing of its own to do.
      if (this.#wakeAt === at) this.#wakeAt = Number.POSITIVE_INFINITY;
      this.#dispatch();
    });
  }
}
