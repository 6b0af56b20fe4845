// Ids of one kind are of one length: what is shorter than its neighbours was cut off on its way.
import { again, quoted } from "./words.ts";

const prefixOf = (id: string): string => id.slice(0, id.indexOf("_"));

/** The length that nearly all ids of a prefix have; prefixes whose ids have no usual length are left out. */
export function usualLengths(ids: Iterable<string>): ReadonlyMap<string, number> {
  const counts = new Map<string, Map<number, number>>();
  for (const id of ids) {
    const lengths = counts.get(prefixOf(id)) ?? new Map<number, number>();
    if (!isOld(id)) lengths.set(id.length, (lengths.get(id.length) ?? 0) + 1);
    counts.set(prefixOf(id), lengths);
  }
  const usual = new Map<string, number>();
  for (const [prefix, lengths] of counts) {
    const all = [...lengths.values()].reduce((sum, count) => sum + count, 0);
    const [length, count] = [...lengths].reduce((most, one) => (one[1] > most[1] ? one : most), [0, 0]);
    if (count >= 3 && count >= 0.8 * all) usual.set(prefix, length);
  }
  return usual;
}

/** What is wrong with an id's length, or null. */
export function lengthProblem(id: string, usual: ReadonlyMap<string, number>): string | null {
  const length = usual.get(prefixOf(id));
  if (length === undefined || id.length >= length || isOld(id)) return null;
  return `The id ${quoted(id)} has ${id.length} characters, and the others have ${length}: something cut it off. ${again}`;
}

/** Fourteen characters behind the prefix: as all of Stripe's once were, and some kinds still are. */
const isOld = (id: string): boolean => id.length - id.indexOf("_") - 1 === 14;
