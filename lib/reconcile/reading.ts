import { setTimeout as wait } from "node:timers/promises";
import type { StripeObject } from "../config/resource.ts";
import { Credit, cut, type Range } from "./split.ts";
import type { Window } from "./windows.ts";

/** What a process knows of the others at the same run. */
export interface Company {
  /** Whether there are any. */
  readonly present: boolean;
  /** How many more windows of a resource should lie there for them. */
  short(resource: string): number;
  gave(resource: string, windows: number): void;
}

export interface ReadingOptions {
  resource: string;
  /** Takes up to so many windows that nobody has; says how many are open, whoever has them. */
  claim(wanted: number): Promise<{ windows: Window[]; open: number }>;
  company: Company;
  /** How many loops of this process read the resource. */
  loops: number;
  /** When the account was made, Unix seconds. */
  began: number;
  signal: AbortSignal;
}

/** How soon it is looked again for windows that others may have left. */
const lookAgainMs = 250;
const lookAgainAloneMs = 1_000;

/**
 * A process's share in reading a resource: hands windows to its loops, and knows when there will be no more. What is cut
 * off goes to its own idle loops first; the database is asked only when nothing is left here.
 */
export class Reading {
  readonly #options: ReadingOptions;
  readonly #credit: Credit;
  #queue: Window[] = [];
  #waiting: PromiseWithResolvers<Window | null>[] = [];
  #looking: Promise<void> | null = null;
  #end: { error?: unknown } | null = null;
  #wake = () => {};

  constructor(options: ReadingOptions) {
    this.#options = options;
    this.#credit = new Credit(options.loops);
  }

  /** The next window to read, or null when there is none and never will be. */
  async take(): Promise<Window | null> {
    const window = this.#queue.shift();
    if (window) return window;
    const waiting = Promise.withResolvers<Window | null>();
    this.#waiting.push(waiting);
    if (this.#end) this.#finish(this.#end);
    else this.#looking ??= this.#look();
    return waiting.promise;
  }

  /** A window that was taken is not worked on any more. `pages`: how many it had. */
  finished(pages: number): void {
    this.#credit.ended(pages);
    // It may have been the last one.
    this.#wake();
  }

  /** Nobody takes windows any more. */
  stop(): void {
    this.#finish(this.#end ?? {});
    this.#wake();
  }

  /** After `stop`: nothing will be claimed any more. */
  async stopped(): Promise<void> {
    await this.#looking;
  }

  readPage(): void {
    this.#credit.readPage();
  }

  /**
   * What of a window that has more pages is given away, now that a page of it was read; null for nothing. `crowded`:
   * requests wait for the budget. More of them would only wait more, but with few a resource would lose its turns to others
   * that share the account's budget, and be read alone at the end.
   */
  share(
    window: Window,
    objects: readonly StripeObject[],
    crowded: boolean,
  ): { createdFrom: number; given: Range[]; mine: number } | null {
    const { resource, company, began, loops } = this.#options;
    const free = this.#waiting.length - this.#queue.length;
    const idle = Math.max(0, crowded ? free - Math.floor(loops / 2) : free);
    const pieces = Math.min(idle + (crowded ? 0 : company.short(resource)), this.#credit.pieces);
    const newest = objects[0]?.created;
    const oldest = objects.at(-1)?.created;
    if (pieces < 1 || newest === undefined || oldest === undefined) return null;
    const cutOff = cut(window, { newest, oldest }, { pieces, began, narrowing: this.#credit.misled });
    return cutOff && { ...cutOff, mine: Math.min(idle, cutOff.given.length) };
  }

  /** What `share` cut off is in the database now; `windows` are those for this process. */
  shared(given: readonly Range[], windows: readonly Window[]): void {
    this.#credit.gave(given.length);
    this.#options.company.gave(this.#options.resource, given.length - windows.length);
    for (const window of windows) this.#hand(window);
  }

  #hand(window: Window): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve(window);
    else this.#queue.push(window);
  }

  /** Looks for windows as long as somebody waits for one. */
  async #look(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        const { windows, open } = await this.#options.claim(this.#waiting.length);
        for (const window of windows) this.#hand(window);
        if (open === 0) this.#finish({});
        else if (this.#waiting.length > 0) await Promise.race([woken, this.#pause()]);
      }
    } catch (error) {
      this.#finish({ error });
    } finally {
      // In the same moment in which nobody waits any more: who comes next looks again.
      this.#looking = null;
    }
  }

  #finish(end: { error?: unknown }): void {
    this.#end = end;
    for (const waiting of this.#waiting.splice(0))
      if ("error" in end) waiting.reject(end.error);
      else waiting.resolve(null);
  }

  #pause(): Promise<unknown> {
    const { company, signal } = this.#options;
    return wait(company.present ? lookAgainMs : lookAgainAloneMs, undefined, { signal }).catch(() =>
      signal.throwIfAborted(),
    );
  }
}
