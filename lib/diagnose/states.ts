// What a local row should have held before and after each of an object's events: the mapping, applied to the snapshots that
// events carry. Written by Postgres as the differences are, so that both can be compared as text.
import type { Sql } from "postgres";
import type Stripe from "stripe";
import type { Resource, StripeObject } from "../config/resource.ts";
import type { LocalColumn, LocalTable } from "../local/catalog.ts";
import { projectObject } from "../reconcile/project.ts";

/** Of one event; by column. */
export interface State {
  event: Stripe.Event;
  after: Values;
  /** Null when the object was not there before, or when nobody can know. */
  before: Values | null;
}

/** A value that could not be made is undefined: nothing is concluded from it. */
type Values = Map<string, string | null | undefined>;

/**
 * Events that carry an object itself, in the order in which they were created. `from`: every event since then is among
 * them (Unix seconds), so that what an object was before can be told from the event before.
 */
export function statesOf(
  resource: Resource,
  table: LocalTable,
  events: readonly Stripe.Event[],
  from: number,
): State[] {
  const last = new Map<string, Values>();
  return events
    .filter((event) => event.data.object && (event.data.object as StripeObject).object === resource.stripe)
    .map((event) => {
      const object = event.data.object as StripeObject;
      const previous = event.data.previous_attributes as Attributes | undefined;
      const after = project(resource, table, object);
      const before = isBirth(event)
        ? null
        : previous
          ? project(resource, table, merge(object, previous) as StripeObject)
          : (last.get(object.id) ?? null);
      if (event.created >= from) last.set(object.id, after);
      return { event, after, before };
    });
}

export const isBirth = ({ type }: Pick<Stripe.Event, "type">): boolean => type.endsWith(".created");

function project(resource: Resource, table: LocalTable, object: StripeObject): Values {
  const { values, failed } = projectObject(resource, table, object);
  return new Map(
    resource.fields.map(({ column }, i) => [
      column,
      failed?.includes(column) ? undefined : (values[i] ?? null),
    ]),
  );
}

type Attributes = Readonly<Record<string, unknown>>;

const isAttributes = (value: unknown): value is Attributes =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The object with what it had before. Nested objects hold only what changed in them; so do those of a list that kept its length. */
function merge(now: unknown, previous: unknown): unknown {
  if (Array.isArray(now) && Array.isArray(previous))
    return now.length === previous.length ? previous.map((one, i) => merge(now[i], one)) : previous;
  if (!isAttributes(now) || !isAttributes(previous)) return previous;
  const another = previous.id !== undefined && previous.id !== now.id;
  if (another) return previous;
  const merged: Record<string, unknown> = { ...now };
  for (const [name, value] of Object.entries(previous)) merged[name] = merge(now[name], value);
  return merged;
}

/** Spells values as the compared tables do: once for each that occurs. One that the column does not take is undefined. */
export async function spell(
  sql: Sql,
  table: LocalTable,
  resource: Resource,
  states: readonly State[],
): Promise<void> {
  const maps = states.flatMap(({ after, before }) => (before ? [after, before] : [after]));
  const all = [...new Set(maps)];
  for (const { column: name, compare } of resource.fields) {
    const column = table.columns.get(name);
    const texts = [...new Set(all.map((values) => values.get(name)))].filter(
      (text): text is string => typeof text === "string",
    );
    if (!column || texts.length === 0) continue;
    const spelled = await spellColumn(sql, column, texts);
    const folded = compare === "ignoreCase" || column.caseInsensitive;
    for (const values of all) {
      const text = values.get(name);
      if (typeof text === "string") values.set(name, fold(spelled?.get(text), folded));
    }
  }
}

export const fold = <T extends string | null | undefined>(text: T, folded: boolean) =>
  typeof text === "string" && folded ? (text.toLowerCase() as T) : text;

async function spellColumn(
  sql: Sql,
  { staging }: LocalColumn,
  texts: readonly string[],
): Promise<Map<string, string> | null> {
  try {
    const rows = await sql.unsafe<{ given: string; spelled: string }[]>(
      `SELECT v AS given, v::${staging}::text AS spelled FROM unnest($1::text[]) v`,
      [[...texts]],
    );
    return new Map(rows.map(({ given, spelled }) => [given, spelled]));
  } catch (error) {
    // Class 22: what an event says does not fit into the column.
    if ((error as { code?: string }).code?.startsWith("22")) return null;
    throw error;
  }
}
