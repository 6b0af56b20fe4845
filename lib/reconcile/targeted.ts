// A targeted run: which resources it looks at, and what of each. Everything that is mapped and belongs to a customer, or
// a handful of objects or rows; from there on it is like any run that does not read everything.
import type { Sql } from "postgres";
import type { Resource } from "../config/resource.ts";
import { type Discrepancy, listed, resolvableStates, type Targets } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { quoteName, quoteTable } from "../local/catalog.ts";
import { copyInto } from "../local/copy.ts";
import { typeOfId } from "../stripe/ids.ts";
import { readTouched } from "./asked.ts";
import { customersWith } from "./current.ts";
import { findByAddress } from "./import-addresses.ts";
import { readLocalRows } from "./local-rows.ts";
import { columnOf } from "./project.ts";
import type { Sides } from "./sides.ts";
import { createRereadTable, localColumns, type Stage } from "./staging.ts";
import { importWords, toldBy } from "./target-import.ts";
import { targetWords } from "./target-words.ts";
import { ask, touch } from "./touched.ts";

/** Names of the resources that can have to do with the targets. Throws `target_unknown` when none can. */
export async function resourcesAbout(desk: Desk, targets: Targets): Promise<string[]> {
  const { resources } = desk.config;
  const names = resources.filter(await concerned(desk.sql, targets)).map(({ name }) => name);
  if (names.length > 0) return names;
  const mapped = [...new Set(resources.map(({ stripe }) => stripe))].join(", ");
  const about = "import" in targets ? await importWords(desk.sql, targets.import) : targetWords(targets);
  throw new DriftdeskError(
    "target_unknown",
    `Nothing that is mapped has to do with ${about}. Mapped are: ${mapped}.`,
    { status: 400 },
  );
}

type Concerns = (resource: Resource) => boolean;

/** A payout is the account's own. */
const canBelong: Concerns = ({ stripe }) => stripe !== "payout";

async function concerned(sql: Sql, targets: Targets): Promise<Concerns> {
  if ("resource" in targets) return ({ name }) => name === targets.resource;
  if ("ids" in targets) {
    const types = new Set(targets.ids.map(typeOfId));
    return (resource) => types.has(resource.stripe) || (types.has("customer") && canBelong(resource));
  }
  if ("import" in targets) return toldBy(sql, targets);
  if ("discrepancy" in targets) {
    const { resource, customerId } = await known(sql, targets.discrepancy);
    return (one) => one.name === resource || (customerId !== null && canBelong(one));
  }
  return canBelong;
}

/** Stages both sides of what the targets mean in a resource. */
export async function readTargets(context: Sides, stage: Stage, targets: Targets): Promise<void> {
  if ("customer" in targets) await askCustomers(context, stage, [targets.customer]);
  else if ("email" in targets) await askAddresses(context, stage, [targets.email]);
  else if ("ids" in targets) await askIds(context, stage, targets.ids);
  else if ("discrepancy" in targets) await askDiscrepancy(context, stage, targets.discrepancy);
  else if ("import" in targets) await askImport(context, stage, targets.import);
  else await touchKeys(context, stage, targets.keys);
  await readTouched(context, stage);
}

/** Everything of customers, and what is known to be wrong about them: an object that is gone is listed no more. */
async function askCustomers(context: Sides, stage: Stage, customers: readonly string[]): Promise<void> {
  const { accountId, resource } = stage;
  if (!canBelong(resource) || customers.length === 0) return;
  const wrong = await context.sql<{ match: string }[]>`
    SELECT DISTINCT match FROM driftdesk.discrepancies
    WHERE account_id = ${accountId} AND resource = ${resource.name} AND customer_id = ANY(${[...customers]}::text[])
      AND match IS NOT NULL AND state IN (${context.sql.unsafe(listed(resolvableStates))})`;
  const itself = resource.stripe === "customer" && resource.match.by === "id";
  await context.begin(async (tx) => {
    await touch(
      tx,
      stage,
      wrong.map((row) => row.match),
    );
    await ask(tx, stage, itself ? { objects: customers, customers: [] } : { objects: [], customers });
  });
}

/** `addresses` as people write them; Stripe tells upper and lower case apart. */
async function askAddresses(context: Sides, stage: Stage, addresses: readonly string[]): Promise<void> {
  const written = addresses.map((address) => address.trim()).filter((address) => address !== "");
  const matches = written.map((address) => address.toLowerCase());
  const customers = await customersWith(context.stripe, [...written, ...matches]);
  if (stage.resource.match.by === "customerEmail") await context.begin((tx) => touch(tx, stage, matches));
  await askCustomers(context, stage, customers);
}

async function askIds(context: Sides, stage: Stage, ids: readonly string[]): Promise<void> {
  const objects = ids.filter((id) => typeOfId(id) === stage.resource.stripe);
  await askCustomers(
    context,
    stage,
    ids.filter((id) => typeOfId(id) === "customer"),
  );
  if (stage.resource.stripe !== "customer")
    await context.begin((tx) => ask(tx, stage, { objects, customers: [] }));
}

/** Rows by their keys, whatever they stand for now, and what they were last known to stand for. */
async function touchKeys(context: Sides, stage: Stage, keys: readonly string[]): Promise<void> {
  const { resource, table, accountId } = stage;
  const lines = await readLocalRows(context.local, stage, "key", keys);
  const rows = await context.begin(async (tx) => {
    await createRereadTable(tx, stage);
    await copyInto(tx, stage.reread, localColumns(stage), lines);
    return tx.unsafe<{ match: string }[]>(
      `SELECT match FROM ${stage.reread}
       UNION
       SELECT match FROM driftdesk.discrepancies
       WHERE account_id = $1 AND resource = $2 AND local_key = ANY($3::text[]) AND match IS NOT NULL`,
      [accountId, resource.name, [...keys]],
    );
  });
  const matches = rows.map((row) => row.match);
  await context.begin((tx) => touch(tx, stage, matches));
  if (resource.match.by !== "customerEmail") return;
  const column = `t.${quoteName(columnOf(table, resource.match.column).name)}::text`;
  const written = await context.local.unsafe<{ address: string }[]>(
    `SELECT ${column} AS address FROM ${quoteTable(table)} t
     WHERE t.${quoteName(resource.key)}::text = ANY($1::text[]) AND ${column} IS NOT NULL`,
    [[...keys]],
  );
  await askAddresses(context, stage, [...matches, ...written.map((row) => row.address)]);
}

async function askDiscrepancy(context: Sides, stage: Stage, id: number): Promise<void> {
  const { resource, match, localKey, customerId } = await known(context.sql, id);
  if (customerId !== null) await askCustomers(context, stage, [customerId]);
  if (resource !== stage.resource.name) return;
  if (match !== null && stage.resource.match.by === "customerEmail")
    await askAddresses(context, stage, [match]);
  else if (match !== null) await context.begin((tx) => touch(tx, stage, [match]));
  if (localKey !== null) await touchKeys(context, stage, [localKey]);
}

/** Lines at a time: as many questions as their pages name stand in a table, not in memory. */
const linesPerPage = 1_000;

/** Everything that the lines of an import name, whatever else they say. */
async function askImport(context: Sides, stage: Stage, id: number): Promise<void> {
  for (let last: number | undefined = 0; last !== undefined; ) {
    context.signal.throwIfAborted();
    const lines: ImportLine[] = await context.sql<ImportLine[]>`
      SELECT line, stripe_id AS "stripeId", customer_id AS customer, email FROM driftdesk.import_lines
      WHERE import_id = ${id} AND line > ${last} ORDER BY line LIMIT ${linesPerPage}`;
    const byId = stage.resource.match.by === "id";
    const named = lines.map(({ stripeId, customer }) =>
      byId ? (stripeId ?? customer) : (customer ?? stripeId),
    );
    await askIds(context, stage, [...new Set(named.filter((id) => id !== null))]);
    // Whoever is named by an id is not looked for by an address as well.
    const addressed = lines.filter((_, i) => named[i] === null).flatMap(({ email }) => email ?? []);
    await askAddresses(context, stage, [...new Set(addressed)]);
    // Stripe tells upper and lower case apart: a row here knows who is meant, however the address is written there.
    const found = [...(await findByAddress(context, stage, addressed)).values()].flat();
    await context.begin((tx) =>
      touch(
        tx,
        stage,
        found.flatMap(({ match }) => match ?? []),
      ),
    );
    last = lines.at(-1)?.line;
  }
}

interface ImportLine {
  line: number;
  stripeId: string | null;
  customer: string | null;
  email: string | null;
}

type Known = Pick<Discrepancy, "resource" | "match" | "localKey" | "customerId">;

async function known(sql: Sql, id: number): Promise<Known> {
  const [row] = await sql<Known[]>`
    -- By id and by customer it is told by the names, also where no run has written it down yet.
    SELECT resource, coalesce(match, stripe_id) AS match, local_key AS "localKey", customer_id AS "customerId"
    FROM driftdesk.discrepancies WHERE id = ${id}`;
  if (row) return row;
  throw new DriftdeskError("discrepancy_unknown", `There is no difference with the number ${id}.`, {
    status: 404,
  });
}
