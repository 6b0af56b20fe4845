import type { WebhookOutcome } from "../db/schema.ts";
import { type Desks, desksOf } from "../desk.ts";
import { eventTypesFor } from "../stripe/events.ts";
import { countedSince, flushWebhookCounts } from "./counts.ts";

export interface WebhookFacts {
  /** Where Stripe has to send them. */
  address: string;
  /** Each variable that can hold signing secrets, with how many are in it and the accounts that it is for. */
  secrets: { variable: string; set: number; accounts: string[] }[];
  /** Those that something mapped hears of. */
  types: string[];
  lastReceivedAt: Date | null;
  /** Of the last 24 hours, counted in whole hours. */
  outcomes: Record<WebhookOutcome, number>;
}

/** What becomes of webhooks, for people. */
export async function webhookFacts(desks: Desks): Promise<WebhookFacts> {
  const { sql, now, environment } = desks;
  await flushWebhookCounts(desks);
  const [last] = await sql<{ at: Date | null }[]>`
    SELECT max(received_at) AS at FROM driftdesk.webhook_events`;
  const named = Map.groupBy(desksOf(desks), ({ config }) => config.account.webhookSecret);
  return {
    address: new URL("/api/webhooks/stripe", environment.nextAuthUrl).href,
    secrets: [...named].map(([variable, of]) => ({
      variable,
      set: environment.webhookSecrets[variable]?.length ?? 0,
      accounts: of.flatMap(({ config }) => config.account.name ?? []),
    })),
    types: [
      ...new Set(desksOf(desks).flatMap(({ config }) => config.resources.flatMap(eventTypesFor))),
    ].sort(),
    lastReceivedAt: last?.at ?? null,
    outcomes: await countedSince(sql, new Date(now().getTime() - 23 * 3_600_000)),
  };
}
