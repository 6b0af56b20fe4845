// What a process has for its lookups: what it remembers, what it shares with others, and whom it must not ask just now.
import type { Logger } from "pino";
import type { Sql } from "postgres";
import { accountIdOf } from "../accounts/known.ts";
import type { Resource } from "../config/resource.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { describeTable, type LocalTable, quoteTable } from "../local/catalog.ts";
import type { Clock } from "../stripe/pace.ts";
import { whileSomebodyWaits } from "../stripe/priority.ts";
import type { StripeReader } from "../stripe/reader.ts";
import { Breaker } from "./breaker.ts";
import { Changes } from "./changes.ts";
import { Counts } from "./counts.ts";
import type { Entry } from "./entry.ts";
import { Flights } from "./flights.ts";
import { anybodyChangedName, changedName, type Realm } from "./key.ts";
import { Memory } from "./memory.ts";
import { SharedCache } from "./shared.ts";

type Opened = Pick<Desk, "sql" | "log" | "random" | "now"> & {
  environment: Pick<Desk["environment"], "redisUrl">;
};

const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, background = false) =>
    new Promise((wake) => {
      const timer = setTimeout(wake, ms);
      if (background) timer.unref();
    }),
};

/** How often what was counted is written down. */
const countEveryMs = 10_000;

/** So many failures in a row, and Stripe is left alone for that long. */
const breakerLimits = { failures: 5, pauseMs: 5_000 };

export class Statuses {
  readonly clock: Clock;
  readonly memory = new Memory();
  readonly flights = new Flights();
  /** Null: there is no Redis. */
  readonly shared: SharedCache | null;
  readonly changes: Changes;
  readonly counts: Counts;
  #begun = false;
  #closed = false;
  readonly #log: Logger;
  readonly #random: () => number;
  /** Questions on their way, by account. */
  readonly #asking = new Map<string, number>();
  /** What went wrong lately, and until when that is not said again. */
  readonly #complaints = new Map<string, number>();
  readonly #breakers = new Map<string, Breaker>();
  readonly #tables = new Map<string, { table: Promise<LocalTable>; until: number }>();

  constructor(desk: Opened, clock: Clock) {
    const { log, random, environment } = desk;
    this.clock = clock;
    this.#log = log;
    this.#random = random;
    this.shared =
      environment.redisUrl === undefined
        ? null
        : new SharedCache({ url: environment.redisUrl, log, now: clock.now, random });
    this.changes = new Changes({ sql: desk.sql, log, now: desk.now, clock, memory: this.memory });
    this.counts = new Counts({ sql: desk.sql, now: desk.now });
  }

  /** For whoever looks up, as opposed to who only says what changes. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.changes.listen();
    void this.#keepCounting();
  }

  /** Whether this process has nobody to share answers with. */
  get alone(): boolean {
    return this.shared === null || this.shared.down;
  }

  /** Lets one more question of an account go, to be told when it is over; null: there are enough. */
  admit({ accountId, livemode }: Realm, most: number): (() => void) | null {
    const name = `${accountId} ${livemode}`;
    const asking = this.#asking.get(name) ?? 0;
    if (asking >= most) return null;
    this.#asking.set(name, asking + 1);
    return () => this.#asking.set(name, (this.#asking.get(name) ?? 1) - 1);
  }

  /** Into the log, once a minute for each kind: an outage is thousands of the same. */
  complain(error: unknown): void {
    const kind = error instanceof DriftdeskError ? error.code : String((error as { code?: unknown }).code);
    const now = this.clock.now();
    if ((this.#complaints.get(kind) ?? 0) > now) return;
    this.#complaints.set(kind, now + 60_000);
    this.#log.warn(
      // What Stripe says of a question repeats what is in it, an address for example.
      kind === "stripe_request_invalid" ? { code: kind } : { err: error },
      "a status could not be looked up; for a minute no more of this kind is logged",
    );
  }

  /** Of one account: another one's outage is none of its own. */
  breaker({ accountId, livemode }: Realm): Breaker {
    const name = `${accountId} ${livemode}`;
    const breaker = this.#breakers.get(name) ?? new Breaker(breakerLimits, this.clock.now, this.#random);
    this.#breakers.set(name, breaker);
    return breaker;
  }

  /** The columns of a resource's table, looked up once a minute. Throws `mapping_broken`. */
  table(local: Sql, resource: Resource): Promise<LocalTable> {
    const name = quoteTable(resource.table);
    const now = this.clock.now();
    const remembered = this.#tables.get(name);
    if (remembered && remembered.until > now) return remembered.table;
    const table = describeTable(local, resource.table).then((found) => {
      if (found) return found;
      throw new DriftdeskError(
        "mapping_broken",
        `There is no table ${name}, or this user may not see it. Run \`driftdesk check\`.`,
      );
    });
    table.catch(() => this.#tables.delete(name));
    this.#tables.set(name, { table, until: now + 60_000 });
    return table;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.changes.close();
    this.shared?.close();
    if (this.#begun) await this.#count();
  }

  async #keepCounting(): Promise<void> {
    for (;;) {
      await this.clock.sleep(countEveryMs, true);
      if (this.#closed) return;
      await this.#count();
    }
  }

  #count = () => this.counts.write().catch((error) => this.complain(error));
}

/** Under what changes are noted that make an answer doubtful. */
export const changesOf = (realm: Realm, { customers }: Pick<Entry, "customers">): string[] => [
  anybodyChangedName(realm),
  ...customers.map((customer) => changedName(realm, customer)),
];

/** How long a lookup waits to hear from Stripe whose key it is, where the config does not say. */
const introductionMs = 300;

/** The account that a desk's lookups are about, and the mode. Asks Stripe once where the config does not say. */
export async function realmOf(desk: Desk, { clock }: Pick<Statuses, "clock">): Promise<Realm> {
  const remembered = rememberedRealm(desk);
  if (remembered) return remembered;
  const { config, stripe, sql } = desk;
  const { livemode } = stripe;
  const limits = { attempts: 1, timeoutMs: config.status.deadlineMs };
  const asked = whileSomebodyWaits(() => accountIdOf(desk), limits).then((accountId) => {
    const realm = { accountId, livemode };
    realms.set(stripe, realm);
    return realm;
  });
  // Stripe may be down when a process starts: runs have written down whose key it was.
  const written = async (): Promise<Realm> => {
    const known = await sql<{ id: string }[]>`
      SELECT id FROM driftdesk.accounts WHERE config_name IS NOT DISTINCT FROM ${config.account.name}`;
    return known.length === 1 ? { accountId: known[0]?.id as string, livemode } : asked;
  };
  return Promise.race([asked.catch(written), clock.sleep(introductionMs, true).then(written)]);
}

/** The same where it is known without asking. */
export function rememberedRealm({ config, stripe }: Pick<Desk, "config" | "stripe">): Realm | null {
  const pinned = config.account.id;
  if (pinned !== undefined) return { accountId: pinned, livemode: stripe.livemode };
  return realms.get(stripe) ?? null;
}

/** By the reader: the account of a key never changes. */
const realms = new WeakMap<StripeReader, Realm>();

// By the pool, of which a process has one. On globalThis: a bundler makes several copies of this module in one process.
const shelf = globalThis as typeof globalThis & { driftdeskStatuses?: WeakMap<Sql, Statuses> };
shelf.driftdeskStatuses ??= new WeakMap();

/** The process's own, made when they are first needed. */
export function statusesOf(desk: Opened, clock: Clock = systemClock): Statuses {
  const opened = shelf.driftdeskStatuses as WeakMap<Sql, Statuses>;
  const statuses = opened.get(desk.sql) ?? new Statuses(desk, clock);
  opened.set(desk.sql, statuses);
  return statuses;
}

/** Lets go of what lookups hold, where there were any. */
export async function closeStatuses({ sql }: Pick<Desk, "sql">): Promise<void> {
  const statuses = shelf.driftdeskStatuses?.get(sql);
  shelf.driftdeskStatuses?.delete(sql);
  await statuses?.close();
}

/** Whether the Redis that a process's lookups share answers; `none` where there is none, or nobody has looked anything up. */
export function redisState(sql: Sql | undefined): "ok" | "late" | "none" {
  const shared = sql && shelf.driftdeskStatuses?.get(sql)?.shared;
  if (!shared) return "none";
  return shared.down ? "late" : "ok";
}
