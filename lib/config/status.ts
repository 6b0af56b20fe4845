// The live lookup's settings.
import { z } from "zod";
import { duration } from "./duration.ts";
import type { ConfigIssue } from "./issues.ts";
import { didYouMean } from "./nearest.ts";
import type { Config, StatusRules } from "./resource.ts";

const longer = (least: number, words: string) => duration.refine((ms) => ms >= least, words);

export const status = z.strictObject({
  resource: z.string().min(1).optional(),
  plan: z.string().min(1).optional(),
  periodEnd: z.string().min(1).optional(),
  ttl: longer(1_000, "is too short: take at least a second").prefault("5m"),
  negativeTtl: longer(1_000, "is too short: take at least a second").prefault("30s"),
  staleFor: duration.prefault("24h"),
  deadline: longer(100, "is too short for any answer: take at least 0.1s").prefault("2s"),
  fail: z.enum(["open", "closed"], { error: 'write "open" or "closed"' }).default("closed"),
  shadow: z.boolean().default(false),
  requestsPerSecond: z.number().positive().default(1_000),
});

export const statusRules = (given: z.output<typeof status>): StatusRules => ({
  resource: given.resource,
  plan: given.plan,
  periodEnd: given.periodEnd,
  ttlMs: given.ttl,
  negativeTtlMs: given.negativeTtl,
  staleForMs: given.staleFor,
  deadlineMs: given.deadline,
  fail: given.fail,
  shadow: given.shadow,
  requestsPerSecond: given.requestsPerSecond,
});

/** What of the settings no account's mapping has. */
export function checkStatus(rules: StatusRules, accounts: readonly Config[]): ConfigIssue[] {
  const { resource: named, plan, periodEnd } = rules;
  const resources = accounts.flatMap((one) => one.resources);
  const issue = (setting: string, message: string) => ({ path: `status.${setting}`, message });
  if (named === undefined)
    return plan === undefined && periodEnd === undefined
      ? []
      : [issue("resource", "name the resource that these columns are of")];
  const found = resources.filter((one) => one.name === named);
  const [first] = found;
  if (!first) {
    const names = resources.map((one) => one.name);
    return [issue("resource", `there is no resource of this name${didYouMean(named, names)}`)];
  }
  const issues = found.every((one) => one.access)
    ? []
    : [issue("resource", `"${named}" does not say who is let in: give it access`)];
  for (const [setting, column] of Object.entries({ plan, periodEnd }))
    if (column !== undefined && !found.every((one) => one.fields.some((field) => field.column === column)))
      issues.push(
        issue(
          setting,
          `"${column}" is not among the fields: ${first.fields.map((field) => field.column).join(", ")}`,
        ),
      );
  return issues;
}
