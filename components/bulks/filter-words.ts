import { type DiscrepancyFilter, discrepancyFilterSchema } from "@/lib/discrepancies/filter.ts";
import { causeWords, impactWords, kindWords, plural, resourceWords, stateWords } from "../format/words.ts";

/** What a filter chose, in words: "everything open that is paid, locked out, and changes past_due → active". */
export function filterWords(stored: unknown): string {
  const parsed = discrepancyFilterSchema.safeParse(stored);
  if (!parsed.success) return "what a filter matched";
  const parts = conditions(parsed.data);
  return ["everything", stateWords[parsed.data.state].long.toLowerCase(), ...parts].join(" · ");
}

function conditions(filter: DiscrepancyFilter): string[] {
  const any = (values: readonly string[] | undefined) =>
    values && values.length > 0 ? [values.join(" or ")] : [];
  return [
    ...any(filter.impact?.map((impact) => impactWords[impact].long.toLowerCase())),
    ...any(filter.change),
    ...any(filter.cause?.map((cause) => `cause ${causeWords[cause].long.toLowerCase()}`)),
    ...any(filter.kind?.map((kind) => kindWords[kind].long.toLowerCase())),
    ...any(filter.resource?.map(resourceWords)),
    ...(filter.search ? [`“${filter.search}”`] : []),
    ...(filter.olderThanHours ? [`for ${ageWords(filter.olderThanHours)} or longer`] : []),
    ...(filter.account ? [filter.account] : []),
    ...(filter.import ? [`by the word of file ${filter.import}`] : []),
    ...(filter.bulk ? [`decided by bulk ${filter.bulk}`] : []),
  ];
}

const ageWords = (hours: number) =>
  hours < 24 ? plural(hours, "hour") : plural(Math.round(hours / 24), "day");
