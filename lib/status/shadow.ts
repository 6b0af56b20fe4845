// Shadow mode: what Stripe has just answered is held against the local record. Where that says something else, its customer
// goes into the queue of what webhooks name: after the grace both sides are looked at, and a run finds what is still wrong.

import { listed, resolvableStates } from "../db/schema.ts";
import type { LocalTable } from "../local/catalog.ts";
import { encodeValue } from "../local/encode.ts";
import { columnOf, customerIdOf, projectObject } from "../reconcile/project.ts";
import type { Asked } from "./ask.ts";
import type { Question } from "./recall.ts";
import { type Expected, localRecords, type Which } from "./records.ts";

/** Compares an answer that has just come from Stripe, and queues a check where the record says something else. */
export async function compareWithRecord(question: Question, table: LocalTable, asked: Asked): Promise<void> {
  const { desk, resource, statuses, realm } = question;
  // A key that no row has, or one whose row names nobody.
  if (asked.object === null && asked.customers.length === 0) return;
  const which = rowsAbout(question, asked);
  if (which.values.length === 0) return;
  const expected = expectedOf(question, table, asked);
  const records = await localRecords(desk.local, resource, table, which, expected);
  const wrong =
    records.length === 0
      ? asked.object !== null
      : records.some(({ fields }) => fields.some((field) => field.differs)) ||
        (asked.object === null && unsaid(question));
  statuses.counts.add(realm.accountId, { compared: 1, differed: wrong ? 1 : 0 });
  if (wrong) await queueCheck(question, asked);
}

/** Rows that the answer is about. */
function rowsAbout({ key, resource }: Question, { object, customers }: Asked): Which {
  if (key.by === "local") return { by: "key", values: [key.text] };
  const { by } = resource.match;
  if (by === "customerEmail")
    return { by: "match", values: key.by === "email" ? [key.text.toLowerCase()] : [] };
  // Of several customers with one address only the one whose object counts has been read for what they are.
  if (by === "customer")
    return { by: "match", values: object ? [customerIdOf(object) ?? []].flat() : customers };
  return { by: "match", values: object ? [object.id] : [] };
}

function expectedOf({ resource }: Question, table: LocalTable, { object }: Asked): Expected {
  if (object) {
    const { values, failed } = projectObject(resource, table, object);
    const names = resource.fields.map((field) => field.column);
    return new Map(names.flatMap((name, i) => (failed?.includes(name) ? [] : [[name, values[i] ?? null]])));
  }
  const { missingInStripe } = resource;
  if (missingInStripe === "report") return new Map();
  return new Map(
    Object.entries(missingInStripe.set).map(([name, value]) => [
      name,
      encodeValue(value, columnOf(table, name)),
    ]),
  );
}

/** Whether the mapping does not say what a row should hold of which Stripe has nothing: that there is one is a difference. */
const unsaid = ({ resource }: Question): boolean => resource.missingInStripe === "report";

async function queueCheck({ desk, resource, realm }: Question, { object, customers }: Asked): Promise<void> {
  const customer = (object && customerIdOf(object)) ?? customers[0];
  const id = customer ?? object?.id;
  if (id === undefined) return;
  const named = { kind: customer === undefined ? "object" : "customer", id };
  const now = desk.now();
  await desk.sql`
    INSERT INTO driftdesk.webhook_checks (account_id, resource, kind, id, first_at, due_at)
    SELECT ${realm.accountId}, ${resource.name}, ${named.kind}, ${named.id}, ${now},
           ${new Date(now.getTime() + desk.config.webhooks.graceMs)}
    -- What is known already is looked at by every run.
    WHERE NOT EXISTS (
      SELECT FROM driftdesk.discrepancies d
      WHERE d.account_id = ${realm.accountId} AND d.resource = ${resource.name}
        AND d.state IN (${desk.sql.unsafe(listed(resolvableStates))}) AND (d.customer_id = ${named.id} OR d.stripe_id = ${named.id} OR d.match = ${named.id}))
    ON CONFLICT DO NOTHING`;
}
