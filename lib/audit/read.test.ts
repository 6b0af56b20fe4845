import { afterAll, beforeAll, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { appendAudit } from "./append.ts";
import type { AuditFilter } from "./filter.ts";
import { type AuditPage, readAudit } from "./read.ts";

const day = (n: number) => new Date(Date.UTC(2026, 10, n));
let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  const { sql } = database;
  await sql`INSERT INTO driftdesk.accounts (id, livemode) VALUES ('acct_1', true)`;
  for (const [id, customer] of [
    ["sub_1", "cus_one"],
    ["sub_2", "cus_one"],
    ["sub_3", "cus_two"],
  ] as const)
    await sql`
      INSERT INTO driftdesk.discrepancies (account_id, resource, kind, stripe_id, local_key, customer_id)
      VALUES ('acct_1', 'users', 'mismatch', ${id}, ${id}, ${customer})`;
  const entry = (discrepancy_id: number) => ({
    actor: "ada",
    action: "fix.applied" as const,
    discrepancy_id,
  });
  await appendAudit(sql, [1, 2, 3, 1, 2].map(entry), day(1));
  // By a process whose clock is a day ahead.
  await appendAudit(sql, [1, 2].map(entry), day(3));
  await appendAudit(sql, [3, 1, 2, 3].map(entry), day(2));
});
afterAll(() => database.drop());

const numbers = ({ entries }: AuditPage) => entries.map(({ seq }) => seq);
const read = (filter: AuditFilter, place: { before?: number; after?: number } = {}) =>
  readAudit(database.sql, filter, { limit: 3, ...place });

test.each<[string, AuditFilter, number[]]>([
  ["everything", {}, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]],
  ["up to a day", { to: day(4) }, [7, 6, 11, 10, 9, 8, 5, 4, 3, 2, 1]],
  ["up to an earlier day", { to: day(3) }, [11, 10, 9, 8, 5, 4, 3, 2, 1]],
  ["from a day on", { from: day(2) }, [11, 10, 9, 8, 7, 6]],
  ["of a customer", { customer: "cus_one" }, [10, 9, 7, 6, 5, 4, 2, 1]],
  ["of another customer", { customer: "cus_two" }, [11, 8, 3]],
])("%s is paged through to its end and back, each entry once", async (_, filter, expected) => {
  const pages = [await read(filter)];
  for (let older = pages[0]?.older; older; older = pages.at(-1)?.older)
    pages.push(await read(filter, { before: older }));
  expect(pages.flatMap(numbers)).toEqual(expected);
  expect(pages[0]?.newer).toBeNull();
  const back = [pages.at(-1) as AuditPage];
  for (let newer = back[0]?.newer; newer; newer = back[0]?.newer)
    back.unshift(await read(filter, { after: newer }));
  expect(back.flatMap(numbers)).toEqual(expected);
});
