// The cache that processes share, in Redis. Everything here may fail or hang: then it answers nothing for a while, and the
// process goes on with its own memory.
import { setTimeout as wait } from "node:timers/promises";
import { Redis, type Result } from "ioredis";
import type { Logger } from "pino";
import { Breaker } from "./breaker.ts";
import type { Entry } from "./entry.ts";

/** How long a command may take. Redis answers within a millisecond, or something is wrong. */
const commandMs = 250;
/** A lock ends by itself so soon after whoever holds it was killed. */
export const lockMs = 1_500;

export interface Read {
  /** Null: there is none. */
  entry: Entry | null;
  /** A change of one of its customers came after its question. */
  outdated: boolean;
}

export interface Claim {
  /** Whether nobody else asks Stripe for it just now. */
  mine: boolean;
  /** When the question was asked, by Redis's clock. */
  asOf: number;
}

export interface Change {
  /** Under what it is noted that a customer has changed, and that anybody may have. */
  customer: string;
  anybody: string;
  /** As long as answers from before are kept. */
  lifetimeMs: number;
}

/** Of more changes that could not be noted, only that there were any is remembered. */
const mostUnsaid = 10_000;

type Stored = Entry & { asOf: number };

// An older answer, of somebody whose lock had ended, does not replace a newer one.
const storeLua = `
local held = redis.call('GET', KEYS[1])
if not held or cjson.decode(held).asOf <= tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
end
return 1`;
const releaseLua = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;
const renewLua = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`;
// By Redis's own clock, which is one for all processes.
const changeLua = `
local time = redis.call('TIME')
local ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('SET', KEYS[1], ms, 'PX', ARGV[1])
return ms`;

declare module "ioredis" {
  interface RedisCommander<Context> {
    statusStore(name: string, value: string, asOf: number, lifetimeMs: number): Result<number, Context>;
    statusRelease(lock: string, token: string): Result<number, Context>;
    statusRenew(lock: string, token: string, ms: number): Result<number, Context>;
    statusChange(name: string, lifetimeMs: number): Result<string, Context>;
  }
}

export interface SharedOptions {
  url: string;
  log: Logger;
  /** Milliseconds, monotonic. */
  now: () => number;
  random: () => number;
}

export class SharedCache {
  readonly #redis: Redis;
  readonly #log: Logger;
  readonly #breaker: Breaker;
  /** Changes that could not be noted. */
  readonly #unsaid = new Map<string, Change>();
  #connecting: Promise<unknown> | null = null;
  #down = false;

  constructor({ url, log, now, random }: SharedOptions) {
    this.#log = log;
    this.#breaker = new Breaker({ failures: 2, pauseMs: 1_000 }, now, random);
    this.#redis = new Redis(url, {
      lazyConnect: true,
      connectTimeout: 1_000,
      commandTimeout: commandMs,
      // A command is for now: sent again later it would come when nobody waits for it any more.
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      retryStrategy: (times) => Math.min(100 * 2 ** times, 2_000) * (1 + random() / 4),
      scripts: {
        statusStore: { lua: storeLua, numberOfKeys: 1 },
        statusRelease: { lua: releaseLua, numberOfKeys: 1 },
        statusRenew: { lua: renewLua, numberOfKeys: 1 },
        statusChange: { lua: changeLua, numberOfKeys: 1 },
      },
    });
    // What a lost connection means is told by the commands that fail.
    this.#redis.on("error", () => {});
  }

  /** Whether the last that was heard of it is that it does not answer. */
  get down(): boolean {
    return this.#down;
  }

  /** Null: it could not be asked. `changedNames` says under what changes of the answer's customers are noted. */
  read(name: string, changedNames: (entry: Entry) => string[]): Promise<Read | null> {
    return this.#try(async (redis) => {
      const text = await redis.get(name);
      if (text === null) return { entry: null, outdated: false };
      const { asOf, ...entry } = JSON.parse(text) as Stored;
      const changes = changedNames(entry);
      const noted = changes.length === 0 ? [] : await redis.mget(changes);
      return { entry, outdated: noted.some((at) => at !== null && Number(at) >= asOf) };
    });
  }

  /** Says that this process asks Stripe, unless another does. */
  claim(name: string, token: string): Promise<Claim | null> {
    return this.#try(async (redis) => {
      const [time, set] =
        (await redis.pipeline().time().set(lockOf(name), token, "PX", lockMs, "NX").exec()) ?? [];
      if (!time || !set || time[0] || set[0]) throw time?.[0] ?? set?.[0] ?? new Error("no answer");
      const [seconds, micros] = (time[1] as (number | string)[]).map(Number) as [number, number];
      return { mine: set[1] === "OK", asOf: seconds * 1_000 + Math.floor(micros / 1_000) };
    });
  }

  async renew(name: string, token: string): Promise<void> {
    await this.#try((redis) => redis.statusRenew(lockOf(name), token, lockMs));
  }

  async release(name: string, token: string): Promise<void> {
    await this.#try((redis) => redis.statusRelease(lockOf(name), token));
  }

  /** `asOf` is the claim's: changes from then on make the answer outdated. */
  async store(name: string, entry: Entry, asOf: number, lifetimeMs: number): Promise<void> {
    const value: Stored = { ...entry, asOf };
    await this.#try((redis) => redis.statusStore(name, JSON.stringify(value), asOf, lifetimeMs));
  }

  /** Notes that a customer has changed. What cannot be noted now is when Redis answers again. */
  async change(change: Change): Promise<void> {
    const noted = await this.#try((redis) => redis.statusChange(change.customer, change.lifetimeMs));
    if (noted !== null) return;
    const customer = this.#unsaid.size < mostUnsaid ? change.customer : change.anybody;
    this.#unsaid.set(customer, { ...change, customer });
  }

  close(): void {
    this.#redis.disconnect();
  }

  async #try<T>(work: (redis: Redis) => Promise<T>): Promise<T | null> {
    if (!this.#breaker.allows()) return null;
    try {
      const answer = await inTime(async () => {
        await this.#connected();
        await this.#sayUnsaid();
        return work(this.#redis);
      });
      this.#breaker.succeeded();
      if (this.#down) {
        this.#down = false;
        this.#log.info("Redis answers again: lookups share their cache");
      }
      return answer;
    } catch (error) {
      this.#breaker.failed();
      if (!this.#down && this.#breaker.open) {
        this.#down = true;
        const why = error instanceof Error ? error.message : String(error);
        this.#log.warn({ why }, "Redis does not answer: lookups go on with the memory of each process");
      }
      return null;
    }
  }

  async #connected(): Promise<void> {
    if (this.#redis.status === "ready") return;
    if (this.#redis.status !== "wait" && this.#connecting === null) throw new Error("not connected");
    this.#connecting ??= this.#redis.connect().finally(() => {
      this.#connecting = null;
    });
    await this.#connecting;
  }

  /** Before anything is believed that was kept while changes could not be noted. */
  async #sayUnsaid(): Promise<void> {
    for (const [name, { lifetimeMs }] of this.#unsaid) {
      await this.#redis.statusChange(name, lifetimeMs);
      this.#unsaid.delete(name);
    }
  }
}

/** A server that takes connections and says nothing holds up the greeting too, which no command's limit is about. */
async function inTime<T>(work: () => Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = wait(2 * commandMs, undefined, { signal: over.signal }).then(() => {
    throw new Error("no answer in time");
  });
  late.catch(() => {});
  try {
    return await Promise.race([work(), late]);
  } finally {
    over.abort();
  }
}

const lockOf = (name: string): string => `${name}:lock`;
