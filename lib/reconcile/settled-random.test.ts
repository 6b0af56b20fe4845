// The promise of the slower rhythm, attacked: things change at Stripe and here at any time, runs come when they like
// and are interrupted, and still no difference stays unseen for longer than `rereadEvery`, nor is one shown that is none.
import type Stripe from "stripe";
import { afterEach, expect, test } from "vitest";
import {
  chargesMapping,
  invoicesMapping,
  openSettledCharges,
  openSettledInvoices,
  type SettledDesk,
} from "../../sandbox/testing-settled.ts";
import { Random } from "../../sandbox/world/random.ts";
import { DriftdeskError } from "../errors.ts";
import { executeRun } from "./run.ts";
import { getRun } from "./runs.ts";
import { forget } from "./settled-forget.ts";

const count = 1_500;
const runs = 16;
const rereadDays = 8;
const settled = { after: "2d", rereadEvery: `${rereadDays}d` } as const;

let opened: { close(): Promise<void> } | undefined;
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

/** What can be said of an object, in one column. */
interface Kind<T> {
  open(): Promise<SettledDesk<T>>;
  table: string;
  column: string;
  valueOf(object: T): string;
  values: readonly string[];
  with(value: string): Partial<T>;
  /** Whether an object of which this is said is read in every run. */
  watched(value: string): boolean;
}
const charges: Kind<Stripe.Charge> = {
  open: () => openSettledCharges(count, { ...chargesMapping, settled }),
  table: "charges",
  column: "refunded",
  valueOf: (charge) => String(charge.amount_refunded),
  values: ["0", "1", "2", "3"],
  with: (value) => ({ amount_refunded: Number(value) }),
  watched: () => false,
};
const invoices: Kind<Stripe.Invoice> = {
  open: () => openSettledInvoices(count, { ...invoicesMapping, settled }),
  table: "invoices",
  column: "status",
  valueOf: (invoice) => String(invoice.status),
  values: ["paid", "void", "open", "uncollectible"],
  with: (value) => ({ status: value as Stripe.Invoice.Status }),
  watched: (value) => value === "open" || value === "uncollectible",
};

/** What both sides say, and since when Stripe has been saying it without anything having been heard of it. */
class Truth<T> {
  readonly #t: SettledDesk<T>;
  readonly #kind: Kind<T>;
  readonly #stripe: Map<string, string>;
  readonly #local: Map<string, string>;
  readonly #unheardSince = new Map<string, number>();

  constructor(t: SettledDesk<T>, kind: Kind<T>) {
    this.#t = t;
    this.#kind = kind;
    this.#stripe = new Map([...t.objects].map(([id, object]) => [id, kind.valueOf(object)]));
    this.#local = new Map(this.#stripe);
  }

  /** Changes whatever it likes. */
  async happen(random: Random, day: number): Promise<void> {
    if (random.chance(0.2)) await this.#catchUp();
    const ids = [...this.#stripe.keys()];
    for (let changes = random.int(0, 3); changes > 0; changes--) {
      // Mostly the same few: otherwise nothing would stay settled.
      const id = random.pick(random.chance(0.6) ? ids.slice(-200) : ids);
      const value = random.pick(this.#kind.values);
      const what = random.int(0, 9);
      if (what < 7) this.#change(id, value, day);
      if (what === 2) await this.#hear(id);
      if (what < 2 || what === 7) await this.#write(id, this.#local.has(id) ? value : null);
      if (what > 7) await this.#write(id, this.#local.has(id) ? null : value);
    }
  }

  #change(id: string, value: string, day: number): void {
    this.#t.change(id, this.#kind.with(value));
    if (this.#stripe.get(id) !== value) this.#unheardSince.set(id, day);
    if (this.#kind.watched(value)) this.#unheardSince.delete(id);
    this.#stripe.set(id, value);
  }

  async #hear(id: string): Promise<void> {
    const { desk, sandbox } = this.#t;
    await forget(desk.sql, sandbox.world.account.id, this.#kind.table, [id], desk.now());
    this.#unheardSince.delete(id);
  }

  /** Null: there is no row. */
  async #write(id: string, value: string | null): Promise<void> {
    const { local } = this.#t;
    const { table, column } = this.#kind;
    await local`DELETE FROM ${local(table)} WHERE stripe_id = ${id}`;
    this.#local.delete(id);
    if (value === null) return;
    const other = table === "charges" ? { status: "succeeded" } : { total: 100 };
    await local`INSERT INTO ${local(table)} ${local({ stripe_id: id, ...other, [column]: value })}`;
    this.#local.set(id, value);
  }

  /** Every row becomes what Stripe says: with differences for ever nothing would stay settled. */
  async #catchUp(): Promise<void> {
    for (const [id, value] of this.#stripe) if (this.#local.get(id) !== value) await this.#write(id, value);
  }

  /** Each difference that there is, and since when its object has been saying so unheard. */
  differences(): Map<string, number> {
    const differing = [...this.#stripe].filter(([id, value]) => this.#local.get(id) !== value);
    return new Map(
      differing.map(([id]) =>
        this.#local.has(id)
          ? [`mismatch ${id}`, this.#unheardSince.get(id) ?? Number.NEGATIVE_INFINITY]
          : [`missing_local ${id}`, Number.NEGATIVE_INFINITY],
      ),
    );
  }
}

/** A run that a process gave up in its middle, and another one went on with, days later perhaps. */
async function interruptedRun<T>(
  t: SettledDesk<T>,
  random: Random,
  day: number,
  setDay: (day: number) => void,
) {
  const stop = new AbortController();
  const later = random.next() * 10;
  let calls = random.int(1, 3);
  const list: typeof t.desk.stripe.list = async (...args) => {
    const page = await t.desk.stripe.list(...args);
    if (--calls === 0) stop.abort(new DriftdeskError("run_superseded", "This process stops."));
    return page;
  };
  const stripe = { ...t.desk.stripe, counts: t.desk.stripe.counts, list };
  const { id } = await t.request();
  await executeRun(t.with({ stripe }), id, { signal: stop.signal }).catch((error: DriftdeskError) => {
    if (error.code !== "run_superseded") throw error;
  });
  expect(await getRun(t.desk.sql, id)).toMatchObject({ state: "running" });
  setDay(day + later);
  return executeRun(t.desk, id);
}

async function attack<T>(kind: Kind<T>, seed: number): Promise<void> {
  const t = await kind.open();
  opened = t;
  const random = new Random(seed);
  const truth = new Truth(t, kind);
  let day = 0;
  const setDay = (to: number) => {
    day = to;
    t.setDay(to);
  };
  const seen = { settled: 0, hidden: 0, shown: 0 };
  await t.run();
  for (let n = 0; n < runs; n++) {
    setDay(day + random.next() * 2);
    await truth.happen(random, day);
    setDay(day + random.next());
    const began = day;
    const run = random.chance(0.2) ? await interruptedRun(t, random, day, setDay) : (await t.run()).run;
    expect(run.state).toBe("succeeded");
    seen.settled += run.resources[0]?.settled ?? 0;
    const shown = new Set(await t.open());
    const there = truth.differences();
    for (const line of shown) expect(there.has(line), `${line} is none, on day ${day}`).toBe(true);
    for (const [line, since] of there) {
      if (shown.has(line)) continue;
      seen.hidden++;
      expect(since, `${line} is not shown on day ${day}`).toBeGreaterThan(Math.min(began, day - rereadDays));
    }
    seen.shown += shown.size;
  }
  // It is the memory that was attacked.
  expect(seen.settled).toBeGreaterThan(runs * count * 0.1);
  expect(seen.hidden).toBeGreaterThan(0);
  expect(seen.shown).toBeGreaterThan(20);
}

test("no difference stays unseen for longer than it says, and none is shown that is none", () =>
  attack(charges, 5));

test("the same where what is not final is listed by its state", () => attack(invoices, 5));
