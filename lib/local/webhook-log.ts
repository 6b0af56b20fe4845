// The company's own log of received webhooks, and when its rows say that they were changed. Read in bulk, never written.
import type { Sql } from "postgres";
import type { Resource, Rules } from "../config/resource.ts";
import { arrayParameter, type LocalTable, quoteName, quoteTable } from "./catalog.ts";

export interface Logged {
  receivedAt: Date | null;
  /** Null when it was not processed, or when the log does not say. */
  processedAt: Date | null;
}

const perQuery = 5_000;

/** What the log says of events, by their ids. One that was received several times was so first, and processed last. */
export async function readWebhookLog(
  local: Sql,
  table: LocalTable,
  log: NonNullable<Rules["webhookLog"]>,
  eventIds: readonly string[],
): Promise<Map<string, Logged>> {
  const column = table.columns.get(log.eventId);
  if (!column) throw new Error(`The webhook log has no column "${log.eventId}"`);
  const id = `l.${quoteName(log.eventId)}`;
  const processed =
    log.processedAt === undefined ? "NULL::timestamptz" : `max(l.${quoteName(log.processedAt)})::timestamptz`;
  const logged = new Map<string, Logged>();
  for (let i = 0; i < eventIds.length; i += perQuery) {
    const rows = await local.unsafe<({ id: string } & Logged)[]>(
      `
      SELECT ${id}::text AS id, min(l.${quoteName(log.receivedAt)})::timestamptz AS "receivedAt", ${processed} AS "processedAt"
      FROM ${quoteTable(table)} l
      WHERE ${id} = ANY (${arrayParameter(column)})
      GROUP BY 1`,
      [eventIds.slice(i, i + perQuery)],
    );
    for (const { id: eventId, ...row } of rows) logged.set(eventId, row);
  }
  return logged;
}

/** Events that arrived since then, by their ids, or `many` when there are more than can be told one by one. */
export async function arrivedSince(
  local: Sql,
  table: LocalTable,
  log: NonNullable<Rules["webhookLog"]>,
  since: Date,
): Promise<string[] | "many"> {
  const processed =
    log.processedAt === undefined ? "" : `OR l.${quoteName(log.processedAt)} >= $1::timestamptz`;
  const rows = await local.unsafe<{ id: string }[]>(
    `
    SELECT l.${quoteName(log.eventId)}::text AS id FROM ${quoteTable(table)} l
    WHERE l.${quoteName(log.receivedAt)} >= $1::timestamptz ${processed}
    LIMIT ${perQuery + 1}`,
    [since],
  );
  return rows.length > perQuery ? "many" : rows.map(({ id }) => id);
}

/** When rows were changed by their own account, by key; those that do not say are left out. */
export async function readChangeTimes(
  local: Sql,
  table: LocalTable,
  { key, updatedAt }: Pick<Resource, "key" | "updatedAt">,
  keys: readonly string[],
): Promise<Map<string, Date>> {
  const column = table.columns.get(key);
  if (updatedAt === undefined || !column) return new Map();
  const times = new Map<string, Date>();
  for (let i = 0; i < keys.length; i += perQuery) {
    const rows = await local.unsafe<{ key: string; at: Date }[]>(
      `
      SELECT t.${quoteName(key)}::text AS key, t.${quoteName(updatedAt)}::timestamptz AS at
      FROM ${quoteTable(table)} t
      WHERE t.${quoteName(key)} = ANY (${arrayParameter(column)}) AND t.${quoteName(updatedAt)} IS NOT NULL`,
      [keys.slice(i, i + perQuery)],
    );
    for (const row of rows) times.set(row.key, row.at);
  }
  return times;
}
