import { Fragment, type ReactNode } from "react";
import type { Rules } from "@/lib/config/resource.ts";
import type { AlertKind } from "@/lib/db/schema.ts";
import { moneyText } from "@/lib/money.ts";
import { plural } from "../format/words.ts";
import { alertKindWords } from "./alert-words.ts";

/** What is told, and when not. */
export function AlertRules({ alerts }: { alerts: Rules["alerts"] }) {
  const { digest, timeZone, quietHours } = alerts;
  return (
    <dl className="grid gap-x-6 gap-y-1 sm:grid-cols-[9rem_minmax(0,1fr)]">
      <Rule name="New differences">{thresholdText(alerts)}</Rule>
      <Rule name="Quiet hours">
        {quietHours
          ? `From ${quietHours.from} to ${quietHours.to} (${quietHours.timeZone}). ${passText(quietHours.pass)}`
          : "None."}
      </Rule>
      <Rule name="Daily summary">{digest === false ? "None." : `At ${digest} (${timeZone}).`}</Rule>
    </dl>
  );
}

function passText(pass: readonly AlertKind[]): string {
  if (pass.length === 0) return "Everything waits, and comes as one message afterwards.";
  const kinds = words.format(pass.map((kind) => alertKindWords[kind]));
  return `${kinds.charAt(0).toUpperCase()}${kinds.slice(1)} are told all the same. The rest comes as one message afterwards.`;
}

const words = new Intl.ListFormat("en");

function thresholdText({ newDrift, newAtStake }: Rules["alerts"]): string {
  if (newDrift === 0) return "Whenever a run finds any.";
  const money = Object.entries(newAtStake).map(([currency, amount]) => moneyText(amount, currency));
  const rows = `more than ${plural(newDrift, "new one")}`;
  return `When a run finds ${money.length === 0 ? rows : `${rows}, or more than ${money.join(" or ")} at stake`}.`;
}

function Rule({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Fragment>
      <dt className="text-ink-2 max-sm:mt-1">{name}</dt>
      <dd className="text-pretty">{children}</dd>
    </Fragment>
  );
}
