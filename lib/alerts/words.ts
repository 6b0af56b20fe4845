// What an alert says to people: what happened first, then what it means in numbers, then where to go.
import { count, plural } from "../count.ts";
import type { Alert } from "../db/schema.ts";
import { impactWords } from "../discrepancies/impact-words.ts";
import { moneyText } from "../money.ts";
import { stripeLink } from "../stripe/dashboard.ts";
import type { AlertData, ImpactCount } from "./alert.ts";
import { timeText } from "./clock.ts";

export interface Line {
  text: string;
  /** Where it leads to, if anywhere. */
  path?: string;
}

export interface Words {
  title: string;
  lines: Line[];
  /** Where it can be seen: a path in the desk, or an address elsewhere. */
  path: string;
  link: string;
  /** What only some want to read. */
  small?: string;
}

export type Told = Pick<Alert, "kind" | "data" | "accountId" | "runId" | "bulkId">;

export interface Reading {
  /** That times are told in. */
  timeZone: string;
  /** Names of the accounts by their ids, where there are several. */
  accounts: ReadonlyMap<string, string>;
}

/** One alert. */
export function wordsOf(alert: Told, reading: Reading): Words {
  const words = ofKind(alert, reading);
  const account = reading.accounts.get(alert.accountId ?? "");
  return account === undefined ? words : { ...words, title: `${words.title} (${account})` };
}

function ofKind(alert: Told, { timeZone, accounts }: Reading): Words {
  const run = { path: `/runs/${alert.runId}`, link: `See run ${alert.runId}` };
  const runs = { path: "/runs", link: "See the runs" };
  const pipeline = { path: "/pipeline", link: "See what arrives and what does not" };
  switch (alert.kind) {
    case "drift": {
      const several = alert.accountId !== null && accounts.has(alert.accountId);
      return driftWords(alert.data as AlertData["drift"], several ? alert.accountId : null);
    }
    case "held_back": {
      const { resource, why } = alert.data as AlertData["held_back"];
      const title = `Nothing was corrected automatically in ${resource}`;
      return { title, lines: texts(why, "All of it waits for a person to look."), ...run };
    }
    case "corrected": {
      const seen = { path: `/bulks/${alert.bulkId}`, link: "See what was written" };
      return correctedWords(alert.data as AlertData["corrected"], alert.bulkId === null ? run : seen);
    }
    case "run_trouble": {
      const { state, message } = alert.data as AlertData["run_trouble"];
      const titles: Record<string, string> = {
        failed: "A run failed",
        incomplete: "A run could not read everything",
        suspicious: "A run saw something that cannot be right",
      };
      return { title: titles[state] ?? `A run ended as ${state}`, lines: texts(message), ...run };
    }
    case "run_recovered": {
      const { runs } = alert.data as AlertData["run_recovered"];
      const lines = texts(runs > 0 && `${plural(runs, "run")} before it did not.`);
      return { title: "A run came to its end again", lines, ...run };
    }
    case "run_overdue": {
      const { schedule, mode, due, why, missed } = alert.data as AlertData["run_overdue"];
      const kind = mode === "full" ? "A full run" : mode === "incremental" ? "An incremental run" : "A run";
      const at = due ? timeText(due, timeZone) : "its time";
      if (why === "not_ended") {
        const lines = texts(`It was due at ${at} (${schedule}) and is still under way.`);
        return { title: `${kind} does not end`, lines, ...(alert.runId === null ? runs : run) };
      }
      return {
        title: `${kind} is overdue`,
        lines: texts(
          `It should have begun at ${at} (${schedule}).`,
          missed > 1 && `${plural(missed - 1, "more was", "more were")} missed since then.`,
          "Look whether a worker, or whatever calls Driftdesk, is running.",
        ),
        ...runs,
      };
    }
    case "pipeline_broken": {
      const { endpoint, url, since, undelivered, types } = alert.data as AlertData["pipeline_broken"];
      const named = types.slice(0, 5).join(", ") + (types.length > 5 ? ` and ${types.length - 5} more` : "");
      return {
        title: "Webhooks do not arrive",
        lines: texts(
          `Stripe cannot deliver to ${endpointText(url, endpoint)}${since ? ` since ${timeText(since, timeZone)}` : ""}.`,
          undelivered > 0 && `${plural(undelivered, "event")} undelivered${named && `: ${named}`}.`,
          "What changes at Stripe is not in your records until it is mended.",
        ),
        ...pipeline,
      };
    }
    case "pipeline_recovered": {
      const { endpoint, url, since, until, undelivered } = alert.data as AlertData["pipeline_recovered"];
      const from = since ? ` They did not from ${timeText(since, timeZone)}` : "";
      const to = from && until ? ` to ${timeText(until, timeZone)}` : "";
      return {
        title: "Webhooks arrive again",
        lines: texts(
          `Stripe delivers to ${endpointText(url, endpoint)}.${from}${to}${from && "."}`,
          undelivered > 0 && `${plural(undelivered, "event")} of that time never arrived.`,
        ),
        ...pipeline,
      };
    }
    case "approval":
      return approvalWords(alert.data as AlertData["approval"]);
    case "dispute_due": {
      const data = alert.data as AlertData["dispute_due"];
      return {
        title: `Evidence for a dispute over ${moneyText(data.amountMinor, data.currency)} is due within ${plural(data.days, "day")}`,
        lines: texts(
          `It has to be at Stripe by ${timeText(data.due, timeZone)}. After that the bank decides without it.`,
          `${data.dispute}${data.customer ? `, customer ${data.customer}` : ""}${data.reason ? `, reason: ${data.reason.replaceAll("_", " ")}` : ""}.`,
        ),
        path: stripeLink(data.dispute, data.livemode, alert.accountId ?? undefined) ?? "/",
        link: "Open it in Stripe",
      };
    }
    case "digest":
      return digestWords(alert.data as AlertData["digest"]);
    case "test": {
      const { by } = alert.data as AlertData["test"];
      const lines = texts(`${by} sent it to see whether alerts arrive.`);
      return { title: "This is a test", lines, path: "/settings#alerts", link: "Settings" };
    }
  }
}

/** A key that may not list endpoints leaves them without a name. */
const endpointText = (url: string | null, endpoint: string | null) => url ?? endpoint ?? "your endpoints";

/** Lines of those that there are. */
export const texts = (...lines: (string | null | false)[]): Line[] =>
  lines.flatMap((text) => (text ? [{ text }] : []));

/** `account`: whose differences are meant, where there are those of others. */
export function driftWords({ impacts, corrected }: AlertData["drift"], account: string | null): Words {
  const rows = impacts.reduce((sum, one) => sum + one.rows, 0);
  const path = (impact?: string) => {
    const query = new URLSearchParams({ ...(impact && { impact }), ...(account && { account }) });
    return query.size > 0 ? `/discrepancies?${query}` : "/discrepancies";
  };
  return {
    title: `${plural(rows, "new difference")} between your records and Stripe`,
    lines: [
      ...impacts.map((one) => ({ text: impactText(one), path: path(one.impact) })),
      ...texts(
        corrected > 0 &&
          `${plural(corrected, "record")} ${corrected === 1 ? "was" : "were"} corrected automatically.`,
      ),
    ],
    path: path(),
    link: "Review them",
  };
}

export function correctedWords(
  { applied, stale, failed }: AlertData["corrected"],
  seen: { path: string; link: string },
): Words {
  return {
    title: `${plural(applied, "record")} corrected automatically`,
    lines: texts(
      stale > 0 && `${count(stale)} had changed meanwhile and were left alone.`,
      failed > 0 && `${count(failed)} could not be written.`,
    ),
    ...seen,
  };
}

function approvalWords({ kind, total, requestedBy, reason }: AlertData["approval"]): Words {
  const wait = total === 1 ? "waits" : "wait";
  const many = plural(total, "correction");
  return {
    title:
      kind === "revert" ? `Undoing ${many} waits for a second person` : `${many} ${wait} for a second person`,
    lines: texts(
      `${requestedBy} asked for ${kind === "revert" || total === 1 ? "it" : "them"}${reason ? `: “${reason}”` : "."}`,
    ),
    path: "/discrepancies?state=waiting",
    link: "Look and decide",
  };
}

function digestWords(data: AlertData["digest"]): Words {
  const { day, open, impacts, found, corrected, correctedByPolicy, resolved, waiting, checkpoint } = data;
  const automatically = correctedByPolicy > 0 ? `, ${count(correctedByPolicy)} of them automatically` : "";
  return {
    title: `Driftdesk on ${day}`,
    lines: [
      ...texts(
        open.rows === 0
          ? "No difference is open."
          : `${plural(open.rows, "difference")} open${open.affectedCustomers > 0 ? `, ${plural(open.affectedCustomers, "customer")} locked out or not paying` : ""}.`,
      ),
      ...impacts.map((one) => ({ text: impactText(one), path: `/discrepancies?impact=${one.impact}` })),
      ...texts(
        `In the last 24 hours: ${count(found)} found, ${count(corrected)} corrected${automatically}, ${count(resolved)} agree again by themselves.`,
        waiting > 0 &&
          `${plural(waiting, "request")} ${waiting === 1 ? "waits" : "wait"} for a second person.`,
      ),
    ],
    path: "/",
    link: "Open the desk",
    ...(checkpoint !== null && {
      small: `Checkpoint of the history, for \`driftdesk audit verify --checkpoint FILE\`: \`${checkpoint}\``,
    }),
  };
}

const perMonth: ReadonlySet<string> = new Set(["paid_no_access", "access_no_pay"]);

/** "• 3 paid, locked out: $147.00 a month, €20.00 a month". Sums of different currencies are never added up. */
function impactText({ impact, rows, stakes }: ImpactCount): string {
  const each = perMonth.has(impact) ? " a month" : "";
  const money = stakes.map((one) => `${moneyText(one.amountMinor, one.currency)}${each}`).join(", ");
  return `• ${count(rows)} ${impactWords[impact].long.toLowerCase()}${money && `: ${money}`}`;
}
