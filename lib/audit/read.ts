import type { Sql } from "postgres";
import type { AuditFilter } from "./filter.ts";
import { type AuditPlace, type AuditView, listAudit } from "./list.ts";
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
}

/** One page of the history in sentences, newest first, people by their names. */
export async function readAudit(sql: Sql, filter: AuditFilter, place: AuditPlace): Promise<AuditPage> {
  const { limit, before, after } = place;
  const [found, nameOf] = await Promise.all([
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
  return {
    entries,
    older: more || after ? (entries.at(-1)?.seq ?? null) : null,
    newer: (after ? more : before) ? (entries[0]?.seq ?? null) : null,
  };
}

export async function namesOfPeople(sql: Sql): Promise<(email: string) => string> {
  const people = await sql<
    { email: string; name: string }[]
  >`SELECT lower(email) AS email, name FROM driftdesk.users`;
  const names = new Map(people.map((person) => [person.email, person.name]));
  return (email) => names.get(email.toLowerCase()) ?? email;
}
