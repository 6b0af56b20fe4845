// How lookups went: counted in each process, kept by the minute for all of them.
import type { Sql } from "postgres";
import type { StatusCount } from "../db/schema.ts";

const summed = [
  "hits",
  "fetched",
  "stale",
  "unanswered",
  "ageMs",
  "asked",
  "failed",
  "askedMs",
  "compared",
  "differed",
] as const;
const greatest = ["oldestMs", "slowestMs"] as const;
type Figure = (typeof summed)[number] | (typeof greatest)[number];
export type Figures = Record<Figure, number>;
export type Lookups = Omit<StatusCount, "accountId" | "minute">;

const columns: Record<Figure, string> = {
  hits: "hits",
  fetched: "fetched",
  stale: "stale",
  unanswered: "unanswered",
  ageMs: "age_ms",
  asked: "asked",
  failed: "failed",
  askedMs: "asked_ms",
  compared: "compared",
  differed: "differed",
  oldestMs: "oldest_ms",
  slowestMs: "slowest_ms",
};
const all = [...summed, ...greatest];

/** How long minutes are kept. */
const keptMs = 8 * 86_400_000;
const clearedEveryMs = 3_600_000;

interface Minute {
  accountId: string;
  minute: Date;
  figures: Figures;
}

export class Counts {
  readonly #options: { sql: Sql; now: () => Date };
  #minutes = new Map<string, Minute>();
  #clearedAt = Number.NEGATIVE_INFINITY;

  constructor(options: { sql: Sql; now: () => Date }) {
    this.#options = options;
  }

  add(accountId: string, added: Partial<Figures>): void {
    const minute = new Date(Math.floor(this.#options.now().getTime() / 60_000) * 60_000);
    this.#merge({ accountId, minute }, added);
  }

  /** Writes down what has come together. What cannot be written is kept for the next time. */
  async write(): Promise<void> {
    const minutes = [...this.#minutes.values()];
    this.#minutes = new Map();
    try {
      if (minutes.length > 0) await insert(this.#options.sql, minutes);
      await this.#clear();
    } catch (error) {
      for (const minute of minutes) this.#merge(minute, minute.figures);
      throw error;
    }
  }

  #merge({ accountId, minute }: Omit<Minute, "figures">, added: Partial<Figures>): void {
    const key = `${minute.getTime()} ${accountId}`;
    const { figures } = this.#minutes.get(key) ?? this.#begin(key, { accountId, minute });
    for (const one of summed) figures[one] += added[one] ?? 0;
    for (const one of greatest) figures[one] = Math.max(figures[one], added[one] ?? 0);
  }

  #begin(key: string, about: Omit<Minute, "figures">): Minute {
    const begun = { ...about, figures: Object.fromEntries(all.map((one) => [one, 0])) as Figures };
    this.#minutes.set(key, begun);
    return begun;
  }

  async #clear(): Promise<void> {
    const { sql, now } = this.#options;
    const at = now().getTime();
    if (at - this.#clearedAt < clearedEveryMs) return;
    this.#clearedAt = at;
    await sql`DELETE FROM driftdesk.status_counts WHERE minute < ${new Date(at - keptMs)}`;
  }
}

async function insert(sql: Sql, minutes: readonly Minute[]): Promise<void> {
  const rows = minutes.map(({ accountId, minute, figures }) => ({
    account_id: accountId,
    minute,
    ...Object.fromEntries(all.map((one) => [columns[one], Math.round(figures[one])])),
  }));
  const names = all.map((one) => columns[one]).join(", ");
  const sums = summed.map((one) => `${columns[one]} = c.${columns[one]} + EXCLUDED.${columns[one]}`);
  const peaks = greatest.map(
    (one) => `${columns[one]} = greatest(c.${columns[one]}, EXCLUDED.${columns[one]})`,
  );
  await sql.unsafe(
    `INSERT INTO driftdesk.status_counts AS c (account_id, minute, ${names})
     SELECT account_id, minute, ${names}
     FROM jsonb_populate_recordset(NULL::driftdesk.status_counts, $1::text::jsonb)
     -- In one order, so that two processes never wait for each other.
     ORDER BY account_id, minute
     ON CONFLICT (account_id, minute) DO UPDATE SET ${[...sums, ...peaks].join(", ")}`,
    [JSON.stringify(rows)],
  );
}

/** How lookups of an account went since then. */
export async function lookupsSince(sql: Sql, accountId: string, since: Date): Promise<Lookups> {
  const [sum] = await sql.unsafe<Lookups[]>(
    `SELECT ${summed.map((one) => `coalesce(sum(${columns[one]}), 0)::bigint AS "${one}"`).join(", ")},
            ${greatest.map((one) => `coalesce(max(${columns[one]}), 0)::bigint AS "${one}"`).join(", ")}
     FROM driftdesk.status_counts WHERE account_id = $1 AND minute >= $2`,
    [accountId, since],
  );
  return sum as Lookups;
}
