// What is wrong in the company's records, what people decide to correct, and what happens in the meantime. All from a number.
import type { Sql } from "postgres";
import type Stripe from "stripe";
import { accountsTable } from "../accounts-table.ts";
import { Random } from "../world/random.ts";

export interface Plot {
  /** Rows that say something else than Stripe, with what is wrong about each. */
  wrong: Map<string, string>;
  missing: string[];
  /** Rows that Stripe knows nothing of. */
  unknown: string[];
  /** Of the wrong ones: those that somebody changes, deletes or hides after the decision. */
  touched: string[];
  deleted: string[];
  hidden: string[];
  /** Of the wrong ones: those that the database does not let through, at once or at the commit, or ignores. */
  refused: string[];
  refusedLate: string[];
  ignored: string[];
  /** Whether it is carried out so late that Stripe is asked again, and what has changed there by then. */
  late: boolean;
  renewed: string[];
}

/** Every eighth has more rows than are carried out at once. */
export const isLarge = (number: number) => number % 8 === 0;

const mistakes = [
  `"the status" = 'past_due'`,
  `"the status" = 'canceled', "Updated At" = NULL`,
  "amount = amount + 100, price = price + 1",
  "renews = renews - interval '30 days'",
  `plan = '{"seats": 99}'`,
  `note = 'cus_other', "the status" = 'unpaid', price = NULL`,
];

export function plotOf(number: number, subscriptions: readonly Stripe.Subscription[]): Plot {
  const random = new Random(7_919 * number);
  const ids = subscriptions.filter((one) => one.status === "active").map((one) => one.id);
  const take = (least: number, most: number) => ids.splice(0, Math.min(ids.length, random.int(least, most)));
  const some = (likely: number, most: number) => (random.chance(likely) ? take(1, most) : []);
  const large = isLarge(number);
  const plain = large ? take(1_050, 1_100) : take(2, 12);
  const plot = {
    missing: some(0.7, 5),
    unknown: random.chance(0.7) ? ["sub_unknown1", "sub_unknown2", "sub_unknown3"] : [],
    touched: some(0.6, 3),
    deleted: some(0.3, 2),
    hidden: some(0.3, 2),
    refused: large ? [] : some(0.3, 2),
    refusedLate: large ? [] : some(0.2, 1),
    ignored: some(0.2, 2),
    renewed: some(0.6, 3),
    late: random.chance(large ? 0 : 0.4),
  };
  const drifted = [plain, ...Object.values(plot).filter(Array.isArray)].flat();
  const notWrong = new Set([...plot.missing, ...plot.unknown]);
  const wrong = drifted.filter((id) => !notWrong.has(id)).map((id) => [id, random.pick(mistakes)] as const);
  return { wrong: new Map(wrong), ...plot };
}

/** Before the run that finds it. */
export async function drift(local: Sql, plot: Plot): Promise<void> {
  const at = (ids: Iterable<string>) => [[...ids]];
  for (const [assignment, ids] of Map.groupBy(plot.wrong, ([, what]) => what))
    await local.unsafe(
      `UPDATE ${accountsTable} SET ${assignment} WHERE "stripe ""id""" = ANY($1::text[])`,
      at(ids.map(([id]) => id)),
    );
  await local.unsafe(
    `DELETE FROM ${accountsTable} WHERE "stripe ""id""" = ANY($1::text[])`,
    at(plot.missing),
  );
  await local.unsafe(
    `INSERT INTO ${accountsTable} ("stripe ""id""", "the status") SELECT id, 'active' FROM unnest($1::text[]) AS id`,
    at(plot.unknown),
  );
}

/** After the decision and before anything is carried out. */
export async function meddle(local: Sql, plot: Plot): Promise<void> {
  const where = (ids: readonly string[]) =>
    `WHERE "stripe ""id""" = ANY(ARRAY[${ids.map((id) => `'${id}'`).join(", ")}]::text[])`;
  await local.unsafe(`
    UPDATE ${accountsTable} SET "the status" = 'trialing', note = 'touched', amount = -1, price = -1, renews = NULL, plan = NULL
    ${where(plot.touched)};
    DELETE FROM ${accountsTable} ${where(plot.deleted)};
    UPDATE ${accountsTable} SET gone = true ${where(plot.hidden)};
    UPDATE ${accountsTable} SET label = 'refused' ${where(plot.refused)};
    UPDATE ${accountsTable} SET label = 'refused late' ${where(plot.refusedLate)};
    UPDATE ${accountsTable} SET label = 'ignored' ${where(plot.ignored)};
    CREATE FUNCTION obstruct() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_ARGV[0] = 'ignored' THEN RETURN NULL; END IF;
        RAISE EXCEPTION 'this row is %', TG_ARGV[0];
      END $$;`);
  const obstruct = (when: string, ids: readonly string[], label: string) =>
    ids.length > 0 &&
    local.unsafe(`
      CREATE ${when.startsWith("AFTER") ? "CONSTRAINT " : ""}TRIGGER "obstruct ${label}" ${when}
        FOR EACH ROW WHEN (old.label = '${label}') EXECUTE FUNCTION obstruct('${label}')`);
  await obstruct(`BEFORE UPDATE ON ${accountsTable}`, plot.refused, "refused");
  await obstruct(
    `AFTER UPDATE ON ${accountsTable} DEFERRABLE INITIALLY DEFERRED`,
    plot.refusedLate,
    "refused late",
  );
  await obstruct(`BEFORE UPDATE ON ${accountsTable}`, plot.ignored, "ignored");
}
