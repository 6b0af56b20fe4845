import type { Metadata } from "next";
import type { SearchParams } from "nuqs/server";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { Drift } from "@/components/discrepancies/drift.tsx";
import { EmptyList } from "@/components/discrepancies/empty-list.tsx";
import { Heading } from "@/components/discrepancies/heading.tsx";
import { filterOf, loadListParams, sortOf } from "@/components/discrepancies/search-params.ts";
import { RunButton } from "@/components/frame/run-button.tsx";
import { tablesOf } from "@/lib/accounts/known.ts";
import { can } from "@/lib/auth/permissions.ts";
import { countChanges, countStates } from "@/lib/discrepancies/facets.ts";
import { listDiscrepancies } from "@/lib/discrepancies/list.ts";
import { waitingForSecond } from "@/lib/discrepancies/waiting.ts";
import { runNow } from "../runs/actions.ts";
import { inView } from "../runs/recent.ts";
import { driftActions as actions, rightsOf } from "./drift-actions.ts";

export const metadata: Metadata = { title: "Drift" };

const pageSize = 50;

export default async function DriftPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const actor = await requireActor();
  const desk = await getDesk();
  const params = await loadListParams(searchParams);
  const { id: account, runs } = await inView(params.account);
  const filter = { ...filterOf(params), account };
  // Taken before the list is read: what changes in between is not among "all that match".
  const loadedAt = desk.now();
  const [page, counts, groups, waiting] = await Promise.all([
    listDiscrepancies(desk.sql, {
      filter,
      sort: sortOf(params),
      cursor: params.cursor ?? undefined,
      limit: pageSize,
      now: loadedAt,
    }),
    countStates(desk.sql, account),
    params.grouped ? countChanges(desk.sql, { ...filter, change: undefined }, loadedAt) : null,
    params.state === "waiting" ? waitingForSecond(desk, actor) : [],
  ]);
  const rights = rightsOf(actor);
  const runButton = can(actor.role, "run") && (
    <RunButton
      runNow={runNow}
      runningIds={runs.flatMap(({ underWay }) => underWay?.id ?? [])}
      allowed
      label="Run now"
      variant="primary"
    />
  );
  return (
    <Drift
      page={page}
      filter={filter}
      loadedAt={loadedAt}
      rights={rights}
      actions={actions}
      resources={tablesOf(desk).map(({ resource }) => resource)}
      groups={groups && [...groups]}
      heading={
        <Heading
          params={params}
          counts={counts}
          runs={runs}
          waiting={waiting}
          actions={actions}
          rights={rights}
          runButton={runButton}
        />
      }
      empty={<EmptyList params={params} runs={runs} runButton={runButton} />}
    />
  );
}
