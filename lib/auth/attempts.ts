import type { Sql } from "postgres";
import { RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
import { DriftdeskError } from "../errors.ts";

/** Failures within a quarter of an hour: of one person at one place, and of one person from anywhere. */
const windowSeconds = 15 * 60;
const limits = { here: 5, anywhere: 25 };

/**
 * Counts failed sign-ins, in Postgres, so that more web processes do not mean more guesses. An address can be forged
 * where no proxy stands in front; the limit per person cannot be dodged by it.
 */
export function countAttempts(sql: Sql, email: string, address: string) {
  const counters = [
    { limiter: limiterOf(sql, "here", limits.here), key: `${email} ${address}`.slice(0, 250) },
    { limiter: limiterOf(sql, "anywhere", limits.anywhere), key: email.slice(0, 250) },
  ];
  return {
    /** Counts an attempt before it is judged: many at once do not slip through. Throws `sign_in_limited`. */
    async begin(): Promise<void> {
      for (const { limiter, key } of counters)
        try {
          await limiter.consume(key);
        } catch (reason) {
          if (!(reason instanceof RateLimiterRes)) throw reason;
          const minutes = Math.max(1, Math.ceil(reason.msBeforeNext / 60_000));
          throw new DriftdeskError(
            "sign_in_limited",
            `Too many sign-ins failed for this address. Try again in ${minutes} ${minutes === 1 ? "minute" : "minutes"}.`,
            { status: 429 },
          );
        }
    },
    async succeeded(): Promise<void> {
      for (const { limiter, key } of counters) await limiter.delete(key);
    },
  };
}

function limiterOf(sql: Sql, keyPrefix: string, points: number): RateLimiterPostgres {
  return new RateLimiterPostgres({
    storeClient: {
      query: async ({ text, values }: { text: string; values: (string | number | null)[] }) => {
        const rows = await sql.unsafe(text, values);
        return { rows, rowCount: rows.count };
      },
    },
    storeType: "pool",
    schemaName: "driftdesk",
    tableName: "sign_in_attempts",
    tableCreated: true,
    // A limiter lives as long as one sign-in; what has expired is cleared by the next successful one.
    clearExpiredByTimeout: false,
    keyPrefix,
    points,
    duration: windowSeconds,
  });
}
