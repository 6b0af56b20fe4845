// Checks a configuration against both sides, before a run would stumble over it: one finding for each mistake.
import { type Desk, type Desks, desksOf } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import type { LocalTable } from "../local/catalog.ts";
import { whileSomebodyWaits } from "../stripe/priority.ts";
import { channelViews } from "./alert-channels.ts";
import { checkApart } from "./check-apart.ts";
import { checkLocalTable, checkWebhookLog } from "./check-local.ts";
import { checkAccount, checkEvents, checkStripeObjects, checkWebhookEndpoints } from "./check-stripe.ts";
import { checkWebhooks } from "./check-webhooks.ts";
import type { Resource } from "./resource.ts";

export interface Finding {
  level: "error" | "warning" | "ok";
  /** Its name, where there are several. */
  account?: string;
  /** Path in the config, or the name of what was looked at. */
  where: string;
  message: string;
  remedy?: string;
  code: string;
}

/** Everything that is wrong, then a line per resource without errors. Reads a few rows and objects; changes nothing. */
export function checkConfig(desks: Desks): Promise<Finding[]> {
  return whileSomebodyWaits(() => check(desksOf(desks)));
}

async function check(all: readonly [Desk, ...Desk[]]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const desk of all) {
    const { name } = desk.config.account;
    const found = await checkMapping(desk);
    findings.push(
      ...(all.length === 1 || name === null ? found : found.map((one) => ({ account: name, ...one }))),
    );
  }
  if (all.length > 1) findings.push(...(await attempt("accounts", () => checkApart(all))));
  findings.push(...(await attempt("webhookLog", () => checkWebhookLog(all[0]))));
  findings.push(...checkAlerts(all[0]));
  findings.push(...checkWebhooks(all));
  return findings;
}

function checkAlerts(desk: Desk): Finding[] {
  return channelViews(desk).flatMap(({ channel, missing }) =>
    missing === null
      ? []
      : {
          level: "warning" as const,
          where: `alerts.${channel}`,
          code: "alerts_nowhere",
          message: `alerts do not go there. ${missing}`,
          remedy: "set what is missing, or take the other half out: docs/operating.md has each channel",
        },
  );
}

/** One account's mapping against both sides. */
async function checkMapping(desk: Desk): Promise<Finding[]> {
  const findings = await attempt("account", () => checkAccount(desk));
  const stripeAnswers = findings.every((finding) => finding.level !== "error");
  if (stripeAnswers) {
    findings.push(...(await attempt("account", () => checkEvents(desk))));
    findings.push(...(await attempt("account", () => checkWebhookEndpoints(desk))));
  }
  for (const resource of desk.config.resources) {
    const where = `resources.${resource.name}`;
    const { table, findings: about } = await checkTable(desk, resource);
    if (stripeAnswers) {
      // What is wrong here would only show again, in other words, on real objects.
      const sound = about.some((finding) => finding.level === "error") ? null : table;
      about.push(...(await attempt(where, () => checkStripeObjects(desk, resource, sound))));
    }
    findings.push(...about);
    if (about.some((finding) => finding.level === "error")) continue;
    const { schema, name } = resource.table;
    const columns = resource.fields.length === 1 ? "1 column" : `${resource.fields.length} columns`;
    findings.push({
      level: "ok",
      where,
      code: "ok",
      message: `each ${resource.stripe} has ${columns} in ${schema}.${name}, matched by "${resource.match.column}"`,
    });
  }
  return findings;
}

async function checkTable(
  desk: Desk,
  resource: Resource,
): Promise<{ table: LocalTable | null; findings: Finding[] }> {
  const found: { table: LocalTable | null } = { table: null };
  const findings = await attempt(`resources.${resource.name}`, async () => {
    const checked = await checkLocalTable(desk.local, resource);
    found.table = checked.table;
    return checked.findings;
  });
  return { table: found.table, findings };
}

/** What cannot be looked at is a finding too, and the rest is still checked. */
async function attempt(where: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof DriftdeskError)
      return [{ level: "error", where, code: error.code, message: error.message }];
    const reason = error instanceof Error ? error.message : String(error);
    return [
      {
        level: "error",
        where,
        code: "local_unreadable",
        message: `the local database could not be read: ${reason}`,
        remedy: "check LOCAL_DATABASE_URL (or DATABASE_URL), and that its user may read the table",
      },
    ];
  }
}

const marks = { error: "✗", warning: "!", ok: "✓" } as const;

/** A finding as a line for the command line. */
export function renderFinding(finding: Finding): string {
  const remedy = finding.remedy === undefined ? "" : `\n    → ${finding.remedy}`;
  const code = finding.level === "ok" ? "" : ` [${finding.code}]`;
  return `${marks[finding.level]} ${finding.where}: ${finding.message}${code}${remedy}`;
}
