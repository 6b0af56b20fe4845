// For tests of what people decide: a company with one row per subscription, in a table with every oddity that a table of
// a user's own may have. Faithful to Stripe until a test makes it drift.
import type Stripe from "stripe";
import { expect } from "vitest";
import type { BulkAction, Discrepancy } from "../lib/db/schema.ts";
import { type Actor, type Desk, systemActor } from "../lib/desk.ts";
import { type BulkRequest, requestBulk } from "../lib/fixes/bulk.ts";
import { executeRun } from "../lib/reconcile/run.ts";
import { requestRun } from "../lib/reconcile/runs.ts";
import accountsConfig from "./accounts.config.ts";
import { accountsTable, createAccounts } from "./accounts-table.ts";
import { openTestDesk, type TestDesk } from "./testing.ts";
import { noteWrites, type Writes } from "./testing-writes.ts";
import { untold } from "./whole-story.ts";
import { generateWorld } from "./world/world.ts";

export { accountsTable };

export const start = new Date("2026-11-24T12:00:00Z");

const person = (name: string, role: Actor["role"]): Actor => ({
  email: `${name.toLowerCase()}@example.com`,
  name,
  role,
});
export const vera = person("Vera", "viewer");
export const sue = person("Sue", "support");
export const fin = person("Fin", "finance");
export const flo = person("Flo", "finance");
export const ada = person("Ada", "admin");

export interface Accounts extends TestDesk {
  /** Ids of so many active subscriptions that no test was given before. */
  take(count: number): string[];
  subscription(id: string): Stripe.Subscription;
  /** Stripe says something else from now on. */
  change(id: string, change: Partial<Stripe.Subscription>): void;
  /** Changes the rows of these subscriptions, by an SQL assignment. */
  spoil(ids: readonly string[], assignment?: string): Promise<void>;
  /** A full run. Answers the discrepancies of these subscriptions, in their order. */
  reconcile(ids?: readonly string[], desk?: Desk): Promise<Discrepancy[]>;
  /** The same without a run. */
  found(ids: readonly string[], desk?: Desk): Promise<Discrepancy[]>;
  /** Local rows of these subscriptions, with every column as text. */
  rows(ids: readonly string[]): Promise<Record<string, string | null>[]>;
  /** Asks for a decision on what is there in its present version. */
  decide(
    kind: BulkRequest["kind"],
    about: readonly Pick<Discrepancy, "id" | "version">[],
    actor: Actor,
    more?: Partial<BulkRequest> & { desk?: Desk },
  ): Promise<BulkAction>;
  /** Moves the clock. */
  pass(ms: number): void;
  writes: Writes;
  /** Fails unless the history is whole: one intent and one outcome for each fix, one end for each row of an action. */
  tellsTheWholeStory(): Promise<void>;
}

export interface AccountsOptions {
  customers?: number;
  databases?: 1 | 2;
  seed?: number;
  config?: Partial<typeof accountsConfig>;
  /** More SQL for the local database, after the rows are there. */
  sql?: string;
}

let keys = 0;

export async function openAccounts(options: AccountsOptions = {}): Promise<Accounts> {
  const { customers = 120, seed = 5, databases = 1 } = options;
  let now = start;
  const world = generateWorld({ seed, customers, now, invoicesPerSubscription: 0 });
  const config = { ...accountsConfig, ...options.config };
  const opened = await openTestDesk({ world, config, databases, now: () => now });
  const { desk, local } = opened;
  await createAccounts(local, [...world.subscriptions.values()]);
  await addPeople(desk);
  if (options.sql) await local.unsafe(options.sql);
  await opened.grant();
  const unused = [...world.subscriptions.values()].filter((s) => s.status === "active").map((s) => s.id);
  const found = async (ids: readonly string[], at: Desk = desk) => {
    const rows = await at.sql<Discrepancy[]>`
      SELECT d.id, d.account_id AS "accountId", d.kind, d.stripe_id AS "stripeId", d.local_key AS "localKey", d.observed, d.expected, d.fields, d.change,
             d.impact, d.amount_minor AS "amountMinor", d.state, d.version, d.decided_by AS "decidedBy",
             d.decision_reason AS "decisionReason", d.bulk_id AS "bulkId", d.snoozed_until AS "snoozedUntil",
             d.observed_at AS "observedAt", d.changed_at AS "changedAt", d.closed_at AS "closedAt"
      FROM unnest(${[...ids]}::text[]) WITH ORDINALITY AS given (id, n)
      JOIN driftdesk.discrepancies d ON d.stripe_id = given.id ORDER BY given.n, d.id`;
    return [...rows];
  };
  return {
    ...opened,
    take: (count) => {
      if (unused.length < count) throw new Error(`only ${unused.length} subscriptions are left`);
      return unused.splice(0, count);
    },
    subscription: (id) => world.subscriptions.get(id) as Stripe.Subscription,
    change: (id, change) =>
      world.subscriptions.put({ ...(world.subscriptions.get(id) as Stripe.Subscription), ...change }),
    spoil: async (ids, assignment = `"the status" = 'past_due'`) => {
      await local.unsafe(
        `UPDATE ${accountsTable} SET ${assignment} WHERE "stripe ""id""" = ANY($1::text[])`,
        [[...ids]],
      );
    },
    reconcile: async (ids = [], at = desk) => {
      const { run } = await requestRun(at, { mode: "full", trigger: "command", actor: systemActor });
      const ended = await executeRun(at, run.id);
      if (ended.state !== "succeeded") throw new Error(`${ended.state}: ${ended.message}`);
      return found(ids);
    },
    found,
    rows: async (ids) =>
      [
        ...(await local.unsafe(
          `SELECT "the key"::text, "stripe ""id""", label, "the status"::text, amount::text, price::text, renews::text,
                plan::jsonb::text AS plan, note, gone::text, ("Updated At" IS NOT NULL)::text AS touched
         FROM unnest($1::text[]) WITH ORDINALITY AS given (id, n) JOIN ${accountsTable} ON "stripe ""id""" = given.id
         ORDER BY given.n, "the key"`,
          [[...ids]],
        )),
      ] as Record<string, string | null>[],
    decide: async (kind, about, actor, { desk: at = desk, ...more } = {}) => {
      keys += 1;
      const ids = about.map(({ id, version }) => ({ id, version }));
      const reason = kind === "reject" ? "Because." : undefined;
      const until = kind === "snooze" ? new Date(now.getTime() + 3_600_000) : undefined;
      const request = { kind, selection: { ids }, reason, until, requestKey: `decision ${keys}` };
      return requestBulk(at, { ...request, ...more }, actor);
    },
    pass: (ms) => {
      now = new Date(now.getTime() + ms);
    },
    writes: await noteWrites(local, accountsTable, '"stripe ""id"""'),
    tellsTheWholeStory: async () => expect(await untold(desk.sql)).toEqual([]),
  };
}

/** A second person has to be in the table of people. They sign in nowhere here, so they have no passwords. */
export async function addPeople({ sql }: Desk): Promise<void> {
  const people = [vera, sue, fin, flo, ada].map(({ email, name, role }) => ({ email, name, role }));
  await sql`INSERT INTO driftdesk.users ${sql(people)}`;
}
