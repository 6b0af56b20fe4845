// How far Driftdesk reaches into the user's tables: every change of every column of every row is seen by a trigger.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Accounts, accountsTable, fin, openAccounts } from "../../sandbox/testing-accounts.ts";
import { executeBulk } from "./execute.ts";

let company: Accounts;
beforeAll(async () => {
  company = await openAccounts({ customers: 60 });
  await company.local.unsafe(`
    CREATE TABLE changes (what text, id text, columns text[]);
    CREATE FUNCTION note_columns() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN
        INSERT INTO public.changes VALUES (lower(TG_OP), coalesce(new."stripe ""id""", old."stripe ""id"""), ARRAY(
          SELECT n.key FROM jsonb_each(to_jsonb(new)) n JOIN jsonb_each(to_jsonb(old)) o USING (key)
          WHERE n.value IS DISTINCT FROM o.value ORDER BY n.key COLLATE "C"));
        RETURN NULL;
      END $$;
    CREATE TRIGGER note_columns AFTER INSERT OR UPDATE OR DELETE ON ${accountsTable}
      FOR EACH ROW EXECUTE FUNCTION note_columns()`);
});
afterAll(() => company.close());

const changes = async () => [
  ...(await company.local`SELECT what, id, columns FROM changes ORDER BY what, id COLLATE "C"`),
];
const forget = () => company.local`TRUNCATE changes`;

test("a run without policies, and a look at what it found, write nothing into the user's tables", async () => {
  const [one, two] = company.take(2) as [string, string];
  await company.spoil([one], `"the status" = 'past_due'`);
  await company.local.unsafe(`DELETE FROM ${accountsTable} WHERE "stripe ""id""" = $1`, [two]);
  await company.local.unsafe(`INSERT INTO ${accountsTable} ("stripe ""id""") VALUES ('sub_unknown')`);
  await forget();
  const found = await company.reconcile([one, two, "sub_unknown"]);
  expect(found.map((row) => row.kind)).toEqual(["mismatch", "missing_local", "missing_in_stripe"]);
  expect(await changes()).toEqual([]);
});

test("a fix writes the columns that were shown, of the rows that were decided on, and nothing else", async () => {
  const [one, two, three] = company.take(3) as [string, string, string];
  await company.spoil([one], `"the status" = 'past_due', label = 'ours'`);
  await company.spoil([two], `"the status" = 'unpaid', note = 'cus_other'`);
  await company.spoil([three], `"the status" = 'unpaid'`);
  const found = await company.reconcile([one, two, three]);
  await forget();
  const { id } = await company.decide("apply", found.slice(0, 2), fin);
  await executeBulk(company.desk, id);
  const written = [
    { what: "update", id: one, columns: ["Updated At", "the status"] },
    { what: "update", id: two, columns: ["Updated At", "note", "the status"] },
  ];
  expect(await changes()).toEqual(written.sort((a, b) => (a.id < b.id ? -1 : 1)));
});
