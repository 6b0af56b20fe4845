import type { Targets } from "../db/schema.ts";

/** What a targeted run is about, as people read it. */
export function targetWords(targets: Targets): string {
  if ("customer" in targets) return targets.customer;
  if ("email" in targets) return targets.email;
  if ("ids" in targets) return targets.ids.join(", ");
  if ("discrepancy" in targets) return `difference ${targets.discrepancy}`;
  return `${targets.resource} ${targets.keys.join(", ")}`;
}
