// Alerts for programs. The shape of the JSON and how to check the signature are in docs/operating.md: others rely on both.
import { createHmac } from "node:crypto";
import type { Message } from "./message.ts";
import { textOf } from "./message.ts";
import { commonAnswer, post, type Sending } from "./post.ts";

/** Posts a message, signed. Never throws. As Stripe does, it tries everything again that was not taken. */
export async function sendToWebhook(
  { url, secret }: { url: string; secret: string },
  message: Message,
  now: Date,
  timeoutMs?: number,
): Promise<Sending> {
  const body = JSON.stringify(webhookBody(message));
  const posted = await post(url, body, {
    headers: { "driftdesk-signature": signature(body, secret, now) },
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
  const common = commonAnswer(posted, "The webhook");
  if (common || typeof posted === "string") return common as Sending;
  const { status } = posted;
  if (status === 410) {
    const problem =
      "The webhook says that it is gone (410). Set ALERT_WEBHOOK_URL to where alerts should go.";
    return { outcome: "refused", problem };
  }
  const problem =
    status >= 300 && status < 400
      ? `The webhook sends elsewhere (${status}), which is not followed. Set ALERT_WEBHOOK_URL to where that is.`
      : `The webhook did not take it (${status}). See ALERT_WEBHOOK_URL and ALERT_WEBHOOK_SECRET.`;
  return { outcome: "later", afterMs: null, problem };
}

/** In Stripe's own scheme: the time in seconds, and HMAC-SHA256 over `time.body`. */
export function signature(body: string, secret: string, now: Date): string {
  const time = Math.floor(now.getTime() / 1_000);
  return `t=${time},v1=${createHmac("sha256", secret).update(`${time}.${body}`).digest("hex")}`;
}

function webhookBody(message: Message) {
  const { id, at, title, parts, alerts } = message;
  return {
    id,
    created: at.toISOString(),
    title,
    text: textOf({ title, parts }),
    alerts: alerts.map((alert) => ({ ...alert, raisedAt: alert.raisedAt.toISOString() })),
  };
}
