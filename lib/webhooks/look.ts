// Whether local rows agree by now with what webhooks named: both sides read once, compared in one set operation as a run
// does, and nothing written down. Mostly they do, and then there is nothing to run for.
import type { Resource, StripeObject } from "../config/resource.ts";
import { listed, resolvableStates } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { copyInto } from "../local/copy.ts";
import { findCandidates } from "../reconcile/compare.ts";
import { objectsOfCustomer, readCurrent } from "../reconcile/current.ts";
import { stageExpected } from "../reconcile/expected.ts";
import { readLocalRows } from "../reconcile/local-rows.ts";
import { planResource } from "../reconcile/plan.ts";
import { customerIdOf, projectObject } from "../reconcile/project.ts";
import { createStagingTables, dropStagingTables, localColumns, type Stage } from "../reconcile/staging.ts";
import { together } from "../reconcile/together.ts";
import type { TakenCheck } from "./checks.ts";

/** Requests that are on their way at the same time: the account's pace is shared with everything else. */
const parallel = 6;

interface Seen {
  check: TakenCheck;
  /** What local rows say that stand for it. */
  matches: string[];
  objects: StripeObject[];
}

/** Those of a resource's checks that a run has something to do for: both sides differ, or are known to have differed. */
export async function whatDiffers(
  desk: Desk,
  accountId: string,
  resource: Resource,
  checks: readonly TakenCheck[],
  signal: AbortSignal,
): Promise<TakenCheck[]> {
  // No run has this number. The tables live and die within one transaction.
  const stage = await planResource(desk.local, { id: 0 }, accountId, resource);
  const queue = [...checks];
  const seen: Seen[] = [];
  const worker = async (stop: AbortSignal) => {
    for (let check = queue.pop(); check; check = queue.pop()) {
      stop.throwIfAborted();
      seen.push({ check, ...(await readStripe(desk, stage, check)) });
    }
  };
  await together(signal, Array<typeof worker>(parallel).fill(worker));
  signal.throwIfAborted();
  const wrong = await compare(desk, stage, seen);
  return seen.filter(({ matches }) => matches.some((match) => wrong.has(match))).map(({ check }) => check);
}

async function compare(desk: Desk, stage: Stage, seen: readonly Seen[]): Promise<ReadonlySet<string>> {
  const matches = [...new Set(seen.flatMap((one) => one.matches))];
  const lines = await readLocalRows(desk.local, stage, "match", matches);
  const objects = new Map(seen.flatMap((one) => one.objects).map((object) => [object.id, object]));
  const rows = [...objects.values()].map((object) => projectObject(stage.resource, stage.table, object));
  const wrong = await desk.sql.begin(async (tx) => {
    await createStagingTables(tx, stage);
    await stageExpected(tx, stage, rows);
    if (lines !== "") await copyInto(tx, stage.local, localColumns(stage), lines);
    await findCandidates(tx, stage);
    const found = await tx.unsafe<{ match: string }[]>(
      `SELECT match FROM ${stage.candidates}
       UNION
       SELECT match FROM driftdesk.discrepancies
       WHERE account_id = $1 AND resource = $2 AND match = ANY($3::text[])
         AND state IN (${listed(resolvableStates)})`,
      [stage.accountId, stage.resource.name, matches],
    );
    await dropStagingTables(tx, stage);
    return found;
  });
  return new Set(wrong.map((row) => row.match));
}

/** Everything at Stripe that rows of the resource stand for which have to do with what was named. */
async function readStripe(
  desk: Desk,
  stage: Stage,
  { kind, id }: TakenCheck,
): Promise<Pick<Seen, "matches" | "objects">> {
  const { stripe } = desk;
  const { resource, table } = stage;
  const { by } = resource.match;
  if (by === "customerEmail") return readByAddress(desk, stage, { kind, id });
  if (kind === "customer") {
    const objects = await objectsOfCustomer(stripe, resource, id);
    return { objects, matches: by === "customer" ? [id] : objects.map((object) => object.id) };
  }
  const object = await stripe.retrieve(resource.stripe, id, resource.expand);
  if (by === "id") return { objects: object ? [object] : [], matches: [id] };
  // Where a row stands for a customer, all of the customer's objects have a say.
  const customer = object && projectObject(resource, table, object).match;
  return customer
    ? { objects: await objectsOfCustomer(stripe, resource, customer), matches: [customer] }
    : { objects: [], matches: [] };
}

/** Rows have an address: the one that the customer has now, and those that the customer is known to have had. */
async function readByAddress(
  { sql, stripe }: Desk,
  { accountId, resource, table }: Stage,
  { kind, id }: Pick<TakenCheck, "kind" | "id">,
): Promise<Pick<Seen, "matches" | "objects">> {
  const object =
    kind === "customer"
      ? await stripe.retrieve("customer", id)
      : await stripe.retrieve(resource.stripe, id, resource.expand);
  const customer = kind === "customer" ? id : object && customerIdOf(object);
  const known = await sql<{ match: string }[]>`
    SELECT DISTINCT match FROM driftdesk.addresses
    WHERE account_id = ${accountId} AND resource = ${resource.name}
      AND (customer_id = ${customer} OR object_id = ${id})`;
  const written = object?.object === "customer" ? object.email?.trim() : undefined;
  const own = written?.toLowerCase() || (object && projectObject(resource, table, object).match);
  const matches = [...new Set([...known.map((row) => row.match), ...(own ? [own] : [])])];
  const objects: StripeObject[] = [];
  for (const match of matches) {
    const others = await sql<{ customer: string; object: string }[]>`
      SELECT customer_id AS customer, object_id AS object FROM driftdesk.addresses
      WHERE account_id = ${accountId} AND resource = ${resource.name} AND match = ${match}`;
    const wanted = {
      by: "customerEmail" as const,
      match,
      addresses: written === undefined ? [] : [written],
      customers: others.flatMap((row) => row.customer || []),
      objects: others.flatMap((row) => (row.customer === "" ? row.object : [])),
    };
    // One who had the address before is found by it, and has another by now.
    objects.push(...(await readCurrent(stripe, resource, wanted)));
  }
  return { matches, objects };
}
