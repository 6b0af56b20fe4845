import type { Sql } from "postgres";
import { within } from "../deadline.ts";
import { connect } from "./connect.ts";

/**
 * A connection of its own for those who watch over a process: their questions must not wait behind the work of the pool,
 * nor hang with it. It is opened by the first question and closed when nobody asks.
 */
export class Watch {
  readonly #url: string;
  readonly #deadlineMs: number;
  #sql: Sql | null = null;

  constructor(url: string, deadlineMs: number) {
    this.#url = url;
    this.#deadlineMs = deadlineMs;
  }

  /** Throws what the question threw, or that it took too long. What then hangs is cut off. */
  async ask<T>(question: (sql: Sql) => Promise<T>): Promise<T> {
    this.#sql ??= connect(this.#url, {
      max: 1,
      applicationName: "driftdesk watch",
      idleSeconds: 120,
      statementTimeoutMs: this.#deadlineMs,
    });
    const sql = this.#sql;
    try {
      return await within(this.#deadlineMs, question(sql), () => new Error("The database is late"));
    } catch (error) {
      if (this.#sql === sql) this.#sql = null;
      void sql.end({ timeout: 0 }).catch(() => {});
      throw error;
    }
  }
}
