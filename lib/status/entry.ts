import type { Known } from "./answer.ts";

/** An answer of Stripe's as the caches keep it. Times in milliseconds since 1970, by the clock of whoever asked. */
export interface Entry {
  known: Known;
  /** Whom it is about: a change of any of them makes it doubtful. */
  customers: readonly string[];
  /** Just before Stripe was asked: what changed later may not be in it. */
  askedAt: number;
  freshUntil: number;
  /** Under which config it was read: another one may have other words. */
  mapping: string;
}
