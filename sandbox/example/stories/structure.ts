// What can happen to the rows of every table alike: lost, left over, and there twice.
import type { Damage, Story, WatchedObject } from "../planter.ts";

interface Table<R> {
  rows: R[];
  /** Columns that the mapping compares. */
  mapped: readonly (keyof R & string)[];
  /** A copy under a new key, and with another Stripe id when given. */
  copy: (row: R, stripeId?: string) => R;
  keyOf: (row: R) => string;
  newStripeId: () => string;
  why: { lost: string; stray: string; twice?: string };
}

export function structuralStories<T extends WatchedObject, R extends { updated_at: Date }>(
  table: Table<R>,
): Story<T, R>[] {
  const { rows, mapped, copy, keyOf, why } = table;
  const stories: Story<T, R>[] = [
    {
      kind: "missing_local",
      weight: 2,
      origin: "webhook",
      why: why.lost,
      happensTo: () => true,
      tell: (_, row): Damage => {
        rows.splice(rows.indexOf(row), 1);
        return { fields: mapped.filter((name) => row[name] !== null), impact: "money", row: { key: null } };
      },
    },
    {
      kind: "missing_in_stripe",
      weight: 1,
      origin: "none",
      why: why.stray,
      happensTo: () => true,
      tell: (_, row): Damage => {
        const stripeId = table.newStripeId();
        const added = copy(row, stripeId);
        rows.push(added);
        return { fields: [], impact: "money", stripeId, row: { key: keyOf(added) } };
      },
    },
  ];
  if (why.twice !== undefined)
    stories.push({
      kind: "duplicate",
      weight: 1,
      origin: "none",
      why: why.twice,
      happensTo: () => true,
      tell: (_, row): Damage[] => {
        const added = copy(row);
        rows.push(added);
        return [
          { fields: [], impact: "other" },
          { fields: [], impact: "other", row: { key: keyOf(added) } },
        ];
      },
    });
  return stories;
}

/** The next whole number after the keys in use. */
export const nextNumber = (rows: readonly { id: number }[]): number =>
  rows.reduce((highest, row) => Math.max(highest, row.id), 0) + 1;
