import { Radio } from "lucide-react";
import type { Metadata } from "next";
import { createLoader, parseAsString, type SearchParams } from "nuqs/server";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { Time } from "@/components/format/time.tsx";
import { AccountLabel } from "@/components/frame/accounts.tsx";
import { PageHeader } from "@/components/frame/page-header.tsx";
import { BrokenNotice } from "@/components/pipeline/broken-notice.tsx";
import { CauseChart } from "@/components/pipeline/cause-chart.tsx";
import { EndpointCard } from "@/components/pipeline/endpoint-card.tsx";
import { LagTable } from "@/components/pipeline/lag-table.tsx";
import { Card, CardHeader, CardTitle } from "@/components/ui/card.tsx";
import { EmptyState } from "@/components/ui/empty-state.tsx";
import { Notice } from "@/components/ui/notice.tsx";
import { type PipelineHealth, type PipelineState, pipelineHealth } from "@/lib/diagnose/pipeline-health.ts";
import { driftByDay } from "@/lib/discrepancies/summary.ts";
import { currentAccounts, inView } from "../runs/recent.ts";

export const metadata: Metadata = { title: "Event pipeline" };

const chartDays = 30;
const loadAccount = createLoader({ account: parseAsString });

const headlines: Record<PipelineState, string> = {
  delivering: "Stripe's events arrive.",
  broken: "Stripe's events do not arrive.",
  off: "Stripe sends no events: every endpoint is switched off.",
  none: "Stripe sends no events: there is no webhook endpoint.",
  unknown: "Nobody knows yet whether Stripe's events arrive.",
};
/** The worst of several accounts is what the page is about. */
const worstFirst: readonly PipelineState[] = ["broken", "off", "unknown", "delivering", "none"];

export default async function PipelinePage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  await requireActor();
  const desk = await getDesk();
  const { account: asked } = await loadAccount(searchParams);
  const [{ id: account }, accounts] = await Promise.all([inView(asked), currentAccounts()]);
  const [pipelines, days] = await Promise.all([
    pipelineHealth(desk, account),
    driftByDay(desk.sql, desk.now(), chartDays, account),
  ]);
  const state = worstFirst.find((one) => pipelines.some((pipeline) => pipeline.state === one)) ?? "unknown";
  const livemode = (id: string) => accounts.find((one) => one.id === id)?.livemode ?? true;
  return (
    <>
      <PageHeader title={headlines[state]}>
        Stripe tells your app about each change by an event, sent to a webhook endpoint. Where events do not
        arrive, your records stay as they were and customers are hit.
      </PageHeader>
      <div className="flex flex-col gap-6 px-4 pb-8 md:px-6">
        {pipelines.length === 0 && (
          <Card>
            <EmptyState icon={Radio} title="Nobody has looked yet.">
              Driftdesk looks at what Stripe delivered after each run, and every ten minutes while a worker
              runs.
            </EmptyState>
          </Card>
        )}
        {pipelines.map((pipeline) => (
          <Pipeline key={pipeline.accountId} pipeline={pipeline} livemode={livemode(pipeline.accountId)} />
        ))}
        <Card>
          <CardHeader>
            <CardTitle>Why records differed, {chartDays} days</CardTitle>
          </CardHeader>
          <CauseChart days={days} />
        </Card>
      </div>
    </>
  );
}

function Pipeline({ pipeline, livemode }: { pipeline: PipelineHealth; livemode: boolean }) {
  const { accountId, at, endpoints, endpointsReadable, eventsReadable, lags, complete } = pipeline;
  const broken = endpoints.filter((endpoint) => endpoint.state === "broken");
  const doubtful = new Set(
    broken.flatMap(({ endpoint }) => (endpoint.includes(",") ? endpoint.split(",") : [])),
  );
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-center gap-2 text-13 text-ink-2">
        <AccountLabel id={accountId} />
        {at && (
          <span>
            Looked at <Time at={at} />.
          </span>
        )}
        {!complete && <span>There are more undelivered events than were counted so far.</span>}
      </div>
      {broken.map((endpoint) => (
        <BrokenNotice key={endpoint.endpoint} endpoint={endpoint} livemode={livemode} />
      ))}
      {!eventsReadable && (
        <Notice level="info" title="The key may not read events.">
          Whether they arrive cannot be told. Give the restricted key read permission for Events
          (rak_event_read).
        </Notice>
      )}
      {!endpointsReadable && (
        <Notice level="info" title="The key may not list webhook endpoints.">
          Everything below is about all of them together. Give the restricted key read permission for Webhook
          Endpoints (rak_webhook_read) to see each by its name.
        </Notice>
      )}
      {pipeline.state === "none" && (
        <Notice level="info" title="The account has no webhook endpoint.">
          Nothing can break, and nothing tells your app about a change: your records are only as fresh as the
          last run and its corrections.
        </Notice>
      )}
      {endpoints.map((endpoint) => (
        <EndpointCard
          key={endpoint.endpoint}
          endpoint={endpoint}
          doubtful={endpoint.state !== "broken" && doubtful.has(endpoint.endpoint)}
        />
      ))}
      {lags.length > 0 && (
        <Card className="overflow-hidden">
          <CardHeader>
            <CardTitle>How long events take to reach you</CardTitle>
          </CardHeader>
          <LagTable lags={lags} />
        </Card>
      )}
    </div>
  );
}
