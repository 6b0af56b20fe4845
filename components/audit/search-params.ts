import {
  createLoader,
  createSerializer,
  type inferParserType,
  parseAsInteger,
  parseAsIsoDate,
  parseAsString,
} from "nuqs/server";
import type { AuditFilter } from "@/lib/audit/filter.ts";

/** Which part of the history is shown, as it stands in the address bar; the export takes the same. */
const auditParams = {
  /** Id of the Stripe account in view. */
  account: parseAsString.withDefault(""),
  person: parseAsString.withDefault(""),
  action: parseAsString.withDefault(""),
  resource: parseAsString.withDefault(""),
  search: parseAsString.withDefault(""),
  /** Days in UTC, both included. */
  from: parseAsIsoDate,
  to: parseAsIsoDate,
  discrepancy: parseAsInteger,
  run: parseAsInteger,
  bulk: parseAsInteger,
  /** Id of a customer at Stripe. */
  customer: parseAsString.withDefault(""),
  /** Where the page begins: with what is older than this entry, or newer. */
  before: parseAsInteger,
  after: parseAsInteger,
};
export const loadAuditParams = createLoader(auditParams);
export const serializeAuditParams = createSerializer(auditParams);
export type AuditParams = inferParserType<typeof auditParams>;

const dayMs = 86_400_000;
const id = (value: number | null) => (value !== null && value > 0 ? value : undefined);
const text = (value: string) => value.trim().slice(0, 200) || undefined;

export const auditFilterOf = (params: AuditParams): AuditFilter => ({
  account: text(params.account),
  actor: text(params.person),
  action: params.action ? [params.action.slice(0, 50)] : undefined,
  resource: text(params.resource),
  search: text(params.search),
  from: params.from ?? undefined,
  to: params.to ? new Date(params.to.getTime() + dayMs) : undefined,
  discrepancyId: id(params.discrepancy),
  runId: id(params.run),
  bulkId: id(params.bulk),
  customer: text(params.customer),
});

export const isAuditFiltered = (params: AuditParams): boolean =>
  Object.values(auditFilterOf(params)).some((value) => value !== undefined);
