// What people see of the event pipeline: the answer first, then each endpoint and type.
import type { PipelineEndpoint, PipelineLag, PipelineLook } from "../db/schema.ts";
import type { Desks } from "../desk.ts";

/**
 * `unknown`: nobody has looked, or the key may not read events. `none`: Stripe sends events to nobody. `off`: all endpoints
 * are switched off.
 */
export type PipelineState = "unknown" | "none" | "off" | "broken" | "delivering";

export interface TypeHealth {
  type: string;
  /** The newest event of the type that arrived, as far back as was looked. */
  deliveredTo: Date | null;
  undelivered: number;
  oldestAt: Date | null;
  /** Nothing of this type arrives, in the outage that is under way. */
  broken: boolean;
}

export interface EndpointHealth
  extends Pick<
    PipelineEndpoint,
    "endpoint" | "url" | "listens" | "enabled" | "state" | "brokenSince" | "recoveredAt"
  > {
  /** Undelivered first. */
  types: TypeHealth[];
  undelivered: number;
  oldestAt: Date | null;
  lastDeliveredAt: Date | null;
}

export interface PipelineHealth
  extends Pick<PipelineLook, "accountId" | "at" | "endpointsReadable" | "eventsReadable"> {
  state: PipelineState;
  /** Whether all that is undelivered was counted. */
  complete: boolean;
  /** When the newest event that arrived happened at Stripe. */
  lastDeliveredAt: Date | null;
  /** Events that one endpoint at least has not got. */
  undelivered: number;
  oldestAt: Date | null;
  /** Broken ones first. */
  endpoints: EndpointHealth[];
  lags: Pick<PipelineLag, "source" | "type" | "events" | "medianMs" | "slowestMs">[];
}

/** The health of one account's pipeline, or of every account's that was looked at. */
export async function pipelineHealth(
  { sql }: Pick<Desks, "sql">,
  account?: string | undefined,
): Promise<PipelineHealth[]> {
  const of = account === undefined ? sql`true` : sql`account_id = ${account}`;
  const [looks, endpoints, types, totals, lags] = await Promise.all([
    sql<Looked[]>`
      SELECT account_id AS "accountId", at, endpoints_readable AS "endpointsReadable",
             events_readable AS "eventsReadable", gap_after IS NULL AS complete
      FROM driftdesk.pipeline_looks WHERE ${of} ORDER BY account_id`,
    sql<(EndpointHealth & { accountId: string; brokenTypes: string[] })[]>`
      SELECT account_id AS "accountId", endpoint, url, listens, enabled, state, broken_since AS "brokenSince",
             recovered_at AS "recoveredAt", broken_types AS "brokenTypes"
      FROM driftdesk.pipeline_endpoints WHERE ${of}
      ORDER BY state, url, endpoint`,
    sql<(TypeHealth & { accountId: string; endpoint: string })[]>`
      WITH missing AS (
        SELECT account_id, endpoint, type, count(*)::int AS undelivered, min(created) AS oldest
        FROM driftdesk.pipeline_undelivered WHERE ${of}
        GROUP BY account_id, endpoint, type
      )
      SELECT account_id AS "accountId", endpoint, type, t.delivered_to AS "deliveredTo",
             coalesce(m.undelivered, 0) AS undelivered, m.oldest AS "oldestAt"
      FROM missing m FULL JOIN (SELECT * FROM driftdesk.pipeline_types WHERE ${of}) t USING (account_id, endpoint, type)
      ORDER BY coalesce(m.undelivered, 0) DESC, type`,
    sql<{ accountId: string; undelivered: number; oldestAt: Date }[]>`
      SELECT account_id AS "accountId", count(DISTINCT event_id)::int AS undelivered, min(created) AS "oldestAt"
      FROM driftdesk.pipeline_undelivered WHERE ${of}
      GROUP BY account_id`,
    sql<(PipelineHealth["lags"][number] & { accountId: string })[]>`
      SELECT account_id AS "accountId", source, type, events, median_ms AS "medianMs", slowest_ms AS "slowestMs"
      FROM driftdesk.pipeline_lags WHERE ${of}
      ORDER BY source, slowest_ms DESC, type`,
  ]);
  const ofAccount = <T extends { accountId: string }>(rows: readonly T[], id: string) =>
    rows.filter((row) => row.accountId === id).map(({ accountId: _, ...row }) => row);
  return looks.map((look) => {
    const found = ofAccount(endpoints, look.accountId).map(({ brokenTypes, ...endpoint }): EndpointHealth => {
      const own = ofAccount(types, look.accountId)
        .filter((type) => type.endpoint === endpoint.endpoint)
        .map(({ endpoint: _, ...type }) => ({
          ...type,
          broken: endpoint.state === "broken" && brokenTypes.includes(type.type),
        }));
      return {
        ...endpoint,
        types: own,
        undelivered: own.reduce((sum, type) => sum + type.undelivered, 0),
        oldestAt: earliest(own.map((type) => type.oldestAt)),
        lastDeliveredAt: latest(own.map((type) => type.deliveredTo)),
      };
    });
    const [total] = ofAccount(totals, look.accountId);
    return {
      ...look,
      state: stateOf(look, found),
      lastDeliveredAt: latest(found.map((endpoint) => endpoint.lastDeliveredAt)),
      undelivered: total?.undelivered ?? 0,
      oldestAt: total?.oldestAt ?? null,
      endpoints: found,
      lags: ofAccount(lags, look.accountId),
    };
  });
}

type Looked = Pick<PipelineHealth, "accountId" | "at" | "endpointsReadable" | "eventsReadable" | "complete">;

function stateOf(look: Looked, endpoints: readonly EndpointHealth[]): PipelineState {
  if (look.at === null || !look.eventsReadable) return "unknown";
  if (endpoints.length === 0) return "none";
  if (endpoints.every((endpoint) => !endpoint.enabled)) return "off";
  return endpoints.some((endpoint) => endpoint.state === "broken") ? "broken" : "delivering";
}

const timesOf = (times: readonly (Date | null)[]) => times.flatMap((time) => (time ? [time.getTime()] : []));
const earliest = (times: readonly (Date | null)[]) => {
  const known = timesOf(times);
  return known.length === 0 ? null : new Date(Math.min(...known));
};
const latest = (times: readonly (Date | null)[]) => {
  const known = timesOf(times);
  return known.length === 0 ? null : new Date(Math.max(...known));
};
