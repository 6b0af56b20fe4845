// The typed mirror of drizzle/*.sql, which is the source: a test compares the two. Rows' types come from here.
import {
  bigint,
  boolean,
  customType,
  doublePrecision,
  integer,
  jsonb,
  pgSchema,
  smallint,
  text,
  timestamp,
  uuid,
} from "drizzle-orm/pg-core";

const driftdesk = pgSchema("driftdesk");
const bytea = customType<{ data: Buffer }>({ dataType: () => "bytea" });
const time = (name: string) => timestamp(name, { withTimezone: true });
const id = () => bigint("id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity();
const ref = (name: string) => bigint(name, { mode: "number" });

export const roles = ["viewer", "support", "finance", "admin"] as const;
export type Role = (typeof roles)[number];

export const runModes = ["full", "incremental", "targeted"] as const;
export type RunMode = (typeof runModes)[number];
export const runTriggers = ["person", "schedule", "cron", "command", "import", "webhook"] as const;
export type RunTrigger = (typeof runTriggers)[number];
export const runStates = [
  "queued",
  "running",
  "succeeded",
  "incomplete",
  "suspicious",
  "failed",
  "cancelled",
] as const;
export type RunState = (typeof runStates)[number];
/** Of a run that has not ended. */
export const underWayStates: readonly RunState[] = ["queued", "running"];
export const runResourceStates = [
  "waiting",
  "fetching",
  "comparing",
  "confirming",
  "recording",
  "done",
  "incomplete",
  "suspicious",
  "failed",
] as const;
export type RunResourceState = (typeof runResourceStates)[number];
/** Those in which a resource of a run has come to its end. */
export const endedResourceStates: readonly RunResourceState[] = [
  "done",
  "incomplete",
  "suspicious",
  "failed",
];

/**
 * What a targeted run is about: a customer with everything mapped, objects by their ids, rows by their keys, a difference, or what
 * an import says. With `verify` the import only names what Stripe is asked about.
 */
export type Targets =
  | { customer: string }
  | { email: string }
  | { ids: readonly string[] }
  | { resource: string; keys: readonly string[] }
  | { discrepancy: number }
  | { import: number; verify?: true };

/** How a run reads a resource: all of it, what changed, or what it was asked about. */
export const scopeModes = ["full", "changes", "targets"] as const;
export type ScopeMode = (typeof scopeModes)[number];

export const kinds = ["mismatch", "missing_local", "missing_in_stripe", "duplicate"] as const;
export type Kind = (typeof kinds)[number];
export const impacts = ["paid_no_access", "access_no_pay", "money", "other"] as const;
export type Impact = (typeof impacts)[number];
export const causes = [
  "webhook_undelivered",
  "webhook_lost",
  "handler_failed",
  "local_edit",
  "unknown",
] as const;
export type Cause = (typeof causes)[number];
export const discrepancyStates = [
  "open",
  "waiting",
  "snoozed",
  "applying",
  "fixed",
  "rejected",
  "resolved",
] as const;
export type DiscrepancyState = (typeof discrepancyStates)[number];
/** In these a discrepancy goes by itself when both sides agree again: it is not over, and no fix of it is under way. */
export const resolvableStates: readonly DiscrepancyState[] = ["open", "waiting", "snoozed", "rejected"];
/** Whether a fix of a discrepancy `d` is intended and has no outcome yet: nobody else decides about it meanwhile. In SQL. */
export const inHand =
  "EXISTS (SELECT FROM driftdesk.fixes h WHERE h.discrepancy_id = d.id AND h.state = 'intended')";
/** States as SQL lists them: spelled out, since no partial index serves parameters. */
export const listed = (states: readonly string[]): string => states.map((state) => `'${state}'`).join(", ");
export const fixStates = ["intended", "applied", "stale", "failed"] as const;
export type FixState = (typeof fixStates)[number];
export const bulkKinds = ["apply", "reject", "snooze", "revert"] as const;
export type BulkKind = (typeof bulkKinds)[number];
export const bulkStates = ["waiting", "running", "done", "failed", "cancelled"] as const;
export type BulkState = (typeof bulkStates)[number];

/** Columns and their values as Postgres writes them (`col::text`), or null. Lossless for every type. */
export type Values = Record<string, string | null>;
/** One differing column: what the local row says, what Stripe says; both as Postgres writes them. */
export interface FieldDifference {
  name: string;
  local: string | null;
  stripe: string | null;
}

export const users = driftdesk.table("users", {
  id: uuid("id").primaryKey().defaultRandom(),
  email: text("email").notNull(),
  name: text("name").notNull(),
  role: text("role", { enum: roles }).notNull(),
  passwordHash: text("password_hash"),
  createdAt: time("created_at").notNull().defaultNow(),
  lastSignInAt: time("last_sign_in_at"),
  lastSingleSignOnAt: time("last_single_sign_on_at"),
  deactivatedAt: time("deactivated_at"),
});

export const apiTokens = driftdesk.table("api_tokens", {
  id: id(),
  name: text("name").notNull(),
  hash: bytea("hash").notNull(),
  hint: text("hint").notNull(),
  scopes: text("scopes").array().notNull(),
  createdBy: uuid("created_by").notNull(),
  createdAt: time("created_at").notNull(),
  expiresAt: time("expires_at"),
  lastUsedAt: time("last_used_at"),
  revokedAt: time("revoked_at"),
  revokedBy: text("revoked_by"),
});

export const settings = driftdesk.table("settings", {
  name: text("name").primaryKey(),
  value: jsonb("value").notNull(),
  changedBy: text("changed_by").notNull(),
  changedAt: time("changed_at").notNull(),
});

export const accounts = driftdesk.table("accounts", {
  id: text("id").primaryKey(),
  name: text("name"),
  livemode: boolean("livemode").notNull(),
  configName: text("config_name"),
  firstSeenAt: time("first_seen_at").notNull().defaultNow(),
});

export const runs = driftdesk.table("runs", {
  id: id(),
  accountId: text("account_id"),
  accountName: text("account_name"),
  mode: text("mode", { enum: runModes }).notNull(),
  trigger: text("trigger", { enum: runTriggers }).notNull(),
  requestedBy: text("requested_by").notNull(),
  onlyResources: text("only_resources").array(),
  since: time("since"),
  targets: jsonb("targets").$type<Targets>(),
  state: text("state", { enum: runStates }).notNull().default("queued"),
  step: text("step"),
  errorCode: text("error_code"),
  message: text("message"),
  requests: integer("requests").notNull().default(0),
  rateLimited: integer("rate_limited").notNull().default(0),
  attempts: integer("attempts").notNull().default(0),
  requestedAt: time("requested_at").notNull().defaultNow(),
  startedAt: time("started_at"),
  heartbeatAt: time("heartbeat_at"),
  finishedAt: time("finished_at"),
  /** The process that looks for causes, and when that was over. */
  diagnosing: uuid("diagnosing"),
  diagnosedAt: time("diagnosed_at"),
});
export type Run = Omit<typeof runs.$inferSelect, "diagnosing" | "diagnosedAt">;

export const runResources = driftdesk.table("run_resources", {
  runId: ref("run_id").notNull(),
  resource: text("resource").notNull(),
  state: text("state", { enum: runResourceStates }).notNull().default("waiting"),
  windowsTotal: integer("windows_total").notNull().default(0),
  windowsDone: integer("windows_done").notNull().default(0),
  objects: ref("objects").notNull().default(0),
  localRows: ref("local_rows").notNull().default(0),
  compared: ref("compared").notNull().default(0),
  mismatch: ref("mismatch").notNull().default(0),
  missingLocal: ref("missing_local").notNull().default(0),
  missingInStripe: ref("missing_in_stripe").notNull().default(0),
  duplicate: ref("duplicate").notNull().default(0),
  fixed: ref("fixed").notNull().default(0),
  rowErrors: ref("row_errors").notNull().default(0),
  settled: ref("settled").notNull().default(0),
  settledReadAt: time("settled_read_at"),
  message: text("message"),
  pages: integer("pages").notNull().default(0),
  /** How many objects there will be at the end, as far as that can be told. */
  objectsExpected: ref("objects_expected"),
  scope: text("scope", { enum: scopeModes }),
  recordedAt: time("recorded_at"),
  /** Local rows that have their object in Stripe. */
  paired: ref("paired"),
  /** Differences that were open at the run's end, whoever found them; null until policies were decided. */
  open: ref("open"),
  /** Why nothing was corrected by itself, in words. */
  heldBack: text("held_back"),
});
export type RunResource = Omit<typeof runResources.$inferSelect, "recordedAt" | "paired" | "open">;

export const scheduleModes = ["full", "incremental"] as const satisfies readonly RunMode[];
export type ScheduleMode = (typeof scheduleModes)[number];

export const schedules = driftdesk.table("schedules", {
  id: id(),
  accountName: text("account_name"),
  configKey: text("config_key"),
  cron: text("cron").notNull(),
  mode: text("mode", { enum: scheduleModes }).notNull(),
  timeZone: text("time_zone").notNull(),
  configCron: text("config_cron"),
  configMode: text("config_mode", { enum: scheduleModes }),
  configTimeZone: text("config_time_zone"),
  pausedAt: time("paused_at"),
  pausedBy: text("paused_by"),
  changedAt: time("changed_at"),
  changedBy: text("changed_by"),
  nextDue: time("next_due"),
  lastDue: time("last_due"),
  lastRunId: ref("last_run_id"),
  lastMissed: integer("last_missed").notNull().default(0),
  skippedDue: time("skipped_due"),
  skippedRunId: ref("skipped_run_id"),
  waitsFor: ref("waits_for"),
  overdueDue: time("overdue_due"),
});
export type Schedule = typeof schedules.$inferSelect;

export const leases = driftdesk.table("leases", {
  accountId: text("account_id").notNull(),
  resource: text("resource").notNull(),
  runId: ref("run_id").notNull(),
  holder: uuid("holder").notNull(),
  expiresAt: time("expires_at").notNull(),
});

export const runProcesses = driftdesk.table("run_processes", {
  runId: ref("run_id").notNull(),
  holder: uuid("holder").notNull(),
  expiresAt: time("expires_at").notNull(),
});

export const paceShares = driftdesk.table("pace_shares", {
  process: uuid("process").notNull(),
  account: text("account").array().notNull(),
  demand: jsonb("demand").notNull(),
  granted: jsonb("granted").notNull(),
  signs: jsonb("signs").notNull(),
  expiresAt: time("expires_at").notNull(),
});

export const windows = driftdesk.table("windows", {
  runId: ref("run_id").notNull(),
  resource: text("resource").notNull(),
  number: ref("number").notNull(),
  createdFrom: ref("created_from"),
  createdTo: ref("created_to"),
  cursor: text("cursor"),
  state: text("state", { enum: ["open", "done", "unreadable"] })
    .notNull()
    .default("open"),
  objects: integer("objects").notNull().default(0),
  message: text("message"),
  claimedBy: uuid("claimed_by"),
  reached: ref("reached"),
  pages: integer("pages").notNull().default(0),
  readAt: time("read_at"),
  status: text("status"),
});

export const localCopies = driftdesk.table("local_copies", {
  runId: ref("run_id").notNull(),
  resource: text("resource").notNull(),
  rows: ref("rows").notNull(),
});

export const settled = driftdesk.table("settled", {
  id: id(),
  accountId: text("account_id").notNull(),
  resource: text("resource").notNull(),
  layout: text("layout").notNull(),
});

export const settledRanges = driftdesk.table("settled_ranges", {
  settledId: ref("settled_id").notNull(),
  createdFrom: ref("created_from").notNull(),
  createdTo: ref("created_to").notNull(),
  objects: integer("objects").notNull(),
  readAt: time("read_at").notNull(),
  goodUntil: time("good_until").notNull(),
  listed: integer("listed").notNull().default(0),
  apart: integer("apart").notNull().default(0),
});

export const settledObjects = driftdesk.table("settled_objects", {
  settledId: ref("settled_id").notNull(),
  created: ref("created").notNull(),
  stripeId: text("stripe_id").notNull(),
  match: text("match"),
  customerId: text("customer_id"),
  label: text("label"),
  rank: doublePrecision("rank").notNull(),
  amountMinor: ref("amount_minor").notNull(),
  currency: text("currency"),
  fields: text("fields").array(),
});

export const settledForgotten = driftdesk.table("settled_forgotten", {
  settledId: ref("settled_id").notNull(),
  stripeId: text("stripe_id").notNull(),
  forgottenAt: time("forgotten_at").notNull(),
});

export const scopes = driftdesk.table("scopes", {
  runId: ref("run_id").notNull(),
  resource: text("resource").notNull(),
  mode: text("mode", { enum: scopeModes }).notNull(),
  why: text("why"),
  mapping: text("mapping").notNull(),
  begunAt: time("begun_at").notNull(),
  stripeFrom: time("stripe_from"),
  stripeAt: time("stripe_at").notNull(),
  localFrom: time("local_from"),
  localAt: time("local_at").notNull(),
  snapshotFrom: text("snapshot_from"),
  localSnapshot: text("local_snapshot"),
  localTable: text("local_table").notNull(),
  moves: boolean("moves").notNull(),
});
export type Scope = typeof scopes.$inferSelect;

export const eventLists = driftdesk.table("event_lists", {
  runId: ref("run_id").notNull(),
  resource: text("resource").notNull(),
  number: integer("number").notNull(),
  types: text("types").array().notNull(),
  cursor: text("cursor"),
  state: text("state", { enum: ["open", "done", "unreadable"] })
    .notNull()
    .default("open"),
  seen: text("seen").array().notNull().default([]),
  message: text("message"),
});

export const cursors = driftdesk.table("cursors", {
  accountId: text("account_id").notNull(),
  resource: text("resource").notNull(),
  mapping: text("mapping").notNull(),
  stripeAt: time("stripe_at").notNull(),
  seen: text("seen").array().notNull().default([]),
  localAt: time("local_at").notNull(),
  localSnapshot: text("local_snapshot"),
  localTable: text("local_table").notNull(),
  size: ref("size").notNull(),
  runId: ref("run_id").notNull(),
});
export type Cursor = typeof cursors.$inferSelect;

export const addresses = driftdesk.table("addresses", {
  accountId: text("account_id").notNull(),
  resource: text("resource").notNull(),
  match: text("match").notNull(),
  customerId: text("customer_id").notNull(),
  objectId: text("object_id").notNull(),
});

export const looks = driftdesk.table("looks", {
  accountId: text("account_id").notNull(),
  resource: text("resource").notNull(),
  match: text("match").notNull(),
  at: time("at").notNull(),
});

export const bulkActions = driftdesk.table("bulk_actions", {
  id: id(),
  kind: text("kind", { enum: bulkKinds }).notNull(),
  requestKey: text("request_key").notNull(),
  requestedBy: text("requested_by").notNull(),
  requestedById: uuid("requested_by_id"),
  reason: text("reason"),
  filter: jsonb("filter"),
  state: text("state", { enum: bulkStates }).notNull(),
  total: integer("total").notNull().default(0),
  applied: integer("applied").notNull().default(0),
  stale: integer("stale").notNull().default(0),
  failed: integer("failed").notNull().default(0),
  skipped: integer("skipped").notNull().default(0),
  message: text("message"),
  approvedBy: text("approved_by"),
  writesMoney: boolean("writes_money").notNull().default(false),
  createdAt: time("created_at").notNull().defaultNow(),
  finishedAt: time("finished_at"),
  /** The run whose policies asked for it; null for what a person asked for. */
  runId: ref("run_id"),
  reverts: ref("reverts"),
  /** It is handed out as an SQL script instead of being written from here. */
});
export type BulkAction = typeof bulkActions.$inferSelect;

export const discrepancies = driftdesk.table("discrepancies", {
  id: id(),
  accountId: text("account_id").notNull(),
  resource: text("resource").notNull(),
  kind: text("kind", { enum: kinds }).notNull(),
  stripeId: text("stripe_id"),
  localKey: text("local_key"),
  customerId: text("customer_id"),
  label: text("label"),
  observed: jsonb("observed").$type<Values>(),
  expected: jsonb("expected").$type<Values>(),
  fields: jsonb("fields").$type<FieldDifference[]>().notNull().default([]),
  change: text("change").notNull().default(""),
  rowError: text("row_error"),
  impact: text("impact", { enum: impacts }).notNull().default("other"),
  impactRank: smallint("impact_rank"),
  amountMinor: ref("amount_minor").notNull().default(0),
  currency: text("currency"),
  cause: text("cause", { enum: causes }).notNull().default("unknown"),
  causeEvidence: jsonb("cause_evidence"),
  state: text("state", { enum: discrepancyStates }).notNull().default("open"),
  version: integer("version").notNull().default(1),
  firstRunId: ref("first_run_id"),
  runId: ref("run_id"),
  firstSeenAt: time("first_seen_at").notNull().defaultNow(),
  openedAt: time("opened_at").notNull().defaultNow(),
  changedAt: time("changed_at").notNull().defaultNow(),
  observedAt: time("observed_at").notNull().defaultNow(),
  closedAt: time("closed_at"),
  snoozedUntil: time("snoozed_until"),
  decidedAt: time("decided_at"),
  decidedBy: text("decided_by"),
  decisionReason: text("decision_reason"),
  bulkId: ref("bulk_id"),
  search: text("search"),
  match: text("match"),
  revertedAt: time("reverted_at"),
  causeVersion: integer("cause_version"),
  causeAt: time("cause_at"),
  importId: ref("import_id"),
  importLine: ref("import_line"),
  localNewer: boolean("local_newer").notNull().default(false),
});
export type Discrepancy = typeof discrepancies.$inferSelect;

export const discrepancyTotals = driftdesk.table("discrepancy_totals", {
  id: id(),
  accountId: text("account_id").notNull(),
  resource: text("resource").notNull(),
  kind: text("kind", { enum: kinds }).notNull(),
  state: text("state", { enum: discrepancyStates }).notNull(),
  impact: text("impact", { enum: impacts }).notNull(),
  cause: text("cause", { enum: causes }).notNull(),
  change: text("change").notNull(),
  currency: text("currency"),
  rows: ref("rows").notNull(),
  amountMinor: ref("amount_minor").notNull(),
});

export const bulkItems = driftdesk.table("bulk_items", {
  bulkId: ref("bulk_id").notNull(),
  discrepancyId: ref("discrepancy_id").notNull(),
  version: integer("version").notNull(),
  outcome: text("outcome", { enum: ["applied", "stale", "failed", "skipped"] }),
  message: text("message"),
  fixId: ref("fix_id"),
  stateBefore: text("state_before", { enum: discrepancyStates }),
});

export const fixes = driftdesk.table("fixes", {
  id: id(),
  discrepancyId: ref("discrepancy_id").notNull(),
  accountId: text("account_id").notNull(),
  resource: text("resource").notNull(),
  action: text("action", { enum: ["update", "insert", "revert"] }).notNull(),
  localKey: text("local_key"),
  observed: jsonb("observed").$type<Values>().notNull(),
  expected: jsonb("expected").$type<Values>().notNull(),
  actor: text("actor").notNull(),
  approvedBy: text("approved_by"),
  reason: text("reason"),
  bulkId: ref("bulk_id"),
  reverts: ref("reverts"),
  state: text("state", { enum: fixStates }).notNull().default("intended"),
  message: text("message"),
  intendedAt: time("intended_at").notNull().defaultNow(),
  settledAt: time("settled_at"),
});
export type Fix = typeof fixes.$inferSelect;

export const auditEntries = driftdesk.table("audit_entries", {
  seq: bigint("seq", { mode: "number" }).primaryKey(),
  at: time("at").notNull(),
  actor: text("actor").notNull(),
  action: text("action").notNull(),
  accountId: text("account_id"),
  resource: text("resource"),
  discrepancyId: ref("discrepancy_id"),
  runId: ref("run_id"),
  bulkId: ref("bulk_id"),
  fixId: ref("fix_id"),
  subject: text("subject"),
  data: jsonb("data").$type<Record<string, unknown>>().notNull().default({}),
  prevHash: bytea("prev_hash").notNull(),
  hash: bytea("hash").notNull(),
});
export type AuditEntry = typeof auditEntries.$inferSelect;

export const auditHead = driftdesk.table("audit_head", {
  singleton: boolean("singleton").primaryKey().default(true),
  seq: bigint("seq", { mode: "number" }).notNull(),
  hash: bytea("hash").notNull(),
});

export const alertKinds = [
  "drift",
  "held_back",
  "corrected",
  "run_trouble",
  "run_recovered",
  "run_overdue",
  "pipeline_broken",
  "pipeline_recovered",
  "approval",
  "dispute_due",
  "digest",
  "test",
] as const;
export type AlertKind = (typeof alertKinds)[number];
export const channels = ["slack", "webhook", "email"] as const;
export type Channel = (typeof channels)[number];

export const alertPlace = driftdesk.table("alert_place", { seq: ref("seq").notNull() });

export const alerts = driftdesk.table("alerts", {
  id: id(),
  key: text("key").notNull(),
  kind: text("kind", { enum: alertKinds }).notNull(),
  accountId: text("account_id"),
  runId: ref("run_id"),
  bulkId: ref("bulk_id"),
  data: jsonb("data").notNull(),
  raisedAt: time("raised_at").notNull(),
});
export type Alert = typeof alerts.$inferSelect;

export const alertDeliveries = driftdesk.table("alert_deliveries", {
  alertId: ref("alert_id").notNull(),
  channel: text("channel", { enum: channels }).notNull(),
  state: text("state", { enum: ["waiting", "sent", "failed"] })
    .notNull()
    .default("waiting"),
  attempts: integer("attempts").notNull().default(0),
  dueAt: time("due_at").notNull(),
  takenUntil: time("taken_until"),
  sentAt: time("sent_at"),
  problem: text("problem"),
  messageId: uuid("message_id"),
  setOutAt: time("set_out_at"),
});

export const disputes = driftdesk.table("disputes", {
  accountId: text("account_id").notNull(),
  id: text("id").notNull(),
  status: text("status").notNull(),
  reason: text("reason").notNull(),
  amountMinor: ref("amount_minor").notNull(),
  currency: text("currency").notNull(),
  chargeId: text("charge_id"),
  customerId: text("customer_id"),
  createdAt: time("created_at").notNull(),
  dueAt: time("due_at"),
  submitted: boolean("submitted").notNull(),
  livemode: boolean("livemode").notNull(),
  readAt: time("read_at").notNull(),
});
export type Dispute = typeof disputes.$inferSelect;

export const disputeLooks = driftdesk.table("dispute_looks", {
  accountName: text("account_name").primaryKey(),
  nextAt: time("next_at").notNull(),
  problem: text("problem"),
});

export const webhookEvents = driftdesk.table("webhook_events", {
  accountId: text("account_id").notNull(),
  eventId: text("event_id").notNull(),
  type: text("type").notNull(),
  objectId: text("object_id"),
  objectType: text("object_type").notNull(),
  customerId: text("customer_id"),
  created: time("created").notNull(),
  livemode: boolean("livemode").notNull(),
  apiVersion: text("api_version"),
  account: text("account"),
  receivedAt: time("received_at").notNull(),
});
export type WebhookEvent = typeof webhookEvents.$inferSelect;

export const webhookChecks = driftdesk.table("webhook_checks", {
  accountId: text("account_id").notNull(),
  resource: text("resource").notNull(),
  kind: text("kind", { enum: ["object", "customer"] }).notNull(),
  id: text("id").notNull(),
  firstAt: time("first_at").notNull(),
  dueAt: time("due_at").notNull(),
  events: integer("events").notNull().default(1),
  attempts: integer("attempts").notNull().default(0),
  takenBy: uuid("taken_by"),
  takenUntil: time("taken_until"),
});
export type WebhookCheck = typeof webhookChecks.$inferSelect;

/** How a request to the webhook receiver can end. */
export const webhookOutcomes = [
  "accepted",
  "not_mapped",
  "duplicate",
  "wrong_mode",
  "other_account",
  "unclear_account",
  "forged",
  "too_old",
  "malformed",
  "too_large",
  "busy",
  "no_secret",
  "failed",
] as const;
export type WebhookOutcome = (typeof webhookOutcomes)[number];

export const webhookCounts = driftdesk.table("webhook_counts", {
  hour: time("hour").notNull(),
  outcome: text("outcome", { enum: webhookOutcomes }).notNull(),
  count: ref("count").notNull(),
});

export const pipelineLooks = driftdesk.table("pipeline_looks", {
  accountId: text("account_id").primaryKey(),
  at: time("at"),
  takenBy: uuid("taken_by"),
  takenUntil: time("taken_until"),
  listedTo: time("listed_to"),
  gapAfter: text("gap_after"),
  gapAt: time("gap_at"),
  gapFrom: time("gap_from"),
  recheckAfter: text("recheck_after"),
  recheckAt: time("recheck_at"),
  endpointsReadable: boolean("endpoints_readable").notNull().default(true),
  eventsReadable: boolean("events_readable").notNull().default(true),
  problem: text("problem"),
});
export type PipelineLook = typeof pipelineLooks.$inferSelect;

export const pipelineEndpoints = driftdesk.table("pipeline_endpoints", {
  accountId: text("account_id").notNull(),
  endpoint: text("endpoint").notNull(),
  url: text("url"),
  listens: text("listens").array().notNull(),
  enabled: boolean("enabled").notNull(),
  madeAt: time("made_at"),
  state: text("state", { enum: ["delivering", "broken"] })
    .notNull()
    .default("delivering"),
  brokenSince: time("broken_since"),
  recoveredAt: time("recovered_at"),
  brokenTypes: text("broken_types").array().notNull().default([]),
});
export type PipelineEndpoint = typeof pipelineEndpoints.$inferSelect;

export const pipelineTypes = driftdesk.table("pipeline_types", {
  accountId: text("account_id").notNull(),
  endpoint: text("endpoint").notNull(),
  type: text("type").notNull(),
  deliveredTo: time("delivered_to").notNull(),
});

export const pipelineUndelivered = driftdesk.table("pipeline_undelivered", {
  accountId: text("account_id").notNull(),
  eventId: text("event_id").notNull(),
  endpoint: text("endpoint").notNull(),
  type: text("type").notNull(),
  created: time("created").notNull(),
});

export const pipelineLags = driftdesk.table("pipeline_lags", {
  accountId: text("account_id").notNull(),
  source: text("source", { enum: ["log", "receiver"] }).notNull(),
  type: text("type").notNull(),
  events: integer("events").notNull(),
  medianMs: ref("median_ms").notNull(),
  slowestMs: ref("slowest_ms").notNull(),
  measuredAt: time("measured_at").notNull(),
});
export type PipelineLag = typeof pipelineLags.$inferSelect;

/** How live lookups were answered, by the minute, over all processes. */
export const statusCounts = driftdesk.table("status_counts", {
  accountId: text("account_id").notNull(),
  minute: time("minute").notNull(),
  hits: ref("hits").notNull().default(0),
  fetched: ref("fetched").notNull().default(0),
  stale: ref("stale").notNull().default(0),
  unanswered: ref("unanswered").notNull().default(0),
  ageMs: ref("age_ms").notNull().default(0),
  oldestMs: ref("oldest_ms").notNull().default(0),
  asked: ref("asked").notNull().default(0),
  failed: ref("failed").notNull().default(0),
  askedMs: ref("asked_ms").notNull().default(0),
  slowestMs: ref("slowest_ms").notNull().default(0),
  compared: ref("compared").notNull().default(0),
  differed: ref("differed").notNull().default(0),
});
export type StatusCount = typeof statusCounts.$inferSelect;

export const importKinds = ["subscriptions", "customers", "payments", "payouts", "list"] as const;
export type ImportKind = (typeof importKinds)[number];
export const importStates = ["reading", "read", "failed"] as const;
export type ImportState = (typeof importStates)[number];

export const imports = driftdesk.table("imports", {
  id: id(),
  accountName: text("account_name").notNull(),
  accountId: text("account_id"),
  source: text("source", { enum: ["file", "paste"] }).notNull(),
  fileName: text("file_name"),
  kind: text("kind", { enum: importKinds }),
  state: text("state", { enum: importStates }).notNull().default("reading"),
  exportedAt: time("exported_at"),
  understood: jsonb("understood"),
  bytes: ref("bytes").notNull().default(0),
  bytesTotal: ref("bytes_total"),
  lines: ref("lines").notNull().default(0),
  problems: ref("problems").notNull().default(0),
  sha256: bytea("sha256"),
  requestKey: text("request_key"),
  message: text("message"),
  uploadedBy: text("uploaded_by").notNull(),
  uploadedAt: time("uploaded_at").notNull(),
  readAt: time("read_at"),
  runId: ref("run_id"),
});
export type Import = typeof imports.$inferSelect;

export const importLines = driftdesk.table("import_lines", {
  importId: ref("import_id").notNull(),
  line: ref("line").notNull(),
  stripeId: text("stripe_id"),
  customerId: text("customer_id"),
  email: text("email"),
  data: jsonb("data").$type<Record<string, unknown>>().notNull().default({}),
});

export const importProblems = driftdesk.table("import_problems", {
  importId: ref("import_id").notNull(),
  line: ref("line").notNull(),
  problem: text("problem").notNull(),
});

/** Why a line of an import was not compared as it stands. */
export const importFindingKinds = [
  "ambiguous",
  "unmatched",
  "known_better",
  "newer_here",
  "other_account",
] as const;
export type ImportFindingKind = (typeof importFindingKinds)[number];

export const importFindings = driftdesk.table("import_findings", {
  runId: ref("run_id").notNull(),
  resource: text("resource").notNull(),
  line: ref("line").notNull(),
  finding: text("finding", { enum: importFindingKinds }).notNull(),
  detail: jsonb("detail").$type<Record<string, unknown>>().notNull().default({}),
});
