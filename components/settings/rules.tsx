import type { ReactNode } from "react";
import type { Config, Rules as ConfigRules } from "@/lib/config/resource.ts";
import { durationText } from "../format/clock.ts";
import { count } from "../format/words.ts";

/** What keeps corrections within bounds. */
export function Rules({
  config,
  pace,
}: {
  config: ConfigRules;
  /** Of the only account; several say theirs themselves. */
  pace: Config["pace"] | null;
}) {
  const { fixes } = config;
  return (
    <dl className="divide-y divide-line overflow-hidden rounded-lg border border-line text-13">
      <Rule name="Second person">{secondPersonText(fixes)}</Rule>
      <Rule name="Freshness">
        Stripe is asked again before a correction when what was seen is older than{" "}
        {durationText(fixes.maxAgeMs)}.
      </Rule>
      <Rule name="Automatic corrections">{autoLimitText(fixes.autoLimit)}</Rule>
      {pace && (
        <Rule name="Requests to Stripe">
          At most {count(pace.requestsPerSecond)} a second, {count(pace.perEndpoint)} for a single endpoint.
        </Rule>
      )}
    </dl>
  );
}

function secondPersonText({ secondPersonAbove: above, secondPersonForMoney: money }: ConfigRules["fixes"]) {
  const what = [
    above === undefined ? null : `bulk actions of more than ${count(above)} rows`,
    money ? "every correction of an amount of money" : null,
  ].filter((one) => one !== null);
  if (what.length === 0) return "Not asked for.";
  const text = `${what.join(", and ")}, ${what.length > 1 || above !== undefined ? "wait" : "waits"} for another person's approval.`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function autoLimitText({ rows, share }: ConfigRules["fixes"]["autoLimit"]): string {
  if (rows === 0 || share === 0) return "None: the limit is 0.";
  return `Where the mapping says so, with each run. When more than ${count(rows)} rows of a resource are due, or more than ${percent.format(share)} of those that are in Stripe, or far more than usual, none is corrected and all wait for a person.`;
}

const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 2 });

function Rule({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="grid gap-x-6 gap-y-1 px-4 py-3 sm:grid-cols-[12rem_minmax(0,1fr)]">
      <dt className="text-ink-2">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
