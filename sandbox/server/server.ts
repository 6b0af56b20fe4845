// An HTTP server that speaks enough of Stripe's API for Driftdesk, and is as strict as Stripe about all the rest.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { apiVersion, type World } from "../world/index.ts";
import { Random } from "../world/random.ts";
import { secondsOf } from "../world/times.ts";
import { endpoints, own } from "./endpoints.ts";
import { type Faults, Misfortune } from "./faults.ts";
import { Gate, type Limits } from "./limits.ts";
import { listPage, oneObject } from "./listing.ts";
import {
  invalid,
  noAccess,
  noKey,
  notPermitted,
  Refusal,
  unknownParameters,
  unrecognized,
  wrongKey,
} from "./refusal.ts";
import { Webhooks } from "./webhooks.ts";

export interface SandboxOptions {
  world: World;
  port?: number;
  /** The key with every right. */
  secretKey?: string;
  /** More accounts on this server, each with a key of its own. */
  others?: readonly { world: World; secretKey: string }[];
  /** Accounts connected to `world`'s: asked with its keys and the `Stripe-Account` header. */
  connected?: readonly World[];
  /** Restricted keys and the permissions that each has, e.g. `rak_customer_read`. */
  restrictedKeys?: Record<string, readonly string[]>;
  /** None by default. */
  limits?: Limits | null;
  latencyMs?: number;
  /** What time it is for Stripe. */
  now?: () => Date;
  /** Milliseconds, monotonic, for the limits. */
  clock?: () => number;
}

export interface Sandbox {
  url: string;
  secretKey: string;
  world: World;
  connected: readonly World[];
  /** Requests by what they asked for, e.g. `list subscriptions`; refused ones (429) apart. */
  counts: {
    total: number;
    refused: number;
    writes: number;
    byEndpoint: Map<string, number>;
    byAccount: Map<string, number>;
  };
  /** Nothing goes wrong until one of them is set. */
  faults: Faults;
  webhooks: Webhooks;
  setLimits(limits: Limits | null): void;
  setLatency(ms: number): void;
  close(): Promise<void>;
}

export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { world, secretKey = "sk_test_sandbox000000000000000000", restrictedKeys = {} } = options;
  const now = options.now ?? (() => new Date());
  const clock = options.clock ?? (() => performance.now());
  const accounts = accountsOf(options, secretKey, restrictedKeys);
  // Each account has its own limits.
  const gates = new Map(
    [world, ...(options.connected ?? []), ...(options.others ?? []).map((other) => other.world)].map(
      (one) => [one, new Gate(options.limits ?? null, clock)],
    ),
  );
  const misfortune = new Misfortune(new Random(world.seed + 7));
  const webhooks = new Webhooks(world, now);
  let latencyMs = options.latencyMs ?? 0;
  let requestNumber = 0;
  const counts: Sandbox["counts"] = {
    total: 0,
    refused: 0,
    writes: 0,
    byEndpoint: new Map(),
    byAccount: new Map(),
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = `req_${String(++requestNumber).padStart(14, "0")}`;
    const headers = {
      "Content-Type": "application/json",
      "Request-Id": requestId,
      "Stripe-Version": apiVersion,
      Date: now().toUTCString(),
    };
    counts.total++;
    if (request.method !== "GET") counts.writes++;
    try {
      const { endpoint, body, account } = route(accounts, request, now());
      const leave = (gates.get(account) as Gate).enter(endpoint);
      try {
        if (latencyMs > 0) await wait(latencyMs);
        counts.byEndpoint.set(endpoint, (counts.byEndpoint.get(endpoint) ?? 0) + 1);
        const { id } = account.account;
        counts.byAccount.set(id, (counts.byAccount.get(id) ?? 0) + 1);
        const fate = misfortune.meet(endpoint);
        await misfortune.send(response, fate, headers, body());
      } finally {
        leave();
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.status === 429) counts.refused++;
      const body = JSON.stringify(error.body);
      response.writeHead(error.status, {
        ...headers,
        ...error.headers,
        "Content-Length": Buffer.byteLength(body),
      });
      response.end(body);
    }
  }

  const server: Server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    request.resume();
    serve(request, response).catch((error) => {
      console.error(error);
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    secretKey,
    world,
    connected: options.connected ?? [],
    counts,
    faults: misfortune.faults,
    webhooks,
    setLimits: (limits) => {
      for (const gate of gates.values()) gate.limits = limits;
    },
    setLatency: (ms) => {
      latencyMs = ms;
    },
    close: () => {
      webhooks.close();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** What is asked for, as it counts for limits and faults, and how to answer it. */
interface Asked {
  account: World;
  endpoint: string;
  body: () => string;
}

/** What a key opens: its account, those connected to it, and which rights it has there; null for all. */
interface Access {
  world: World;
  connected: readonly World[];
  allowed: readonly string[] | null;
}

function accountsOf(
  { world, connected = [], others = [] }: SandboxOptions,
  secretKey: string,
  restrictedKeys: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, Access>> {
  return Object.fromEntries([
    ...Object.entries(restrictedKeys).map(([key, allowed]) => [key, { world, connected, allowed }]),
    ...others.map((other) => [other.secretKey, { world: other.world, connected: [], allowed: null }]),
    [secretKey, { world, connected, allowed: null }],
  ]);
}

function route(keys: Readonly<Record<string, Access>>, request: IncomingMessage, now: Date): Asked {
  const url = new URL(request.url ?? "/", "http://sandbox");
  const key = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
  if (key === undefined) throw noKey();
  const access = own(keys, key);
  if (access === undefined) throw wrongKey(key);
  const named = request.headers["stripe-account"];
  const world =
    named === undefined
      ? access.world
      : [access.world, ...access.connected].find(({ account }) => account.id === named);
  if (!world) throw noAccess(key, String(named));
  const { allowed } = access;
  const asked = request.headers["stripe-version"];
  if (asked !== undefined && asked !== apiVersion) throw invalid(`Invalid Stripe API version: ${asked}`);
  const need = (permission: string) => {
    if (allowed !== null && !allowed.includes(permission))
      throw notPermitted(key, world.account.id, permission);
  };
  const [version, path = "", id, ...more] = url.pathname.slice(1).split("/").map(decodeURIComponent);
  const unknown = () => unrecognized(request.method ?? "", url.pathname);
  if (request.method !== "GET" || version !== "v1" || more.length > 0) throw unknown();
  if (path === "account" && id === undefined) {
    need("rak_accounts_kyc_basic_read");
    return { account: world, endpoint: "retrieve account", body: () => accountBody(world, url.searchParams) };
  }
  const endpoint = own(endpoints, path);
  if (!endpoint) throw unknown();
  need(endpoint.permission);
  const seconds = secondsOf(now);
  return id === undefined || id === ""
    ? {
        account: world,
        endpoint: `list ${path}`,
        body: () => listPage(world, path, endpoint, url.searchParams, seconds),
      }
    : {
        account: world,
        endpoint: `retrieve ${path}`,
        body: () => oneObject(world, endpoint, id, url.searchParams, seconds),
      };
}

function accountBody(world: World, params: URLSearchParams): string {
  const unknown = [...params.keys()];
  if (unknown.length > 0) throw unknownParameters(unknown);
  return JSON.stringify(world.account);
}
