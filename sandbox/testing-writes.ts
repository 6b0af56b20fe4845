// What a test sees of writes into a user's table, and where it holds them up.
import type { ReservedSql, Sql } from "postgres";
import { expect } from "vitest";

export interface Writes {
  /** How often each row was written since this was last forgotten, by its Stripe id. */
  rows(): Promise<Map<string, number>>;
  /** How many statements wrote. */
  statements(): Promise<number>;
  forget(): Promise<void>;
}

/**
 * Notes each write of a row and each statement that writes, from now on. In the writer's transaction: undone with it. As
 * the owner, whoever writes.
 */
export async function noteWrites(local: Sql, table: string, id: string): Promise<Writes> {
  await local.unsafe(`
    CREATE TABLE written_rows (id text);
    CREATE TABLE written_statements (at timestamptz);
    CREATE FUNCTION note_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN INSERT INTO public.written_rows VALUES (new.${id}); RETURN NULL; END $$;
    CREATE FUNCTION note_statement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN INSERT INTO public.written_statements VALUES (now()); RETURN NULL; END $$;
    CREATE TRIGGER note_row AFTER INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION note_row();
    CREATE TRIGGER note_statement AFTER INSERT OR UPDATE ON ${table}
      FOR EACH STATEMENT EXECUTE FUNCTION note_statement()`);
  return {
    rows: async () => {
      const rows = await local<{ id: string; n: number }[]>`
        SELECT id, count(*)::int AS n FROM written_rows GROUP BY id`;
      return new Map(rows.map((row) => [row.id, row.n]));
    },
    statements: async () => (await local`SELECT FROM written_statements`).length,
    forget: async () => {
      await local`TRUNCATE written_rows, written_statements`;
    },
  };
}

export interface Gate {
  /** Resolves when so many stand before it. */
  reached(comers?: number): Promise<void>;
  /** Lets them pass, and everybody after them. */
  lift(): Promise<void>;
  remove(): Promise<void>;
}

/** The advisory lock that the gate is. */
export const gateKey = 4711;

/** As a trigger is written: where it stands, e.g. `BEFORE UPDATE ON accounts FOR EACH STATEMENT`. */
export type Place = `${"BEFORE" | "AFTER"} ${string}`;

/**
 * Holds up whoever comes to a place in the database: the so many-th who comes, or everybody. `AFTER … DEFERRABLE INITIALLY
 * DEFERRED` is at the commit, when everything is written and nobody can see it yet.
 */
export async function closeGate(sql: Sql, place: Place, nth?: number): Promise<Gate> {
  const keeper: ReservedSql = await sql.reserve();
  await keeper`SELECT pg_advisory_lock(${gateKey})`;
  // A sequence counts also what is rolled back.
  await sql.unsafe(`
    CREATE SEQUENCE comers;
    CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN
        IF ${nth === undefined} OR nextval('public.comers') = ${nth ?? 0} THEN
          PERFORM pg_advisory_xact_lock_shared(${gateKey});
        END IF;
        RETURN new;
      END $$;
    CREATE ${place.includes("DEFERRABLE") ? "CONSTRAINT " : ""}TRIGGER gate ${place} EXECUTE FUNCTION wait_at_gate()`);
  const waiting = async () =>
    (
      await sql`
        SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = ${gateKey} AND NOT granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
    ).length;
  return {
    reached: (comers = 1) => expect.poll(waiting, { timeout: 20_000, interval: 10 }).toBe(comers),
    lift: async () => {
      await keeper`SELECT pg_advisory_unlock(${gateKey})`;
      keeper.release();
    },
    remove: async () => {
      await sql.unsafe("DROP FUNCTION wait_at_gate() CASCADE; DROP SEQUENCE comers");
    },
  };
}
