import { type Logger, pino } from "pino";

/** Stripe keys, webhook secrets, signing keys, passwords in URLs and Slack's addresses, wherever in a line they stand. */
const secrets =
  /\b((?:sk|rk)_(?:test|live)_|whsec_)\w+|\bMC4CAQAwBQYDK2VwBCIEI[\w+/=]+|(:\/\/[^\s:/@]+:)[^\s@]+(?=@)|(hooks\.slack\.com\/)[\w/-]+/g;

export const redact = (text: string): string =>
  text.replace(secrets, (_, key = "", url = "", hook = "") => `${key}${url}${hook}[hidden]`);

/** Structured lines on stderr (stdout belongs to what a command answers), without secrets. */
export function createLog(level = process.env.LOG_LEVEL ?? "info"): Logger {
  return pino(
    { level, redact: ["req.headers.authorization", "req.headers.cookie"] },
    {
      write: (line: string) => void process.stderr.write(redact(line)),
    },
  );
}
