import type { Sql } from "postgres";
import { count } from "../count.ts";
import type { Alert, AlertKind } from "../db/schema.ts";
import type { Desks } from "../desk.ts";
import { wordsOfKind } from "./several.ts";
import { type Reading, type Words, wordsOf } from "./words.ts";

/** What goes out at once, before it is written as the channel wants it. */
export interface Message {
  /** The same however often it is sent. */
  id: string;
  at: Date;
  title: string;
  parts: Part[];
  small: string | null;
  /** Each alert by itself, for programs. */
  alerts: {
    id: number;
    kind: AlertKind;
    account: string | null;
    run: number | null;
    bulk: number | null;
    raisedAt: Date;
    title: string;
    url: string;
    data: unknown;
  }[];
}

export interface Part {
  /** Null where the message is about nothing else. */
  title: string | null;
  lines: { text: string; url: string | null }[];
  url: string;
  link: string;
}

/** One message of one or many alerts. */
export async function messageOf(
  desk: Pick<Desks, "sql" | "config" | "environment">,
  { id, at, alerts }: { id: string; at: Date; alerts: readonly [Alert, ...Alert[]] },
): Promise<Message> {
  const reading: Reading = { timeZone: desk.config.alerts.timeZone, accounts: await accountNames(desk.sql) };
  const urlOf = (path: string) => new URL(path, desk.environment.nextAuthUrl).href;
  const words = [...Map.groupBy(alerts, (alert) => alert.kind).values()].map((some) =>
    wordsOfKind(some as [Alert, ...Alert[]], reading),
  ) as [Words, ...Words[]];
  const [first] = words;
  const single = words.length === 1;
  return {
    id,
    at,
    title: single ? first.title : `In the quiet hours: ${count(alerts.length)} things to know`,
    parts: words.map(({ title, lines, path, link }) => ({
      title: single ? null : title,
      lines: lines.map((line) => ({
        text: line.text,
        url: line.path === undefined ? null : urlOf(line.path),
      })),
      url: urlOf(path),
      link,
    })),
    small: single ? (first.small ?? null) : null,
    alerts: alerts.map((alert) => {
      const { title, path } = wordsOf(alert, reading);
      return {
        id: alert.id,
        kind: alert.kind,
        account: alert.accountId,
        run: alert.runId,
        bulk: alert.bulkId,
        raisedAt: alert.raisedAt,
        title,
        url: urlOf(path),
        data: alert.data,
      };
    }),
  };
}

/** The message as plain text, without its links. */
export function textOf({ title, parts }: Pick<Message, "title" | "parts">): string {
  return [
    title,
    ...parts.flatMap((part) => [part.title ?? [], part.lines.map(({ text }) => text)].flat(2)),
  ].join("\n");
}

/** Which account an alert is about is said where there are several. */
export async function accountNames(sql: Sql): Promise<ReadonlyMap<string, string>> {
  const rows = await sql<{ id: string; name: string }[]>`
    SELECT id, coalesce(config_name, name, id) AS name FROM driftdesk.accounts`;
  return new Map(rows.length > 1 ? rows.map(({ id, name }) => [id, name]) : []);
}

export const shorten = (text: string, length: number) =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`;
