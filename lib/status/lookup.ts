// The live lookup: what Stripe says of a customer, from a cache as long as that is fresh, from Stripe once it is not, and
// from the last that was known when Stripe does not answer in time.
import type { Desk } from "../desk.ts";
import { countLookup } from "../metrics/counters.ts";
import type { Source, StatusAnswer } from "./answer.ts";
import { answeringResource, mappingOf } from "./answering.ts";
import type { Figures } from "./counts.ts";
import { type Failure, fly, type Landed } from "./fly.ts";
import { parseKey, statusName } from "./key.ts";
import type { Held } from "./memory.ts";
import { isFresh, type Question, recall, remembered } from "./recall.ts";
import { realmOf, rememberedRealm, type Statuses, statusesOf } from "./statuses.ts";

export interface Looked {
  answer: StatusAnswer;
  /** How much longer it is fresh; negative when it is not any more, null where there is nothing. */
  ttlMs: number | null;
  /** Somebody else had asked Stripe for the same already. */
  collapsed: boolean;
  /** Why the answer is not a fresh one. */
  failure: Failure | null;
}

export interface LookUpOptions {
  /** Ask Stripe, whatever is known. */
  now?: boolean;
}

/** How much of an answer's time is left when it is asked for anew, while somebody still asks for it. */
const aheadShare = 0.2;
const hotAfterUses = 3;
/** A change may come while an answer is on its way; of so many answers the last is given as it is. */
const mostAnswers = 3;

/**
 * Looks up a local key, a customer or an address in the account of `desk`. Answers within `status.deadline`, whatever
 * Stripe, Redis or the user's database do. Throws `key_invalid`, `status_not_mapped`.
 */
export async function lookUpStatus(desk: Desk, text: string, options: LookUpOptions = {}): Promise<Looked> {
  const begun = performance.now();
  const statuses = statusesOf(desk);
  statuses.begin();
  const asked = { desk, statuses, key: parseKey(text), resource: answeringResource(desk.config) };
  const found = await lookUp(asked, options);
  const realm = rememberedRealm(desk);
  if (realm) statuses.counts.add(realm.accountId, figuresOf(found.answer));
  countLookup(found.answer.source, (performance.now() - begun) / 1000);
  return found;
}

function figuresOf({ source, ageMs }: StatusAnswer): Partial<Figures> {
  switch (source) {
    case "cache":
      return { hits: 1, ageMs: ageMs ?? 0, oldestMs: ageMs ?? 0 };
    case "stripe":
      return { fetched: 1 };
    case "stale":
      return { stale: 1, ageMs: ageMs ?? 0, oldestMs: ageMs ?? 0 };
    case "none":
      return { unanswered: 1 };
  }
}

type Asked = Pick<Question, "desk" | "statuses" | "key" | "resource">;

async function lookUp(asked: Asked, options: LookUpOptions): Promise<Looked> {
  const { desk, statuses } = asked;
  const realm = rememberedRealm(desk);
  if (realm && !options.now) {
    const question = questionOf(asked, realm);
    const held = remembered(question);
    if (held) return hit(question, held);
  }
  const known: { question?: Question } = {};
  const outcome = await inTime(statuses, desk.config.status.deadlineMs, async () => {
    const question = questionOf(asked, await realmOf(desk, statuses));
    known.question = question;
    return findOut(question, options);
  });
  const { question } = known;
  if (question && "held" in outcome) {
    if (outcome.source === "cache") return hit(question, outcome.held);
    return looked(question, outcome.held, "stripe", { collapsed: outcome.joined });
  }
  return lastKnown(asked, question, "failure" in outcome ? outcome.failure : "late");
}

function questionOf({ desk, statuses, key, resource }: Asked, realm: Question["realm"]): Question {
  const name = statusName(realm, resource.name, key);
  return { desk, statuses, key, resource, realm, name, mapping: mappingOf(desk.config, resource) };
}

type Outcome = Landed & { joined: boolean };

async function findOut(question: Question, { now = false }: LookUpOptions): Promise<Outcome> {
  const { statuses, name, desk } = question;
  const askedAt = desk.now().getTime();
  let latest: Outcome = { failure: "late", joined: false };
  for (let tries = 0; tries < mostAnswers; tries++) {
    const held = await recall(question);
    if (held && isFresh(question, held) && !now) return { held, source: "cache", joined: false };
    const since = now ? askedAt : null;
    const { answer, joined } = statuses.flights.join(name, () =>
      fly(question, { since, somebodyWaits: true }),
    );
    latest = { ...(await answer), joined };
    if ("failure" in latest || isFresh(question, latest.held)) return latest;
  }
  return latest;
}

function hit(question: Question, held: Held): Looked {
  held.uses++;
  refreshAhead(question, held);
  return looked(question, held, "cache");
}

/** Those who ask for it often need not wait for it when its time is over: it is asked for once, before that. */
function refreshAhead(question: Question, held: Held): void {
  const { statuses, name, desk, realm } = question;
  const { askedAt, freshUntil } = held.entry;
  const left = freshUntil - desk.now().getTime();
  if (left > aheadShare * (freshUntil - askedAt) || held.uses < hotAfterUses) return;
  if (statuses.flights.has(name) || statuses.breaker(realm).open) return;
  statuses.flights.join(name, () => fly(question, { since: askedAt, somebodyWaits: false }));
}

function looked(
  { desk, key }: Pick<Question, "desk" | "key">,
  { entry }: Held,
  source: Source,
  { collapsed = false, failure = null }: Partial<Looked> = {},
): Looked {
  const { known, askedAt, freshUntil } = entry;
  const now = desk.now().getTime();
  return {
    answer: {
      key: key.text,
      account: desk.config.account.name,
      ...known,
      access: known.access ?? desk.config.status.fail === "open",
      source,
      ageMs: Math.max(0, now - askedAt),
    },
    ttlMs: freshUntil - now,
    collapsed,
    failure,
  };
}

/** What was last known, if that is not too old; else what the config says for the case that nobody knows. */
function lastKnown({ desk, key, statuses }: Asked, question: Question | undefined, failure: Failure): Looked {
  const { staleForMs, fail } = desk.config.status;
  const held = question && statuses.memory.get(question.name);
  if (held && held.entry.mapping === question.mapping) {
    const pastMs = desk.now().getTime() - held.entry.freshUntil;
    if (pastMs < staleForMs) return looked(question, held, "stale", { failure });
  }
  return {
    answer: {
      key: key.text,
      account: desk.config.account.name,
      found: null,
      customer: null,
      stripeId: null,
      status: null,
      plan: null,
      periodEnd: null,
      access: fail === "open",
      problem: "Stripe could not be asked in time, and nothing is known from before.",
      source: "none",
      ageMs: null,
    },
    ttlMs: null,
    collapsed: false,
    failure,
  };
}

/** What comes later is not waited for; it goes on, and is kept for the next who asks. */
async function inTime(statuses: Statuses, ms: number, work: () => Promise<Outcome>): Promise<Outcome> {
  const late = statuses.clock.sleep(ms, true).then((): Outcome => ({ failure: "late", joined: false }));
  const found = work().catch((error): Outcome => {
    statuses.complain(error);
    return { failure: "stripe", joined: false };
  });
  return Promise.race([found, late]);
}
