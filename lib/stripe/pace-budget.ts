import { Limit } from "./pace-limit.ts";

/** After a stall of the process at most this much of the missed time is made up for. */
const catchUpMs = 100;
/**
 * So late a timer may be without a cost: else the lateness of each request would be added to that of the one a second
 * later, and so on. A second may see that much more.
 */
const lateMs = 20;
/** Timers are late, so that the last few of a hundred never go. */
const nearlyAll = 0.95;

/** One budget of requests a second, or this process's share of it: says when the next request may go. */
export class Budget {
  readonly limit: Limit;
  /** When the last requests were sent, the oldest of them at `#oldest`. */
  readonly #sent: Float64Array;
  #oldest = 0;
  /** From when on the pause before the next one counts. */
  #from = Number.NEGATIVE_INFINITY;
  #share = Number.POSITIVE_INFINITY;
  /** What any second may have seen until a moment ago. */
  #earlier = { rate: 0, until: Number.NEGATIVE_INFINITY };

  constructor(perSecond: number) {
    this.limit = new Limit(perSecond);
    this.#sent = new Float64Array(Math.min(Math.max(1, Math.floor(perSecond)), 10_000));
    this.#sent.fill(Number.NEGATIVE_INFINITY);
  }

  /** Requests a second as of now. */
  rate(now: number): number {
    return Math.min(this.#share, this.limit.at(now));
  }

  /** From now on at most so many a second go from here; the others leave the rest to other processes. */
  share(perSecond: number, now: number): void {
    const before = this.rate(now);
    if (perSecond < this.#share) this.#remember(now);
    this.#share = perSecond;
    const rate = this.rate(now);
    // What was not sent at the lower rate is not made up for at the higher one.
    if (rate > before) this.#from = Math.max(this.#from, now - 1_000 / rate);
  }

  /** When the next request could go: evenly spread, and never more than the rate within any second. */
  earliest(now: number): number {
    const rate = this.rate(now);
    if (rate <= 0) return Number.POSITIVE_INFINITY;
    const most = Math.max(rate, now < this.#earlier.until ? this.#earlier.rate : 0);
    const { length } = this.#sent;
    const count = Math.min(Math.max(1, Math.floor(most)), length);
    const sent = this.#sent[(this.#oldest + length - count) % length] ?? 0;
    return Math.max(this.#from + 1_000 / rate, sent + (1_000 * count) / most);
  }

  /** Whether hardly more could have gone within the last second. */
  used(now: number): boolean {
    const rate = this.rate(now);
    const { length } = this.#sent;
    const count = Math.min(Math.max(1, Math.ceil(rate * nearlyAll)), length);
    const sent = this.#sent[(this.#oldest + length - count) % length] ?? 0;
    return now - sent <= (rate < 1 ? 1_000 / rate : 1_000);
  }

  /**
   * `due`: when it could have gone by this budget; `allDue`: by every one. What a timer was late is made up for; that nobody
   * asked is not.
   */
  take(now: number, due: number, allDue: number): void {
    this.#from = Math.max(due, now - catchUpMs);
    this.#sent[this.#oldest] = Math.max(allDue, now - lateMs);
    this.#oldest = (this.#oldest + 1) % this.#sent.length;
  }

  /** `asked`: requests a second that all processes want. A limit far above it would have to be refused often to be felt. */
  refused(now: number, asked: number): void {
    this.#remember(now);
    // The others learn of it in a moment; until then this share falls as the whole does.
    this.#share *= this.limit.refused(now, Math.max(asked, this.limit.at(now) / 2));
  }

  /** A rate that falls must not make up for the second before by a pause. */
  #remember(now: number): void {
    const rate = Math.max(this.rate(now), now < this.#earlier.until ? this.#earlier.rate : 0);
    this.#earlier = { rate, until: now + 1_000 };
  }
}
