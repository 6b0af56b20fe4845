import type { Sql } from "postgres";
import type { StripeReader } from "../stripe/reader.ts";
import type { Begin } from "./lease.ts";

/** What both sides of a resource are read with, and where it is staged. */
export interface Sides {
  begin: Begin;
  sql: Sql;
  local: Sql;
  stripe: StripeReader;
  signal: AbortSignal;
  /** Requests that are on their way at the same time. */
  parallel: number;
}
