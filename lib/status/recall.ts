// What is known without Stripe, and whether to believe it.
import type { Desk } from "../desk.ts";
import type { Answering } from "./answering.ts";
import type { Key, Realm } from "./key.ts";
import type { Held } from "./memory.ts";
import { changesOf, type Statuses } from "./statuses.ts";

/** One key, asked of one account. */
export interface Question {
  desk: Desk;
  statuses: Statuses;
  key: Key;
  resource: Answering;
  realm: Realm;
  /** What its answer is kept under. */
  name: string;
  mapping: string;
}

/** With Redis: what it said so lately is not asked again, however many want to know. */
const believedMs = 500;
/** Where a process hears nothing of what changes. */
const unheardMs = 1_000;

/** An answer in this process's memory that can be given without asking anybody. */
export function remembered(question: Question): Held | null {
  const held = question.statuses.memory.get(question.name);
  return held && isBelieved(question, held) && isFresh(question, held) ? held : null;
}

/** The answer in this process's memory or in Redis, fresh or not. */
export async function recall(question: Question): Promise<Held | null> {
  const held = remembered(question);
  if (held) return held;
  const { statuses, name } = question;
  const shared = await readShared(question);
  if (shared) return shared.held;
  const own = statuses.memory.get(name);
  if (!own) return null;
  // Redis, where there is one, does not answer.
  return isBelieved(question, own, true) ? own : { ...own, turn: outdated };
}

/** No turn is before this one: something has changed since. */
const outdated = -1;

/** Null: Redis could not be asked. */
export async function readShared(question: Question): Promise<{ held: Held | null } | null> {
  const { statuses, name, realm } = question;
  const { memory, clock } = statuses;
  const { turn } = memory;
  const read = await statuses.shared?.read(name, (entry) => changesOf(realm, entry));
  if (!read) return null;
  const { entry } = read;
  if (entry === null) return { held: null };
  const checkedAt = clock.now();
  const own = memory.get(name);
  // One that could not be stored there.
  if (own && own.entry.askedAt > entry.askedAt)
    return {
      held: memory.put(name, { ...own, turn: read.outdated ? outdated : own.turn, checkedAt }),
    };
  const changed = read.outdated || memory.hasChangedAfter(changesOf(realm, entry), entry.askedAt);
  return { held: memory.put(name, { entry, turn: changed ? outdated : turn, checkedAt }) };
}

/** Whether it is within its time, of this mapping, and nothing is known to have changed since it was asked for. */
export function isFresh({ desk, statuses, realm, mapping }: Question, { entry, turn }: Held): boolean {
  return (
    desk.now().getTime() < entry.freshUntil &&
    entry.mapping === mapping &&
    !statuses.memory.hasChanged(changesOf(realm, entry), turn)
  );
}

/** Whether a change would have been heard of. */
function isBelieved({ statuses }: Question, { checkedAt }: Held, alone = statuses.alone): boolean {
  const limitMs = !alone ? believedMs : statuses.changes.heard ? Number.POSITIVE_INFINITY : unheardMs;
  return statuses.clock.now() - checkedAt < limitMs;
}
