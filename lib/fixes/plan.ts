// What a fix of a discrepancy writes, and whether there can be one.
import type { Fragment, Sql, TransactionSql } from "postgres";
import type { KnownDesk } from "../accounts/known.ts";
import type { Resource, Rules } from "../config/resource.ts";
import { type Discrepancy, type DiscrepancyState, inHand, type Values } from "../db/schema.ts";
import type { LocalTable } from "../local/catalog.ts";
import type { Target } from "../local/guard.ts";

export interface PlannedFix {
  action: "update" | "insert" | "revert";
  /** Only the columns that are written. */
  observed: Values;
  expected: Values;
  /** The fix that this one undoes. */
  reverts: number | null;
}

/** The run stored exactly the values to be written, so nothing of the mapping's functions is called here. */
export function planFix(discrepancy: Pick<Discrepancy, "kind" | "fields" | "expected">): PlannedFix {
  if (discrepancy.kind === "missing_local")
    return { action: "insert", observed: {}, expected: discrepancy.expected ?? {}, reverts: null };
  const { fields } = discrepancy;
  return {
    action: "update",
    observed: Object.fromEntries(fields.map((field) => [field.name, field.local])),
    expected: Object.fromEntries(fields.map((field) => [field.name, field.stripe])),
    reverts: null,
  };
}

/** How the user's rows of a resource are found and guarded. */
export function targetOf(
  resource: Resource,
  table: LocalTable,
): Target & { match: { column: string; ignoreCase: boolean } } {
  return {
    key: resource.key,
    updatedAt: resource.updatedAt,
    match: { column: resource.match.column, ignoreCase: resource.match.by === "customerEmail" },
    where: resource.where,
    share: resource.share,
    watch: resource.fields.map((field) => field.column).filter((column) => table.columns.has(column)),
  };
}

/** What a fix names and the table does not have any more, in words; null when it has everything. */
export function lackingColumn(
  resource: Resource,
  table: LocalTable,
  fix: Pick<PlannedFix, "observed" | "expected">,
): string | null {
  const names = [resource.key, ...Object.keys(fix.observed), ...Object.keys(fix.expected)];
  const lacking = names.find((name) => !table.columns.has(name));
  return lacking === undefined
    ? null
    : `Table ${table.schema}.${table.name} has no column "${lacking}" any more. Correct the mapping, then run again.`;
}

/** What the row's match column has to say: whose row it is. Null when the discrepancy does not tell. */
export function matchOf(
  resource: Resource,
  discrepancy: Pick<Discrepancy, "kind" | "stripeId" | "customerId" | "label" | "expected">,
): string | null {
  switch (resource.match.by) {
    case "id":
      return discrepancy.stripeId;
    case "customer":
      // A row that Stripe does not know is identified by what it says itself.
      return discrepancy.kind === "missing_in_stripe" ? discrepancy.stripeId : discrepancy.customerId;
    case "customerEmail": {
      if (discrepancy.kind !== "missing_local") return null;
      const email = discrepancy.expected?.[resource.match.column] ?? discrepancy.label;
      return email?.trim().toLowerCase() ?? null;
    }
  }
}

/** Why a discrepancy `d` cannot be applied, in words; NULL when it can be. States and versions apart. */
export function whyNot(sql: Sql | TransactionSql, known: readonly KnownDesk[]): Fragment {
  const among = (wanted: (resource: Resource) => boolean) => {
    const mapped = known.flatMap(({ desk, accountId }) =>
      desk.config.resources.filter(wanted).map((resource) => ({ accountId, name: resource.name })),
    );
    return sql`
      EXISTS (
        SELECT FROM unnest(${mapped.map((m) => m.accountId)}::text[], ${mapped.map((m) => m.name)}::text[]) AS m (account, name)
        WHERE m.name = d.resource AND coalesce(m.account = d.account_id, true)
      )`;
  };
  const accounts = known.map((one) => one.accountId);
  const setters = among((resource) => resource.missingInStripe !== "report");
  const inserters = among((resource) => resource.missingLocal !== "report");
  return sql`
    CASE
      WHEN NOT coalesce(d.account_id = ANY (${accounts}::text[]), true) THEN 'The config no longer has this Stripe account.'
      WHEN NOT ${among(() => true)} THEN 'The mapping no longer has this resource.'
      WHEN d.row_error IS NOT NULL
        THEN 'The mapping could not read what Stripe has, so it is not known what the record should say. Correct the mapping, then run again.'
      WHEN d.kind = 'duplicate'
        THEN 'Which of the local records is right is not something that Stripe knows. Correct them in your own database; the next run sees it.'
      WHEN d.kind = 'missing_in_stripe' AND NOT ${setters}
        THEN 'The mapping says to report such records only. With missingInStripe.set it could correct them.'
      WHEN d.kind = 'missing_local' AND NOT ${inserters}
        THEN 'The mapping says to report missing records only. With missingLocal.insert it could add them.'
      WHEN d.kind = 'missing_local' AND coalesce(d.expected, '{}') = '{}' THEN 'The columns of the new row are not known.'
      WHEN d.kind <> 'missing_local' AND (d.fields = '[]' OR d.local_key IS NULL)
        THEN 'There is nothing to write: what the mapping sets is there already.'
    END`;
}

/** From which states a decision can be made. */
export const decidable = {
  apply: ["open", "snoozed", "rejected"],
  reject: ["open", "snoozed", "waiting"],
  snooze: ["open", "snoozed", "waiting"],
} as const satisfies Record<string, readonly DiscrepancyState[]>;

/** Why a discrepancy `d` in another state cannot be decided on; NULL in one of these states. */
export function whyNotState(sql: Sql | TransactionSql, states: readonly DiscrepancyState[]): Fragment {
  return sql`
    CASE WHEN ${sql.unsafe(inHand)} THEN 'It is being fixed right now.'
         WHEN d.state = ANY (${[...states]}::text[]) THEN NULL ELSE
      CASE d.state
        WHEN 'fixed' THEN 'It is fixed already' || coalesce(', by ' || d.decided_by, '') || '.'
        WHEN 'waiting' THEN 'It waits for a second person in another bulk action.'
        WHEN 'rejected' THEN 'It was rejected' || coalesce(' by ' || d.decided_by, '') || '.'
        WHEN 'resolved' THEN 'The difference has gone by itself.'
        WHEN 'snoozed' THEN 'It is snoozed.'
        ELSE 'It is open again.'
      END
    END`;
}

/** Why an action needs a second person: so many rows, or an amount of money. */
export type SecondPersonReason = "many" | "money";

/** Why an action that writes so many rows waits for a second person; empty when it does not. */
export function secondPersonReasons(
  { secondPersonAbove: limit, secondPersonForMoney }: Rules["fixes"],
  writes: { rows: number; money: boolean },
): SecondPersonReason[] {
  if (writes.rows === 0) return [];
  const many = limit !== undefined && writes.rows > limit;
  const money = secondPersonForMoney && writes.money;
  return [...(many ? (["many"] as const) : []), ...(money ? (["money"] as const) : [])];
}

/** The columns that hold amounts of money. */
export const moneyColumns = (known: readonly KnownDesk[]) =>
  known.flatMap(({ desk, accountId }) =>
    desk.config.resources.flatMap((resource) =>
      resource.fields
        .filter((field) => field.money)
        .map((field) => ({ accountId, resource: resource.name, column: field.column })),
    ),
  );

/** Whether applying `d` would change an amount of money. */
export function writesMoney(sql: Sql | TransactionSql, known: readonly KnownDesk[]): Fragment {
  const money = moneyColumns(known);
  return sql`
    EXISTS (
      SELECT FROM unnest(
        ${money.map((m) => m.accountId)}::text[], ${money.map((m) => m.resource)}::text[], ${money.map((m) => m.column)}::text[]
      ) AS m (account, resource, name)
      WHERE m.resource = d.resource AND coalesce(m.account = d.account_id, true) AND CASE d.kind
        WHEN 'missing_local' THEN coalesce(d.expected, '{}') ? m.name
        ELSE d.fields @> jsonb_build_array(jsonb_build_object('name', m.name)) END
    )`;
}
