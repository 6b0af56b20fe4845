import { Agent, request } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { pino } from "pino";
import { createToken } from "../lib/auth/tokens.ts";
import { addUser } from "../lib/auth/users.ts";
import { readEnvironment } from "../lib/config/environment.ts";
import { parseConfig } from "../lib/config/schema.ts";
import { connect } from "../lib/db/connect.ts";
import { freePort } from "../lib/db/free-port.ts";
import { migrate } from "../lib/db/migrate.ts";
import { type Desk, systemActor } from "../lib/desk.ts";
import { lookUpStatus } from "../lib/status/lookup.ts";
import { closeStatuses } from "../lib/status/statuses.ts";
import { createStripeReader } from "../lib/stripe/client.ts";
import { buildWhenNeeded, serveWeb } from "../sandbox/demo/web.ts";
import { startSandbox } from "../sandbox/server/server.ts";
import { generateWorld } from "../sandbox/world/world.ts";
import { configFile, limits } from "./stripe.ts";
import type { Line } from "./table.ts";

interface Sizes {
  /** Customers that are asked for. */
  keys: number;
  /** For how long, at `perSecond`. */
  seconds: number;
  perSecond: number;
  /** Of each third of the outage. */
  thirdMs: number;
}

type Database = (name: string) => Promise<string>;

/** Live lookups: many who miss at once, more keys than Stripe answers for, and an outage. */
export async function benchStatus(sizes: Sizes, database: Database): Promise<Line[]> {
  return [await stampede(database), await crowd(sizes, database), await outage(sizes, database)];
}

interface Scene {
  desk: Desk;
  sandbox: Awaited<ReturnType<typeof startSandbox>>;
  customers: string[];
}

/** A desk with as many customers, and Stripe with a live account's limits, in this process. */
async function withScene<T>(
  { customers, ttl = "5m", name }: { customers: number; ttl?: `${number}s` | `${number}m`; name: string },
  database: Database,
  work: (scene: Scene) => Promise<T>,
): Promise<T> {
  const world = generateWorld({ seed: 5, customers, now: new Date(), invoicesPerSubscription: 0 });
  const sandbox = await startSandbox({ world, latencyMs: 100, limits });
  const url = await database(name);
  await migrate(url);
  const sql = connect(url);
  const parsed = parseConfig({
    resources: {
      users: {
        stripe: "subscription",
        table: "users",
        key: "id",
        match: { column: "stripe_customer_id", by: "customer" },
        fields: { status: "status" },
        access: { field: "status", granted: ["active", "trialing"] },
      },
    },
    status: { ttl },
  }).config;
  if (!parsed) throw new Error("The benchmark's mapping is not one");
  const [config] = parsed.accounts;
  const { secretKey, url: apiBase } = sandbox;
  const desk: Desk = {
    environment: readEnvironment({ STRIPE_SECRET_KEY: secretKey }),
    config,
    sql,
    local: sql,
    stripe: createStripeReader({ secretKey, apiBase, pace: config.pace }),
    log: pino({ level: "silent" }),
    now: () => new Date(),
    random: Math.random,
  };
  try {
    await sql`CREATE TABLE users (id serial PRIMARY KEY, stripe_customer_id text, status text)`;
    return await work({ desk, sandbox, customers: [...world.customers.keys()] });
  } finally {
    await closeStatuses(desk);
    await sql.end();
    await sandbox.close();
  }
}

/** Hits against a route of the same server that does nothing but answer, in turns: what disturbs one disturbs both. */
export async function benchHits({ roundMs }: { roundMs: number }, database: Database): Promise<Line[]> {
  const [url, local] = [await database("status"), await database("status_local")];
  const cleanups: (() => Promise<unknown>)[] = [];
  try {
    await migrate(url);
    const world = generateWorld({ seed: 5, customers: 20, now: new Date(), invoicesPerSubscription: 0 });
    const sandbox = await startSandbox({ world });
    cleanups.push(() => sandbox.close());
    const [sql, records] = [connect(url, { max: 1 }), connect(local, { max: 1 })];
    cleanups.push(() => sql.end());
    await records`CREATE TABLE users (id serial PRIMARY KEY, stripe_customer_id text, email text, subscription_status text, plan text, current_period_end timestamptz, updated_at timestamptz)`;
    await records.end();
    const admin = await addUser(
      { sql, now: () => new Date() },
      { email: "admin@example.com", role: "admin" },
      systemActor,
    );
    const made = { name: "bench", scopes: ["status:read" as const] };
    const { token } = await createToken({ sql, now: () => new Date() }, made, admin);
    await buildWhenNeeded(cleanups, (line) => console.error(line));
    const port = await freePort();
    const variables = {
      DATABASE_URL: url,
      LOCAL_DATABASE_URL: local,
      STRIPE_API_BASE: sandbox.url,
      STRIPE_SECRET_KEY: sandbox.secretKey,
      DRIFTDESK_CONFIG: configFile.replace("driftdesk.config.ts", "status.config.ts"),
      LOG_LEVEL: "warn",
    };
    await serveWeb(variables, port, cleanups);
    const [customer] = world.customers.keys();
    const bare = () => hammer({ port, path: "/api/health/live" }, roundMs);
    const hits = () => hammer({ port, path: `/api/status/${customer}`, token }, roundMs);
    const rates: { bare: number[]; hits: number[] } = { bare: [], hits: [] };
    // The first round only warms up.
    for (let round = 0; round <= 5; round++) {
      const [a, b] = [await bare(), await hits()];
      if (round === 0) continue;
      rates.bare.push(a);
      rates.hits.push(b);
    }
    const ratio = median(rates.hits) / median(rates.bare);
    return [
      {
        what: "Hits of the live lookup over HTTP, against a route that only answers",
        size: "32 connections",
        result: `${Math.round(median(rates.hits))}/s against ${Math.round(median(rates.bare))}/s: × ${ratio.toFixed(2)}`,
        target: "≥ × 0.80",
        met: ratio >= 0.8,
      },
    ];
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

/** Requests a second that are answered with 200. */
async function hammer(
  { port, path, token }: { port: number; path: string; token?: string },
  ms: number,
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const until = performance.now() + ms;
  let answered = 0;
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const asked = request(
        { port, path, agent, host: "localhost", headers: token ? { authorization: `Bearer ${token}` } : {} },
        (response) => {
          if (response.statusCode !== 200) return reject(new Error(`${path}: ${response.statusCode}`));
          response.resume().once("end", resolve);
        },
      );
      asked.once("error", reject).end();
    });
  const worker = async () => {
    while (performance.now() < until) {
      await one();
      answered++;
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
  agent.destroy();
  return (1_000 * answered) / ms;
}

/** A thousand who ask for one key that nobody knows yet. */
function stampede(database: Database): Promise<Line> {
  return withScene(
    { customers: 5, name: "status_stampede" },
    database,
    async ({ desk, sandbox, customers }) => {
      const times = await Promise.all(
        Array.from({ length: 1_000 }, async () => {
          const began = performance.now();
          const { answer } = await lookUpStatus(desk, customers[0] as string);
          if (answer.source !== "stripe") throw new Error(`An answer from ${answer.source}`);
          return performance.now() - began;
        }),
      );
      const asked = sandbox.counts.byEndpoint.get("list subscriptions") ?? 0;
      return {
        what: "Misses of one key at the same time: requests to Stripe",
        size: "1,000 lookups",
        result: `${asked}, the last answered after ${Math.round(Math.max(...times))} ms`,
        target: "1",
        met: asked === 1,
      };
    },
  );
}

/** More keys than Stripe can be asked for while their answers are fresh, from nothing. */
function crowd({ keys, seconds, perSecond }: Sizes, database: Database): Promise<Line> {
  return withScene(
    { customers: keys, name: "status_crowd" },
    database,
    async ({ desk, sandbox, customers }) => {
      const found = await ask(desk, customers, { seconds, perSecond });
      const share = (source: string) =>
        `${Math.round((100 * (found.sources.get(source) ?? 0)) / found.times.length)}% ${source}`;
      const slowest = Math.max(...found.times);
      return {
        what: "Lookups of more keys than Stripe answers for, from nothing",
        size: `${keys.toLocaleString("en")} keys, ${perSecond} lookups/s for ${seconds} s`,
        result: `${["cache", "stripe", "stale", "none"].map(share).join(", ")}; 99th of 100 after ${Math.round(percentile(found.times, 0.99))} ms, the last after ${Math.round(slowest)} ms; ${sandbox.counts.refused} refused by Stripe`,
        target: "none refused, none later than the deadline of 2 s",
        met: sandbox.counts.refused === 0 && slowest < 2_200,
      };
    },
  );
}

/** Stripe answers, answers nothing but errors, and answers again. */
function outage({ thirdMs }: Sizes, database: Database): Promise<Line> {
  const ttl = `${Math.max(1, thirdMs / 4_000)}s` as const;
  return withScene(
    { customers: 50, ttl, name: "status_outage" },
    database,
    async ({ desk, sandbox, customers }) => {
      const steps = 8;
      const fresh: number[] = [];
      const stale: number[] = [];
      const times: number[] = [];
      for (let third = 0; third < 3; third++) {
        sandbox.faults.outage = third === 1;
        for (let step = 0; step < steps; step++) {
          const found = await ask(desk, customers, { seconds: thirdMs / steps / 1_000, perSecond: 100 });
          const of = (source: string) => found.sources.get(source) ?? 0;
          fresh.push((of("cache") + of("stripe")) / found.times.length);
          stale.push(of("stale") / found.times.length);
          times.push(...found.times);
        }
      }
      const slowest = Math.max(...times);
      return {
        what: "An outage of Stripe, in the middle third of the time",
        size: `50 keys, 100 lookups/s for ${(3 * thirdMs) / 1_000} s, fresh for ${ttl}`,
        result: `fresh ${plot(fresh)} stale ${plot(stale)}, the last answered after ${Math.round(slowest)} ms`,
        target: "no answer later than the deadline of 2 s",
        met: slowest < 2_200,
      };
    },
  );
}

/** Asks at an even pace, for one key after the other. */
async function ask(
  desk: Desk,
  keys: readonly string[],
  { seconds, perSecond }: { seconds: number; perSecond: number },
): Promise<{ sources: Map<string, number>; times: number[] }> {
  const sources = new Map<string, number>();
  const times: number[] = [];
  const began = performance.now();
  const count = Math.max(1, Math.round(seconds * perSecond));
  const lookups = Array.from({ length: count }, async (_, i) => {
    await wait(Math.max(0, (1_000 * i) / perSecond - (performance.now() - began)));
    const at = performance.now();
    const { answer } = await lookUpStatus(desk, keys[Math.floor(desk.random() * keys.length)] as string);
    times.push(performance.now() - at);
    sources.set(answer.source, (sources.get(answer.source) ?? 0) + 1);
  });
  await Promise.all(lookups);
  return { sources, times };
}

const plot = (shares: readonly number[]): string =>
  shares.map((share) => "▁▂▃▄▅▆▇█"[Math.min(7, Math.floor(share * 8))]).join("");

const percentile = (numbers: number[], share: number): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length * share)] ?? Number.NaN;
const median = (numbers: number[]): number => percentile(numbers, 0.5);
