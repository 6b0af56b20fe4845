import type { AlertKind, Channel } from "@/lib/db/schema.ts";

export const channelWords: Record<Channel, string> = { slack: "Slack", webhook: "Webhook", email: "E-mail" };

/** What is told, within a sentence. */
export const alertKindWords: Record<AlertKind, string> = {
  drift: "new differences",
  held_back: "corrections held back",
  corrected: "automatic corrections",
  run_trouble: "runs in trouble",
  run_recovered: "runs that succeed again",
  run_overdue: "overdue runs",
  pipeline_broken: "webhooks that do not arrive",
  pipeline_recovered: "webhooks that arrive again",
  approval: "requests that wait for a second person",
  dispute_due: "disputes with evidence due",
  digest: "the daily summary",
  test: "tests",
};
