import { z } from "zod";
import type { AuditAction } from "./append.ts";
import type { AuditView } from "./list.ts";

/** One column of a change. */
export interface AuditChange {
  name: string;
  from: string | null;
  to: string | null;
}

/** An entry as people read it: "Grace Hopper" + "applied" + changes + "on ada@example.com" + what else. */
export interface AuditSentence {
  who: string;
  did: string;
  changes: AuditChange[];
  /** In parentheses after it: the bulk, who agreed, why. */
  more: string[];
}

type Entry = Pick<AuditView, "actor" | "action" | "subject" | "data" | "bulkId" | "runId" | "resource">;

const change = z.object({
  name: z.string(),
  before: z.string().nullish(),
  after: z.string().nullish(),
  local: z.string().nullish(),
  stripe: z.string().nullish(),
});
// What older versions wrote stays readable: everything is optional, and what does not fit is left out.
const dataSchema = z.object({
  fields: z.array(change).catch([]),
  kind: z.string().optional().catch(undefined),
  reason: z.string().nullish().catch(undefined),
  until: z.string().nullish().catch(undefined),
  approvedBy: z.string().nullish().catch(undefined),
  requestedBy: z.string().nullish().catch(undefined),
  reverts: z.number().optional().catch(undefined),
  needsSecondPerson: z.boolean().optional().catch(undefined),
  state: z.string().optional().catch(undefined),
  message: z.string().nullish().catch(undefined),
  trigger: z.string().optional().catch(undefined),
  mode: z.string().optional().catch(undefined),
  why: z.string().optional().catch(undefined),
  by: z.string().optional().catch(undefined),
  role: z.string().optional().catch(undefined),
  from: z.string().optional().catch(undefined),
  to: z.string().optional().catch(undefined),
  format: z.string().optional().catch(undefined),
  total: z.number().optional().catch(undefined),
  applied: z.number().optional().catch(undefined),
  stale: z.number().optional().catch(undefined),
  failed: z.number().optional().catch(undefined),
  skipped: z.number().optional().catch(undefined),
  changed: z.number().optional().catch(undefined),
  left: z.number().optional().catch(undefined),
  scopes: z.array(z.string()).catch([]),
  causes: z.record(z.string(), z.number()).catch({}),
  was: z.string().optional().catch(undefined),
  url: z.string().optional().catch(undefined),
  since: z.string().optional().catch(undefined),
  due: z.string().optional().catch(undefined),
  undelivered: z.number().optional().catch(undefined),
  missed: z.number().optional().catch(undefined),
  lines: z.number().optional().catch(undefined),
  problems: z.number().optional().catch(undefined),
  exportedAt: z.string().nullish().catch(undefined),
  /** Where the values are a file's word. */
  import: z
    .object({ file: z.string().nullish(), exportedAt: z.string().nullish() })
    .optional()
    .catch(undefined),
});
type Data = z.infer<typeof dataSchema>;

/** `nameOf` turns an address into a name where there is one. */
export function auditSentence(entry: Entry, nameOf: (email: string) => string): AuditSentence {
  const data = dataSchema.parse(entry.data ?? {});
  const write =
    writers[entry.action as AuditAction] ?? (() => `${entry.action} ${entry.subject ?? ""}`.trim());
  const more = [
    entry.bulkId && !/^(bulk|audit)\./.test(entry.action) ? `bulk ${entry.bulkId}` : null,
    data.import
      ? `by the word of ${data.import.file ?? "a pasted list"}${exported(data.import.exportedAt)}`
      : null,
    data.approvedBy ? `approved by ${nameOf(data.approvedBy)}` : null,
    data.reason ? `“${data.reason}”` : null,
    entry.action.startsWith("fix.") && data.message ? data.message : null,
  ];
  return {
    who: actorName(entry.actor, nameOf),
    did: write(entry, data, nameOf),
    changes: withChanges.has(entry.action)
      ? data.fields.map((field) => ({
          name: field.name,
          from: field.before ?? field.local ?? null,
          to: field.after ?? field.stripe ?? null,
        }))
      : [],
    more: more.filter((part): part is string => part !== null),
  };
}

/** What people call whoever stands in the history. */
export function actorName(actor: string, nameOf: (email: string) => string): string {
  if (actor === "system") return "Driftdesk";
  if (actor === "policy") return "The policy";
  return actor.startsWith("token:") ? `The token ${actor.slice("token:".length)}` : nameOf(actor);
}

/** The same as one line of text. */
export function auditText(entry: Entry, nameOf: (email: string) => string = (email) => email): string {
  const { who, did, changes, more } = auditSentence(entry, nameOf);
  const list = changes
    .map(({ name, from, to }) => `${name} ${from ?? "nothing"} → ${to ?? "nothing"}`)
    .join(", ");
  return `${who} ${did}${list ? `: ${list}` : ""}${more.length > 0 ? ` (${more.join(", ")})` : ""}`;
}

const withChanges = new Set<string>([
  "discrepancy.found",
  "discrepancy.changed",
  "discrepancy.reopened",
  "schedule.changed",
  "fix.intended",
  "fix.applied",
  "fix.stale",
  "fix.failed",
] satisfies AuditAction[]);

type Writer = (entry: Entry, data: Data, nameOf: (email: string) => string) => string;

const on = (entry: Entry) => entry.subject ?? "a record";
const found: Record<string, string> = {
  mismatch: "found a difference on",
  missing_local: "found no local record of",
  missing_in_stripe: "found nothing in Stripe for",
  duplicate: "found more than one local record of",
};
const bulkVerbs: Record<string, string> = {
  apply: "to apply",
  reject: "to reject",
  snooze: "to put off",
  revert: "to undo the correction of",
};
const causeNames: Record<string, string> = {
  webhook_undelivered: "webhooks that Stripe could not deliver",
  webhook_lost: "webhooks that were lost",
  handler_failed: "a handler that failed",
  local_edit: "an edit on your side",
};
const utc = (at: string) => `${at.slice(0, 16).replace("T", " ")} UTC`;
/** Behind what was exported; nothing when it is not known. */
const exported = (at: string | undefined | null) => (at ? `, exported ${utc(at)}` : "");
/** A time in the middle of a sentence; nothing when it is not known. */
const atTime = (before: string, at: string | undefined | null) => (at ? ` ${before} ${utc(at)}` : "");
const fromConfig = ({ by }: Data) => (by === "config" ? ", as the configuration says" : "");
const items = (count: number | undefined) => (count === 1 ? "1 row" : `${count ?? "some"} rows`);

const writers: Record<AuditAction, Writer> = {
  "run.requested": (entry, data) => `asked for run ${entry.runId}${data.mode ? `, ${data.mode}` : ""}`,
  "run.started": (entry) => `began run ${entry.runId}`,
  "run.finished": (entry, data) =>
    `${data.state === "cancelled" ? "stopped" : "ended"} run ${entry.runId}${
      data.state && data.state !== "cancelled" ? ` as ${data.state}` : ""
    }${data.message ? `: ${data.message}` : ""}`,
  "discrepancy.found": (entry, data) => `${found[data.kind ?? ""] ?? "found a difference on"} ${on(entry)}`,
  "discrepancy.changed": (entry) => `saw other values on ${on(entry)}`,
  "discrepancy.reopened": (entry) => `found a difference again on ${on(entry)}`,
  "discrepancy.resolved": (entry) => `found both sides equal again on ${on(entry)}`,
  "discrepancy.approved": (entry) => `asked for the correction of ${on(entry)}`,
  "discrepancy.rejected": (entry) => `left ${on(entry)} as it is`,
  "discrepancy.snoozed": (entry, data) => `put off ${on(entry)}${atTime("until", data.until)}`,
  "discrepancy.woken": (entry) => `brought back ${on(entry)}, which had been put off`,
  "fix.intended": (entry, { reverts }) =>
    `set out to ${reverts ? "undo the correction of" : "correct"} ${on(entry)}`,
  "fix.applied": (entry, { reverts }) => `${reverts ? "undid the correction of" : "corrected"} ${on(entry)}`,
  "fix.stale": (entry, { reverts }) =>
    reverts
      ? `left ${on(entry)} alone: somebody had changed it after the correction`
      : `did not overwrite ${on(entry)}: somebody else had changed it`,
  "fix.failed": (entry, { reverts }) =>
    `could not ${reverts ? "undo the correction of" : "correct"} ${on(entry)}`,
  "bulk.requested": (entry, data) =>
    `asked ${bulkVerbs[data.kind ?? ""] ?? "to change"} ${items(data.total)} ${data.reverts ? ` of bulk ${data.reverts}` : ""} as bulk ${entry.bulkId}${
      data.needsSecondPerson ? ", which waits for a second person" : ""
    }`,
  "bulk.approved": (entry, data, nameOf) =>
    `approved bulk ${entry.bulkId} of ${items(data.total)}${data.requestedBy ? `, asked for by ${nameOf(data.requestedBy)}` : ""}`,
  "bulk.finished": (entry, data) =>
    `ended bulk ${entry.bulkId}: ${[
      `${data.applied ?? 0} done`,
      data.stale ? `${data.stale} changed meanwhile` : null,
      data.failed ? `${data.failed} failed` : null,
      data.skipped ? `${data.skipped} left out` : null,
    ]
      .filter(Boolean)
      .join(", ")}`,
  "bulk.cancelled": (entry, data) =>
    `${data.was === "waiting" ? "took back" : "stopped"} bulk ${entry.bulkId}`,
  "bulk.declined": (entry, data, nameOf) =>
    `declined bulk ${entry.bulkId}${data.requestedBy ? `, asked for by ${nameOf(data.requestedBy)}` : ""}`,
  "bulk.voided": (entry, data) =>
    `left ${items(data.changed)} out of bulk ${entry.bulkId}, changed while it waited for a second person${
      data.left === 0 ? "; nothing is left of it" : ""
    }`,
  "script.result": (entry, data) =>
    `brought back the result of the script made from ${on(entry)}: ${items(data.applied)} written`,
  "policy.held_back": (entry, data) =>
    `corrected nothing by itself in ${entry.resource ?? "a resource"}: ${items(data.total)} wait for a person${data.message ? `. ${data.message}` : ""}`,
  "causes.found": (_entry, { causes }) =>
    `found out why records differ: ${Object.entries(causes)
      .map(([cause, rows]) => `${rows} by ${causeNames[cause] ?? cause}`)
      .join(", ")}`,
  "pipeline.broken": (_entry, data) =>
    `noticed that webhooks do not arrive${data.url ? ` at ${data.url}` : ""}${atTime("since", data.since)}${
      data.undelivered ? `: ${data.undelivered} undelivered` : ""
    }`,
  "pipeline.recovered": (_entry, data) =>
    `noticed that webhooks arrive again${data.url ? ` at ${data.url}` : ""}${
      data.since ? ` (broken${atTime("since", data.since)})` : ""
    }`,
  "schedule.overdue": (_entry, data) =>
    `noticed that ${data.mode === "full" ? "a full" : data.mode ? `an ${data.mode}` : "a"} run did not ${data.why === "not_ended" ? `end in time, due${atTime("at", data.due)}` : `begin${atTime("when it was due,", data.due)}`}${
      data.missed ? `, and ${data.missed - 1} more until it was noticed` : ""
    }`,
  "schedule.added": (entry, data) => `added a schedule: ${on(entry)}${fromConfig(data)}`,
  "schedule.changed": (entry, data) => `changed the schedule of the ${on(entry)}${fromConfig(data)}`,
  "schedule.paused": (entry) => `paused the ${on(entry)}`,
  "schedule.resumed": (entry) => `resumed the ${on(entry)}`,
  "schedule.removed": (entry, data) => `removed the schedule of the ${on(entry)}${fromConfig(data)}`,
  "import.read": (entry, data) =>
    `brought ${on(entry)}${data.kind && data.kind !== "list" ? `, an export of ${data.kind}` : ""}: ${data.lines === 1 ? "1 line" : `${data.lines ?? "no"} lines`} read${data.problems ? `, ${data.problems} not` : ""}${exported(data.exportedAt)}`,
  "import.dated": (entry, data) => `said when ${on(entry)} was made${exported(data.exportedAt)}`,
  "audit.exported": (entry, data) =>
    `exported ${entry.bulkId ? `the results of bulk ${entry.bulkId}` : "the history"}${data.format ? ` as ${data.format.toUpperCase()}` : ""}`,
  "sign_in.succeeded": (_entry, data) => `signed in${data.by ? ` by ${data.by}` : ""}`,
  "sign_in.failed": (entry, data) => `refused a sign-in as ${on(entry)}${data.why ? `: ${data.why}` : ""}`,
  "user.added": (entry, data) => `added ${on(entry)}${data.role ? ` as ${data.role}` : ""}`,
  "user.role_changed": (entry, data) =>
    `changed the role of ${on(entry)}${data.from && data.to ? ` from ${data.from} to ${data.to}` : ""}`,
  "user.password_changed": (entry) => `set a new password for ${on(entry)}`,
  "user.deactivated": (entry) => `ended the access of ${on(entry)}`,
  "user.reactivated": (entry) => `let ${on(entry)} in again`,
  "token.created": (entry, data) =>
    `made the API token ${entry.subject ?? ""}${data.scopes.length > 0 ? ` for ${data.scopes.join(", ")}` : ""}`,
  "token.revoked": (entry) => `revoked the API token ${entry.subject ?? ""}`,
  "setting.changed": (entry, data) =>
    `${data.to === "on" ? "switched on" : "switched off"} ${entry.subject ?? "a setting"}`,
};

/** Every action there is, in the order of the list that people choose from. */
export const auditActions = Object.keys(writers) as AuditAction[];
