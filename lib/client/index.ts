// What a program imports as `driftdesk/client`. No dependencies: whatever has `fetch` can use it.
import type { StatusAnswer } from "../status/answer.ts";

export type { Source, StatusAnswer } from "../status/answer.ts";

export interface ClientOptions {
  /** Where the desk is, e.g. `https://driftdesk.internal`. */
  url: string;
  /** An API token with the scope `status:read`. */
  token: string;
  /** Which one, where the desk has several accounts. */
  account?: string;
  /** After this an answer is given without the desk. Default 2500: half a second more than the desk's own deadline. */
  timeoutMs?: number;
  /** For how long the last known answer is given while the desk does not answer. Default 24 hours. */
  staleForMs?: number;
  /** What `access` is where nothing is known: `closed` keeps out, `open` lets in. Default `closed`. */
  fail?: "open" | "closed";
  /** Told whenever the desk's answer could not be used: for a log. */
  onProblem?: (problem: { key: string; code: string; message: string }) => void;
  /** Of answers that are remembered. Default 10000. */
  remember?: number;
  /** For tests. */
  fetch?: typeof fetch;
  now?: () => number;
}

export interface DriftdeskClient {
  /** By a local key, a customer's id (`cus_…`) or an address. Always answers, and never later than `timeoutMs`. */
  status(key: string | number): Promise<StatusAnswer>;
}

/** `const { access } = await createClient({ url, token }).status(user.id)` */
export function createClient(options: ClientOptions): DriftdeskClient {
  const { staleForMs = 86_400_000, now = Date.now } = options;
  const known = new Known(options.remember ?? 10_000);
  return {
    async status(given) {
      const key = String(given);
      const outcome = await ask(options, key);
      if ("answer" in outcome && outcome.answer.source !== "none") {
        known.put(key, outcome.answer, now() - (outcome.answer.ageMs ?? 0));
        return outcome.answer;
      }
      if ("code" in outcome) options.onProblem?.({ key, ...outcome });
      const last = known.get(key);
      if (last && now() - last.at < staleForMs)
        return { ...last.answer, source: "stale", ageMs: Math.max(0, now() - last.at) };
      return "answer" in outcome ? outcome.answer : nothing(options, key, outcome.message);
    },
  };
}

type Outcome = { answer: StatusAnswer } | { code: string; message: string };

async function ask(
  { url, token, account, timeoutMs = 2_500, fetch: send = fetch }: ClientOptions,
  key: string,
): Promise<Outcome> {
  const address = new URL(`api/status/${encodeURIComponent(key)}`, url.endsWith("/") ? url : `${url}/`);
  if (account !== undefined) address.searchParams.set("account", account);
  try {
    const response = await send(address, {
      headers: { authorization: `Bearer ${token}` },
      // A desk that wants somebody to sign in is no answer.
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = (await response.json()) as StatusAnswer & { code?: string; message?: string };
    if (response.ok) return { answer: body };
    return { code: body.code ?? `http_${response.status}`, message: body.message ?? response.statusText };
  } catch (error) {
    const late = error instanceof Error && error.name === "TimeoutError";
    return {
      code: late ? "desk_late" : "desk_unreachable",
      message: late
        ? `The desk has not answered within ${timeoutMs} ms.`
        : `The desk cannot be asked: ${error}.`,
    };
  }
}

function nothing(
  { account = null, fail }: Pick<ClientOptions, "fail"> & { account?: string | null },
  key: string,
  problem: string,
): StatusAnswer {
  return {
    key,
    account,
    found: null,
    customer: null,
    stripeId: null,
    status: null,
    plan: null,
    periodEnd: null,
    access: fail === "open",
    problem,
    source: "none",
    ageMs: null,
  };
}

/** The latest answers, as many as there is room for. */
class Known {
  readonly #room: number;
  readonly #answers = new Map<string, { answer: StatusAnswer; at: number }>();

  constructor(room: number) {
    this.#room = room;
  }

  get(key: string) {
    return this.#answers.get(key);
  }

  put(key: string, answer: StatusAnswer, at: number): void {
    this.#answers.delete(key);
    this.#answers.set(key, { answer, at });
    if (this.#answers.size <= this.#room) return;
    const [oldest] = this.#answers.keys();
    if (oldest !== undefined) this.#answers.delete(oldest);
  }
}
