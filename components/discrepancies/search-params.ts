import {
  createLoader,
  createSerializer,
  type inferParserType,
  parseAsArrayOf,
  parseAsBoolean,
  parseAsInteger,
  parseAsString,
  parseAsStringLiteral,
} from "nuqs/server";
import { causes, discrepancyStates, impacts, kinds } from "@/lib/db/schema.ts";
import type { DiscrepancyFilter } from "@/lib/discrepancies/filter.ts";
import { type Sort, sortKeys } from "@/lib/discrepancies/sort.ts";

/** Columns that can be hidden, by their ids. */
export const optionalColumns = ["differs", "impact", "amount", "why", "kind", "resource", "age"] as const;

/** The whole state of the list, as it stands in the address bar: a link shows a colleague what one sees oneself. */
export const listParams = {
  state: parseAsStringLiteral(discrepancyStates).withDefault("open"),
  search: parseAsString.withDefault(""),
  impact: parseAsArrayOf(parseAsStringLiteral(impacts)).withDefault([]),
  cause: parseAsArrayOf(parseAsStringLiteral(causes)).withDefault([]),
  kind: parseAsArrayOf(parseAsStringLiteral(kinds)).withDefault([]),
  resource: parseAsArrayOf(parseAsString).withDefault([]),
  change: parseAsArrayOf(parseAsString).withDefault([]),
  /** Open for at least this many hours. */
  age: parseAsInteger.withDefault(0),
  /** Id of the Stripe account in view; what the page is about, not one filter among others. */
  account: parseAsString,
  /** The rows of one bulk action. */
  bulk: parseAsInteger,
  /** What stands by the word of one import. */
  import: parseAsInteger,
  sort: parseAsStringLiteral(sortKeys).withDefault("impact"),
  direction: parseAsStringLiteral(["asc", "desc"] as const).withDefault("desc"),
  cursor: parseAsString,
  /** Whether the list is summed up by change above it. */
  grouped: parseAsBoolean.withDefault(false),
  /** The row whose panel is open. */
  id: parseAsInteger,
};
/** Which columns are shown besides the customer: for the reader alone, the server does not ask. */
export const columnParams = {
  columns: parseAsArrayOf(parseAsStringLiteral(optionalColumns)).withDefault([
    "differs",
    "impact",
    "amount",
    "why",
    "age",
  ]),
};

export const loadListParams = createLoader(listParams);
export const listHref = createSerializer(listParams);
export type ListParams = inferParserType<typeof listParams>;

const some = <T>(values: readonly T[]): T[] | undefined => (values.length > 0 ? [...values] : undefined);

export const filterOf = (params: ListParams): DiscrepancyFilter => ({
  state: params.state,
  account: params.account?.slice(0, 100) || undefined,
  search: params.search.trim().slice(0, 200) || undefined,
  impact: some(params.impact.slice(0, 50)),
  cause: some(params.cause.slice(0, 50)),
  kind: some(params.kind.slice(0, 50)),
  resource: some(params.resource.slice(0, 50)),
  change: some(params.change.slice(0, 50)),
  olderThanHours: params.age > 0 ? Math.min(params.age, 100_000) : undefined,
  bulk: params.bulk && params.bulk > 0 ? params.bulk : undefined,
  import: params.import && params.import > 0 ? params.import : undefined,
});

export const sortOf = (params: ListParams): Sort => ({ by: params.sort, direction: params.direction });

/** Whether anything narrows the list down, besides its state. */
export const isFiltered = (params: ListParams): boolean =>
  params.search.trim() !== "" ||
  params.age > 0 ||
  params.bulk !== null ||
  params.import !== null ||
  [params.impact, params.cause, params.kind, params.resource, params.change].some((list) => list.length > 0);

export const noFilter = {
  search: null,
  impact: null,
  cause: null,
  kind: null,
  resource: null,
  change: null,
  age: null,
  bulk: null,
  import: null,
  cursor: null,
} as const;
