// Step 2 of a fix: an observation that is too old is read again at Stripe before anything is written.
import { appendAudit } from "../audit/append.ts";
import type { Resource, StripeObject } from "../config/resource.ts";
import type { BulkAction, FieldDifference, Values } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { describeTable, type LocalTable } from "../local/catalog.ts";
import { readCurrent } from "../reconcile/current.ts";
import { columnOf, projectObject } from "../reconcile/project.ts";
import { auditOf } from "./execute.ts";
import type { IntendedFix } from "./settle.ts";

const atTheSameTime = 10;

/** Answers the fixes that still say what Stripe says. The others' discrepancies are updated and open again. */
export async function freshen(
  desk: Desk,
  bulk: BulkAction,
  fixes: readonly IntendedFix[],
): Promise<IntendedFix[]> {
  const oldest = new Date(desk.now().getTime() - desk.config.fixes.maxAgeMs);
  const fresh = fixes.filter((fix) => fix.observedAt >= oldest);
  const queue = fixes.filter((fix) => fix.observedAt < oldest);
  const tables = new Map<string, LocalTable | null>();
  const worker = async () => {
    for (let fix = queue.pop(); fix; fix = queue.pop()) {
      const resource = desk.config.resources.find((one) => one.name === fix.resource);
      if (!resource) continue;
      if (!tables.has(resource.name))
        tables.set(resource.name, await describeTable(desk.local, resource.table));
      const table = tables.get(resource.name);
      if (!table || (await stillTrue(desk, bulk, fix, resource, table))) fresh.push(fix);
    }
  };
  await Promise.all(Array.from({ length: atTheSameTime }, worker));
  return fresh.sort((a, b) => a.id - b.id);
}

async function stillTrue(
  desk: Desk,
  bulk: BulkAction,
  fix: IntendedFix,
  resource: Resource,
  table: LocalTable,
): Promise<boolean> {
  const match = resource.match.by === "id" ? fix.stripeId : fix.customerId;
  const by = resource.match.by === "id" ? "id" : "customer";
  const objects = match === null ? [] : await readCurrent(desk.stripe, resource, { by, match });
  const object = chosen(resource, objects);
  if (fix.kind === "missing_in_stripe") {
    if (!object) return true;
    await reopen(desk, bulk, fix, { message: "Stripe knows it by now", expected: null, fields: null });
    return false;
  }
  if (!object) {
    await reopen(desk, bulk, fix, {
      message: "Stripe does not know it any more",
      expected: null,
      fields: null,
    });
    return false;
  }
  const expected = await expectedNow(desk, resource, table, object);
  const columns =
    fix.action === "insert" ? resource.fields.map((field) => field.column) : Object.keys(fix.expected);
  if (columns.every((column) => !(column in fix.expected) || expected[column] === fix.expected[column]))
    return true;
  const [row] = await desk.sql<{ observed: Values | null }[]>`
    SELECT observed FROM driftdesk.discrepancies WHERE id = ${fix.discrepancyId}`;
  const fields = fix.action === "insert" ? null : differences(resource, row?.observed ?? {}, expected);
  await reopen(desk, bulk, fix, { message: "Stripe says something else by now", expected, fields });
  return false;
}

function chosen(resource: Resource, objects: StripeObject[]): StripeObject | undefined {
  const rank = (object: StripeObject) => resource.choose(object as never);
  return objects.toSorted((a, b) => rank(a) - rank(b) || b.created - a.created || (a.id < b.id ? 1 : -1))[0];
}

/** The expected row as Postgres spells it, in the same types that a run stages it in. */
async function expectedNow(
  desk: Desk,
  resource: Resource,
  table: LocalTable,
  object: StripeObject,
): Promise<Values> {
  const { values } = projectObject(resource, table, object);
  const casts = resource.fields.map(
    (field, i) => `$${i + 1}::text::${columnOf(table, field.column).staging}::text`,
  );
  const [row] = await desk.sql.unsafe(`SELECT ${casts.join(", ")}`, values).values();
  return Object.fromEntries(
    resource.fields.map((field, i) => [field.column, (row?.[i] as string | null) ?? null]),
  );
}

function differences(resource: Resource, observed: Values, expected: Values): FieldDifference[] {
  return resource.fields.flatMap(({ column, compare }) => {
    const local = observed[column] ?? null;
    const stripe = expected[column] ?? null;
    const same = compare === "ignoreCase" ? local?.toLowerCase() === stripe?.toLowerCase() : local === stripe;
    return same ? [] : [{ name: column, local, stripe }];
  });
}

async function reopen(
  desk: Desk,
  bulk: BulkAction,
  fix: IntendedFix,
  found: { message: string; expected: Values | null; fields: FieldDifference[] | null },
): Promise<void> {
  const now = desk.now();
  const { message, expected, fields } = found;
  // Nothing differs any more: Stripe went back to what the local row says.
  const resolved = fields !== null && fields.length === 0;
  await desk.sql.begin(async (tx) => {
    await tx`
      UPDATE driftdesk.fixes SET state = 'stale', message = ${message}, settled_at = ${now} WHERE id = ${fix.id}`;
    await tx`
      UPDATE driftdesk.bulk_items SET outcome = 'stale', message = ${message}
      WHERE bulk_id = ${bulk.id} AND discrepancy_id = ${fix.discrepancyId}`;
    await tx`
      UPDATE driftdesk.discrepancies
      SET state = ${resolved ? "resolved" : "open"}, closed_at = ${resolved ? now : null}, version = version + 1,
          changed_at = ${now}, observed_at = ${now},
          expected = coalesce(${expected === null ? null : tx.json(expected)}::jsonb, expected),
          fields = coalesce(${fields === null ? null : tx.json(fields as never)}::jsonb, fields)
      WHERE id = ${fix.discrepancyId}`;
    const entries = [
      auditOf(bulk, fix, "fix.stale", { message }),
      auditOf(bulk, fix, resolved ? "discrepancy.resolved" : "discrepancy.changed", {
        message,
        fieldsNow: fields,
      }),
    ];
    await appendAudit(tx, entries, now);
  });
}
