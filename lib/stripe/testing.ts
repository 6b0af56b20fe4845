import type { Clock } from "./pace.ts";

/** Time that passes only when nothing else is left to do. `late` makes timers late, as a busy process does. */
export class SimulatedClock implements Clock {
  #time = 0;
  #sleepers: { at: number; wake: () => void }[] = [];
  readonly #late: () => number;
  #held = 0;

  constructor(late: () => number = () => 0) {
    this.#late = late;
  }

  readonly now = () => this.#time;
  readonly sleep = (ms: number) =>
    new Promise<void>((wake) => this.#sleepers.push({ at: this.#time + ms + this.#late(), wake }));

  /** Time stands still until this is answered: a database does not live in it. */
  async hold<T>(work: Promise<T>): Promise<T> {
    this.#held++;
    try {
      return await work;
    } finally {
      this.#held--;
    }
  }

  async run(untilMs: number): Promise<void> {
    for (;;) {
      do await new Promise(setImmediate);
      while (this.#held > 0);
      this.#sleepers.sort((a, b) => a.at - b.at);
      const [next] = this.#sleepers;
      if (!next || next.at > untilMs) break;
      this.#sleepers.shift();
      this.#time = next.at;
      next.wake();
    }
    this.#time = untilMs;
  }
}

/** Lateness of 0 to 8 ms, the same in every run of the test. */
export function jitter(): () => number {
  let state = 1;
  return () => {
    state = (state * 16_807) % 2_147_483_647;
    return (state % 80) / 10;
  };
}

/** The most requests within any second, or so many milliseconds; one that begins with a request is the worst. */
export function busiestSecond(times: number[], ms = 1_000): number {
  const sorted = [...times].sort((a, b) => a - b);
  let busiest = 0;
  for (let i = 0, end = 0; i < sorted.length; i++) {
    while (end < sorted.length && (sorted[end] as number) < (sorted[i] as number) + ms) end++;
    busiest = Math.max(busiest, end - i);
  }
  return busiest;
}
