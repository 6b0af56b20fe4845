// A lookup as a person makes it: what Stripe says, the local record beside it, and whether the difference is known.
import { authorise } from "../auth/permissions.ts";
import { listed, resolvableStates } from "../db/schema.ts";
import type { Actor, Desk } from "../desk.ts";
import { encodeValue } from "../local/encode.ts";
import { columnOf } from "../reconcile/project.ts";
import type { StatusAnswer } from "./answer.ts";
import { type Answering, answeringResource } from "./answering.ts";
import { type Lookups, lookupsSince } from "./counts.ts";
import { parseKey } from "./key.ts";
import { type Looked, type LookUpOptions, lookUpStatus } from "./lookup.ts";
import { type Expected, type LocalRecord, localRecords, type Which } from "./records.ts";
import { rememberedRealm, statusesOf } from "./statuses.ts";

export interface ByHand {
  looked: Looked;
  resource: Answering;
  /** Rows that the answer is about; null: which they are is not known. */
  records: LocalRecord[] | null;
  /** Whether both sides could be compared. */
  compared: boolean;
  /** Differences of these records that are known already. */
  known: { id: number; localKey: string | null }[];
  accountId: string | null;
  livemode: boolean;
}

/** Errors: `key_invalid`, `status_not_mapped`, `not_allowed`, and what the user's database throws. */
export async function lookUpByHand(
  desk: Desk,
  actor: Actor,
  text: string,
  options: LookUpOptions = {},
): Promise<ByHand> {
  authorise(actor, "look_up");
  const resource = answeringResource(desk.config);
  const looked = await lookUpStatus(desk, text, options);
  const { answer } = looked;
  const table = await statusesOf(desk).table(desk.local, resource);
  const which = rowsAbout(resource, text, answer);
  const { expected, compared } = expectedOf(desk, resource, answer, (column, value) =>
    encodeValue(value, columnOf(table, column)),
  );
  const records =
    which && which.values.length > 0
      ? await localRecords(desk.local, resource, table, which, expected).catch(nothingOfTheKind)
      : null;
  const accountId = rememberedRealm(desk)?.accountId ?? null;
  const keys = (records ?? []).map((one) => one.key);
  const known = await desk.sql<ByHand["known"]>`
    SELECT id, local_key AS "localKey" FROM driftdesk.discrepancies
    WHERE account_id = ${accountId} AND resource = ${resource.name}
      AND state IN (${desk.sql.unsafe(listed(resolvableStates))})
      AND (local_key = ANY(${keys}::text[]) OR (customer_id = ${answer.customer} AND local_key IS NULL))
    ORDER BY id`;
  return {
    looked,
    resource,
    records,
    compared,
    known: [...known],
    accountId,
    livemode: desk.stripe.livemode,
  };
}

/** A key that the column's type cannot be is a row that there is not. */
function nothingOfTheKind(error: { code?: string }): LocalRecord[] {
  if (error.code?.startsWith("22")) return [];
  throw error;
}

function rowsAbout({ match }: Answering, text: string, answer: StatusAnswer): Which | null {
  const key = parseKey(text);
  if (key.by === "local") return { by: "key", values: [key.text] };
  if (match.by === "customerEmail")
    return key.by === "email" ? { by: "match", values: [key.text.toLowerCase()] } : null;
  const value =
    match.by === "customer"
      ? (answer.customer ?? (key.by === "customer" ? key.text : null))
      : answer.stripeId;
  return value === null ? null : { by: "match", values: [value] };
}

/** What the record should hold of what a lookup answers. */
function expectedOf(
  { config: { status } }: Desk,
  { access, missingInStripe }: Answering,
  answer: StatusAnswer,
  encode: (column: string, value: unknown) => string | null,
): { expected: Expected; compared: boolean } {
  const columns = [
    [access.field, answer.status],
    ...(status.plan === undefined ? [] : [[status.plan, answer.plan] as const]),
    ...(status.periodEnd === undefined ? [] : [[status.periodEnd, answer.periodEnd] as const]),
  ] as [string, string | null][];
  if (answer.found === false) {
    const set = missingInStripe === "report" ? {} : missingInStripe.set;
    const said = Object.entries(set).map(([column, value]) => [column, encode(column, value)] as const);
    // Nothing is wrong with what the mapping leaves as it is.
    return missingInStripe === "report"
      ? { expected: new Map(columns), compared: false }
      : { expected: new Map(said), compared: true };
  }
  return { expected: new Map(columns), compared: answer.found === true && answer.problem === null };
}

/** How lookups of the desk's account went, by all processes: what this one has counted just now too. */
export async function lookupFigures(
  desk: Desk,
  accountId: string | null,
): Promise<{ hour: Lookups; day: Lookups }> {
  await statusesOf(desk).counts.write();
  const id = rememberedRealm(desk)?.accountId ?? accountId ?? "";
  const since = (ms: number) => lookupsSince(desk.sql, id, new Date(desk.now().getTime() - ms));
  const [hour, day] = await Promise.all([since(3_600_000), since(86_400_000)]);
  return { hour, day };
}
