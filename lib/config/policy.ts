// What the mapping lets nobody decide about.
import type { Resource } from "./resource.ts";

/** Columns that an update may write without a person. */
export const automaticColumns = ({ fields }: Resource): string[] =>
  fields.filter((field) => field.policy === "auto").map((field) => field.column);

/** Columns that an insert may not write without a person; null where it may not insert at all. */
export function reviewedOnInsert({ fields, policy, missingLocal }: Resource): string[] | null {
  // It writes columns that no field names: the match column, for one.
  if (missingLocal === "report" || policy !== "auto") return null;
  return fields.filter((field) => field.policy !== "auto").map((field) => field.column);
}

/** Whether anything of a resource is corrected by itself. */
export const isAutomatic = (resource: Resource): boolean =>
  automaticColumns(resource).length > 0 || reviewedOnInsert(resource) !== null;
