import { type ListParams, noFilter } from "./search-params.ts";

/** Filters that people come back to. */
export const views: { name: string; filter: Partial<ListParams> }[] = [
  { name: "Paid, locked out", filter: { impact: ["paid_no_access"] } },
  { name: "Let in, not paid", filter: { impact: ["access_no_pay"] } },
  { name: "Amounts, largest first", filter: { impact: ["money"], sort: "amount", direction: "desc" } },
  { name: "Older than a day", filter: { age: 24, sort: "age", direction: "desc" } },
];

/** A view as the list is asked for it: nothing is left of the filters before. */
export const viewOf = (filter: Partial<ListParams>) => ({
  ...noFilter,
  sort: null,
  direction: null,
  ...filter,
});
