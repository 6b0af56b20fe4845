// What one process remembers: answers, and which customers are known to have changed since.
import { LRUCache } from "lru-cache";
import type { Entry } from "./entry.ts";

export interface Held {
  entry: Entry;
  /** How often it was the answer. */
  uses: number;
  /** When the shared cache was last heard of about it, by the process's own clock. */
  checkedAt: number;
  /** Which changes are in it: those up to this turn. */
  turn: number;
}

interface Change {
  turn: number;
  at: number;
}

const mostAnswers = 20_000;
const mostChanges = 50_000;

export class Memory {
  readonly #held = new LRUCache<string, Held>({ max: mostAnswers });
  /** Each customer's latest change. */
  readonly #changes = new LRUCache<string, Change>({
    max: mostChanges,
    // What is forgotten about one has to be believed of everybody.
    dispose: (change, _, reason) => {
      if (reason === "evict") this.#doubted = Math.max(this.#doubted, change.turn);
    },
  });
  #turn = 0;
  #doubted = 0;

  /** Counts changes: an answer belongs to the turn in which its question was asked. */
  get turn(): number {
    return this.#turn;
  }

  get(name: string): Held | undefined {
    return this.#held.get(name);
  }

  put(name: string, held: Pick<Held, "entry" | "turn" | "checkedAt">): Held {
    const before = this.#held.peek(name);
    const kept = { ...held, uses: before?.entry.askedAt === held.entry.askedAt ? before.uses : 0 };
    this.#held.set(name, kept);
    return kept;
  }

  /** `changed` is a customer's name as `changedName` has it; `at` when it was heard, in milliseconds since 1970. */
  change(changed: string, at: number): void {
    this.#turn++;
    this.#changes.set(changed, { turn: this.#turn, at });
  }

  /** Nobody knows what was missed. */
  doubtAll(): void {
    this.#turn++;
    this.#doubted = this.#turn;
  }

  /** Whether one of the customers has changed since a turn. */
  hasChanged(changed: readonly string[], since: number): boolean {
    return this.#doubted > since || changed.some((name) => (this.#changes.get(name)?.turn ?? 0) > since);
  }

  /** The same of an answer that another process has read, as far as clocks agree. */
  hasChangedAfter(changed: readonly string[], at: number): boolean {
    return changed.some((name) => (this.#changes.get(name)?.at ?? 0) > at);
  }
}
