// Sums over all runs that ever ended, without reading all of them each time: a run that has ended does not change any more,
// so those that were summed up once are remembered, and only what came later is read. Every process comes to the same sums.
import type { TransactionSql } from "postgres";
import { listed, type RunMode, type RunState, underWayStates } from "../db/schema.ts";

/** Upper bounds of the histogram, in seconds; the last one is infinity. */
export const durationBounds = [1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200];

interface RunGroup {
  account: string;
  mode: RunMode;
  state: RunState;
  runs: number;
  requests: number;
  refusals: number;
  /** Of those that were begun: how many of them, and how long they took, by the index of their bound. */
  begun: number[];
  seconds: number;
  /** Seconds since 1970. */
  endedAt: number;
}

interface ComparedGroup {
  account: string;
  mode: RunMode;
  resource: string;
  compared: number;
}

export interface RunSums {
  runs: RunGroup[];
  compared: ComparedGroup[];
}

/** Runs with an earlier number may still become visible for so long: their transaction had not ended. */
const settlingMs = 300_000;
/** So that a first reading of very many is remembered even when it does not come to its end in time. */
const atOnce = 50_000;

export class RunMemory {
  #upTo = 0;
  #sums: RunSums = { runs: [], compared: [] };

  /** Inside a transaction that sees one state of things throughout. */
  async read(tx: TransactionSql, now: Date): Promise<RunSums> {
    const [range] = await tx<{ last: number; settled: number }[]>`
      SELECT coalesce(max(id), 0) AS last,
             coalesce(min(id) FILTER (
               WHERE state IN (${tx.unsafe(listed(underWayStates))})
                  OR finished_at IS NULL OR finished_at > ${new Date(now.getTime() - settlingMs)}) - 1, max(id), 0) AS settled
      FROM driftdesk.runs WHERE id > ${this.#upTo}`;
    const { last, settled } = range as { last: number; settled: number };
    while (this.#upTo < settled) {
      const to = Math.min(settled, this.#upTo + atOnce);
      this.#sums = together(this.#sums, await sumsOf(tx, this.#upTo, to));
      this.#upTo = to;
    }
    return last > this.#upTo ? together(this.#sums, await sumsOf(tx, this.#upTo, last)) : this.#sums;
  }
}

/** Of the runs after `from`, up to `to`, that have ended. */
async function sumsOf(tx: TransactionSql, from: number, to: number): Promise<RunSums> {
  const ended = tx`r.id > ${from} AND r.id <= ${to} AND r.state NOT IN (${tx.unsafe(listed(underWayStates))})`;
  const rows = await tx<(Omit<RunGroup, "begun"> & { bound: number | null })[]>`
    SELECT coalesce(r.account_name, '') AS account, r.mode, r.state,
           CASE WHEN r.took IS NOT NULL
                THEN (SELECT count(*) FROM unnest(${durationBounds}::float8[]) AS b WHERE b < r.took) END AS bound,
           count(*) AS runs, sum(r.requests) AS requests, sum(r.rate_limited) AS refusals,
           coalesce(sum(r.took), 0) AS seconds, coalesce(extract(epoch FROM max(r.finished_at)), 0)::float8 AS "endedAt"
    FROM (SELECT r.*, extract(epoch FROM r.finished_at - r.started_at)::float8 AS took FROM driftdesk.runs r) AS r
    WHERE ${ended}
    GROUP BY 1, 2, 3, 4`;
  const compared = await tx<ComparedGroup[]>`
    SELECT coalesce(r.account_name, '') AS account, r.mode, c.resource, sum(c.compared)::bigint AS compared
    FROM driftdesk.runs r JOIN driftdesk.run_resources c ON c.run_id = r.id
    WHERE ${ended}
    GROUP BY 1, 2, 3`;
  const runs = rows.map(({ bound, ...row }) => ({
    ...row,
    begun: Array.from({ length: durationBounds.length + 1 }, (_, i) => (i === bound ? row.runs : 0)),
  }));
  return { runs, compared };
}

function together(a: RunSums, b: RunSums): RunSums {
  const runs = Map.groupBy([...a.runs, ...b.runs], ({ account, mode, state }) =>
    JSON.stringify([account, mode, state]),
  );
  const compared = Map.groupBy([...a.compared, ...b.compared], ({ account, mode, resource }) =>
    JSON.stringify([account, mode, resource]),
  );
  return {
    runs: [...runs.values()].flatMap(runSum),
    compared: [...compared.values()].flatMap(([first, ...others]) =>
      first ? { ...first, compared: sumOf([first, ...others], (one) => one.compared) } : [],
    ),
  };
}

function runSum(group: readonly RunGroup[]): RunGroup[] {
  const [first] = group;
  if (!first) return [];
  return [
    {
      ...first,
      runs: sumOf(group, (one) => one.runs),
      requests: sumOf(group, (one) => one.requests),
      refusals: sumOf(group, (one) => one.refusals),
      seconds: sumOf(group, (one) => one.seconds),
      begun: first.begun.map((_, i) => sumOf(group, (one) => one.begun[i] ?? 0)),
      endedAt: Math.max(...group.map((one) => one.endedAt)),
    },
  ];
}

const sumOf = <T>(all: readonly T[], figure: (one: T) => number): number =>
  all.reduce((sum, one) => sum + figure(one), 0);
