// Where alerts go: what the configuration wants and the environment makes possible.
import { type Channel, channels } from "../db/schema.ts";
import type { Desks } from "../desk.ts";

export interface ChannelView {
  channel: Channel;
  /** Whom it reaches, in words; nothing secret. */
  to: string;
  /** What is missing before anything is sent there; null: nothing. */
  missing: string | null;
}

type Settings = Pick<Desks, "config" | "environment">;

/** Every channel that somebody has set up, be it half. */
export function channelViews({ config, environment }: Settings): ChannelView[] {
  const { slack, email } = config.alerts;
  const { slackWebhookUrl, alertWebhook, smtp } = environment;
  const views: Record<Channel, ChannelView | null> = {
    slack:
      slack || slackWebhookUrl
        ? {
            channel: "slack",
            to: slack?.channel ?? "",
            missing: !slack
              ? "The configuration has no alerts.slack."
              : slackWebhookUrl === undefined
                ? "SLACK_WEBHOOK_URL is not set."
                : null,
          }
        : null,
    // Only the host: the rest of an address can be a secret.
    webhook: alertWebhook ? { channel: "webhook", to: new URL(alertWebhook.url).host, missing: null } : null,
    email:
      email || smtp
        ? {
            channel: "email",
            to: email?.to.join(", ") ?? "",
            missing: !email
              ? "The configuration has no alerts.email."
              : smtp === undefined
                ? "SMTP_URL and ALERT_EMAIL_FROM are not set."
                : null,
          }
        : null,
  };
  return channels.flatMap((channel) => views[channel] ?? []);
}

/** Those that something can be sent on. Without any, alerts can be seen in the desk alone. */
export const channelsOf = (settings: Settings): Channel[] =>
  channelViews(settings).flatMap(({ channel, missing }) => (missing === null ? channel : []));
