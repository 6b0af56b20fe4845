import type { Metadata } from "next";
import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { type Asked, FiguresForm, staleSteps } from "@/components/choose/figures-form.tsx";
import { strategyWords, Verdicts } from "@/components/choose/verdicts.tsx";
import { PageHeader } from "@/components/frame/page-header.tsx";
import { choose } from "@/lib/choose/choose.ts";
import { ownFigures, scheduledEvery } from "@/lib/choose/own-figures.ts";
import { desksOf } from "@/lib/desk.ts";

export const metadata: Metadata = { title: "Choose your battle" };

const figure = z.coerce.number().min(0).max(1_000_000_000).optional().catch(undefined);
const search = z.object({ rows: figure, drift: figure, lookups: figure, stale: figure });
const anHour = 3_600;

export default async function ChoosePage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  await requireActor();
  const given = search.parse(await searchParams);
  const desks = await getDesk();
  const [own, every] = await Promise.all([ownFigures(desks), scheduledEvery(desks)]);
  // Each account has limits of its own.
  const requestsPerSecond = desksOf(desks).reduce((sum, { config }) => sum + config.pace.perEndpoint, 0);
  const staleness = staleSteps.find(([seconds]) => seconds === given.stale)?.[0] ?? anHour;
  const ask = (
    name: Asked["name"],
    label: string,
    seen: number | null,
    otherwise: number,
    step: Asked["step"],
    seenWords = "Seen by this desk",
  ): Asked => ({
    name,
    label,
    step,
    value: given[name] ?? seen ?? otherwise,
    from: given[name] !== undefined ? "Yours" : seen !== null ? seenWords : "An assumption",
  });
  const rows = ask("rows", "Records that mirror Stripe", own.rows, 10_000, "1");
  const drift = ask("drift", "Differences a week", own.driftPerWeek, 50, "1");
  const lookups = ask(
    "lookups",
    "Lookups a second",
    own.lookupsPerSecond,
    0,
    "any",
    "The last day’s mean here",
  );
  const choice = choose(
    { rows: rows.value, driftPerWeek: drift.value, lookupsPerSecond: lookups.value, staleness },
    { requestsPerSecond, scheduledEvery: every },
  );
  const [first, ...others] = choice.take.map((one) => strategyWords[one].name);
  return (
    <>
      <PageHeader
        title={`${first}${others.length > 0 ? `, with ${others.map((one) => one.toLowerCase()).join(" and ")} beside it` : ""}.`}
      >
        {choice.because}
      </PageHeader>
      <FiguresForm asked={[rows, drift, lookups]} staleness={staleness} />
      <Verdicts choice={choice} />
    </>
  );
}
