import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { countChanges, countFacets, countStates } from "./facets.ts";
import { discrepancyFilterSchema, filterCondition } from "./filter.ts";
import { fetchPage, listDiscrepancies } from "./list.ts";
import { findNeighbours } from "./neighbours.ts";
import { type Sort, sortKeys } from "./sort.ts";

const now = new Date("2026-11-20T12:00:00Z");
const open = discrepancyFilterSchema.parse({});
const sorts: Sort[] = sortKeys.flatMap((by) => [
  { by, direction: "asc" as const },
  { by, direction: "desc" as const },
]);

let database: FreshDatabase;

beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  await plant(database.sql, 3_000);
});
afterAll(() => database.drop());

/** Rows with many equal amounts, labels and times, so that every sort has ties to break. */
async function plant(sql: FreshDatabase["sql"], rows: number): Promise<void> {
  await sql`
    INSERT INTO driftdesk.discrepancies
      (account_id, resource, kind, stripe_id, local_key, customer_id, label, fields, change, impact, amount_minor,
       currency, cause, state, opened_at)
    SELECT 'acct_1', (ARRAY['subscriptions', 'customers', 'invoices'])[1 + n % 3],
           (ARRAY['mismatch', 'mismatch', 'missing_local', 'missing_in_stripe'])[1 + n % 4],
           'sub_' || n, n::text, 'cus_' || n % 900,
           CASE WHEN n % 11 = 0 THEN NULL ELSE 'person' || n % 400 || '@example.com' END, '[]',
           (ARRAY['active → canceled', 'past_due → active', ''])[1 + n % 3],
           (ARRAY['paid_no_access', 'access_no_pay', 'money', 'other'])[1 + (n * 7) % 4],
           (n * 37) % 50 * 100, CASE WHEN n % 7 > 1 THEN 'usd' ELSE 'eur' END, (ARRAY['webhook_lost', 'unknown'])[1 + n % 2],
           CASE WHEN n % 10 = 0 THEN 'fixed' ELSE 'open' END,
           ${now}::timestamptz - (n % 200) * interval '1 hour' - (n % 3) * interval '1 microsecond'
    FROM generate_series(1, ${rows}) AS n`;
  await sql`ANALYZE driftdesk.discrepancies`;
}

async function idsInOrder(sort: Sort): Promise<number[]> {
  const { sql } = database;
  const rows = await sql<{ id: number; label: string | null }[]>`
    SELECT d.id, d.impact_rank, d.amount_minor, d.opened_at, d.label
    FROM driftdesk.discrepancies d WHERE d.state = 'open'
    ORDER BY ${
      {
        impact:
          sort.direction === "desc"
            ? sql`impact_rank, amount_minor DESC, id`
            : sql`impact_rank DESC, amount_minor, id DESC`,
        amount: sort.direction === "desc" ? sql`amount_minor DESC, id DESC` : sql`amount_minor, id`,
        age: sort.direction === "desc" ? sql`opened_at, id` : sql`opened_at DESC, id DESC`,
        label:
          sort.direction === "desc" ? sql`coalesce(label, '') DESC, id DESC` : sql`coalesce(label, ''), id`,
      }[sort.by]
    }`;
  return rows.map((row) => row.id);
}

describe("pages of the list", () => {
  test.each(sorts)("by $by $direction cover everything exactly once, forwards and back", async (sort) => {
    const expected = await idsInOrder(sort);
    const forwards: number[] = [];
    const pages: string[] = [];
    let cursor: string | undefined;
    for (let guard = 0; guard < 100; guard++) {
      const page = await listDiscrepancies(database.sql, { filter: open, sort, cursor, limit: 37, now });
      forwards.push(...page.rows.map((row) => row.id));
      if (page.previous) pages.push(page.previous);
      if (!page.next) break;
      cursor = page.next;
    }
    expect(forwards).toEqual(expected);

    const backwards: number[] = [];
    let back = pages.at(-1);
    const lastPage = expected.slice(-(expected.length % 37 || 37));
    backwards.unshift(...lastPage);
    while (back) {
      const page = await listDiscrepancies(database.sql, {
        filter: open,
        sort,
        cursor: back,
        limit: 37,
        now,
      });
      backwards.unshift(...page.rows.map((row) => row.id));
      expect(page.next).not.toBeNull();
      back = page.previous ?? undefined;
    }
    expect(backwards).toEqual(expected);
  });

  test("are narrowed by every part of the filter", async () => {
    const filter = discrepancyFilterSchema.parse({
      resource: ["customers"],
      impact: ["money", "other"],
      kind: ["missing_local", "mismatch"],
      cause: ["unknown"],
      search: "PERSON1",
      olderThanHours: 24,
    });
    const page = await listDiscrepancies(database.sql, {
      filter,
      sort: { by: "age", direction: "desc" },
      limit: 100,
      now,
    });
    expect(page.rows.length).toBeGreaterThan(0);
    expect(page.total).toEqual({ count: page.rows.length, more: false });
    for (const row of page.rows) {
      expect(row.resource).toBe("customers");
      expect(["money", "other"]).toContain(row.impact);
      expect(["missing_local", "mismatch"]).toContain(row.kind);
      expect(row.cause).toBe("unknown");
      expect(row.label).toContain("person1");
      expect(now.getTime() - row.openedAt.getTime()).toBeGreaterThanOrEqual(24 * 3_600_000);
    }
  });

  test("take % and _ in a search literally", async () => {
    const list = (search: string) =>
      listDiscrepancies(database.sql, {
        filter: discrepancyFilterSchema.parse({ search }),
        sort: { by: "impact", direction: "desc" },
        limit: 1,
        now,
      });
    expect((await list("person%example")).total.count).toBe(0);
    expect((await list("s_b")).total.count).toBe(0);
    expect((await list("sub_")).total.count).toBe(2_700);
  });

  test("start from the beginning for a cursor of another sort, a forged one, or nonsense", async () => {
    const sort: Sort = { by: "impact", direction: "desc" };
    const list = (cursor?: string) =>
      listDiscrepancies(database.sql, { filter: open, sort, cursor, limit: 5, now });
    const first = await list();
    const other = await listDiscrepancies(database.sql, {
      filter: open,
      sort: { by: "age", direction: "desc" },
      limit: 5,
      now,
    });
    const forged = Buffer.from(
      JSON.stringify({ by: "impact", direction: "desc", way: "next", position: ["1; DROP", "x", "1"] }),
    ).toString("base64url");
    for (const cursor of [other.next as string, forged, "nonsense", ""])
      expect((await list(cursor)).rows).toEqual(first.rows);
  });
});

describe("facets", () => {
  test("count what choosing a value would show, whatever else is chosen of the same facet", async () => {
    const filter = discrepancyFilterSchema.parse({ impact: ["money"], resource: ["customers"] });
    const facets = await countFacets(database.sql, filter, now);
    expect(facets.impact.map((f) => f.value).sort()).toEqual([
      "access_no_pay",
      "money",
      "other",
      "paid_no_access",
    ]);
    expect(facets.resource.map((f) => f.value).sort()).toEqual(["customers", "invoices", "subscriptions"]);
    for (const { value, count } of facets.resource) {
      const page = await listDiscrepancies(database.sql, {
        filter: { ...filter, resource: [value] },
        sort: { by: "impact", direction: "desc" },
        limit: 1,
        now,
      });
      expect(page.total.count).toBe(count);
    }
  });

  test("ages count what is at least that old, whichever age is chosen", async () => {
    const filter = discrepancyFilterSchema.parse({ impact: ["money"] });
    const { age } = await countFacets(database.sql, { ...filter, olderThanHours: 168 }, now);
    expect(age.map(({ value }) => value)).toEqual(["1", "24", "72", "168", "720"]);
    for (const { value, count } of age) {
      const page = await listDiscrepancies(database.sql, {
        filter: { ...filter, olderThanHours: Number(value) },
        sort: { by: "age", direction: "desc" },
        limit: 1,
        now,
      });
      expect(count).toBe(page.total.count);
    }
  });

  test("changes come with the impact that most of their rows have, the commonest first", async () => {
    const changes = await countChanges(database.sql, open, now);
    expect(changes.reduce((sum, change) => sum + change.count, 0)).toBe(2_700);
    expect(changes.map(({ count }) => count)).toEqual(
      changes.map(({ count }) => count).sort((a, b) => b - a),
    );
    for (const { value, impact, stakes } of changes) {
      const [most] = await database.sql<{ impact: string }[]>`
        SELECT impact FROM driftdesk.discrepancies WHERE state = 'open' AND change = ${value}
        GROUP BY impact ORDER BY count(*) DESC, impact LIMIT 1`;
      expect(impact).toBe(most?.impact);
      const money = await database.sql`
        SELECT currency, sum(amount_minor)::bigint AS "amountMinor" FROM driftdesk.discrepancies
        WHERE state = 'open' AND change = ${value} GROUP BY currency ORDER BY currency DESC`;
      expect(stakes).toEqual([...money]);
    }
  });

  test("states are counted for the tabs", async () => {
    const none = { waiting: 0, snoozed: 0, applying: 0, rejected: 0, resolved: 0 };
    expect(await countStates(database.sql)).toEqual({ ...none, open: 2_700, fixed: 300 });
  });
});

describe("neighbours", () => {
  test.each(sorts)("by $by $direction are the rows before and after, with the place", async (sort) => {
    const order = await idsInOrder(sort);
    for (const place of [1, 2, 1_350, order.length]) {
      const found = await findNeighbours(database.sql, {
        filter: open,
        sort,
        id: order[place - 1] as number,
        now,
      });
      expect(found).toEqual({ previous: order[place - 2] ?? null, next: order[place] ?? null, place });
    }
  });

  test("of a row that has left the list are still those around its old place", async () => {
    const sort: Sort = { by: "impact", direction: "desc" };
    const [gone] = await database.sql<{ id: number }[]>`
      SELECT id FROM driftdesk.discrepancies WHERE state = 'fixed' AND impact = 'money' ORDER BY id LIMIT 1`;
    const found = await findNeighbours(database.sql, { filter: open, sort, id: gone?.id as number, now });
    expect(found.place).toBeNull();
    expect(found.next).not.toBeNull();
    expect(found.previous).not.toBeNull();
  });
});

describe("with 100,000 rows", () => {
  let large: FreshDatabase;
  beforeAll(async () => {
    large = await freshDatabase({ migrated: true });
    await plant(large.sql, 100_000);
  });
  afterAll(() => large.drop());

  test.each(sorts)(
    "a page by $by $direction, first or deep, reads its index and sorts nothing large",
    async (sort) => {
      const { sql } = large;
      const condition = filterCondition(sql, open, now);
      const deep = await deepCursor(sort);
      for (const cursor of [null, deep] as const) {
        const query = fetchPage(sql, { condition, sort, cursor, limit: 51 });
        const plan = (await sql`EXPLAIN (ANALYZE, FORMAT JSON) ${query as never}`)[0]?.["QUERY PLAN"];
        const nodes = nodesOf(plan[0].Plan);
        expect(nodes.map((node) => node["Node Type"])).not.toContain("Seq Scan");
        const mostRows = Math.max(
          ...nodes.map((node) => node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0)),
        );
        expect(mostRows).toBeLessThan(1_000);
      }
    },
  );

  test("the total is exact, and where rows have to be searched it is up to ten thousand and says so", async () => {
    const list = (filter: object) =>
      listDiscrepancies(large.sql, {
        filter: discrepancyFilterSchema.parse(filter),
        sort: { by: "impact", direction: "desc" },
        limit: 1,
        now,
      });
    expect((await list({})).total).toEqual({ count: 90_000, more: false });
    expect((await list({ impact: ["money"] })).total).toEqual({ count: 20_000, more: false });
    expect((await list({ search: "cus_" })).total).toEqual({ count: 10_000, more: true });
    expect((await list({ search: "cus_", state: "fixed" })).total).toEqual({ count: 10_000, more: false });
  });

  test("facets are exact, and where rows have to be searched they are counted so far and say so", async () => {
    const facets = (filter: object) => countFacets(large.sql, discrepancyFilterSchema.parse(filter), now);
    const exact = await facets({});
    expect(exact.impact).toEqual([
      { value: "access_no_pay", count: 25_000, more: false },
      { value: "other", count: 25_000, more: false },
      { value: "money", count: 20_000, more: false },
      { value: "paid_no_access", count: 20_000, more: false },
    ]);
    const searched = await facets({ search: "cus_" });
    for (const values of [searched.impact, searched.resource, searched.change]) {
      expect(values.every(({ more }) => more)).toBe(true);
      expect(values.reduce((sum, { count }) => sum + count, 0)).toBe(10_001);
    }
  });

  test("ages are counted among the oldest, and say that there are more where these do not reach", async () => {
    const { age } = await countFacets(large.sql, open, now);
    expect(age).toEqual(
      ["1", "24", "72", "168"]
        .map((value) => ({ value, count: 1_000, more: true }))
        .concat({ value: "720", count: 0, more: false }),
    );
    const { age: ofMoney } = await countFacets(large.sql, { ...open, impact: ["money"] }, now);
    expect(ofMoney[0]?.count).toBeLessThan(1_000);
    expect(ofMoney[0]?.more).toBe(true);
  });

  async function deepCursor(sort: Sort) {
    const page = await listDiscrepancies(large.sql, { filter: open, sort, limit: 5_000, now });
    const { readCursor } = await import("./cursor.ts");
    return readCursor(sort, page.next as string);
  }
});

interface PlanNode {
  "Node Type": string;
  "Actual Rows": number;
  "Rows Removed by Filter"?: number;
  Plans?: PlanNode[];
}
const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];
