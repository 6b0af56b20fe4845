import { afterAll, beforeAll, expect, test } from "vitest";
import { type Accounts, accountsTable, fin, openAccounts } from "../../sandbox/testing-accounts.ts";
import { bulkProblems } from "./bulk.ts";
import { executeBulk } from "./execute.ts";

let company: Accounts;
beforeAll(async () => {
  company = await openAccounts();
});
afterAll(() => company.close());

test("a row that somebody else's transaction holds for long fails alone, and can be corrected later", async () => {
  const ids = company.take(5);
  await company.spoil(ids);
  const rows = await company.reconcile(ids);
  const other = await company.local.reserve();
  await other`BEGIN`;
  await other.unsafe(`SELECT FROM ${accountsTable} WHERE "stripe ""id""" = $1 FOR UPDATE`, [
    ids[2] as string,
  ]);
  const { id } = await company.decide("apply", rows, fin);
  expect(await executeBulk(company.desk, id)).toMatchObject({ state: "done", applied: 4, failed: 1 });
  expect(await bulkProblems(company.desk.sql, id)).toMatchObject([
    {
      discrepancyId: rows[2]?.id,
      message: expect.stringContaining("Somebody else's transaction holds the row"),
    },
  ]);
  await other`ROLLBACK`;
  other.release();
  const again = await company.decide("apply", await company.found(ids.slice(2, 3)), fin);
  expect(await executeBulk(company.desk, again.id)).toMatchObject({ applied: 1 });
  await company.tellsTheWholeStory();
});
