// Several alerts in the words of one: many of a kind in a short time are one message with their counts.
import { count, plural } from "../count.ts";
import type { AlertKind } from "../db/schema.ts";
import type { AlertData, ImpactCount } from "./alert.ts";
import {
  correctedWords,
  driftWords,
  type Line,
  type Reading,
  type Told,
  type Words,
  wordsOf,
} from "./words.ts";

/** So many are named, and the rest is counted. */
const mostNamed = 20;

/** Alerts of one kind. */
export function wordsOfKind(alerts: readonly [Told, ...Told[]], reading: Reading): Words {
  const [first, ...others] = alerts;
  if (others.length === 0) return wordsOf(first, reading);
  const account = alerts.every((one) => one.accountId === first.accountId) ? first.accountId : null;
  const name = reading.accounts.get(account ?? "");
  const words = together(first.kind, alerts, name === undefined ? null : account, reading);
  return name === undefined ? words : { ...words, title: `${words.title} (${name})` };
}

const titles: Record<Exclude<AlertKind, "drift" | "corrected" | "approval">, (many: string) => string> = {
  held_back: (many) => `Nothing was corrected automatically, ${many} times`,
  run_trouble: (many) => `${many} runs did not succeed`,
  run_recovered: (many) => `${many} runs came to their end again`,
  run_overdue: (many) => `${many} runs are overdue`,
  pipeline_broken: (many) => `Webhooks do not arrive at ${many} endpoints`,
  pipeline_recovered: (many) => `Webhooks arrive again at ${many} endpoints`,
  dispute_due: (many) => `Evidence for ${many} disputes is due soon`,
  digest: (many) => `${many} summaries`,
  test: (many) => `${many} tests`,
};

function together(
  kind: AlertKind,
  alerts: readonly [Told, ...Told[]],
  account: string | null,
  reading: Reading,
): Words {
  const dataOf = <K extends AlertKind>() => alerts.map((one) => one.data as AlertData[K]);
  if (kind === "drift") {
    const data = dataOf<"drift">();
    const corrected = sum(data, (one) => one.corrected);
    const words = driftWords({ impacts: addUp(data.flatMap((one) => one.impacts)), corrected }, account);
    return { ...words, lines: [...words.lines, { text: `Found by ${plural(alerts.length, "run")}.` }] };
  }
  if (kind === "corrected") {
    const data = dataOf<"corrected">();
    const added = {
      applied: sum(data, (one) => one.applied),
      stale: sum(data, (one) => one.stale),
      failed: sum(data, (one) => one.failed),
    };
    return correctedWords(added, { path: "/discrepancies?state=fixed", link: "See what was written" });
  }
  const each = alerts.map((one) => wordsOf(one, reading));
  const { path, link } = wordsOf(alerts[0], reading);
  if (kind === "approval")
    return {
      title: `${count(alerts.length)} requests wait for a second person`,
      lines: named(each),
      path,
      link,
    };
  const somewhere =
    kind === "dispute_due" ? { path: "/", link: "Open the desk" } : { path: "/runs", link: "See the runs" };
  const where = kind.startsWith("pipeline") ? { path, link } : somewhere;
  return { title: titles[kind](count(alerts.length)), lines: named(each), ...where };
}

/** Each in a line of its own. */
function named(each: readonly Words[]): Line[] {
  const lines = each.slice(0, mostNamed).map(({ title, lines, path }) => {
    const [first] = lines;
    return { text: `• ${title}${first ? `: ${first.text}` : ""}`, path };
  });
  const left = each.length - lines.length;
  return left > 0 ? [...lines, { text: `… and ${count(left)} more.` }] : lines;
}

function addUp(counts: readonly ImpactCount[]): ImpactCount[] {
  return [...Map.groupBy(counts, (one) => one.impact)].map(([impact, parts]) => ({
    impact,
    rows: sum(parts, (one) => one.rows),
    stakes: [
      ...Map.groupBy(
        parts.flatMap((one) => one.stakes),
        (one) => one.currency,
      ),
    ].map(([currency, amounts]) => ({ currency, amountMinor: sum(amounts, (one) => one.amountMinor) })),
  }));
}

const sum = <T>(items: readonly T[], of: (item: T) => number) =>
  items.reduce((total, item) => total + of(item), 0);
