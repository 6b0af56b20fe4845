// What is known of a limit that nobody announces: Stripe's own, less what other users of the account take of it. A
// refusal lowers it by a factor; then it rises evenly to where it was refused, and beyond that ever faster.

/** The last refusal that changed something, as other processes are told it. Times in milliseconds. */
export interface Sign {
  at: number;
  /** The limit from then on, and what it was before. */
  rate: number;
  before: number;
  /** How long the way back takes. */
  recoverMs: number;
}

/** Requests in flight learn of a limit together, and other processes a little later: all that is one sign. */
const sameSignMs = 1_000;
/** Refusals that follow each other as fast as this are still on the way down. */
const stillFallingMs = 3_000;
const recoverMs = 10_000;
/** So many times that it rises evenly, past where it was refused; whatever took its part then seems to be gone. */
const evenly = 2;
/** From there on it doubles in this time. */
const doubleMs = 5_000;
/** Where every way back ends in a refusal, so many requests are let through between two of them, if that is not too long. */
const requestsPerProbe = 300;
const longestRecoverMs = 120_000;
const mildest = 0.7;
const harshest = 0.5;

export class Limit {
  readonly #full: number;
  #sign: Sign | null = null;
  /** Since the last sign. */
  #answered = 0;
  #refused = 0;

  constructor(full: number) {
    this.#full = full;
  }

  get sign(): Sign | null {
    return this.#sign;
  }

  at(now: number): number {
    return this.#sign === null ? this.#full : Math.min(this.#full, levelOf(this.#sign, now));
  }

  answered(): void {
    this.#answered++;
  }

  /** `used` is what there is of what the limit is about: the limit is not above it. Answers by which factor it fell. */
  refused(now: number, used: number): number {
    this.#refused++;
    if (this.#sign !== null && now - this.#sign.at < sameSignMs) return 1;
    const current = this.at(now);
    const before = Math.min(current, used);
    const passed = this.#answered / (this.#answered + this.#refused);
    const factor = Math.min(mildest, Math.max(harshest, passed));
    const rate = Math.max(before * factor, Math.min(1, this.#full));
    this.#learn({ at: now, rate, before: Math.max(before, rate), recoverMs: this.#patience(now, before) });
    return rate / current;
  }

  /** What another process learned counts when it is less. */
  adopt(sign: Sign, now: number): void {
    if (levelOf(sign, now) < this.at(now)) this.#learn(sign);
  }

  #learn(sign: Sign): void {
    this.#sign = sign;
    this.#answered = 0;
    this.#refused = 0;
  }

  #patience(now: number, level: number): number {
    if (this.#sign === null) return recoverMs;
    const quietMs = now - this.#sign.at;
    if (quietMs < stillFallingMs) return this.#sign.recoverMs;
    if (quietMs > 3 * this.#sign.recoverMs) return recoverMs;
    const probeMs = Math.max(recoverMs, (1_000 * requestsPerProbe) / level);
    return Math.min(2 * this.#sign.recoverMs, probeMs, longestRecoverMs);
  }
}

function levelOf({ at, rate, before, recoverMs }: Sign, now: number): number {
  const passedMs = now - at;
  const evenMs = Math.min(Math.max(0, passedMs), evenly * recoverMs);
  return (rate + ((before - rate) * evenMs) / recoverMs) * 2 ** ((Math.max(0, passedMs) - evenMs) / doubleMs);
}
