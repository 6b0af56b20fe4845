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

test.each<[string, AuditFilter]>([
  ["", { actor: "grace" }],
  [", up to a day", { actor: "katherine", to: day(5) }],
])(
  "a search looks at so many entries at a time, says how far it came, and goes on from there%s",
  async (_, filter) => {
    const { sql } = database;
    const named = (subject: string) => ({
      actor: filter.actor ?? "",
      action: "fix.applied" as const,
      subject,
    });
    const names = ["mary", "joan", "joan", "joan", "joan", "mary", "joan", "mary", "joan", "joan"];
    await appendAudit(sql, names.map(named), day(4));
    const [top] = await sql<{ seq: number }[]>`SELECT max(seq) AS seq FROM driftdesk.audit_entries`;
    // By the numbers that they were written with, the first is 1.
    const first = (top?.seq ?? 0) - names.length;
    const search = async (place: { before?: number; after?: number }) => {
      const page = await readAudit(sql, { search: "MARY", ...filter }, { limit: 3, reach: 4, ...place });
      return {
        found: numbers(page).map((seq) => seq - first),
        reached: page.reached && page.reached.seq - first,
        page,
      };
    };
    const newest = await search({});
    expect(newest).toMatchObject({ found: [8], reached: 7 });
    const further = await search({ before: newest.page.older ?? 0 });
    expect(further).toMatchObject({ found: [6], reached: 3 });
    const last = await search({ before: further.page.older ?? 0 });
    expect(last).toMatchObject({ found: [1], reached: null });
    expect(last.page.older).toBeNull();
    // And back, in the other direction, over a stretch in which there is nothing.
    const back = await search({ after: last.page.newer ?? 0 });
    expect(back).toMatchObject({ found: [], reached: 5 });
    expect(await search({ after: back.page.newer ?? 0 })).toMatchObject({ found: [8, 6], reached: 9 });
  },
);
