import type { Targets } from "../db/schema.ts";

/** What a targeted run is about, as people read it. */
export function targetWords(targets: Targets): string {
  if ("customer" in targets) return targets.customer;
  if ("email" in targets) return targets.email;
  if ("ids" in targets) return someOf(targets.ids);
  if ("discrepancy" in targets) return `difference ${targets.discrepancy}`;
  if ("import" in targets)
    return targets.verify ? `what import ${targets.import} names` : `what import ${targets.import} says`;
  return `${targets.resource} ${targets.keys.join(", ")}`;
}

/** What webhooks named can be hundreds. */
function someOf(ids: readonly string[]): string {
  const told = ids.slice(0, 5).join(", ");
  return ids.length > 5 ? `${told} and ${ids.length - 5} more` : told;
}
