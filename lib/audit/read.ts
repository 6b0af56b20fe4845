import type { Sql } from "postgres";
import type { AuditFilter } from "./filter.ts";
import { type AuditList, type AuditPlace, type AuditView, listAudit } from "./list.ts";
import { type AuditSentence, auditSentence } from "./sentence.ts";

/** An entry as people read it, with where it stands in the chain and what it is about. */
export type ReadEntry = AuditSentence &
  Pick<
    AuditView,
    "seq" | "at" | "discrepancyId" | "runId" | "bulkId" | "subject" | "accountId" | "resource" | "hash"
  >;

export interface AuditPage {
  entries: ReadEntry[];
  /** The `before` of the next page, and the `after` of the one that leads back; null where there is none. */
  older: number | null;
  newer: number | null;
  /** How far a search came, when there is more to look at: its next page goes on from there. */
  reached: AuditList["reached"];
}

/** One page of the history in sentences, newest first, people by their names. */
export async function readAudit(sql: Sql, filter: AuditFilter, place: AuditPlace): Promise<AuditPage> {
  const { limit, before, after } = place;
  const [{ entries: found, reached }, nameOf] = await Promise.all([
    listAudit(sql, filter, { ...place, limit: limit + 1 }),
    namesOfPeople(sql),
  ]);
  // One more was asked for, in the direction of the walk: whether there is anything further on.
  const more = found.length > limit;
  const entries = (after ? found.slice(-limit) : found.slice(0, limit)).map((entry) => ({
    ...auditSentence(entry, nameOf),
    seq: entry.seq,
    at: entry.at,
    discrepancyId: entry.discrepancyId,
    runId: entry.runId,
    bulkId: entry.bulkId,
    subject: entry.subject,
    accountId: entry.accountId,
    resource: entry.resource,
    hash: entry.hash,
  }));
  const next = (last: ReadEntry | undefined) => (more ? last?.seq : reached?.seq) ?? null;
  const [newest, oldest] = [entries[0], entries.at(-1)];
  return {
    entries,
    older: after ? (oldest?.seq ?? null) : next(oldest),
    newer: after ? next(newest) : before ? (newest?.seq ?? null) : null,
    reached: more ? null : reached,
  };
}

export async function namesOfPeople(sql: Sql): Promise<(email: string) => string> {
  const people = await sql<
    { email: string; name: string }[]
  >`SELECT lower(email) AS email, name FROM driftdesk.users`;
  const names = new Map(people.map((person) => [person.email, person.name]));
  return (email) => names.get(email.toLowerCase()) ?? email;
}
