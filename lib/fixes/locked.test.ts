import { afterAll, beforeAll, expect, test } from "vitest";
import { type Accounts, accountsTable, fin, openAccounts } from "../../sandbox/testing-accounts.ts";
import { bulkProblems } from "./bulk.ts";
import { executeBulk } from "./execute.ts";

let company: Accounts;
beforeAll(async () => {
  company = await openAccounts();
});
afterAll(() => company.close());

// Waiting for each row by itself would take half a minute, and hold the others meanwhile.
test("rows that somebody else's transaction holds for long fail together, and can be corrected later", async () => {
  const ids = company.take(15);
  const held = ids.slice(4, 10);
  await company.spoil(ids);
  const rows = await company.reconcile(ids);
  const { id } = await company.decide("apply", rows, fin);
  const other = await company.local.reserve();
  try {
    await other`BEGIN`;
    const locked = `SELECT FROM ${accountsTable} WHERE "stripe ""id""" = ANY($1::text[]) FOR UPDATE`;
    await other.unsafe(locked, [held]);
    expect(await executeBulk(company.desk, id)).toMatchObject({ state: "done", applied: 9, failed: 6 });
  } finally {
    await other`ROLLBACK`;
    other.release();
  }
  for (const one of await bulkProblems(company.desk.sql, id))
    expect(one.message).toContain("Somebody else's transaction holds the row");
  const again = await company.decide("apply", await company.found(held), fin);
  expect(await executeBulk(company.desk, again.id)).toMatchObject({ applied: 6 });
  await company.tellsTheWholeStory();
}, 20_000);
