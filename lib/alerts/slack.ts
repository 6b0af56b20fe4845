import type { KnownBlock } from "@slack/types";

export interface SlackMessage {
  /** What notifications and screen readers say. */
  text: string;
  blocks: KnownBlock[];
}

/** What became of a message: it is there, it can be tried again, or trying again is of no use. */
export type Sending =
  | { outcome: "sent" }
  | { outcome: "later"; afterMs: number | null; problem: string }
  | { outcome: "refused"; problem: string };

/** Sends a message to an incoming webhook. The address is a secret: no problem names it. Never throws. */
export async function sendToSlack(url: string, message: SlackMessage, timeoutMs = 10_000): Promise<Sending> {
  let response: Response;
  let said: string;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify(message),
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    said = (await response.text()).slice(0, 100);
  } catch (error) {
    const late = error instanceof Error && error.name === "TimeoutError";
    const problem = late ? "Slack did not answer in time." : "Slack could not be reached.";
    return { outcome: "later", afterMs: null, problem };
  }
  if (response.ok) return { outcome: "sent" };
  if (response.status === 429) {
    const seconds = Number(response.headers.get("retry-after"));
    const afterMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : null;
    return { outcome: "later", afterMs, problem: "Slack asked for a pause." };
  }
  if (response.status >= 500)
    return {
      outcome: "later",
      afterMs: null,
      problem: `Slack has a problem of its own (${response.status}).`,
    };
  return { outcome: "refused", problem: refusal(response.status, said) };
}

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
