// Step 2 of a fix: an observation that is too old is read again at Stripe before anything is written.
import { deskOf, otherAccount } from "../accounts/known.ts";
import type { Resource, StripeObject } from "../config/resource.ts";
import type { Values } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { describeTable, type LocalTable, quoteName, quoteTable } from "../local/catalog.ts";
import { keyEquals, matchSide } from "../local/guard.ts";
import { readCurrent } from "../reconcile/current.ts";
import { insertValues } from "../reconcile/insert.ts";
import { columnOf, type Projected, projectObject } from "../reconcile/project.ts";
import { forget } from "../reconcile/settled-forget.ts";
import { whileSomebodyWaits } from "../stripe/priority.ts";
import type { EventPass } from "./event-pass.ts";
import type { IntendedFix, Work } from "./execute.ts";
import { lackingColumn, matchOf, targetOf } from "./plan.ts";
import { record, type Settled } from "./settle.ts";

const atTheSameTime = 10;

/**
 * Answers the fixes that still say what Stripe says. The others are recorded: their discrepancies are brought up to
 * date and open again. With a pass over the events only what these name is asked for.
 */
export async function freshen(
  work: Work,
  fixes: readonly IntendedFix[],
  events?: EventPass,
): Promise<IntendedFix[]> {
  const { desk: desks, known } = work;
  const oldest = new Date(desks.now().getTime() - desks.config.fixes.maxAgeMs);
  // A file's word is as old as the file, and Stripe may be out of reach: that is what it was brought for.
  const isFresh = (fix: IntendedFix) => fix.importId !== null || fix.observedAt >= oldest;
  const fresh = fixes.filter(isFresh);
  const old = fixes.filter((fix) => !isFresh(fix));
  const unchanged = new Set(events && (await whileSomebodyWaits(() => events.unchanged(old))));
  fresh.push(...unchanged);
  const queue = old.filter((fix) => !unchanged.has(fix)).reverse();
  const outdated: Settled[] = [];
  const tables = new Map<Resource, Promise<LocalTable | null>>();
  let unasked: string | null = null;
  const look = async (fix: IntendedFix): Promise<News | null> => {
    const desk = deskOf(known, fix.accountId);
    const resource = desk?.config.resources.find((one) => one.name === fix.resource);
    if (!desk || !resource) return null;
    const reading = tables.get(resource) ?? describeTable(desk.local, resource.table);
    tables.set(resource, reading);
    const table = await reading;
    const other = known.length > 1 ? await otherAccount(desk, fix.accountId) : null;
    if (other !== null) return unanswered(other);
    // Without its table or columns the write is what fails, and says why.
    if (!table || lackingColumn(resource, table, fix) !== null) return null;
    return outdatedBy(desk, { fix, resource, table });
  };
  const worker = async () => {
    for (let fix = queue.pop(); fix; fix = queue.pop()) {
      const news = unasked === null ? await look(fix).catch(unansweredBy) : unanswered(unasked);
      // One that got its answer has it, whatever became of others meanwhile.
      if (news === null) fresh.push(fix);
      else outdated.push({ fix, localKey: fix.localKey, ...news });
    }
  };
  const unansweredBy = (error: unknown): News => {
    if (!(error instanceof DriftdeskError) || !error.code.startsWith("stripe_")) throw error;
    unasked = error.message;
    return unanswered(error.message);
  };
  await whileSomebodyWaits(() => Promise.all(Array.from({ length: atTheSameTime }, worker)));
  await forgetOutdated(desks, outdated);
  await record(work, outdated);
  return fresh.sort((a, b) => a.id - b.id);
}

/** What a full run may have taken as read is not what Stripe says. */
async function forgetOutdated(desk: Pick<Desk, "sql" | "now">, outdated: readonly Settled[]): Promise<void> {
  const stale = outdated.flatMap(({ outcome, fix }) => (outcome === "stale" ? fix : []));
  for (const fixes of Map.groupBy(stale, (fix) => `${fix.accountId} ${fix.resource}`).values()) {
    const ids = fixes.flatMap((fix) => fix.stripeId ?? []);
    const { accountId, resource } = fixes[0] as IntendedFix;
    await forget(desk.sql, accountId, resource, ids, desk.now());
  }
}

const unanswered = (why: string): News => ({
  outcome: "failed",
  message: `It was seen too long ago, and Stripe could not be asked whether it still holds: ${why}`,
});

interface Question {
  fix: IntendedFix;
  resource: Resource;
  table: LocalTable;
}
type News = Pick<Settled, "outcome" | "message" | "found">;

/** What Stripe says now that makes the fix wrong, or null when it still holds. */
async function outdatedBy(desk: Desk, question: Question): Promise<News | null> {
  const { fix, resource, table } = question;
  const current = await currentObject(desk, question);
  if (fix.kind === "missing_in_stripe")
    return current
      ? { outcome: "stale", message: "Stripe knows it by now. The next run compares the two." }
      : null;
  if (!current) return { outcome: "stale", message: "Stripe does not know it any more." };
  const { values, error } =
    fix.action === "insert" ? inserted(question, current.object) : projectedNow(question, current.projected);
  if (error !== null) return { outcome: "stale", message: `The mapping could not read it again: ${error}` };
  // What an insert sets besides may be new each time: a time, a number of one's own.
  const columns = resource.fields.map((field) => field.column).filter((column) => column in values);
  const [expected = {}, intended = {}] = await spell(desk, table, columns, [values, fix.expected]);
  if (columns.every((column) => !(column in fix.expected) || expected[column] === intended[column]))
    return null;
  return {
    outcome: "stale",
    message: "Stripe says something else by now. Look again, then decide.",
    found: { expected: fix.action === "insert" ? values : expected },
  };
}

interface Reading {
  values: Values;
  error: string | null;
}

/** What the row should hold now; without the columns that could not be read, where the fix does not need them. */
function projectedNow({ fix, resource }: Question, projected: Projected): Reading {
  const failed = new Set(projected.failed);
  const columns = resource.fields.map((field, i) => [field.column, projected.values[i] ?? null] as const);
  return {
    values: Object.fromEntries(columns.filter(([column]) => !failed.has(column))),
    error: Object.keys(fix.expected).some((column) => failed.has(column)) ? projected.error : null,
  };
}

function inserted({ resource, table }: Question, object: StripeObject): Reading {
  if (resource.missingLocal === "report")
    return { values: {}, error: "it says to report missing records only." };
  return insertValues(table, resource.missingLocal.insert, object);
}

/** The object that stands for the row now; undefined when there is none. */
async function currentObject(
  desk: Desk,
  question: Question,
): Promise<{ object: StripeObject; projected: Projected } | undefined> {
  const { fix, resource, table } = question;
  const { by } = resource.match;
  const known = matchOf(resource, fix);
  const local = known === null ? await localMatch(desk, question) : null;
  const match = known ?? local?.match ?? null;
  // An address may have several customers, and changes hands: the one that the fix is about is known by its id.
  const objects =
    by === "customerEmail" && fix.customerId !== null
      ? await readCurrent(desk.stripe, resource, { by: "customer", match: fix.customerId })
      : match === null || match === ""
        ? []
        : await readCurrent(desk.stripe, resource, {
            by,
            match,
            // Stripe tells upper and lower case apart; what belongs to no customer is known by its own id.
            addresses: local ? [local.written] : [],
            objects: by === "customerEmail" && fix.stripeId !== null ? [fix.stripeId] : [],
          });
  return objects
    .map((object) => ({ object, projected: projectObject(resource, table, object) }))
    .filter(({ projected }) => projected.match !== null && (match === null || projected.match === match))
    .sort(
      ({ projected: a }, { projected: b }) =>
        a.rank - b.rank || b.created - a.created || (a.stripeId < b.stripeId ? 1 : -1),
    )[0];
}

/** What the row's match column says now; null when there is no such row. */
async function localMatch(
  desk: Desk,
  { fix, resource, table }: Question,
): Promise<{ match: string; written: string } | null> {
  if (fix.localKey === null) return null;
  const target = targetOf(resource, table);
  const [row] = await desk.local.unsafe<{ match: string | null; written: string | null }[]>(
    `SELECT ${matchSide(target.match)} AS match, btrim(t.${quoteName(target.match.column)}::text) AS written
     FROM ${quoteTable(table)} t WHERE ${keyEquals(table, target, "$1::text")}`,
    [fix.localKey],
  );
  return row?.match ? { match: row.match, written: row.written ?? "" } : null;
}

/** Rows as Postgres spells them, in the types that a run stages them in. */
async function spell(
  desk: Desk,
  table: LocalTable,
  columns: readonly string[],
  rows: readonly Values[],
): Promise<Values[]> {
  if (columns.length === 0) return rows.map(() => ({}));
  const spelled = columns.map(
    (name, i) =>
      `(v.r ->> ($2::text[])[${i + 1}])::${columnOf(table, name).staging}::text AS ${quoteName(name)}`,
  );
  return desk.sql.unsafe<Values[]>(
    `SELECT ${spelled.join(", ")} FROM jsonb_array_elements($1::text::jsonb) WITH ORDINALITY AS v (r, n) ORDER BY v.n`,
    [JSON.stringify(rows), [...columns]],
  );
}
