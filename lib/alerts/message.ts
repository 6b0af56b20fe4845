// An alert as Slack shows it: what happened first, then what it means in numbers, then where to go.
import type { KnownBlock } from "@slack/types";
import { count, plural } from "../count.ts";
import type { Alert, Impact } from "../db/schema.ts";
import type { Desks } from "../desk.ts";
import { impactWords } from "../discrepancies/impact-words.ts";
import type { Amount } from "../discrepancies/summary.ts";
import { moneyText } from "../money.ts";
import type { AlertData } from "./alert.ts";
import type { SlackMessage } from "./slack.ts";

interface Words {
  title: string;
  lines: string[];
  /** Where it can be seen: a path in the desk. */
  path: string;
  link: string;
  /** What only some want to read. */
  small?: string;
}

/** The message of an alert. */
export async function messageOf(
  desk: Desks,
  alert: Pick<Alert, "kind" | "data" | "accountId" | "runId" | "bulkId">,
): Promise<SlackMessage> {
  const { title, lines, path, link, small } = wordsOf(alert);
  const account = await accountName(desk, alert.accountId);
  const about = account === null ? title : `${title} (${account})`;
  const url = new URL(path, desk.environment.nextAuthUrl).href;
  const blocks: KnownBlock[] = [
    { type: "header", text: { type: "plain_text", text: shorten(about, 150) } },
    ...(lines.length > 0 ? [section(lines.map(plain).join("\n"))] : []),
    section(`<${url}|${plain(link)}>`),
    ...(small === undefined ? [] : [context(small)]),
  ];
  return { text: plain([about, ...lines].join("\n")), blocks };
}

const section = (text: string): KnownBlock => ({
  type: "section",
  text: { type: "mrkdwn", text: shorten(text, 3_000) },
});
const context = (text: string): KnownBlock => ({
  type: "context",
  elements: [{ type: "mrkdwn", text: shorten(plain(text), 3_000) }],
});
const shorten = (text: string, length: number) =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`;

/** What people and Stripe wrote must not become a link or a mention of everybody. */
const plain = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Where there are several accounts, which one it is about. */
async function accountName({ sql }: Pick<Desks, "sql">, id: string | null): Promise<string | null> {
  if (id === null) return null;
  const [row] = await sql<{ name: string | null; several: boolean }[]>`
    SELECT coalesce(config_name, name, id) AS name, (SELECT count(*) > 1 FROM driftdesk.accounts) AS several
    FROM driftdesk.accounts WHERE id = ${id}`;
  return row?.several ? row.name : null;
}

/** The title and the lines of an alert, as plain text. */
export function wordsOf(alert: Pick<Alert, "kind" | "data" | "runId" | "bulkId">): Words {
  const run = { path: `/runs/${alert.runId}`, link: `See run ${alert.runId}` };
  switch (alert.kind) {
    case "drift": {
      const { impacts, corrected } = alert.data as AlertData["drift"];
      const rows = impacts.reduce((sum, one) => sum + one.rows, 0);
      return {
        title: `${plural(rows, "new difference")} between your records and Stripe`,
        lines: [
          ...impacts.map(impactLine),
          ...(corrected > 0 ? [`${count(corrected)} of them corrected automatically.`] : []),
        ],
        path: "/discrepancies",
        link: "Review them",
      };
    }
    case "held_back": {
      const { resource, why } = alert.data as AlertData["held_back"];
      const title = `Nothing was corrected automatically in ${resource}`;
      return { title, lines: [why, "All of it waits for a person to look."], ...run };
    }
    case "corrected": {
      const { applied, stale, failed } = alert.data as AlertData["corrected"];
      return {
        title: `${plural(applied, "record")} corrected automatically`,
        lines: [
          ...(stale > 0 ? [`${count(stale)} had changed meanwhile and were left alone.`] : []),
          ...(failed > 0 ? [`${count(failed)} could not be written.`] : []),
        ],
        ...(alert.bulkId === null ? run : { path: `/bulks/${alert.bulkId}`, link: "See what was written" }),
      };
    }
    case "run_trouble": {
      const { state, message } = alert.data as AlertData["run_trouble"];
      const titles: Record<string, string> = {
        failed: "A run failed",
        incomplete: "A run could not read everything",
        suspicious: "A run saw something that cannot be right",
      };
      return { title: titles[state] ?? `A run ended as ${state}`, lines: message ? [message] : [], ...run };
    }
    case "run_recovered": {
      const { runs } = alert.data as AlertData["run_recovered"];
      const lines = runs > 0 ? [`${plural(runs, "run")} before it did not.`] : [];
      return { title: "A run came to its end again", lines, ...run };
    }
    case "approval": {
      const { total, requestedBy, reason } = alert.data as AlertData["approval"];
      return {
        title: `${plural(total, "correction")} ${total === 1 ? "waits" : "wait"} for a second person`,
        lines: [`${requestedBy} asked for ${total === 1 ? "it" : "them"}${reason ? `: “${reason}”` : "."}`],
        path: "/discrepancies?state=waiting",
        link: "Look and decide",
      };
    }
    case "digest":
      return digestWords(alert.data as AlertData["digest"]);
    case "test": {
      const { by } = alert.data as AlertData["test"];
      return {
        title: "This is a test",
        lines: [`${by} sent it to see whether alerts arrive.`],
        path: "/settings",
        link: "Settings",
      };
    }
  }
}

function digestWords(data: AlertData["digest"]): Words {
  const { day, open, impacts, found, corrected, correctedByPolicy, resolved, waiting, checkpoint } = data;
  const automatically = correctedByPolicy > 0 ? `, ${count(correctedByPolicy)} of them automatically` : "";
  return {
    title: `Driftdesk on ${day}`,
    lines: [
      open.rows === 0
        ? "No difference is open."
        : `${plural(open.rows, "difference")} open${open.affectedCustomers > 0 ? `, ${plural(open.affectedCustomers, "customer")} locked out or not paying` : ""}.`,
      ...impacts.map(impactLine),
      `In the last 24 hours: ${count(found)} found, ${count(corrected)} corrected${automatically}, ${count(resolved)} agree again by themselves.`,
      ...(waiting > 0
        ? [`${plural(waiting, "request")} ${waiting === 1 ? "waits" : "wait"} for a second person.`]
        : []),
    ],
    path: "/",
    link: "Open the desk",
    ...(checkpoint !== null && {
      small: `Checkpoint of the history, for \`driftdesk audit verify --checkpoint FILE\`: \`${checkpoint}\``,
    }),
  };
}

const impactLine = ({ impact, rows, stakes }: { impact: Impact; rows: number; stakes: readonly Amount[] }) =>
  `• ${count(rows)} ${impactWords[impact].long.toLowerCase()}${stakes.length > 0 ? `: ${stakes.map((one) => moneyText(one.amountMinor, one.currency)).join(", ")}` : ""}`;
