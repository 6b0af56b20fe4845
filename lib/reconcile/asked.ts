// Reads everything that a run which does not read all has to know of the touched matches: first the local rows, then
// Stripe, so that a row which moves meanwhile shows it. Each bunch of answers is staged in one transaction with its marks.
import type { TransactionSql } from "postgres";
import type { StripeObject } from "../config/resource.ts";
import { copyInto } from "../local/copy.ts";
import { objectsOfCustomer } from "./current.ts";
import { stageExpected } from "./expected.ts";
import { insertValues } from "./insert.ts";
import { readLocalRows, rowsPerQuery } from "./local-rows.ts";
import { isUnreachable } from "./patience.ts";
import { customerIdOf, type Projected, projectObject } from "./project.ts";
import type { Sides } from "./sides.ts";
import { localColumns, type Stage } from "./staging.ts";
import { together } from "./together.ts";
import { ask, followAddresses, touchLate } from "./touched.ts";

/** Reads the touched matches whole, on both sides. What Stripe does not answer stays open or is marked unreadable. */
export async function readTouched(context: Sides, stage: Stage): Promise<void> {
  await context.begin((tx) =>
    tx.unsafe(`UPDATE ${stage.asked} SET state = 'open', message = NULL WHERE state = 'unreadable'`),
  );
  for (;;) {
    await context.begin((tx) => followAddresses(tx, stage));
    await stageLocalRows(context, stage);
    await foresee(context, stage);
    // Customers first: what comes with them need not be asked for by itself.
    const customers = await askStripe(context, stage, "customer");
    const objects = customers.broken ? customers : await askStripe(context, stage, "object");
    // Answers may name more: whose an object is, what others have the same address.
    if (objects.broken || customers.answered + objects.answered === 0) return;
  }
}

/** How many objects there will be at the end, as far as that can be told. */
const foresee = ({ begin }: Sides, stage: Stage) =>
  begin((tx) =>
    tx.unsafe(
      `UPDATE driftdesk.run_resources
       SET objects_expected = objects + (SELECT count(*) FROM ${stage.asked} WHERE state = 'open')
       WHERE run_id = $1 AND resource = $2`,
      [stage.runId, stage.resource.name],
    ),
  );

/** Stages the local rows of all touched matches that are not staged yet. */
export async function stageLocalRows(context: Sides, stage: Stage): Promise<void> {
  for (;;) {
    context.signal.throwIfAborted();
    const batch = await context.sql.unsafe<{ match: string }[]>(
      `SELECT match FROM ${stage.touched} WHERE NOT read ORDER BY match LIMIT ${rowsPerQuery}`,
    );
    if (batch.length === 0) return;
    const matches = batch.map((row) => row.match);
    const lines = await readLocalRows(context.local, stage, "match", matches);
    await context.begin(async (tx) => {
      if (lines !== "") await copyInto(tx, stage.local, localColumns(stage), lines);
      await tx.unsafe(`UPDATE ${stage.touched} SET read = true WHERE match = ANY($1::text[])`, [matches]);
      await tx.unsafe(
        `WITH counted AS (
           UPDATE driftdesk.local_copies SET rows = (SELECT count(*) FROM ${stage.local})
           WHERE run_id = $1 AND resource = $2 RETURNING rows
         )
         UPDATE driftdesk.run_resources r SET local_rows = counted.rows FROM counted
         WHERE r.run_id = $1 AND r.resource = $2`,
        [stage.runId, stage.resource.name],
      );
    });
  }
}

interface Question {
  kind: "object" | "customer";
  id: string;
}

/** Bunches under way at the same time: while one is committed the others keep the pace. */
const bunches = 3;

/** Asks everything of a kind that is open. `broken`: Stripe has stopped answering, and the rest was left. */
async function askStripe(
  context: Sides,
  stage: Stage,
  kind: Question["kind"],
): Promise<{ answered: number; broken: boolean }> {
  let last = "";
  let answered = 0;
  let broken = false;
  let taking: Promise<unknown> = Promise.resolve();
  const take = () => {
    const taken = taking.then(async () => {
      const bunch = await context.sql.unsafe<Question[]>(
        `SELECT kind, id FROM ${stage.asked} WHERE state = 'open' AND kind = $1 AND id > $2
         ORDER BY id LIMIT $3`,
        [kind, last, Math.ceil(context.parallel / bunches)],
      );
      last = bunch.at(-1)?.id ?? last;
      return bunch;
    });
    taking = taken;
    return taken;
  };
  const worker = async (signal: AbortSignal) => {
    for (let bunch = await take(); bunch.length > 0 && !broken; bunch = await take()) {
      signal.throwIfAborted();
      const answers = await Promise.all(bunch.map((question) => answer(context, stage, question)));
      signal.throwIfAborted();
      await stageAnswers(context, stage, answers);
      answered += answers.length;
      broken ||= answers.some((one) => one.unread !== null);
    }
  };
  await together(context.signal, Array<typeof worker>(bunches).fill(worker));
  return { answered, broken };
}

interface Answer {
  question: Question;
  objects: StripeObject[];
  /** Why Stripe did not answer. */
  unread: string | null;
}

async function answer({ stripe }: Sides, { resource }: Stage, question: Question): Promise<Answer> {
  try {
    if (question.kind === "customer")
      return { question, objects: await objectsOfCustomer(stripe, resource, question.id), unread: null };
    const object = await stripe.retrieve(resource.stripe, question.id, resource.expand);
    return { question, objects: object ? [object] : [], unread: null };
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    return { question, objects: [], unread: error.message };
  }
}

async function stageAnswers(context: Sides, stage: Stage, answers: readonly Answer[]): Promise<void> {
  const all = answers.flatMap(({ question, objects }) => objects.map((object) => ({ question, object })));
  // Where a row stands for a customer, all of the customer's objects have a say: the one alone says only whose it is.
  const isWhole = ({ question, object }: (typeof all)[number]) =>
    question.kind === "customer" || stage.resource.match.by === "id" || customerIdOf(object) === null;
  // An object by itself and among its customer's: either is as it is now.
  const objects = [...new Map(all.filter(isWhole).map(({ object }) => [object.id, object])).values()];
  const customers = all.filter((one) => !isWhole(one)).flatMap(({ object }) => customerIdOf(object) ?? []);
  const rows = objects.map((object) => projectObject(stage.resource, stage.table, object));
  await context.begin(async (tx) => {
    // One bunch after the other: an object that two of them answer is staged once.
    await tx.unsafe(`LOCK TABLE ${stage.asked} IN SHARE ROW EXCLUSIVE MODE`);
    const ids = rows.map((row) => row.stripeId);
    const again = await tx.unsafe(`DELETE FROM ${stage.expected} WHERE stripe_id = ANY($1::text[])`, [ids]);
    await stageExpected(tx, stage, rows);
    await tx`
      UPDATE driftdesk.run_resources SET objects = objects + ${ids.length - again.count}
      WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name}`;
    const matches = rows.flatMap((row) => row.match ?? []);
    await touchLate(tx, stage, matches);
    await ask(tx, stage, { objects: [], customers });
    await stageInserts(tx, stage, rows, (i, insert) => {
      const object = objects[i];
      return object ? insertValues(stage.table, insert, object) : null;
    });
    await mark(tx, stage, answers, ids);
  });
}

/**
 * What `missingLocal.insert` makes of objects that have no row, while they are at hand. `make` does so for the row's number;
 * null: what is at hand does not suffice.
 */
export async function stageInserts(
  tx: TransactionSql,
  stage: Stage,
  rows: readonly Projected[],
  make: (i: number, insert: Insert) => ReturnType<typeof insertValues> | null,
): Promise<void> {
  const { missingLocal } = stage.resource;
  if (missingLocal === "report") return;
  const rowless = await tx.unsafe<{ match: string }[]>(
    `SELECT t.match FROM ${stage.touched} t
     WHERE t.match = ANY($1::text[]) AND t.read AND NOT EXISTS (SELECT FROM ${stage.local} l WHERE l.match = t.match)`,
    [rows.flatMap((row) => row.match ?? [])],
  );
  const wanted = new Set(rowless.map((row) => row.match));
  const inserts = rows.flatMap(({ match, stripeId: id }, i) => {
    const made = match && wanted.has(match) ? make(i, missingLocal.insert) : null;
    return made ? [{ match, id, made }] : [];
  });
  if (inserts.length === 0) return;
  await tx.unsafe(
    `UPDATE ${stage.touched} t SET inserts = t.inserts || v.inserts
     FROM (SELECT match, jsonb_object_agg(id, made) AS inserts
           FROM jsonb_to_recordset($1::text::jsonb) AS r (match text, id text, made jsonb) GROUP BY match) v
     WHERE t.match = v.match`,
    [JSON.stringify(inserts)],
  );
}

type Insert = Exclude<Stage["resource"]["missingLocal"], "report">["insert"];

async function mark(
  tx: TransactionSql,
  stage: Stage,
  answers: readonly Answer[],
  objects: readonly string[],
): Promise<void> {
  // What came among its customer's objects need not be asked for by itself.
  await tx.unsafe(
    `UPDATE ${stage.asked} SET state = 'done' WHERE kind = 'object' AND state = 'open' AND id = ANY($1::text[])`,
    [[...objects]],
  );
  await tx.unsafe(
    `UPDATE ${stage.asked} a SET state = CASE WHEN v.unread IS NULL THEN 'done' ELSE 'unreadable' END, message = v.unread
     FROM unnest($1::text[], $2::text[], $3::text[]) AS v (kind, id, unread)
     WHERE a.kind = v.kind AND a.id = v.id`,
    [
      answers.map(({ question }) => question.kind),
      answers.map(({ question }) => question.id),
      answers.map(({ unread }) => unread),
    ],
  );
}
