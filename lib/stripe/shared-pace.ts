// The pace of one process among others that ask the same account. About twice a second it says what it wants and reads
// what the others want; each works out the fair shares by itself and goes down to its own at once, but up only into
// what the others have let go of. No request waits for that: it goes by the last share, or carefully.
import { randomUUID } from "node:crypto";
import { type Budgets, type Clock, carefulPerSecond, Pace, wholeAccount } from "./pace.ts";
import { type Answer, type Board, type Report, shareLastsMs } from "./pace-board.ts";
import type { Sign } from "./pace-limit.ts";
import { type Demand, fairShares } from "./pace-shares.ts";

export interface SharedPaceOptions {
  budgets: Budgets;
  clock: Clock;
  board: Board;
  /** What all processes with the same key call the account. */
  account: string;
}

/** While there is something to ask. */
const everyMs = 400;
/** While others still hold what is ours. */
const hungryMs = 100;
/** Requests that come together are counted together. */
const gatherMs = 2;
/** Less than this is not worth a word. */
const noticeable = 0.99;

export class SharedPace {
  readonly pace: Pace;
  readonly #options: SharedPaceOptions;
  readonly #process = randomUUID();
  readonly #account: Set<string>;
  #others: Answer["others"] = [];
  /** Endpoints that the others know, or are being told, that this process wants. */
  #told = new Set<string>();
  #held = new Map<string, number>();
  #end = Number.POSITIVE_INFINITY;
  /** The database's clock less ours. Read once: signs that go to and fro must come back unchanged. */
  #ahead: number | null = null;
  #running = false;
  #called = false;
  #interrupt = () => {};

  constructor(options: SharedPaceOptions) {
    this.#options = options;
    this.#account = new Set([options.account]);
    this.pace = new Pace(options.budgets, options.clock, (endpoint) => {
      if (!this.#told.has(endpoint)) this.#call();
    });
  }

  /** Processes with another key find each other by the account's own id. */
  alsoKnownAs(account: string): void {
    if (!this.#account.has(account)) this.#call();
    this.#account.add(account);
  }

  #call(): void {
    this.#called = true;
    this.#interrupt();
    if (!this.#running) void this.#keepUp();
  }

  async #keepUp(): Promise<void> {
    this.#running = true;
    for (let pauseMs: number | null = 0; pauseMs !== null || this.#called; ) {
      if (!this.#called && pauseMs !== null) await this.#pause(pauseMs);
      if (this.#called) await this.#options.clock.sleep(gatherMs);
      this.#called = false;
      // Without the database the last share holds to its end. Then it is the others'.
      pauseMs = await this.#agree().catch(() => (this.#told.size > 0 ? everyMs : null));
    }
    this.#running = false;
  }

  #pause(ms: number): Promise<unknown> {
    const interrupted = new Promise<void>((resolve) => {
      this.#interrupt = resolve;
    });
    return Promise.race([this.#options.clock.sleep(ms, true), interrupted]);
  }

  /** Says what is wanted and takes what is given. Answers when to do so again; null when there is nothing to ask. */
  async #agree(): Promise<number | null> {
    const { clock, board } = this.#options;
    const began = clock.now();
    const demand = this.pace.demand();
    this.#told = new Set(demand.keys());
    const wanted = this.#fairShares(demand);
    // Down first: what is said to be free must be free.
    if (began < this.#end) this.#use(wanted, this.#held, this.#end);
    const answer = await board.exchange(this.#report(demand, wanted));
    this.#ahead ??= answer.now - clock.now();
    this.#others = answer.others;
    for (const { signs } of answer.others) this.#adopt(signs);
    if (demand.size === 0) {
      this.#use(new Map(), new Map(), Number.POSITIVE_INFINITY);
      return null;
    }
    const granted = new Map(Object.entries(answer.granted));
    const fair = this.#fairShares(demand);
    this.#use(fair, granted, began + shareLastsMs);
    const less = (a: Map<string, number>, b: Map<string, number>) =>
      [...a].some(([endpoint, share]) => share < noticeable * (b.get(endpoint) ?? 0));
    if (less(fair, granted)) return 0;
    return less(granted, fair) ? hungryMs : everyMs;
  }

  /** Goes by the fair shares from now on, where the others let it; where they do not yet, carefully. */
  #use(fair: ReadonlyMap<string, number>, most: ReadonlyMap<string, number>, end: number): void {
    this.#held = new Map(
      [...fair].map(([endpoint, share]) => [
        endpoint,
        Math.min(share, Math.max(most.get(endpoint) ?? 0, carefulPerSecond)),
      ]),
    );
    this.#end = end;
    const elsewhere = new Map<string, number>();
    for (const { demand } of this.#others)
      for (const [endpoint, { person, run }] of Object.entries(demand))
        elsewhere.set(endpoint, (elsewhere.get(endpoint) ?? 0) + person + run);
    this.pace.share(this.#held, end, elsewhere);
  }

  #fairShares(demand: ReadonlyMap<string, Demand>): Map<string, number> {
    const shares = new Map([...demand].map(([endpoint, own]) => [endpoint, this.#fairShare(endpoint, own)]));
    if (demand.size > 0) shares.set(wholeAccount, this.#fairShare(wholeAccount, ofAccount(demand, shares)));
    return shares;
  }

  #fairShare(endpoint: string, own: Demand): number {
    const budget = this.pace.limit(endpoint).at(this.#options.clock.now());
    const others = this.#others.flatMap(({ demand }) => demand[endpoint] ?? []);
    return fairShares(budget, [own, ...others])[0] ?? 0;
  }

  #report(demand: ReadonlyMap<string, Demand>, shares: ReadonlyMap<string, number>): Report {
    const now = this.#options.clock.now();
    const ahead = this.#ahead ?? 0;
    const budget = (endpoint: string) => this.pace.limit(endpoint).at(now);
    const signs = [...this.pace.limits()].flatMap(([endpoint, { sign }]): [string, Sign][] =>
      // Before the first answer nobody's clock is known.
      sign === null || this.#ahead === null ? [] : [[endpoint, { ...sign, at: sign.at + ahead }]],
    );
    return {
      process: this.#process,
      account: [...this.#account],
      demand: Object.fromEntries(
        demand.size > 0 ? [...demand, [wholeAccount, ofAccount(demand, shares)]] : [],
      ),
      wanted: Object.fromEntries(
        [...shares].map(([endpoint, share]) => [endpoint, [share, budget(endpoint)]]),
      ),
      signs: Object.fromEntries(signs),
    };
  }

  #adopt(signs: Record<string, Sign>): void {
    const now = this.#options.clock.now();
    for (const [endpoint, sign] of Object.entries(signs))
      this.pace.limit(endpoint).adopt({ ...sign, at: sign.at - (this.#ahead ?? 0) }, now);
  }
}

/** What a process wants of the whole account is what it can use of the endpoints. */
function ofAccount(demand: ReadonlyMap<string, Demand>, shares: ReadonlyMap<string, number>): Demand {
  const sum = { person: 0, run: 0 };
  for (const [endpoint, { person, run }] of demand) {
    const share = shares.get(endpoint) ?? 0;
    sum.person += Math.min(person, share);
    sum.run += Math.min(run, Math.max(0, share - person));
  }
  return sum;
}
