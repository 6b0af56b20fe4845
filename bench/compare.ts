import type { Sql } from "postgres";
import { loadConfig } from "../lib/config/load.ts";
import type { Resource } from "../lib/config/resource.ts";
import { connect } from "../lib/db/connect.ts";
import { migrate } from "../lib/db/migrate.ts";
import { describeTable } from "../lib/local/catalog.ts";
import { copyAcross } from "../lib/local/copy.ts";
import { findCandidates } from "../lib/reconcile/compare.ts";
import {
  createStagingTables,
  expectedColumns,
  localColumns,
  localRowsQuery,
  type Stage,
  stageOf,
} from "../lib/reconcile/staging.ts";
import { createTable } from "./kinds.ts";
import { configFile } from "./stripe.ts";
import type { Line } from "./table.ts";
import { inTurns, seconds } from "./time.ts";

/** Comparing what is staged, and staging the local rows, each against the plainest SQL that does the same. */
export async function benchCompare(
  rows: number,
  database: (name: string) => Promise<string>,
): Promise<Line[]> {
  const few = Math.min(10_000, rows / 10);
  const config = await loadConfig(configFile);
  const resource = config.accounts[0].resources.find((one) => one.name === "subscriptions") as Resource;
  const url = await database("compare");
  await migrate(url);
  const sql = connect(url, { max: 4 });
  try {
    await sql.unsafe(`${createTable("subscriptions")}; CREATE UNIQUE INDEX ON subscriptions (stripe_id)`);
    const small = await planted(sql, resource, few);
    const growth = await inTurns(3, { product: () => compare(sql, small) });
    await sql.unsafe("TRUNCATE subscriptions");
    const stage = await planted(sql, resource, rows);
    const compared = await inTurns(3, {
      product: () => compare(sql, stage),
      bare: () => fullJoin(sql, stage),
    });
    const staged = await inTurns(3, {
      product: () => stageLocal(sql, stage),
      bare: () => bareCopy(sql),
    });
    const size = `${rows.toLocaleString("en")} rows on each side`;
    const factor = compared.product / growth.product;
    return [
      ratioLine("Comparing, against a full join written by hand", size, compared, 1.5),
      {
        what: "Comparing, as it grows",
        size: `${few.toLocaleString("en")} rows: ${growth.product.toFixed(2)} s`,
        result: `× ${factor.toFixed(0)} for × ${rows / few} rows`,
        target: "",
      },
      ratioLine("Staging local rows, against a bare COPY", `${rows.toLocaleString("en")} rows`, staged, 1.5),
    ];
  } finally {
    await sql.end();
  }
}

function ratioLine(
  what: string,
  size: string,
  times: Record<"product" | "bare", number>,
  most: number,
): Line {
  const ratio = times.product / times.bare;
  return {
    what,
    size,
    result: `${times.product.toFixed(2)} s against ${times.bare.toFixed(2)} s: × ${ratio.toFixed(2)}`,
    target: `≤ × ${most.toFixed(2)}`,
    met: ratio <= most,
  };
}

/** Both sides of so many subscriptions, staged; one in a hundred differs, one in ten thousand is missing on a side. */
async function planted(sql: Sql, resource: Resource, rows: number): Promise<Stage> {
  await sql`
    INSERT INTO subscriptions (id, stripe_id, updated_at, customer, status, price, amount, current_period_end)
    SELECT 'row_' || n, 'sub_' || md5(n::text) || CASE WHEN n % 10000 = 4321 THEN '_gone' ELSE '' END, now(),
           'cus_' || md5((n % 90000)::text), CASE WHEN n % 100 = 7 THEN 'past_due' ELSE 'active' END,
           'price_' || n % 24, n % 500 * 100, '2026-12-01T00:00:00Z'::timestamptz + n * interval '1 second'
    FROM generate_series(1, ${rows}::int) AS n`;
  const table = await describeTable(sql, resource.table);
  if (!table) throw new Error("The table is not there");
  const stage = stageOf(rows, "acct_1", resource, table);
  await sql.begin(async (tx) => {
    await createStagingTables(tx, stage);
    await tx.unsafe(`
      INSERT INTO ${stage.expected} (${expectedColumns(stage)})
      SELECT replace(stripe_id, '_gone', ''), replace(stripe_id, '_gone', ''), customer, NULL, 1790000000, 0, amount,
             'usd', NULL, NULL, NULL, customer, 'active', price, amount, current_period_end
      FROM subscriptions ORDER BY md5(id)`);
  });
  await stageLocal(sql, stage);
  return stage;
}

const compare = (sql: Sql, stage: Stage) => seconds(() => sql.begin((tx) => findCandidates(tx, stage)));

const fullJoin = (sql: Sql, stage: Stage) => {
  const differs = stage.columns.map((_, i) => `l.f${i} IS DISTINCT FROM e.f${i}`).join(" OR ");
  return seconds(() =>
    sql.begin(async (tx) => {
      await tx.unsafe("DROP TABLE IF EXISTS by_hand");
      await tx.unsafe(`
        CREATE UNLOGGED TABLE by_hand AS
        SELECT l.key, e.stripe_id FROM ${stage.local} l FULL JOIN ${stage.expected} e ON e.match = l.match
        WHERE l.key IS NULL OR e.match IS NULL OR ${differs}`);
    }),
  );
};

const stageLocal = (sql: Sql, stage: Stage) =>
  seconds(() =>
    sql.begin(async (tx) => {
      await tx.unsafe(`TRUNCATE ${stage.local}`);
      await copyAcross(sql, localRowsQuery(stage), tx, stage.local, localColumns(stage));
    }),
  );

/** By the server, out into a file and in again: no client sees a byte. */
const bareCopy = (sql: Sql) =>
  seconds(() =>
    sql.begin(async (tx) => {
      const [folder] = await tx<{ path: string }[]>`SELECT current_setting('data_directory') AS path`;
      const file = `${folder?.path}/bare-copy`;
      await tx.unsafe("CREATE UNLOGGED TABLE IF NOT EXISTS copied (LIKE subscriptions); TRUNCATE copied");
      await tx.unsafe(`COPY subscriptions TO '${file}'`);
      await tx.unsafe(`COPY copied FROM '${file}'`);
    }),
  );
