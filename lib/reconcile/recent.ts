import type { Sql } from "postgres";
import { listed, underWayStates } from "../db/schema.ts";
import { aboutAccount, getRun, type OneOfSeveral, type RunView } from "./runs.ts";

/** The runs that say how far the numbers of one account can be trusted. */
export interface RecentRuns {
  /** The account's name in the config; null in the short form. */
  account: string | null;
  /** Queued or running. */
  underWay: RunView | null;
  /** The newest that came to an end by itself, whatever the end was. */
  lastEnded: RunView | null;
  /** The newest that said something about both sides: what the numbers on a page come from. */
  lastAnswer: RunView | null;
  /** The newest of these that read everything: how much there is. The same as `lastAnswer`, or older. */
  lastFull: RunView | null;
}

/** `of` is one of several accounts; left out, whatever ran is meant. */
export async function recentRuns(sql: Sql, of?: OneOfSeveral): Promise<RecentRuns> {
  const [found] = await sql<Record<"underWay" | "lastEnded" | "lastAnswer" | "lastFull", number | null>[]>`
    SELECT max(r.id) FILTER (WHERE r.state IN (${sql.unsafe(listed(underWayStates))})) AS "underWay",
           max(r.id) FILTER (WHERE r.state NOT IN (${sql.unsafe(listed([...underWayStates, "cancelled"]))})) AS "lastEnded",
           max(r.id) FILTER (WHERE r.state IN ('succeeded', 'incomplete', 'suspicious')) AS "lastAnswer",
           max(r.id) FILTER (WHERE r.state IN ('succeeded', 'incomplete', 'suspicious') AND r.mode = 'full') AS "lastFull"
    FROM driftdesk.runs r
    WHERE r.mode <> 'targeted' ${of ? sql`AND ${aboutAccount(sql, of)}` : sql``}`;
  const read = (id: number | null | undefined) => (id ? getRun(sql, id) : null);
  const [underWay, lastEnded, lastAnswer, lastFull] = await Promise.all([
    read(found?.underWay),
    read(found?.lastEnded),
    read(found?.lastAnswer),
    read(found?.lastFull),
  ]);
  return { account: of?.name ?? null, underWay, lastEnded, lastAnswer, lastFull };
}

/** The account of the newest run that reached Stripe; null before there was one. */
export async function latestAccount(sql: Sql): Promise<{ id: string; livemode: boolean } | null> {
  const [account] = await sql<{ id: string; livemode: boolean }[]>`
    SELECT a.id, a.livemode
    FROM driftdesk.runs r
    JOIN driftdesk.accounts a ON a.id = r.account_id
    ORDER BY r.id DESC LIMIT 1`;
  return account ?? null;
}
