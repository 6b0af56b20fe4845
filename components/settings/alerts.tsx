"use client";

import { CircleAlert, CircleCheck, Clock, EyeOff } from "lucide-react";
import Link from "next/link";
import { useState, useTransition } from "react";
import type { AlertView } from "@/lib/alerts/list.ts";
import { Time } from "../format/time.tsx";
import { Button } from "../ui/button.tsx";
import { cn } from "../ui/cn.ts";

export type SendTest = () => Promise<{ ok: true } | { ok: false; message: string }>;

/** Where alerts go, and what became of the latest ones. */
export function Alerts({
  channel,
  connected,
  alerts,
  sendTest,
}: {
  /** As the configuration calls it; null: none. */
  channel: string | null;
  connected: boolean;
  alerts: readonly AlertView[];
  /** Null for those who may not. */
  sendTest: SendTest | null;
}) {
  const [said, setSaid] = useState("");
  const [busy, start] = useTransition();
  const send = (test: SendTest) =>
    start(async () => {
      const answer = await test();
      setSaid(answer.ok ? "On its way. Below you see whether it arrived." : answer.message);
    });
  return (
    <div className="text-13">
      <p className="text-pretty">{destination(channel, connected)}</p>
      {sendTest && connected && (
        <div className="mt-3 flex flex-wrap items-center gap-3">
          <Button disabled={busy} onClick={() => send(sendTest)}>
            Send a test
          </Button>
          <p aria-live="polite" className="text-ink-2">
            {said}
          </p>
        </div>
      )}
      {alerts.length === 0 ? (
        <p className="mt-4 text-ink-2">Nothing has happened yet that people should be told.</p>
      ) : (
        <ul className="mt-4 divide-y divide-line overflow-hidden rounded-lg border border-line">
          {alerts.map((alert) => (
            <li key={alert.id} className="flex flex-wrap items-start gap-x-4 gap-y-1 px-4 py-3">
              <div className="min-w-0 flex-1 basis-60">
                <Link href={alert.path} className="font-medium hover:underline">
                  {alert.title}
                </Link>
                {alert.lines.map((line) => (
                  <p key={line} className="text-pretty text-ink-2">
                    {line}
                  </p>
                ))}
              </div>
              <div className="flex items-center gap-3 text-ink-2">
                <Fate alert={alert} />
                <Time at={alert.raisedAt} className="text-ink-3" />
              </div>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function destination(channel: string | null, connected: boolean): string {
  if (connected) return `Alerts go to ${channel} in Slack.`;
  return channel === null
    ? "Alerts go nowhere: the configuration has no alerts.slack. They can be read here."
    : "Alerts go nowhere: SLACK_WEBHOOK_URL is not set. They can be read here.";
}

const fates = {
  sent: { icon: CircleCheck, tone: "text-fixed", word: "Sent" },
  waiting: { icon: Clock, tone: "text-ink-3", word: "Waits" },
  failed: { icon: CircleAlert, tone: "text-locked", word: "Not sent" },
  nowhere: { icon: EyeOff, tone: "text-ink-3", word: "Only here" },
};

function Fate({ alert: { state, problem } }: { alert: AlertView }) {
  const { icon: Icon, tone, word } = fates[state ?? "nowhere"];
  return (
    <span className="flex max-w-80 items-start gap-1.5">
      <Icon aria-hidden className={cn("mt-0.5 size-4 shrink-0", tone)} />
      <span className="text-pretty">
        {word}
        {problem && `: ${problem}`}
      </span>
    </span>
  );
}
