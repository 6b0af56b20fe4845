import type { KnownBlock } from "@slack/types";
import { type Message, type Part, shorten, textOf } from "./message.ts";
import { commonAnswer, post, type Sending } from "./post.ts";

/** Slack takes 50 blocks, 150 characters in a header and 3,000 in a section. */
const most = { parts: 15, header: 150, section: 3_000, line: 500 };

/** Sends a message to an incoming webhook. The address is a secret: no problem names it. Never throws. */
export async function sendToSlack(url: string, message: Message, timeoutMs?: number): Promise<Sending> {
  const posted = await post(url, JSON.stringify(slackMessage(message)), {
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
  const common = commonAnswer(posted, "Slack");
  if (common || typeof posted === "string") return common as Sending;
  return { outcome: "refused", problem: refusal(posted.status, posted.said) };
}

/** `text` is what notifications and screen readers say. */
export function slackMessage(message: Message): { text: string; blocks: KnownBlock[] } {
  const shown = message.parts.slice(0, most.parts);
  const blocks: KnownBlock[] = [
    { type: "header", text: { type: "plain_text", text: shorten(message.title, most.header) } },
    ...shown.flatMap(partBlocks),
    ...(message.small === null ? [] : [context(message.small)]),
  ];
  return { text: shorten(plain(textOf(message)), most.section), blocks };
}

function partBlocks({ title, lines, url, link }: Part): KnownBlock[] {
  const written = lines.map((line) => {
    const text = plain(shorten(line.text, most.line));
    return line.url === null ? text : linked(text, line.url);
  });
  const all = [...(title === null ? [] : [`*${plain(shorten(title, most.header))}*`]), ...written];
  return [...(all.length > 0 ? [section(fitting(all))] : []), section(`<${url}|${plain(link)}>`)];
}

/** The bullet stays outside of the link. */
const linked = (text: string, url: string) =>
  text.startsWith("• ") ? `• <${url}|${text.slice(2)}>` : `<${url}|${text}>`;

/** Whole lines only: half a link is none. */
function fitting(lines: readonly string[]): string {
  let text = "";
  for (const [number, line] of lines.entries()) {
    const longer = number === 0 ? line : `${text}\n${line}`;
    if (longer.length > most.section - 20) return `${text}\n… and more`;
    text = longer;
  }
  return text;
}

const section = (text: string): KnownBlock => ({ type: "section", text: { type: "mrkdwn", text } });
const context = (text: string): KnownBlock => ({
  type: "context",
  elements: [{ type: "mrkdwn", text: shorten(plain(text), most.section) }],
});

/** What people and Stripe wrote must not become a link or a mention of everybody. */
const plain = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Slack's short words (`no_service`, `channel_is_archived` …) with what to do. */
function refusal(status: number, said: string): string {
  const word = /^[a-z_]+$/.test(said.trim()) ? said.trim() : `status ${status}`;
  const remedies: Record<string, string> = {
    no_service: "The webhook was removed. Make a new one in Slack and set SLACK_WEBHOOK_URL.",
    no_active_hooks: "The webhook was disabled. Make a new one in Slack and set SLACK_WEBHOOK_URL.",
    invalid_token: "The webhook's address is wrong. Copy it from Slack into SLACK_WEBHOOK_URL again.",
    channel_not_found: "The webhook's channel is gone. Make a webhook for another one.",
    channel_is_archived: "The webhook's channel is archived. Make a webhook for another one.",
    action_prohibited: "An admin of the Slack workspace does not allow it.",
    posting_to_general_channel_denied: "An admin of the Slack workspace does not allow messages there.",
  };
  return `Slack refused the message (${word}). ${remedies[word] ?? "See SLACK_WEBHOOK_URL."}`;
}
