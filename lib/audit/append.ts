import type { Sql, TransactionSql } from "postgres";

/** What can happen, as it stands in `audit_entries.action`. The words that people read are made from these. */
export type AuditAction =
  | "run.requested"
  | "run.started"
  | "run.finished"
  | "discrepancy.found"
  | "discrepancy.changed"
  | "discrepancy.reopened"
  | "discrepancy.resolved"
  | "discrepancy.approved"
  | "discrepancy.rejected"
  | "discrepancy.snoozed"
  | "discrepancy.woken"
  | "fix.intended"
  | "fix.applied"
  | "fix.stale"
  | "fix.failed"
  | "bulk.requested"
  | "bulk.approved"
  | "bulk.finished"
  | "bulk.cancelled"
  | "bulk.declined"
  | "bulk.voided"
  | "script.result"
  | "policy.held_back"
  | "causes.found"
  | "pipeline.broken"
  | "pipeline.recovered"
  | "schedule.overdue"
  | "schedule.added"
  | "schedule.changed"
  | "schedule.paused"
  | "schedule.resumed"
  | "schedule.removed"
  | "import.read"
  | "import.dated"
  | "audit.exported"
  | "sign_in.succeeded"
  | "sign_in.failed"
  | "user.added"
  | "user.role_changed"
  | "user.password_changed"
  | "user.deactivated"
  | "user.reactivated"
  | "token.created"
  | "token.revoked"
  | "setting.changed";

/** One entry before it gets its place in the chain. Everything in `data` is kept for ever: no secrets, no card data. */
export interface AuditDraft {
  /** E-mail address of the person, or `system`, or `policy`. */
  actor: string;
  action: AuditAction;
  account_id?: string | null;
  resource?: string | null;
  discrepancy_id?: number | null;
  run_id?: number | null;
  bulk_id?: number | null;
  fix_id?: number | null;
  /** What people call the thing: a customer's label, a user's address. */
  subject?: string | null;
  data?: Record<string, unknown>;
}

const batch = 5_000;

/**
 * Appends entries to the chain, in the caller's transaction. Holds the chain's head until that transaction ends, so
 * keep what follows it short. Set-based callers use `driftdesk.append_audit(jsonb)` in their own SQL instead.
 */
export async function appendAudit(
  sql: Sql | TransactionSql,
  entries: readonly AuditDraft[],
  at: Date,
): Promise<void> {
  for (let i = 0; i < entries.length; i += batch) {
    const part = entries.slice(i, i + batch);
    await sql`SELECT driftdesk.append_audit(${sql.json(part as never)}, ${at})`;
  }
}
