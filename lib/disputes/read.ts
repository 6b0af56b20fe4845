// Stripe's disputes are read now and then, since their deadlines pass whether or not anybody maps them.
import type Stripe from "stripe";
import { type Desk, type Desks, desksOf } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";

const everyMs = 3_600_000;
const againMs = 5 * 60_000;
/** Evidence is due some weeks after a dispute began; what is older has been decided. */
const agesMs = 120 * 24 * 3_600_000;
/** Of a hundred disputes each. */
const mostPages = 50;

/** Reads the disputes of every account whose turn it is, in whatever process. Never throws for what Stripe answers. */
export async function readDisputes(desks: Desks): Promise<void> {
  // Before anything was compared it is not known whose key it is.
  const [compared] = await desks.sql`SELECT FROM driftdesk.accounts LIMIT 1`;
  if (!compared) return;
  for (const desk of desksOf(desks)) {
    if (!(await mayLook(desk))) continue;
    try {
      await settleLook(desk, everyMs, await readAll(desk));
    } catch (error) {
      const problem =
        error instanceof DriftdeskError ? error.message : "Disputes could not be read. The log says more.";
      desk.log.warn(error, "reading disputes failed");
      await settleLook(desk, againMs, problem);
    }
  }
}

/** Why some account's disputes cannot be read, as far as that is known. */
export async function disputeProblems({
  sql,
}: Pick<Desks, "sql">): Promise<{ account: string; problem: string }[]> {
  return sql<{ account: string; problem: string }[]>`
    SELECT account_name AS account, problem FROM driftdesk.dispute_looks
    WHERE problem IS NOT NULL ORDER BY account_name`;
}

const nameOf = (desk: Desk) => desk.config.account.name ?? "";

/** One process an hour. One that is killed meanwhile is made up for a little later. */
async function mayLook(desk: Desk): Promise<boolean> {
  const now = desk.now();
  const taken = await desk.sql`
    INSERT INTO driftdesk.dispute_looks AS l (account_name, next_at)
    VALUES (${nameOf(desk)}, ${new Date(now.getTime() + againMs)})
    ON CONFLICT (account_name) DO UPDATE SET next_at = excluded.next_at WHERE l.next_at <= ${now}
    RETURNING l.account_name`;
  return taken.length > 0;
}

async function settleLook(desk: Desk, afterMs: number, problem: string | null): Promise<void> {
  await desk.sql`
    UPDATE driftdesk.dispute_looks
    SET next_at = ${new Date(desk.now().getTime() + afterMs)}, problem = ${problem}
    WHERE account_name = ${nameOf(desk)}`;
}

/** Answers what people should know of it, if anything. */
async function readAll(desk: Desk): Promise<string | null> {
  const { stripe, config } = desk;
  const { id } = await stripe.account();
  const pinned = config.account.id;
  if (pinned !== undefined && pinned !== id) return `The key belongs to ${id}, and not to ${pinned}.`;
  const createdFrom = Math.floor((desk.now().getTime() - agesMs) / 1_000);
  let startingAfter: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const { data, hasMore } = await stripe.list("dispute", {
      createdFrom,
      startingAfter,
      expand: ["charge"],
    });
    await keep(desk, id, data);
    if (!hasMore) return null;
    startingAfter = data.at(-1)?.id;
  }
  return `There are more than ${mostPages * 100} disputes of the last 120 days. Only the newest were read.`;
}

async function keep(
  { sql, now }: Desk,
  accountId: string,
  disputes: readonly Stripe.Dispute[],
): Promise<void> {
  const rows = disputes.map((dispute) => {
    const { charge, evidence_details: evidence } = dispute;
    const customer = typeof charge === "object" ? charge.customer : null;
    return {
      id: dispute.id,
      status: dispute.status,
      reason: dispute.reason,
      amount_minor: dispute.amount,
      currency: dispute.currency,
      charge_id: typeof charge === "object" ? charge.id : charge,
      customer_id: typeof customer === "object" ? (customer?.id ?? null) : customer,
      created: dispute.created,
      due: evidence.due_by,
      submitted: evidence.submission_count > 0,
      livemode: dispute.livemode,
    };
  });
  if (rows.length === 0) return;
  await sql`
    INSERT INTO driftdesk.disputes (account_id, id, status, reason, amount_minor, currency, charge_id, customer_id,
                                    created_at, due_at, submitted, livemode, read_at)
    SELECT ${accountId}, v.id, v.status, v.reason, v.amount_minor, v.currency, v.charge_id, v.customer_id,
           to_timestamp(v.created), to_timestamp(v.due), v.submitted, v.livemode, ${now()}
    FROM jsonb_to_recordset(${sql.json(rows as never)}) AS v
      (id text, status text, reason text, amount_minor bigint, currency text, charge_id text, customer_id text,
       created bigint, due bigint, submitted boolean, livemode boolean)
    ON CONFLICT (account_id, id) DO UPDATE
    SET status = excluded.status, reason = excluded.reason, amount_minor = excluded.amount_minor,
        currency = excluded.currency, charge_id = excluded.charge_id, customer_id = excluded.customer_id,
        due_at = excluded.due_at, submitted = excluded.submitted, read_at = excluded.read_at`;
}
