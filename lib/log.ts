import { type Logger, pino } from "pino";
import { logContext } from "./log-context.ts";

/**
 * What secrets look like, wherever in a line they stand: Stripe's keys, webhook secrets, signing keys, passwords in
 * addresses, Slack's addresses, API tokens, bearers, and cookies of sessions.
 */
const shapes =
  /\b((?:sk|rk)_(?:test|live)_|whsec_)\w+|\bMC4CAQAwBQYDK2VwBCIEI[\w+/=]+|(:\/\/[^\s:/@]*:)[^\s@]+(?=@)|(hooks\.slack\.com\/)[\w/-]+|\b(dd_)[\w-]{43}|\b(Bearer )[^\s"]+|(session-token(?:\.\d+)?=)[^\s;"]+|\beyJ[\w-]+(?:\.[\w-]*){2,4}/g;

// On globalThis: a bundler makes several copies of this module in one process.
const key = Symbol.for("driftdesk.secrets");
const process_ = globalThis as typeof globalThis & { [key]?: string[] };
process_[key] ??= [];
const hidden = process_[key];

/** Shorter ones are words that say something elsewhere. */
const shortestHidden = 10;

/** Whatever these secrets are, no line has them from now on. */
export function hide(secrets: readonly (string | undefined)[]): void {
  for (const secret of secrets)
    if (secret !== undefined && secret.length >= shortestHidden)
      // As it stands in a line of JSON.
      for (const one of [secret, JSON.stringify(secret).slice(1, -1)])
        if (!hidden.includes(one)) hidden.push(one);
  // One may be a part of another.
  hidden.sort((a, b) => b.length - a.length);
}

export function redact(text: string): string {
  const shown = text.replace(shapes, (_, ...groups: unknown[]) => {
    const kept = groups.slice(0, 6).find((group) => typeof group === "string");
    return `${kept ?? ""}[hidden]`;
  });
  return hidden.reduce((line, secret) => line.replaceAll(secret, "[hidden]"), shown);
}

const paths = ["authorization", "cookie", "password", "secret", "token"];

/** Structured lines on stderr (stdout belongs to what a command answers), with what they are about and without secrets. */
export function createLog(level = process.env.LOG_LEVEL ?? "info"): Logger {
  return pino(
    {
      level,
      mixin: logContext,
      redact: {
        paths: paths.flatMap((path) => [path, `*.${path}`, `req.headers.${path}`]),
        censor: "[hidden]",
      },
    },
    { write: (line: string) => void process.stderr.write(redact(line)) },
  );
}

/** What others print in this process, the web server for instance, is written without secrets too. */
export function redactOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean;
    stream.write = (chunk: unknown, ...rest: unknown[]) =>
      write(typeof chunk === "string" ? redact(chunk) : chunk, ...rest);
  }
}
