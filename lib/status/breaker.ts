/** What it takes to stop asking somebody who does not answer, and when to try again. */
export interface BreakerLimits {
  /** So many failures in a row. */
  failures: number;
  /** Between two tries; up to half of it more, so that processes do not try together. */
  pauseMs: number;
}

/** Keeps callers from waiting for what has failed again and again: one of them tries, the others are told at once. */
export class Breaker {
  readonly #limits: BreakerLimits;
  readonly #now: () => number;
  readonly #random: () => number;
  #failed = 0;
  #tryAt = 0;

  constructor(limits: BreakerLimits, now: () => number, random: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#random = random;
  }

  get open(): boolean {
    return this.#failed >= this.#limits.failures;
  }

  /** Whether to try. While it is open, one caller a pause may. */
  allows(): boolean {
    if (!this.open) return true;
    if (this.#now() < this.#tryAt) return false;
    this.#pause();
    return true;
  }

  succeeded(): void {
    this.#failed = 0;
  }

  failed(): void {
    this.#failed++;
    if (this.open) this.#pause();
  }

  #pause(): void {
    this.#tryAt = this.#now() + this.#limits.pauseMs * (1 + this.#random() / 2);
  }
}
