// One question on its way to Stripe: asked once, however many want to know, in this process and in the others.
import { randomUUID } from "node:crypto";
import { inHaste, whileSomebodyWaits } from "../stripe/priority.ts";
import { askStripe, isStripes, wasAnswered } from "./ask.ts";
import type { Entry } from "./entry.ts";
import type { Held } from "./memory.ts";
import { isFresh, type Question, readShared } from "./recall.ts";
import { compareWithRecord } from "./shadow.ts";
import { type Claim, lockMs } from "./shared.ts";

/**
 * Why there is no fresh answer: `late` (the deadline came first), `stripe` (it answered with an error, or not at all), `resting`
 * (it has failed again and again, and is left alone for a while), `busy` (more is on its way than Stripe takes in time),
 * `records` (the own database could not say whom the key is about).
 */
export type Failure = "late" | "stripe" | "resting" | "busy" | "records";

export type Landed = { held: Held; source: "stripe" | "cache" } | { failure: Failure };

export interface Flight {
  /** Only an answer that was asked for later than this will do; null: any that is fresh. */
  since: number | null;
  /** Otherwise the pages of runs go before it. */
  somebodyWaits: boolean;
}

/** Of an answer's time, so much at most is taken off by chance: what was asked for together does not end together. */
const jitter = 0.1;
const haste = { attempts: 2, deadlines: 3 };
const firstPollMs = 25;
const longestPollMs = 150;

/** Asks Stripe, or waits for another process that does. Does not throw. */
export async function fly(question: Question, flight: Flight): Promise<Landed> {
  const { statuses, name, realm } = question;
  if (!statuses.breaker(realm).allows()) return { failure: "resting" };
  const token = randomUUID();
  const turn = await claim(question, flight, token);
  if ("failure" in turn || "held" in turn) return turn;
  const over = keepClaim(question, token);
  try {
    return await ask(question, flight, turn);
  } finally {
    over();
    if (turn.claim) await statuses.shared?.release(name, token);
  }
}

interface Turn {
  /** Null: without Redis nobody else is known. */
  claim: Claim | null;
}

/** This process's turn to ask; or what another found out meanwhile. */
async function claim(question: Question, { since }: Flight, token: string): Promise<Turn | Landed> {
  const { statuses, name, desk } = question;
  const { shared, clock } = statuses;
  if (shared === null) return { claim: null };
  const until = clock.now() + desk.config.status.deadlineMs;
  for (let pollMs = firstPollMs; ; pollMs = Math.min(longestPollMs, 1.5 * pollMs)) {
    const claim = await shared.claim(name, token);
    if (claim === null) return { claim: null };
    const read = await readShared(question);
    const held = read?.held;
    if (held && isFresh(question, held) && (since === null || held.entry.askedAt > since)) {
      if (claim.mine) await shared.release(name, token);
      return { held, source: "cache" };
    }
    if (claim.mine) return { claim };
    if (clock.now() >= until) return { failure: "late" };
    await clock.sleep(pollMs * (0.75 + desk.random() / 2), true);
  }
}

/** A claim ends soon when its process dies, so one that lives has to say so. */
function keepClaim({ statuses, name }: Question, token: string): () => void {
  let over = false;
  const keep = async () => {
    while (statuses.shared) {
      await statuses.clock.sleep(lockMs / 3, true);
      if (over) return;
      await statuses.shared.renew(name, token);
    }
  };
  void keep();
  return () => {
    over = true;
  };
}

async function ask(question: Question, flight: Flight, { claim }: Turn): Promise<Landed> {
  const { statuses, desk, realm, resource, name } = question;
  const breaker = statuses.breaker(realm);
  const done = statuses.admit(realm, mostAtOnce(question));
  if (!done) return { failure: "busy" };
  const { turn } = statuses.memory;
  const askedAt = desk.now().getTime();
  const began = statuses.clock.now();
  const count = (failed: 0 | 1) => {
    const askedMs = statuses.clock.now() - began;
    statuses.counts.add(realm.accountId, { asked: 1, failed, askedMs, slowestMs: askedMs });
  };
  try {
    const table = await statuses.table(desk.local, resource);
    const asked = await hurried(question, flight, () => askStripe(desk, resource, table, question.key));
    breaker.succeeded();
    count(0);
    const entry = entryOf(question, asked, askedAt);
    const held = statuses.memory.put(name, { entry, turn, checkedAt: statuses.clock.now() });
    if (desk.config.status.shadow)
      void compareWithRecord(question, table, asked).catch((error) => statuses.complain(error));
    if (claim) await statuses.shared?.store(name, entry, claim.asOf, lifetimeOf(question, entry));
    return { held, source: "stripe" };
  } catch (error) {
    statuses.complain(error);
    if (!isStripes(error)) return { failure: "records" };
    count(1);
    // One question that Stripe does not take says nothing about the others.
    if (wasAnswered(error)) breaker.succeeded();
    else breaker.failed();
    return { failure: "stripe" };
  } finally {
    done();
  }
}

function hurried<T>({ desk }: Question, { somebodyWaits }: Flight, work: () => Promise<T>): Promise<T> {
  // A slow answer is late for whoever asked, and in time for the next.
  const limits = {
    attempts: haste.attempts,
    timeoutMs: haste.deadlines * desk.config.status.deadlineMs,
  };
  return somebodyWaits ? whileSomebodyWaits(work, limits) : inHaste(work, limits);
}

/** More at once would be answered after the deadline, and would keep others waiting for nothing. */
function mostAtOnce({ desk: { config } }: Question): number {
  return Math.max(8, Math.round((config.pace.perEndpoint * config.status.deadlineMs) / 2_000));
}

function entryOf(
  { desk, mapping }: Question,
  { known, customers }: Pick<Entry, "known" | "customers">,
  askedAt: number,
): Entry {
  const { ttlMs, negativeTtlMs } = desk.config.status;
  const timeMs = (known.found ? ttlMs : Math.min(ttlMs, negativeTtlMs)) * (1 - jitter * desk.random());
  return { known, customers, askedAt, freshUntil: askedAt + timeMs, mapping };
}

const lifetimeOf = ({ desk }: Question, { freshUntil }: Entry): number =>
  Math.max(1_000, Math.ceil(freshUntil - desk.now().getTime() + desk.config.status.staleForMs));
