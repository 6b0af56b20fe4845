import { knownDesks } from "../accounts/known.ts";
import type { Desks } from "../desk.ts";
import { decidable, secondPersonReasons, whyNot, whyNotState, writesMoney } from "./plan.ts";
import { type Selection, selected, whyNotTogether } from "./selection.ts";

/** As many as a selection can name. */
const atMost = 10_000;

/**
 * The amounts of money among what is selected, when nothing else of it needs a second person: asked for first, as an action of
 * their own, they leave the rest to be applied at once. Null when it has to stay one action: there are no amounts, or nothing
 * else, or so many rows that these need a second person, too.
 */
export async function amountsApart(desk: Desks, selection: Selection): Promise<Selection | null> {
  const known = await knownDesks(desk);
  const { sql } = desk;
  const [found] = await sql<{ rows: number; amounts: number; ids: { id: number; version: number }[] }[]>`
    SELECT count(*)::int AS rows, count(*) FILTER (WHERE money)::int AS amounts,
           coalesce(jsonb_agg(jsonb_build_object('id', id, 'version', version)) FILTER (WHERE money AND nth <= ${atMost}), '[]') AS ids
    FROM (
      SELECT s.id, s.version, ${writesMoney(sql, known)} AS money,
             row_number() OVER (PARTITION BY ${writesMoney(sql, known)} ORDER BY s.id) AS nth
      FROM (${selected(sql, desk, selection)}) s JOIN driftdesk.discrepancies d ON d.id = s.id
      WHERE d.version = s.version AND coalesce(${whyNotState(sql, decidable.apply)}, ${whyNotTogether(sql, selection)}, ${whyNot(sql, known)}) IS NULL
    ) applicable`;
  if (!found || found.amounts === found.rows || found.amounts > atMost) return null;
  const because = secondPersonReasons(desk.config.fixes, { rows: found.rows, money: found.amounts > 0 });
  return because.length === 1 && because[0] === "money" ? { ids: found.ids } : null;
}
