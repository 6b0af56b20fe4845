import Link from "next/link";
import type { PipelineHealth } from "@/lib/diagnose/pipeline-health.ts";
import { Time } from "../format/time.tsx";
import { plural } from "../format/words.ts";
import { AccountLabel } from "../frame/accounts.tsx";
import { withAccount } from "../frame/with-account.ts";
import { endpointName } from "../pipeline/endpoint-name.ts";
import { PipelineState } from "../pipeline/pipeline-state.tsx";

/** Whether Stripe's events arrive, in a line for each account. */
export function PipelineStrip({
  pipelines,
  account,
}: {
  pipelines: readonly PipelineHealth[];
  account?: string | undefined;
}) {
  return (
    <section
      aria-label="Event pipeline"
      className="flex flex-wrap items-start justify-between gap-x-6 gap-y-2 rounded-lg border border-line bg-surface px-4 py-3 text-13"
    >
      <div className="flex min-w-0 flex-wrap gap-x-4 gap-y-1.5">
        <h2 className="font-medium text-ink-2">Event pipeline</h2>
        <ul className="flex min-w-0 flex-col gap-1.5">
          {pipelines.map((pipeline) => (
            <li key={pipeline.accountId} className="flex flex-wrap items-center gap-x-2 gap-y-1 text-ink-2">
              <AccountLabel id={pipeline.accountId} />
              <PipelineState state={pipeline.state} />
              <Line pipeline={pipeline} />
            </li>
          ))}
        </ul>
      </div>
      <Link href={withAccount("/pipeline", account)} className="link whitespace-nowrap">
        What this means
      </Link>
    </section>
  );
}

function Line({ pipeline }: { pipeline: PipelineHealth }) {
  const { state, lastDeliveredAt, undelivered, endpoints, complete } = pipeline;
  const pending = `${plural(undelivered, "event")} undelivered${complete ? "" : " or more"}`;
  switch (state) {
    case "unknown":
      return <Part>Driftdesk has not looked yet, or its key may not read events</Part>;
    case "none":
      return <Part>Stripe sends events to no endpoint</Part>;
    case "off":
      return <Part>Stripe sends nothing: every endpoint is switched off</Part>;
    case "broken": {
      const broken = endpoints.filter((endpoint) => endpoint.state === "broken");
      const since = Math.min(...broken.flatMap((endpoint) => endpoint.brokenSince?.getTime() ?? []));
      return (
        <>
          <Part>
            since <Time at={new Date(since)} />
          </Part>
          <Part>{pending}</Part>
          <Part>{broken.map(endpointName).join(", ")}</Part>
        </>
      );
    }
    case "delivering":
      return (
        <>
          <Part>
            {lastDeliveredAt ? (
              <>
                last event <Time at={lastDeliveredAt} />
              </>
            ) : (
              "no event lately"
            )}
          </Part>
          <Part>{pending}</Part>
        </>
      );
  }
}

function Part({ children }: { children: React.ReactNode }) {
  return (
    <span className="flex items-center gap-2">
      <span aria-hidden className="text-ink-3">
        ·
      </span>
      <span>{children}</span>
    </span>
  );
}
