// Where the processes that ask Stripe tell each other what they want of an account's budgets, and learn what they get.
import type { Sql } from "postgres";
import { connect } from "../db/connect.ts";
import type { Sign } from "./pace-limit.ts";
import type { Demand } from "./pace-shares.ts";

/** What a process says. All by endpoint, with "" for the whole account; times are the database's. */
export interface Report {
  process: string;
  /** By what the process knows the account; one name in common with another is enough. */
  account: readonly string[];
  demand: Record<string, Demand>;
  /** Requests a second: what it wants to go by, and the whole budget. */
  wanted: Record<string, [wanted: number, budget: number]>;
  signs: Record<string, Sign>;
}

export interface Board {
  exchange(report: Report): Promise<Answer>;
  /** Leaves the shares of this process to the others. */
  close(): Promise<void>;
}

export interface Answer {
  /** Milliseconds since 1970. */
  now: number;
  /** Requests a second that are this process's from now on: never more than the others leave. */
  granted: Record<string, number>;
  others: Pick<Report, "demand" | "signs">[];
}

/** How long others leave a share alone whose process says nothing more. */
export const shareLastsMs = 5_000;

/**
 * The board in Driftdesk's own database, for all accounts of a process. It is connected to when it is first needed, by
 * a connection of its own: a run may keep all others busy for minutes. `now` takes the place of the database's clock.
 */
export function openBoard(databaseUrl: () => string, now?: () => Date): Board {
  let sql: Sql | undefined;
  const processes = new Set<string>();
  return {
    exchange(report) {
      sql ??= connect(databaseUrl(), { max: 1, applicationName: "driftdesk pace" });
      processes.add(report.process);
      return exchange(sql, report, now?.());
    },
    async close() {
      if (!sql) return;
      // What cannot be given back expires. What was learned stays a while for others to read.
      await sql`
        UPDATE driftdesk.pace_shares SET demand = '{}', granted = '{}'
        WHERE process = ANY(${[...processes]}::uuid[])`.catch(() => {});
      await sql.end({ timeout: 1 });
    },
  };
}

async function exchange(sql: Sql, report: Report, now: Date | undefined): Promise<Answer> {
  const { process, account, demand, wanted, signs } = report;
  const [row] = await sql<{ answer: Answer }[]>`
    SELECT driftdesk.share_pace(
      ${process}, ${[...account].sort()}::text[], ${JSON.stringify(demand)}::text::jsonb,
      ${JSON.stringify(wanted)}::text::jsonb, ${JSON.stringify(signs)}::text::jsonb,
      ${shareLastsMs}, ${now ?? null}
    ) AS answer`;
  return (row as { answer: Answer }).answer;
}
