"use client";

import { EyeOff } from "lucide-react";
import { useState, useTransition } from "react";
import type { ChannelView } from "@/lib/config/alert-channels.ts";
import type { Channel } from "@/lib/db/schema.ts";
import { Button } from "../ui/button.tsx";
import { channelWords } from "./alert-words.ts";

export type SendTest = (channel: Channel) => Promise<{ ok: true } | { ok: false; message: string }>;

/** Where alerts go, each with a button that shows whether they arrive. */
export function AlertChannels({
  channels,
  sendTest,
}: {
  channels: readonly ChannelView[];
  /** Null for those who may not. */
  sendTest: SendTest | null;
}) {
  const [said, setSaid] = useState("");
  const [busy, start] = useTransition();
  const send = (test: SendTest, channel: Channel) =>
    start(async () => {
      const answer = await test(channel);
      const arrives = `A test is on its way (${channelWords[channel]}). Below you see whether it arrived.`;
      setSaid(answer.ok ? arrives : answer.message);
    });
  if (channels.length === 0)
    return (
      <p className="flex items-start gap-2 text-pretty">
        <EyeOff aria-hidden className="mt-0.5 size-4 shrink-0 text-ink-3" />
        Alerts go nowhere: no channel is set up. They can be read here.
      </p>
    );
  return (
    <>
      <ul className="divide-y divide-line overflow-hidden rounded-lg border border-line">
        {channels.map(({ channel, to, missing }) => (
          <li
            key={channel}
            className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 px-4 py-2.5 sm:grid-cols-[6rem_minmax(0,1fr)_auto]"
          >
            <h3 className="font-medium max-sm:col-span-2">{channelWords[channel]}</h3>
            <p className="min-w-0 break-words">
              {missing === null ? (
                to
              ) : (
                <span className="flex items-start gap-1.5 text-ink-2">
                  <EyeOff aria-hidden className="mt-0.5 size-4 shrink-0 text-ink-3" />
                  Nothing is sent. {missing}
                </span>
              )}
            </p>
            {sendTest && missing === null && (
              <Button
                size="sm"
                disabled={busy}
                aria-label={`Send a test by ${channelWords[channel]}`}
                onClick={() => send(sendTest, channel)}
              >
                Send a test
              </Button>
            )}
          </li>
        ))}
      </ul>
      <p aria-live="polite" className="mt-2 text-ink-2 empty:hidden">
        {said}
      </p>
    </>
  );
}
