/** What became of a message: it is there, it can be tried again, or trying again is of no use. */
export type Sending =
  | { outcome: "sent"; problem?: string }
  | { outcome: "later"; afterMs: number | null; problem: string }
  | { outcome: "refused"; problem: string };

export interface Posted {
  status: number;
  /** The beginning of what was said. */
  said: string;
  retryAfterMs: number | null;
}

/** Longer than this nobody is waited for. */
const longestPauseMs = 3_600_000;
const mostRead = 200;

/**
 * Posts JSON once. Never throws, and follows nobody elsewhere: an address is what the operator wrote and nothing else. Addresses
 * are secrets; what went wrong does not name them.
 */
export async function post(
  url: string,
  body: string,
  options: { headers?: Record<string, string>; timeoutMs?: number } = {},
): Promise<Posted | "late" | "unreachable"> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Driftdesk",
        ...options.headers,
      },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(options.timeoutMs ?? 10_000),
    });
    const said = await beginning(response);
    return { status: response.status, said, retryAfterMs: pauseOf(response.headers.get("retry-after")) };
  } catch (error) {
    return error instanceof Error && error.name === "TimeoutError" ? "late" : "unreachable";
  }
}

/** Not more than is needed, whatever is sent. */
async function beginning({ body }: Response): Promise<string> {
  if (!body) return "";
  let said = "";
  const decoder = new TextDecoder();
  for await (const piece of body) {
    said += decoder.decode(piece as Uint8Array, { stream: true });
    if (said.length >= mostRead) break;
  }
  return said.slice(0, mostRead);
}

/** `Retry-After` is a number of seconds or a date. */
function pauseOf(header: string | null): number | null {
  if (header === null) return null;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1_000;
  return seconds > 0 ? Math.min(seconds * 1_000, longestPauseMs) : null;
}

/** What holds whoever is asked; null when it depends on them. */
export function commonAnswer(posted: Posted | "late" | "unreachable", who: string): Sending | null {
  if (posted === "late")
    return { outcome: "later", afterMs: null, problem: `${who} did not answer in time.` };
  if (posted === "unreachable")
    return { outcome: "later", afterMs: null, problem: `${who} could not be reached.` };
  const { status, retryAfterMs } = posted;
  if (status >= 200 && status < 300) return { outcome: "sent" };
  if (status === 429)
    return { outcome: "later", afterMs: retryAfterMs, problem: `${who} asked for a pause.` };
  if (status >= 500)
    return {
      outcome: "later",
      afterMs: retryAfterMs,
      problem: `${who} has a problem of its own (${status}).`,
    };
  return null;
}
