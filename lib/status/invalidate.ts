import type { Desk } from "../desk.ts";
import { anybodyChangedName, changedName } from "./key.ts";
import { statusesOf } from "./statuses.ts";

/** How much longer it is known that something changed than answers from before can be kept. */
const marginMs = 60_000;

/**
 * Says that something about a customer has changed at Stripe: no process gives an older answer as fresh any more, nor one
 * that is on its way just now. `desk` is the account's. Does not throw when Redis does not answer.
 */
export async function invalidateStatus(
  desk: Pick<Desk, "sql" | "log" | "random" | "now" | "environment" | "stripe" | "config">,
  { accountId, customerId }: { accountId: string; customerId: string },
): Promise<void> {
  const { shared, changes } = statusesOf(desk);
  const realm = { accountId, livemode: desk.stripe.livemode };
  const { ttlMs, negativeTtlMs, staleForMs } = desk.config.status;
  // First where it is kept, then those who would look there.
  await shared?.change({
    customer: changedName(realm, customerId),
    anybody: anybodyChangedName(realm),
    lifetimeMs: Math.ceil(Math.max(ttlMs, negativeTtlMs) + staleForMs + marginMs),
  });
  await changes.say(realm, customerId);
}
