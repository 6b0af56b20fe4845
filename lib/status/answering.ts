// Which resource of the mapping a lookup is answered by, and in whose words.
import { createHash } from "node:crypto";
import type { Config, Resource } from "../config/resource.ts";
import { DriftdeskError } from "../errors.ts";

export interface Answering extends Resource {
  access: { field: string; granted: readonly string[] };
}

const answers = (resource: Resource): resource is Answering => resource.access !== undefined;

/**
 * The one that `status.resource` names. Without it, of those with `access` the first whose rows belong to a customer, so
 * that one row is one answer; else the first. Throws `status_not_mapped`.
 */
export function answeringResource({ resources, status }: Config): Answering {
  const candidates = resources.filter(answers);
  const found =
    status.resource === undefined
      ? (candidates.find((one) => one.match.by !== "id") ?? candidates[0])
      : candidates.find((one) => one.name === status.resource);
  if (found) return found;
  throw new DriftdeskError(
    "status_not_mapped",
    "The mapping does not say who is let in, so there is no status to look up. Give a resource `access`, and name it in `status.resource`.",
    { status: 404 },
  );
}

/** Differs whenever the mapping may read something else from the same object. */
export const mappingOf = ({ source = "" }: Config, { name }: Resource): string =>
  createHash("sha256").update(`${source} ${name}`).digest("hex").slice(0, 12);
