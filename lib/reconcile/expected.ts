import type { TransactionSql } from "postgres";
import { copyInto } from "../local/copy.ts";
import type { Projected } from "./project.ts";
import { expectedColumns, expectedLine, type Stage } from "./staging.ts";

/** Stages what local rows should hold, in the caller's transaction. */
export async function stageExpected(
  tx: TransactionSql,
  stage: Stage,
  rows: readonly Projected[],
  table = stage.expected,
): Promise<void> {
  const copy = (into: TransactionSql, lines: string) => copyInto(into, table, expectedColumns(stage), lines);
  if (await unlessDataError(tx, (point) => copy(point, rows.map(expectedLine).join("")))) {
    // One value that Postgres takes differently than we foresaw must cost one row, not the run.
    for (const row of rows) {
      const reason = await unlessDataError(tx, (point) => copy(point, expectedLine(row)));
      if (reason) await copy(tx, expectedLine(unusable(stage, row, reason)));
    }
  }
}

function unusable(stage: Stage, row: Projected, reason: Error): Projected {
  const failed = stage.columns.map((column) => column.name);
  return { ...row, values: row.values.map(() => null), failed, error: reason.message };
}

/** Answers what was wrong with the data, and undoes; null when nothing was. */
async function unlessDataError(
  tx: TransactionSql,
  work: (point: TransactionSql) => Promise<void>,
): Promise<Error | null> {
  try {
    await tx.savepoint(work);
    return null;
  } catch (error) {
    if (isDataError(error)) return error;
    throw error;
  }
}

/** SQLSTATE class 22, data exception. */
const isDataError = (error: unknown): error is Error =>
  error instanceof Error && "code" in error && typeof error.code === "string" && error.code.startsWith("22");
