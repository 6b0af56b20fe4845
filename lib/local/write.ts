// The only code that changes the user's rows. Every write is guarded: it happens only to a row that still says what
// somebody saw. Many rows a statement; when a statement fails, row by row, so that one bad row stops nobody else's.
import type { Sql, TransactionSql } from "postgres";
import type { Values } from "../db/schema.ts";
import { type LocalTable, quoteName, quoteTable } from "./catalog.ts";
import {
  columnOf,
  type GuardedInsert,
  type GuardedUpdate,
  inReach,
  keyEquals,
  matchSide,
  Parameters,
  sameMatch,
  spelled,
  spelledAs,
  type Target,
  typed,
  withoutGenerated,
} from "./guard.ts";
import { guardedInsert, guardedUpdate } from "./statement.ts";

export type WriteOutcome =
  | { outcome: "applied"; localKey: string }
  /** `now`: the row's watched values; null when there is no such row, or when it is out of the mapping's reach. */
  | { outcome: "stale"; now: Values | null; message: string }
  | { outcome: "failed"; message: string };

const rowsPerStatement = 2_000;
/** Somebody else's long transaction must not hold up thousands of rows. */
export const lockTimeout = "5s";
/** When all of a batch have had that long, each of them by itself is not waited for again: the others' rows are held meanwhile. */
const secondLockTimeout = "100ms";

/** Writes `expected` into each row that still says `observed`, and answers one outcome per row, in their order. */
export async function updateGuarded(
  local: Sql,
  table: LocalTable,
  target: Target,
  rows: readonly GuardedUpdate[],
): Promise<WriteOutcome[]> {
  const outcomes = new Array<WriteOutcome | undefined>(rows.length);
  for (const group of groupsByColumns(rows, new Set(rows.keys()))) {
    const { written, failures } = await inBatches(local, group, (tx, part) =>
      updateStatement(tx, table, target, rows, part),
    );
    for (const i of written)
      outcomes[i] = { outcome: "applied", localKey: (rows[i] as GuardedUpdate).localKey };
    for (const [i, message] of failures) outcomes[i] = { outcome: "failed", message };
  }
  const unwritten = [...rows.keys()].filter((i) => outcomes[i] === undefined);
  const now = await readRows(
    local,
    table,
    target,
    unwritten.map((i) => rows[i] as GuardedUpdate),
  );
  unwritten.forEach((i, n) => {
    outcomes[i] = staleOutcome(table, rows[i] as GuardedUpdate, now[n] ?? null);
  });
  return outcomes as WriteOutcome[];
}

function staleOutcome(table: LocalTable, row: GuardedUpdate, now: RowNow | null): WriteOutcome {
  if (now === null) return { outcome: "stale", now: null, message: "The row is gone." };
  if (!now.inReach)
    return {
      outcome: "stale",
      now: null,
      message: "The row belongs to somebody else now, or the mapping's filter leaves it out.",
    };
  if (now.asObserved)
    return {
      outcome: "failed",
      message:
        "The database did not take the change and gave no reason: a trigger, a rule or a row policy of the table prevents it.",
    };
  // In the table's order: an intent that was read again names its columns in another one.
  const changed = [...table.columns.keys()].filter(
    (name) => name in row.observed && now.values[name] !== row.observed[name],
  );
  return {
    outcome: "stale",
    now: now.values,
    message: `Somebody changed ${changed.join(", ")} in the meantime; it was not overwritten.`,
  };
}

/**
 * Inserts each row unless one with its match exists by now; answers one outcome per row, with the new row's key. Generated
 * columns are left to the database.
 */
export async function insertGuarded(
  local: Sql,
  table: LocalTable,
  target: Target & { match: { column: string; ignoreCase: boolean } },
  rows: readonly GuardedInsert[],
): Promise<WriteOutcome[]> {
  const outcomes = new Array<WriteOutcome | undefined>(rows.length);
  const writable = rows.map((row) => ({ ...row, expected: withoutGenerated(table, row.expected) }));
  const left = new Set(rows.keys());
  // Two of one batch with the same match: the second finds the first one's row, as it would in the next batch.
  const seen = new Set<string>();
  for (const i of left) {
    const { match } = rows[i] as GuardedInsert;
    if (!seen.has(match)) seen.add(match);
    else left.delete(i);
  }
  for (const group of groupsByColumns(writable, left)) {
    const keys = new Map<number, string>();
    const { failures } = await inBatches(local, group, async (tx, part) => {
      const inserted = await insertStatement(tx, table, target, writable, part);
      for (const [i, key] of inserted) keys.set(i, key);
      return [...inserted.keys()];
    });
    for (const [i, localKey] of keys) outcomes[i] = { outcome: "applied", localKey };
    for (const [i, message] of failures) outcomes[i] = { outcome: "failed", message };
  }
  return Array.from(
    outcomes,
    (outcome) =>
      outcome ?? {
        outcome: "stale",
        now: null,
        message: "A row for it exists by now, perhaps outside the mapping's filter; nothing was inserted.",
      },
  );
}

/** Numbers of the updates whose row says `expected`: an earlier attempt that was killed had written it. Reads only. */
export async function updatesWritten(
  local: Sql,
  table: LocalTable,
  target: Target,
  rows: readonly Pick<GuardedUpdate, "localKey" | "expected">[],
): Promise<number[]> {
  const found: number[] = [];
  for (const group of groupsByColumns(rows, new Set(rows.keys())))
    for (let at = 0; at < group.length; at += rowsPerStatement)
      found.push(
        ...(await holdStatement(local, table, target, rows, group.slice(at, at + rowsPerStatement))),
      );
  return found;
}

/** The same for inserts, with the key of the row that has each one's match. */
export async function insertsWritten(
  local: Sql,
  table: LocalTable,
  target: Target & { match: { column: string; ignoreCase: boolean } },
  rows: readonly GuardedInsert[],
): Promise<Map<number, string>> {
  const keys = await keysByMatch(local, table, target, rows);
  const there = [...rows.keys()].filter((i) => keys[i] !== null);
  const candidates = there.map((i) => ({
    localKey: keys[i] as string,
    expected: withoutGenerated(table, (rows[i] as GuardedInsert).expected),
  }));
  const written = await updatesWritten(local, table, target, candidates);
  return new Map(written.map((n) => [there[n] as number, keys[there[n] as number] as string]));
}

// ── Statements ─────────────────────────────────────────────────────────────────────────────────────────

type Numbered = readonly number[];

/** Rows that write the same columns under the same guards go into one statement. */
function groupsByColumns(
  rows: readonly { expected: Values; observed?: Values }[],
  among: ReadonlySet<number>,
): number[][] {
  const groups = new Map<string, number[]>();
  for (const i of among) {
    const row = rows[i] as { expected: Values; observed?: Values };
    const layout = JSON.stringify([Object.keys(row.expected).sort(), Object.keys(row.observed ?? {}).sort()]);
    const group = groups.get(layout);
    if (group) group.push(i);
    else groups.set(layout, [i]);
  }
  return [...groups.values()];
}

/** Runs a statement over a group in batches; a batch that fails is tried again row by row. */
async function inBatches(
  local: Sql,
  group: Numbered,
  statement: (tx: TransactionSql, part: Numbered) => Promise<Numbered>,
): Promise<{ written: number[]; failures: Map<number, string> }> {
  const written: number[] = [];
  const failures = new Map<number, string>();
  for (let at = 0; at < group.length; at += rowsPerStatement) {
    const part = group.slice(at, at + rowsPerStatement);
    try {
      written.push(...(await begin(local, (tx) => statement(tx, part))));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const alone = await rowByRow(local, part, statement, isLocked(error) ? secondLockTimeout : lockTimeout);
      written.push(...alone.written);
      for (const [i, message] of alone.failures) failures.set(i, message);
    }
  }
  return { written, failures };
}

function begin<T>(local: Sql, work: (tx: TransactionSql) => Promise<T>, patience = lockTimeout): Promise<T> {
  return local.begin(async (tx) => {
    await tx.unsafe(`SET LOCAL lock_timeout = '${patience}'`);
    return await work(tx);
  }) as Promise<T>;
}

async function rowByRow(
  local: Sql,
  part: Numbered,
  statement: (tx: TransactionSql, part: Numbered) => Promise<Numbered>,
  patience: string,
): Promise<{ written: number[]; failures: Map<number, string> }> {
  const failures = new Map<number, string>();
  const written: number[] = [];
  const inOne = (rows: Numbered) =>
    begin(
      local,
      async (tx) => {
        const done: number[] = [];
        for (const i of rows) {
          try {
            done.push(...(await tx.savepoint((inner) => statement(inner, [i]))));
          } catch (error) {
            if (!isRefusal(error)) throw error;
            failures.set(i, messageOf(error));
          }
        }
        return done;
      },
      patience,
    );
  try {
    written.push(...(await inOne(part)));
  } catch (error) {
    // Only the commit is left to refuse: a deferred constraint. It names no row, so each gets a transaction.
    if (!isRefusal(error)) throw error;
    for (const i of part) {
      if (failures.has(i)) continue;
      try {
        written.push(...(await begin(local, (tx) => statement(tx, [i]), patience)));
      } catch (inner) {
        if (!isRefusal(inner)) throw inner;
        failures.set(i, messageOf(inner));
      }
    }
  }
  return { written, failures };
}

/** Whether the database refused what was asked (its rows, rights, locks or time), rather than went away. */
export function isRefusal(error: unknown): error is Error & { code: string } {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return false;
  // Postgres's codes have five characters. Classes 08, 53, 57P, 58: the connection, or the server itself.
  return /^[0-9A-Z]{5}$/.test(error.code) && !/^(08|53|57P|58)/.test(error.code);
}

const isLocked = (error: Error & { code: string }) => error.code === "55P03";

function messageOf(error: Error & { code: string }): string {
  if (isLocked(error))
    return `Somebody else's transaction holds the row for longer than ${lockTimeout}. Try again later.`;
  // Postgres's detail quotes the whole row, columns included that Driftdesk was never meant to see: only its message.
  return error.message;
}

async function updateStatement(
  tx: TransactionSql,
  table: LocalTable,
  target: Target,
  rows: readonly GuardedUpdate[],
  part: Numbered,
): Promise<number[]> {
  const among = part.map((i) => rows[i] as GuardedUpdate);
  const given = new Parameters();
  const n = given.add("n", "int4", part);
  const key = given.add(
    "key",
    "text",
    among.map((row) => row.localKey),
  );
  const match = given.add(
    "match",
    "text",
    among.map((row) => row.match ?? null),
  );
  const expected = given.addValues(
    "e",
    among.map((row) => row.expected),
  );
  const observed = given.addValues(
    "o",
    among.map((row) => row.observed),
  );
  const source = { from: given.from, key, match, expected, observed };
  const result = await tx.unsafe<{ n: number }[]>(
    guardedUpdate(table, target, source, `${n} AS n`),
    given.values,
  );
  return result.map((row) => row.n);
}

async function insertStatement(
  tx: TransactionSql,
  table: LocalTable,
  target: Target & { match: { column: string; ignoreCase: boolean } },
  rows: readonly GuardedInsert[],
  part: Numbered,
): Promise<Map<number, string>> {
  const among = part.map((i) => rows[i] as GuardedInsert);
  const given = new Parameters();
  const match = given.add(
    "match",
    "text",
    among.map((row) => row.match),
  );
  const expected = given.addValues(
    "e",
    among.map((row) => row.expected),
  );
  const result = await tx.unsafe<{ key: string; match: string; mine: boolean }[]>(
    guardedInsert(table, target, { from: given.from, match, expected }),
    given.values,
  );
  const byMatch = new Map(part.map((i) => [(rows[i] as GuardedInsert).match, i]));
  return new Map(
    result.map((row) => {
      const i = byMatch.get(row.match) ?? (part.length === 1 ? part[0] : undefined);
      // Without its match column the new row would be found missing for ever, and inserted by every fix again.
      if (i === undefined || row.match === null || byMatch.get(row.match) === undefined)
        throw Object.assign(
          new Error(
            `The new row's ${target.match.column} says ${row.match ?? "nothing"}: missingLocal.insert has to set it, so that the row is found again.`,
          ),
          { code: "P0001" },
        );
      if (!row.mine)
        throw Object.assign(
          new Error(
            `The new row does not meet ${target.share}, so it would not be among this account's: missingLocal.insert has to set these columns. It is given the account's name as its second argument.`,
          ),
          { code: "P0001" },
        );
      return [i, row.key];
    }),
  );
}

async function holdStatement(
  local: Sql,
  table: LocalTable,
  target: Target,
  rows: readonly Pick<GuardedUpdate, "localKey" | "expected">[],
  part: Numbered,
): Promise<number[]> {
  const among = part.map((i) => rows[i] as (typeof rows)[number]);
  const given = new Parameters();
  const n = given.add("n", "int4", part);
  const key = given.add(
    "key",
    "text",
    among.map((row) => row.localKey),
  );
  const values = given.addValues(
    "v",
    among.map((row) => row.expected),
  );
  const holds = values.map(([name, value]) => {
    const column = columnOf(table, name);
    // What was written is compared as the column holds it: rounded, cut or respelled by its type.
    return `AND ${spelled(column)} IS NOT DISTINCT FROM ${spelledAs(column, typed(column, value))}`;
  });
  const result = await local.unsafe<{ n: number }[]>(
    `
    SELECT ${n} AS n
    FROM ${given.from}
    JOIN ${quoteTable(table)} t ON ${keyEquals(table, target, key)}
    WHERE true ${holds.join("\n      ")}`,
    given.values,
  );
  return result.map((row) => row.n);
}

interface RowNow {
  values: Values;
  inReach: boolean;
  asObserved: boolean;
}

/** The rows as they are now, one per given row; null where there is none. */
async function readRows(
  local: Sql,
  table: LocalTable,
  target: Target,
  rows: readonly GuardedUpdate[],
): Promise<(RowNow | null)[]> {
  const result: (RowNow | null)[] = rows.map(() => null);
  for (let at = 0; at < rows.length; at += rowsPerStatement) {
    const part = rows.slice(at, at + rowsPerStatement);
    const names = [
      ...new Set([...(target.watch ?? []), ...part.flatMap((row) => Object.keys(row.observed))]),
    ];
    const given = new Parameters();
    const n = given.add(
      "n",
      "int4",
      part.map((_, i) => at + i),
    );
    const key = given.add(
      "key",
      "text",
      part.map((row) => row.localKey),
    );
    const match = given.add(
      "match",
      "text",
      part.map((row) => row.match ?? null),
    );
    const columns = names.map((name) => spelled(columnOf(table, name)));
    const read = await local
      .unsafe(
        `
        SELECT ${n}, ${inReach(target, match)}${columns.map((column) => `, ${column}`).join("")}
        FROM ${given.from}
        JOIN ${quoteTable(table)} t ON ${keyEquals(table, target, key)}`,
        given.values,
      )
      .values();
    for (const [i, reachable, ...texts] of read as unknown as [number, boolean, ...(string | null)[]][]) {
      const values = Object.fromEntries(names.map((name, c) => [name, texts[c] ?? null]));
      const { observed } = rows[i] as GuardedUpdate;
      const asObserved = Object.keys(observed).every((name) => values[name] === observed[name]);
      result[i] = { values, inReach: reachable, asObserved };
    }
  }
  return result;
}

/** Key of the row that has each match; null where there is none. */
async function keysByMatch(
  local: Sql,
  table: LocalTable,
  target: Target & { match: { column: string; ignoreCase: boolean } },
  rows: readonly { match: string }[],
): Promise<(string | null)[]> {
  const read = await local.unsafe<{ key: string; match: string }[]>(
    `
    SELECT t.${quoteName(target.key)}::text AS key, ${matchSide(target.match)} AS match
    FROM ${quoteTable(table)} t
    WHERE ${sameMatch(target, "= ANY($1::text[])")}`,
    [rows.map((row) => row.match)],
  );
  const keys = new Map(read.map((row) => [row.match, row.key]));
  return rows.map((row) => keys.get(row.match) ?? null);
}
