// Stripe's half of a check: is the key the right one, may it read what is mapped, and does the mapping fit real objects?
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { type LocalTable, quoteName, quoteTable } from "../local/catalog.ts";
import { encodeValue } from "../local/encode.ts";
import { unfollowed } from "../stripe/events.ts";
import { prefixes } from "../stripe/ids.ts";
import type { Finding } from "./check.ts";
import { didYouMean } from "./nearest.ts";
import { isAutomatic } from "./policy.ts";
import type { Field, Resource, StripeObject } from "./resource.ts";

/** How many objects and rows are looked at: enough to see a mistake that all of them share. */
const sampleSize = 10;

export async function checkAccount(desk: Desk): Promise<Finding[]> {
  const account = await desk.stripe.account();
  const { id: pinned, name: accountName, key } = desk.config.account;
  const idPath = accountName === null ? "account.id" : `accounts.${accountName}.id`;
  if (pinned !== undefined && pinned !== account.id)
    return [
      {
        level: "error",
        where: idPath,
        code: "account_mismatch",
        message: `${key} belongs to ${account.id}, but the config is pinned to ${pinned}`,
        remedy: `set the key of ${pinned}, or correct ${idPath}`,
      },
    ];
  const mode = desk.stripe.livemode ? "live" : "test";
  const [known] = await desk.sql<{ livemode: boolean }[]>`
    SELECT livemode FROM driftdesk.accounts WHERE id = ${account.id}`;
  if (known && known.livemode !== desk.stripe.livemode)
    return [
      {
        level: "error",
        where: "account",
        code: "mode_mismatch",
        message: `${key} is a ${mode} key, but ${account.id} has been compared in the other mode so far`,
        remedy: "use the key of that mode, or a desk of its own for the other",
      },
    ];
  const name = account.name === null ? "" : ` (${account.name})`;
  const automatic = desk.config.resources.filter(isAutomatic).map((resource) => resource.name);
  return [
    // The first key is taken as it is: what it says is written into rows without a person.
    ...(pinned === undefined && automatic.length > 0
      ? [
          {
            level: "warning" as const,
            where: idPath,
            code: "account_not_pinned",
            message: `${automatic.join(", ")} ${automatic.length === 1 ? "is" : "are"} corrected without a person, by whatever account ${key} belongs to`,
            remedy: `set ${idPath} to ${account.id}, if that is the one`,
          },
        ]
      : []),
    {
      level: "ok",
      where: "account",
      code: "ok",
      message: `the key reads ${account.id}${name} in ${mode} mode${pinned === undefined ? `; ${idPath} could pin it` : ""}`,
    },
  ];
}

/** Whether an incremental run can read what changed. Without that it reads everything, which is no mistake. */
export async function checkEvents({ stripe, config, now }: Desk): Promise<Finding[]> {
  const findings = config.resources.flatMap((resource): Finding[] => {
    const silent = unfollowed(resource);
    if (silent.length === 0) return [];
    return [
      {
        level: "warning",
        where: `resources.${resource.name}.expand`,
        code: "expand_not_followed",
        message: `no event of Stripe's says when ${silent.join(", ")} changes: incremental runs read every ${resource.stripe}`,
        remedy: "do without it, if you can, or leave it at that",
      },
    ];
  });
  try {
    await stripe.events({ types: ["customer.updated"], createdFrom: Math.floor(now().getTime() / 1000) });
  } catch (error) {
    if (!(error instanceof DriftdeskError) || error.code !== "stripe_permission_missing") throw error;
    findings.push({
      level: "warning",
      where: "account",
      code: "events_unreadable",
      message: "the key may not list events: incremental runs read everything",
      remedy: "give the restricted key read permission for Events (rak_event_read)",
    });
  }
  return findings;
}

/** Whether the pipeline's health can name the endpoints that it is about: a hint, since everything else goes without. */
export async function checkWebhookEndpoints({ stripe }: Desk): Promise<Finding[]> {
  try {
    await stripe.webhookEndpoints();
    return [];
  } catch (error) {
    if (!(error instanceof DriftdeskError) || error.code !== "stripe_permission_missing") throw error;
    return [
      {
        level: "ok",
        where: "account",
        code: "webhook_endpoints_unreadable",
        message: "the key may not list webhook endpoints: the health of the event pipeline names none",
        remedy:
          "if you want their names, give the restricted key read permission for Webhook Endpoints (rak_webhook_read)",
      },
    ];
  }
}

/** With `table` also whether the mapping fits what both sides hold; without, only that objects can be read. */
export async function checkStripeObjects(
  desk: Desk,
  resource: Resource,
  table: LocalTable | null,
): Promise<Finding[]> {
  const where = `resources.${resource.name}`;
  const { stripe } = desk;
  const sample = await stripe.list(resource.stripe, { limit: sampleSize, expand: resource.expand });
  const objects: readonly StripeObject[] = sample.data;
  if (objects.some((object) => "livemode" in object && object.livemode !== stripe.livemode))
    return [
      {
        level: "error",
        where,
        code: "mode_mismatch",
        message: `the key is a ${stripe.livemode ? "live" : "test"} key, but Stripe answers with objects of the other mode`,
        remedy: "set the key of the mode that your tables are about",
      },
    ];
  if (!table) return [];
  return [
    ...resource.fields.flatMap((field) => checkProjection(field, table, objects, `${where}.fields`)),
    ...(await checkLocalIds(desk, resource, where)),
  ];
}

/** Whether what the mapping makes of real objects fits the column. The run goes on with such errors, so these are warnings. */
function checkProjection(
  field: Field,
  table: LocalTable,
  objects: readonly StripeObject[],
  where: string,
): Finding[] {
  const path = `${where}.${field.column}`;
  const { property } = field;
  const [first] = objects;
  if (first && property !== undefined && objects.every((object) => !(property in object)))
    return [
      {
        level: "error",
        where: `${path}.from`,
        code: "property_missing",
        message: `a ${first.object} has no property "${property}"${didYouMean(property, Object.keys(first))}`,
        remedy: "name a top-level property, or give a function of the object",
      },
    ];
  for (const object of objects) {
    try {
      project(field, table, object);
    } catch (error) {
      return [
        {
          level: "warning",
          where: path,
          code: "sample_failed",
          message: `${object.id} cannot be compared: ${error instanceof Error ? error.message : String(error)}`,
          remedy: "such rows are shown with this error; widen values, from or the column",
        },
      ];
    }
  }
  return [];
}

function project(field: Field, table: LocalTable, object: StripeObject): void {
  const column = table.columns.get(field.column);
  if (!column) return;
  const raw: unknown = field.from(object as never);
  if (field.values === undefined || raw === null || raw === undefined) {
    encodeValue(raw, column);
    return;
  }
  if (!Object.hasOwn(field.values, String(raw)))
    throw new Error(`Stripe says ${JSON.stringify(String(raw))}, which values does not name`);
  encodeValue(field.values[String(raw)], column);
}

/** Whether local rows name objects of this account at all: a key of the other mode makes every single row look missing. */
async function checkLocalIds(
  { local, stripe, config }: Desk,
  resource: Resource,
  where: string,
): Promise<Finding[]> {
  const { match } = resource;
  const { key, name: accountName } = config.account;
  if (match.by === "customerEmail") return [];
  const path = `${where}.${match.by === "id" ? "stripeId" : "match.column"}`;
  const type = match.by === "customer" ? "customer" : resource.stripe;
  const column = `t.${quoteName(match.column)}::text`;
  const rows = await local.unsafe<{ id: string }[]>(`
    SELECT ${column} AS id
    FROM ${quoteTable(resource.table)} t
    WHERE nullif(btrim(${column}), '') IS NOT NULL AND (${resource.where ?? "true"})
    LIMIT ${sampleSize}`);
  const [sample] = rows;
  if (!sample) return [];
  if (rows.every(({ id }) => !prefixes[type].test(id))) {
    const other = Object.entries(prefixes).find(([, prefix]) => rows.every(({ id }) => prefix.test(id)))?.[0];
    return [
      {
        level: "warning",
        where: path,
        code: "ids_of_another_kind",
        message: `"${match.column}" holds values like "${shorten(sample.id)}", which are no ids of a ${type}`,
        remedy:
          other === "customer"
            ? `they are customers: write match: { column: "${match.column}", by: "customer" }`
            : "name the column that holds Stripe's ids of this kind",
      },
    ];
  }
  for (const { id } of rows) if ((await stripe.retrieve(type, id)) !== null) return [];
  return [
    {
      level: "warning",
      where: path,
      code: "no_id_known",
      message: `Stripe knows none of ${rows.length} ids from "${match.column}" (${shorten(sample.id)} is one)`,
      remedy: `is ${key} the key of the account and the mode that ${accountName === null ? "this database is" : "these rows are"} about?`,
    },
  ];
}

const shorten = (id: string): string => (id.length > 24 ? `${id.slice(0, 23)}…` : id);
