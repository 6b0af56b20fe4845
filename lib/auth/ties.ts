// Who stands behind a person: a second address of one's own, or one whose password one has set, is no second pair of eyes.
import type { Fragment, Sql, TransactionSql } from "postgres";
import type { AuditAction } from "../audit/append.ts";

/** So long after somebody was given access, a role or a password, whoever gave it stands behind them. */
export const tieDays = 7;

const giving: AuditAction[] = [
  "user.added",
  "user.role_changed",
  "user.password_changed",
  "user.reactivated",
];

/**
 * For `WITH RECURSIVE`: `hands`, everybody who stands behind a `person`, and until when. Themselves, whoever gave them something,
 * and whoever stands behind these. What is done on the server, by `driftdesk users`, is nobody's: who can do that needs no tie.
 */
export const handsBehind = (sql: Sql | TransactionSql, now: Date): Fragment => sql`
  given AS MATERIALIZED (
    SELECT lower(e.subject) AS person, lower(e.actor) AS hand, max(e.at) + make_interval(days => ${tieDays}) AS until
    FROM driftdesk.audit_entries e
    WHERE e.action = ANY (${giving}::text[]) AND e.actor <> 'system'
      AND e.at > ${now}::timestamptz - make_interval(days => ${tieDays})
    GROUP BY 1, 2
  ), hands AS (
    SELECT lower(u.email) AS person, lower(u.email) AS hand, 'infinity'::timestamptz AS until FROM driftdesk.users u
    UNION
    SELECT h.person, g.hand, least(h.until, g.until) FROM hands h JOIN given g ON g.person = h.hand
  )`;

/** After `handsBehind`: until when somebody stands behind both of two people, by their addresses; NULL when nobody does. */
export const tiedUntil = (sql: Sql | TransactionSql, one: Fragment, other: Fragment): Fragment => sql`
  (SELECT max(least(x.until, y.until)) FROM hands x JOIN hands y ON y.hand = x.hand
   WHERE x.person = lower(${one}) AND y.person = lower(${other}))`;
