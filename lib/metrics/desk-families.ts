// What stands in the database, read when somebody asks: any number of processes say the same of the whole desk. Nothing
// here counts discrepancies, events or entries one by one where a sum of them is kept.
import type { TransactionSql } from "postgres";
import {
  impacts,
  listed,
  type RunMode,
  type RunState,
  resolvableStates,
  underWayStates,
  webhookOutcomes,
} from "../db/schema.ts";
import { type Desks, desksOf } from "../desk.ts";
import type { Family, Labels } from "./family.ts";
import { runFamilies, underWayFamily } from "./run-families.ts";
import type { RunMemory } from "./run-sums.ts";

/** Inside a transaction that sees one state of things throughout. */
export async function deskFamilies(tx: TransactionSql, desks: Desks, runs: RunMemory): Promise<Family[]> {
  const now = desks.now();
  const accounts = desksOf(desks).map(({ config }) => config.account.name ?? "");
  return [
    ...runFamilies(await runs.read(tx, now), accounts),
    await underWay(tx),
    await discrepancies(tx, desks),
    ...(await queues(tx, now)),
    await webhooks(tx),
    await undelivered(tx),
    await lookups(tx, now),
    await alerts(tx),
    await entries(tx),
    await pace(tx),
    budgets(desks),
  ];
}

async function underWay(tx: TransactionSql): Promise<Family> {
  return underWayFamily(
    await tx<{ account: string; mode: RunMode; state: RunState; runs: number }[]>`
      SELECT coalesce(account_name, '') AS account, mode, state, count(*) AS runs
      FROM driftdesk.runs WHERE state IN (${tx.unsafe(listed(underWayStates))}) GROUP BY 1, 2, 3`,
  );
}

/** From the totals, which are a few lines however many differ. */
async function discrepancies(tx: TransactionSql, desks: Desks): Promise<Family> {
  const states = [...resolvableStates, "applying"];
  const rows = await tx<{ value: number; labels: Labels }[]>`
    SELECT sum(t.rows)::bigint AS value,
           jsonb_build_object('account', coalesce(a.config_name, ''), 'resource', t.resource, 'impact', t.impact,
                              'cause', t.cause, 'state', t.state) AS labels
    FROM driftdesk.discrepancy_totals t LEFT JOIN driftdesk.accounts a ON a.id = t.account_id
    WHERE t.state IN (${tx.unsafe(listed(states))})
    GROUP BY coalesce(a.config_name, ''), t.resource, t.impact, t.cause, t.state HAVING sum(t.rows) <> 0`;
  // What is in order is said as a 0: of what is not there nobody knows whether it was looked at.
  const nothing = desksOf(desks).flatMap(({ config }) =>
    config.resources.flatMap(({ name }) =>
      impacts.map((impact) => {
        const account = config.account.name ?? "";
        const labels: Labels = { account, resource: name, impact, cause: "unknown", state: "open" };
        return { labels, value: 0 };
      }),
    ),
  );
  const keyOf = ({ account, resource, impact, cause, state }: Labels) =>
    JSON.stringify([account, resource, impact, cause, state]);
  const values = new Map([...nothing, ...rows].map((one) => [keyOf(one.labels), one]));
  return {
    name: "driftdesk_discrepancies",
    help: "Differences of the whole desk that are not settled, by what they do, why they are there and their state.",
    type: "gauge",
    values: [...values.values()],
  };
}

/** What waits to be begun. What is due later, or is under way, does not wait. */
async function queues(tx: TransactionSql, now: Date): Promise<Family[]> {
  const rows = await tx<{ queue: string; depth: number; oldest: Date | null }[]>`
    SELECT 'runs' AS queue, count(*) AS depth, min(requested_at) AS oldest FROM driftdesk.runs WHERE state = 'queued'
    UNION ALL
    SELECT 'bulk_actions', count(*), min(created_at) FROM driftdesk.bulk_actions WHERE state = 'running'
    UNION ALL
    SELECT 'alerts', count(*), min(due_at) FROM driftdesk.alert_deliveries
    WHERE state = 'waiting' AND due_at <= ${now} AND coalesce(taken_until <= ${now}, true)
    UNION ALL
    SELECT 'webhook_checks', count(*), min(due_at) FROM driftdesk.webhook_checks
    WHERE due_at <= ${now} AND coalesce(taken_until <= ${now}, true)`;
  const ageOf = (oldest: Date | null) => (oldest ? Math.max(0, now.getTime() - oldest.getTime()) / 1000 : 0);
  return [
    {
      name: "driftdesk_queue_depth",
      help: "What is due and waits for a worker. Of bulk actions also those that are under way.",
      type: "gauge",
      values: rows.map(({ queue, depth }) => ({ labels: { queue }, value: depth })),
    },
    {
      name: "driftdesk_queue_oldest_age_seconds",
      help: "For how long the oldest of that has been due.",
      type: "gauge",
      values: rows.map(({ queue, oldest }) => ({ labels: { queue }, value: ageOf(oldest) })),
    },
  ];
}

async function webhooks(tx: TransactionSql): Promise<Family> {
  const rows = await tx<{ outcome: string; count: number }[]>`
    SELECT outcome, sum(count)::bigint AS count FROM driftdesk.webhook_counts GROUP BY outcome`;
  return {
    name: "driftdesk_webhooks_total",
    help: "Requests to the webhook receiver, by how they ended. What a process counted last follows within seconds.",
    type: "counter",
    values: webhookOutcomes.map((outcome) => ({
      labels: { outcome },
      value: rows.find((row) => row.outcome === outcome)?.count ?? 0,
    })),
  };
}

async function undelivered(tx: TransactionSql): Promise<Family> {
  const rows = await tx<{ account: string; state: string; endpoints: number }[]>`
    SELECT coalesce(a.config_name, '') AS account, e.state, count(*) AS endpoints
    FROM driftdesk.pipeline_endpoints e LEFT JOIN driftdesk.accounts a ON a.id = e.account_id
    WHERE e.enabled GROUP BY 1, 2`;
  return {
    name: "driftdesk_webhook_endpoints",
    help: "Endpoints to which Stripe sends events, by whether they take them.",
    type: "gauge",
    values: rows.map(({ endpoints, ...labels }) => ({ labels, value: endpoints })),
  };
}

/** Minutes are kept for some days only, so that this can be no counter. */
async function lookups(tx: TransactionSql, now: Date): Promise<Family> {
  const rows = await tx<{ account: string; source: string; value: number }[]>`
    SELECT coalesce(a.config_name, '') AS account, l.source, sum(l.value)::bigint AS value
    FROM driftdesk.status_counts s
    LEFT JOIN driftdesk.accounts a ON a.id = s.account_id
    CROSS JOIN LATERAL (
      VALUES ('cache', s.hits), ('stripe', s.fetched), ('stale', s.stale), ('none', s.unanswered)
    ) AS l (source, value)
    WHERE s.minute > ${new Date(now.getTime() - 3_600_000)}
    GROUP BY 1, 2`;
  return {
    name: "driftdesk_lookups_last_hour",
    help: "Status lookups of the last hour in all processes, by where their answer came from.",
    type: "gauge",
    values: rows.map(({ value, ...labels }) => ({ labels, value })),
  };
}

async function alerts(tx: TransactionSql): Promise<Family> {
  const rows = await tx<{ channel: string; kind: string; outcome: string; deliveries: number }[]>`
    SELECT d.channel, a.kind, d.state AS outcome, count(*) AS deliveries
    FROM driftdesk.alert_deliveries d JOIN driftdesk.alerts a ON a.id = d.alert_id
    WHERE d.state <> 'waiting' GROUP BY 1, 2, 3`;
  return {
    name: "driftdesk_alert_deliveries_total",
    help: "Alerts that were sent, or given up, by channel.",
    type: "counter",
    values: rows.map(({ deliveries, ...labels }) => ({ labels, value: deliveries })),
  };
}

async function entries(tx: TransactionSql): Promise<Family> {
  const [head] = await tx<{ seq: number }[]>`SELECT seq FROM driftdesk.audit_head`;
  return {
    name: "driftdesk_audit_entries_total",
    help: "Entries of the history.",
    type: "counter",
    values: [{ labels: {}, value: head?.seq ?? 0 }],
  };
}

/** A process that asks several accounts has a line for each; the key's digest in it is nobody's label. */
async function pace(tx: TransactionSql): Promise<Family> {
  const rows = await tx<{ account: string; endpoint: string; share: string; value: number }[]>`
    SELECT coalesce(a.config_name, '') AS account, coalesce(nullif(g.endpoint, ''), 'all') AS endpoint, g.share,
           sum(g.value) AS value
    FROM driftdesk.pace_shares s
    LEFT JOIN driftdesk.accounts a ON s.account @> ARRAY[a.id || CASE WHEN a.livemode THEN ' live' ELSE ' test' END]
    CROSS JOIN LATERAL (
      SELECT key AS endpoint, 'granted' AS share, value::float8 FROM jsonb_each_text(s.granted)
      UNION ALL
      SELECT key, 'wanted', (value ->> 'person')::float8 + (value ->> 'run')::float8 FROM jsonb_each(s.demand)
    ) g
    WHERE s.expires_at > clock_timestamp()
    GROUP BY 1, 2, 3`;
  return {
    name: "driftdesk_pace_requests_per_second",
    help: "What all processes together want to ask of Stripe, and what is granted to them. Nothing while nobody asks.",
    type: "gauge",
    values: rows.map(({ value, ...labels }) => ({ labels, value })),
  };
}

function budgets(desks: Desks): Family {
  return {
    name: "driftdesk_pace_budget_requests_per_second",
    help: "What the mapping lets all processes together ask of Stripe: in all, and each endpoint.",
    type: "gauge",
    values: desksOf(desks).flatMap(({ config: { account, pace } }) => [
      { labels: { account: account.name ?? "", scope: "account" }, value: pace.requestsPerSecond },
      { labels: { account: account.name ?? "", scope: "endpoint" }, value: pace.perEndpoint },
    ]),
  };
}
