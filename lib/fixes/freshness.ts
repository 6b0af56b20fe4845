// Step 2 of a fix: an observation that is too old is read again at Stripe before anything is written.
import type { Resource, StripeObject } from "../config/resource.ts";
import type { Values } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { describeTable, type LocalTable, quoteName, quoteTable } from "../local/catalog.ts";
import { keyEquals, matchSide } from "../local/guard.ts";
import { readCurrent } from "../reconcile/current.ts";
import { insertValues } from "../reconcile/insert.ts";
import { columnOf, type Projected, projectObject } from "../reconcile/project.ts";
import type { IntendedFix, Work } from "./execute.ts";
import { lackingColumn, matchOf, targetOf } from "./plan.ts";
import { record, type Settled } from "./settle.ts";

const atTheSameTime = 10;

/**
 * Answers the fixes that still say what Stripe says. The others are recorded: their discrepancies are brought up to
 * date and open again.
 */
export async function freshen(work: Work, fixes: readonly IntendedFix[]): Promise<IntendedFix[]> {
  const { desk } = work;
  const oldest = new Date(desk.now().getTime() - desk.config.fixes.maxAgeMs);
  const fresh = fixes.filter((fix) => fix.observedAt >= oldest);
  const queue = fixes.filter((fix) => fix.observedAt < oldest).reverse();
  const outdated: Settled[] = [];
  const tables = new Map<string, Promise<LocalTable | null>>();
  let unasked: string | null = null;
  const look = async (fix: IntendedFix): Promise<News | null> => {
    const resource = desk.config.resources.find((one) => one.name === fix.resource);
    if (!resource) return null;
    const reading = tables.get(resource.name) ?? describeTable(desk.local, resource.table);
    tables.set(resource.name, reading);
    const table = await reading;
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
  await Promise.all(Array.from({ length: atTheSameTime }, worker));
  await record(work, outdated);
  return fresh.sort((a, b) => a.id - b.id);
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
  const { object, projected } = current;
  const broken = projected.failed?.filter((column) => column in fix.expected) ?? [];
  if (broken.length > 0)
    return { outcome: "stale", message: `The mapping could not read it again: ${projected.error}` };
  const columns = resource.fields.map((field) => field.column);
  const now = Object.fromEntries(columns.map((column, i) => [column, projected.values[i] ?? null]));
  const [expected, intended] = await spell(desk, table, columns, [now, fix.expected]);
  const differs = columns.some(
    (column) => column in fix.expected && expected?.[column] !== intended?.[column],
  );
  if (!differs) return null;
  const message = "Stripe says something else by now. Look again, then decide.";
  if (fix.action === "update") return { outcome: "stale", message, found: { expected: expected as Values } };
  const rule = resource.missingLocal;
  if (rule === "report") return { outcome: "stale", message };
  const insert = insertValues(table, rule.insert, object);
  return { outcome: "stale", message, found: insert.error ? null : { expected: insert.values } };
}

/** The object that stands for the row now; undefined when there is none. */
async function currentObject(
  desk: Desk,
  { fix, resource, table }: Question,
): Promise<{ object: StripeObject; projected: Projected } | undefined> {
  const by = resource.match.by;
  // An address may have several customers; the one that the fix is about is known by its id.
  const wanted =
    by === "customerEmail" && fix.customerId !== null
      ? ({ by: "customer", match: fix.customerId } as const)
      : { by, match: matchOf(resource, fix) ?? (await localMatch(desk, { fix, resource, table })) };
  if (!wanted.match) return undefined;
  const objects = await readCurrent(desk.stripe, resource, { ...wanted, match: wanted.match });
  return objects
    .map((object) => ({ object, projected: projectObject(resource, table, object) }))
    .filter(({ projected }) => projected.match !== null)
    .sort(
      ({ projected: a }, { projected: b }) =>
        a.rank - b.rank || b.created - a.created || (a.stripeId < b.stripeId ? 1 : -1),
    )[0];
}

/** What the row's match column says now; null when there is no such row. */
async function localMatch(desk: Desk, { fix, resource, table }: Question): Promise<string | null> {
  if (fix.localKey === null) return null;
  const target = targetOf(resource, table);
  const [row] = await desk.local.unsafe<{ match: string | null }[]>(
    `SELECT ${matchSide(target.match)} AS match FROM ${quoteTable(table)} t WHERE ${keyEquals(table, target, "$1::text")}`,
    [fix.localKey],
  );
  return row?.match ?? null;
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
