import { CircleAlert, CircleCheck, Clock, EyeOff } from "lucide-react";
import Link from "next/link";
import type { AlertView, DeliveryView } from "@/lib/alerts/list.ts";
import { Time } from "../format/time.tsx";
import { plural } from "../format/words.ts";
import { cn } from "../ui/cn.ts";
import { channelWords } from "./alert-words.ts";

/** What people were told, and what became of it on each channel. */
export function Alerts({
  alerts,
  older,
}: {
  alerts: readonly AlertView[];
  /** Where those before these are; null: there are none. */
  older: string | null;
}) {
  if (alerts.length === 0)
    return <p className="text-ink-2">Nothing has happened yet that people should be told.</p>;
  return (
    <>
      <ul className="divide-y divide-line overflow-hidden rounded-lg border border-line">
        {alerts.map((alert) => (
          <li
            key={alert.id}
            className="grid gap-x-6 gap-y-2 px-4 py-3 md:grid-cols-[minmax(0,1fr)_minmax(0,18rem)]"
          >
            <div className="min-w-0 break-words">
              <Link href={alert.path} className="font-medium hover:underline">
                {alert.title}
              </Link>
              {alert.lines.map((line) => (
                <p key={line} className="text-pretty text-ink-2">
                  {line}
                </p>
              ))}
              <p className="text-12 text-ink-3">
                <Time at={alert.raisedAt} />
              </p>
            </div>
            <ul className="space-y-1">
              {alert.deliveries.length === 0 ? (
                <Fate icon={EyeOff} tone="text-ink-3">
                  Only here
                </Fate>
              ) : (
                alert.deliveries.map((delivery) => <Delivery key={delivery.channel} {...delivery} />)
              )}
            </ul>
          </li>
        ))}
      </ul>
      {older !== null && (
        <p className="mt-3">
          <Link href={older} className="link">
            Older alerts
          </Link>
        </p>
      )}
    </>
  );
}

const fates = {
  sent: { icon: CircleCheck, tone: "text-fixed", word: "sent" },
  waiting: { icon: Clock, tone: "text-ink-3", word: "waits, to be sent" },
  failed: { icon: CircleAlert, tone: "text-locked", word: "not sent, given up" },
};

function Delivery({ channel, state, at, attempts, others, problem }: DeliveryView) {
  const { icon, tone, word } = fates[state];
  return (
    <Fate icon={icon} tone={tone}>
      {channelWords[channel]}: {word} <Time at={at} />
      {others > 0 && `, together with ${plural(others, "other")}`}
      {attempts > 1 && `, ${plural(attempts, "attempt")}`}
      {problem && <span className="block text-pretty text-ink-2">{problem}</span>}
    </Fate>
  );
}

function Fate({
  icon: Icon,
  tone,
  children,
}: {
  icon: typeof Clock;
  tone: string;
  children: React.ReactNode;
}) {
  return (
    <li className="flex items-start gap-1.5">
      <Icon aria-hidden className={cn("mt-0.5 size-4 shrink-0", tone)} />
      <div className="min-w-0 break-words">{children}</div>
    </li>
  );
}
