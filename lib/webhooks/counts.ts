// How requests to the receiver ended. Counted in memory and written down now and then: a storm of forged requests writes
// a line for each outcome and hour, and not one for each request.
import type { Sql } from "postgres";
import { type WebhookOutcome, webhookOutcomes } from "../db/schema.ts";
import type { Desks } from "../desk.ts";

type Counting = Pick<Desks, "sql" | "log" | "now">;

interface Counts {
  /** By hour, in milliseconds. */
  byHour: Map<number, Map<WebhookOutcome, number>>;
  writing: NodeJS.Timeout | null;
}

/** What a killed process has counted in this time is lost. */
const writeAfterMs = 10_000;
const hourMs = 3_600_000;

// One for each database. On globalThis: a bundler makes several copies of this module in one process.
const key = Symbol.for("driftdesk.webhookCounts");
const process_ = globalThis as typeof globalThis & { [key]?: WeakMap<Sql, Counts> };
process_[key] ??= new WeakMap();
const known = process_[key];

/** Counts a request; it is written down within seconds, or by `flushWebhookCounts`. */
export function countWebhook(desk: Counting, outcome: WebhookOutcome): void {
  const counts = known.get(desk.sql) ?? { byHour: new Map(), writing: null };
  known.set(desk.sql, counts);
  const hour = Math.floor(desk.now().getTime() / hourMs) * hourMs;
  add(counts, hour, outcome, 1);
  writeSoon(desk, counts);
}

/** Writes down what was counted; also what a process does before it ends. */
export async function flushWebhookCounts({ sql, log, now }: Counting): Promise<void> {
  const counts = known.get(sql);
  if (!counts || counts.byHour.size === 0) return;
  const counted = [...counts.byHour].flatMap(([hour, outcomes]) =>
    [...outcomes].map(([outcome, count]) => ({ hour, outcome, count })),
  );
  counts.byHour = new Map();
  try {
    await sql`
      INSERT INTO driftdesk.webhook_counts AS c (hour, outcome, count)
      SELECT * FROM unnest(
        ${counted.map(({ hour }) => new Date(hour).toISOString())}::timestamptz[],
        ${counted.map(({ outcome }) => outcome)}::text[], ${counted.map(({ count }) => count)}::bigint[]
      ) AS n (hour, outcome, count)
      -- In one order everywhere: two processes would wait for each other.
      ORDER BY n.hour, n.outcome
      ON CONFLICT (hour, outcome) DO UPDATE SET count = c.count + excluded.count`;
  } catch (error) {
    log.warn(error, "counts of webhooks could not be written down yet");
    for (const { hour, outcome, count } of counted) add(counts, hour, outcome, count);
    writeSoon({ sql, log, now }, counts);
  }
}

/** How often each outcome was since then, in whole hours: what every process has written down. */
export async function countedSince(sql: Sql, since: Date): Promise<Record<WebhookOutcome, number>> {
  const rows = await sql<{ outcome: WebhookOutcome; count: number }[]>`
    SELECT outcome, sum(count)::float8 AS count FROM driftdesk.webhook_counts
    WHERE hour >= date_trunc('hour', ${since}::timestamptz, 'UTC') GROUP BY outcome`;
  const found = new Map(rows.map((row) => [row.outcome, row.count]));
  return Object.fromEntries(webhookOutcomes.map((outcome) => [outcome, found.get(outcome) ?? 0])) as Record<
    WebhookOutcome,
    number
  >;
}

function add({ byHour }: Counts, hour: number, outcome: WebhookOutcome, count: number): void {
  const outcomes = byHour.get(hour) ?? new Map<WebhookOutcome, number>();
  byHour.set(hour, outcomes);
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
}

function writeSoon(desk: Counting, counts: Counts): void {
  counts.writing ??= setTimeout(() => {
    counts.writing = null;
    void flushWebhookCounts(desk);
  }, writeAfterMs).unref();
}
