import type { Sql, TransactionSql } from "postgres";

/** A transaction that is begun again when Postgres ends it for the sake of another one (deadlock, serialisation). */
export const transaction = <T>(sql: Sql, work: (tx: TransactionSql) => Promise<T>): Promise<T> =>
  tryAgain(async () => (await sql.begin(work)) as T);

/** The same for a single statement. */
export async function tryAgain<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (attempt >= 5 || (code !== "40P01" && code !== "40001")) throw error;
    }
  }
}
