import { setTimeout as wait } from "node:timers/promises";
import { DriftdeskError } from "../errors.ts";
import type { StripeReader } from "../stripe/reader.ts";

export interface PatienceClock {
  /** Milliseconds, monotonic. */
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<unknown>;
}

const systemClock: PatienceClock = {
  now: () => performance.now(),
  sleep: (ms, signal) => wait(ms, undefined, { signal }),
};

/** How long a run bears that Stripe answers nothing at all. */
const patienceMs = 15 * 60_000;
const firstPauseMs = 5_000;
const longestPauseMs = 60_000;

/**
 * A run outlives what a single request does not: while Stripe is not to be reached it waits and asks again, instead of
 * leaving out what it would have read a few minutes later.
 */
export class Patience {
  readonly #clock: PatienceClock;
  #answeredAt: number;
  #waiting = 0;
  #probe: Promise<boolean> | null = null;

  constructor(clock: PatienceClock = systemClock) {
    this.#clock = clock;
    this.#answeredAt = clock.now();
  }

  /** For how long Stripe has not answered, while somebody waits for it; null otherwise. */
  get silentMs(): number | null {
    return this.#waiting > 0 ? this.#silence() : null;
  }

  /** The same reader, for what a run asks until `signal` tells it to stop. */
  reader(stripe: StripeReader, signal: AbortSignal): StripeReader {
    const ask = <T>(send: () => Promise<T>) => this.#ask(stripe, send, signal);
    return {
      ...stripe,
      list: (...args) => ask(() => stripe.list(...args)),
      retrieve: (...args) => ask(() => stripe.retrieve(...args)),
      events: (...args) => ask(() => stripe.events(...args)),
    };
  }

  async #ask<T>(stripe: StripeReader, send: () => Promise<T>, signal: AbortSignal): Promise<T> {
    let alive = false;
    for (let tries = 1; ; tries++) {
      try {
        const answer = await send();
        this.#answeredAt = this.#clock.now();
        if (tries > 1) this.#waiting--;
        return answer;
      } catch (error) {
        if (tries === 1) this.#waiting++;
        const lately = alive;
        const worthIt = !signal.aborted && isUnreachable(error);
        alive = worthIt && (await this.#answersOthers(stripe));
        // Stripe answered something else before this try and after it: so it is this that cannot be had.
        if (!worthIt || (alive ? lately : this.#silence() > patienceMs)) {
          this.#waiting--;
          throw error;
        }
      }
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (tries - 1));
      await this.#clock.sleep(pauseMs, signal).catch(() => {});
    }
  }

  #silence(): number {
    return this.#clock.now() - this.#answeredAt;
  }

  /** Whether Stripe answers anything at all: asked once for all who wait. */
  #answersOthers(stripe: StripeReader): Promise<boolean> {
    this.#probe ??= stripe
      .account()
      .then(
        () => {
          this.#answeredAt = this.#clock.now();
          return true;
        },
        () => false,
      )
      .finally(() => {
        this.#probe = null;
      });
    return this.#probe;
  }
}

/** What a later try may get over. */
export const isUnreachable = (error: unknown): error is DriftdeskError =>
  error instanceof DriftdeskError && ["stripe_unreachable", "stripe_rate_limited"].includes(error.code);

/** What a run says of itself while it waits. */
export function waitingWords(silentMs: number, now: Date): string {
  const time = (ms: number) => `${new Date(now.getTime() + ms).toISOString().slice(11, 16)} UTC`;
  return `Stripe has not answered since ${time(-silentMs)}. It is asked again until ${time(patienceMs - silentMs)}; what is unread then is left out.`;
}
