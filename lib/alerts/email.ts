import type { SentMessageInfo, Transporter } from "nodemailer";
import type { Message, Part } from "./message.ts";
import { shorten } from "./message.ts";
import type { Sending } from "./post.ts";

export interface MailWay {
  /** `smtps://user:password@host`, or `smtp://` with STARTTLS. */
  url: string;
  from: string;
  to: readonly string[];
}

/** Sends one mail to all. Never throws. What a mail server says can name anything, so it is told by its number alone. */
export async function sendByEmail(way: MailWay, message: Message, timeoutMs = 10_000): Promise<Sending> {
  const closing = new AbortController();
  let transport: Transporter | undefined;
  try {
    const { createTransport } = await import("nodemailer");
    transport = createTransport({ ...server(way.url), ...timeouts(timeoutMs) });
    const sent = transport.sendMail({
      from: way.from,
      to: [...way.to],
      subject: shorten(message.title, 200),
      text: plainText(message),
      html: html(message),
      messageId: `<${message.id}@driftdesk>`,
      date: message.at,
      headers: { "Auto-Submitted": "auto-generated" },
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    return partly(await Promise.race([sent, late(timeoutMs * 4, closing.signal)]));
  } catch (error) {
    return problemOf(error);
  } finally {
    closing.abort();
    transport?.close();
  }
}

/** A password goes to nobody in the clear, but for a server on this machine. */
function server(url: string) {
  const { protocol, hostname, port, username, password } = new URL(url);
  const here = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  return {
    host: hostname.replace(/^\[|\]$/g, ""),
    secure: protocol === "smtps:",
    ...(port !== "" && { port: Number(port) }),
    ...(username !== "" && {
      auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) },
    }),
    requireTLS: username !== "" && !here,
    ignoreTLS: here,
  };
}

const timeouts = (ms: number) => ({
  connectionTimeout: ms,
  greetingTimeout: ms,
  socketTimeout: ms,
  dnsTimeout: ms,
});

/** A server that says a little again and again would be waited for for ever. */
const late = (ms: number, signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(Object.assign(new Error("late"), { code: "ETIMEDOUT" })), ms);
    signal.addEventListener("abort", () => clearTimeout(timer));
  });

function partly({ rejected }: SentMessageInfo): Sending {
  const addresses = (rejected as (string | { address: string })[]).map((one) =>
    typeof one === "string" ? one : one.address,
  );
  if (addresses.length === 0) return { outcome: "sent" };
  return {
    outcome: "sent",
    problem: `The mail server did not take it for ${addresses.join(", ")}. See alerts.email.`,
  };
}

/** A number that begins with 5 means that trying again is of no use. */
function problemOf(error: unknown): Sending {
  const { code, responseCode, message } = error as Error & { code?: string; responseCode?: number };
  const number = responseCode === undefined ? "" : ` (${responseCode})`;
  const final = responseCode !== undefined && responseCode >= 500;
  const said = (problem: string): Sending =>
    final ? { outcome: "refused", problem } : { outcome: "later", afterMs: null, problem };
  if (code === "EAUTH")
    return said(`The mail server refused the user or the password${number}. See SMTP_URL.`);
  if (code === "ETIMEDOUT") return said("The mail server did not answer in time.");
  if (code === "ETLS" || /certificate/i.test(message))
    return said("The connection to the mail server could not be secured. See SMTP_URL and its certificate.");
  if (code === "EENVELOPE")
    return said(
      `The mail server refused the sender or the addresses${number}. See ALERT_EMAIL_FROM and alerts.email.`,
    );
  if (responseCode !== undefined)
    return said(`The mail server ${final ? "refused the mail" : "has a problem of its own"}${number}.`);
  return said("The mail server could not be reached.");
}

function plainText(message: Message): string {
  const parts = message.parts.map(({ title, lines, url, link }) =>
    [...(title === null ? [] : [title]), ...lines.map(({ text }) => text), `${link}: ${url}`].join("\n"),
  );
  return [message.title, ...parts, ...(message.small === null ? [] : [message.small])].join("\n\n");
}

function html(message: Message): string {
  const small =
    message.small === null ? "" : `<p style="color:#666;font-size:12px">${escaped(message.small)}</p>`;
  return `<!doctype html>
<html lang="en"><body style="font-family:system-ui,sans-serif;font-size:14px;line-height:1.5">
<h1 style="font-size:16px">${escaped(message.title)}</h1>
${message.parts.map(partHtml).join("\n")}
${small}
</body></html>`;
}

function partHtml({ title, lines, url, link }: Part): string {
  const written = lines.map((line) =>
    line.url === null ? escaped(line.text) : `<a href="${escaped(line.url)}">${escaped(line.text)}</a>`,
  );
  return `${title === null ? "" : `<h2 style="font-size:14px">${escaped(title)}</h2>\n`}<p>${written.join("<br>\n")}</p>
<p><a href="${escaped(url)}">${escaped(link)}</a></p>`;
}

/** What people and Stripe wrote is text. */
const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
