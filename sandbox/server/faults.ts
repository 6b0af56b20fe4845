import type { ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import type { Random } from "../world/random.ts";
import { broken, tooMany } from "./refusal.ts";

/** What goes wrong. Can be changed at any time; shares are parts of all requests, from 0 to 1. */
export interface Faults {
  /** Nothing is answered but 500. */
  outage: boolean;
  /** Share answered with 500. */
  serverErrors: number;
  /** Share refused with 429, as when somebody else uses up the account's budget. */
  rateLimited: number;
  /** Share whose connection ends without an answer. */
  dropped: number;
  /** Share whose connection ends in the middle of the answer. */
  truncated: number;
  /** Share whose answer stops half-way for `slowMs`. */
  slow: number;
  slowMs: number;
  /** Only these requests, e.g. `list charges`; null for all. */
  only: string | null;
}

const noFaults = (): Faults => ({
  outage: false,
  serverErrors: 0,
  rateLimited: 0,
  dropped: 0,
  truncated: 0,
  slow: 0,
  slowMs: 2_000,
  only: null,
});

type Fate = "answered" | "dropped" | "truncated" | "slow";

/** Decides what becomes of each request, and answers it accordingly. */
export class Misfortune {
  readonly faults = noFaults();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Throws the refusal that Stripe would send. */
  meet(endpoint: string): Fate {
    const { faults } = this;
    if (faults.only !== null && faults.only !== endpoint) return "answered";
    const hit = (share: number) => share > 0 && this.#random.chance(share);
    if (faults.outage || hit(faults.serverErrors)) throw broken();
    if (hit(faults.rateLimited)) throw tooMany("global-rate");
    if (hit(faults.dropped)) return "dropped";
    if (hit(faults.truncated)) return "truncated";
    return hit(faults.slow) ? "slow" : "answered";
  }

  /** The head promises the whole body whatever becomes of it. */
  async send(
    response: ServerResponse,
    fate: Fate,
    headers: Record<string, string>,
    body: string,
  ): Promise<void> {
    if (fate === "dropped") return void response.destroy();
    const bytes = Buffer.from(body);
    response.writeHead(200, { ...headers, "Content-Length": bytes.length });
    if (fate === "answered") return void response.end(bytes);
    const half = Math.floor(bytes.length / 2);
    await new Promise((resolve) => response.write(bytes.subarray(0, half), resolve));
    if (fate === "truncated") return void response.destroy();
    await wait(this.faults.slowMs);
    response.end(bytes.subarray(half));
  }
}
