// An HTTP server that speaks enough of Stripe's API for Driftdesk, and is as strict as Stripe about all the rest.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { apiVersion } from "../world/event.ts";
import { Random } from "../world/random.ts";
import type { World } from "../world/world.ts";
import { endpoints } from "./endpoints.ts";
import { Gate, type Limits } from "./limits.ts";
import { listPage, oneObject } from "./listing.ts";
import { broken, invalid, noKey, notPermitted, Refusal, unrecognized, wrongKey } from "./refusal.ts";

/** What can go wrong; each is a share of requests from 0 to 1 unless it says otherwise. */
export interface Faults {
  serverErrors: number;
  dropped: number;
  truncated: number;
  slow: number;
  slowMs: number;
  /** Everything fails. */
  outage: boolean;
  /** Fails these requests only, as `"list charges"` and the like; everything when it is null. */
  only: string | null;
}
const noFaults: Faults = {
  serverErrors: 0,
  dropped: 0,
  truncated: 0,
  slow: 0,
  slowMs: 2_000,
  outage: false,
  only: null,
};

export interface SandboxOptions {
  world: World;
  port?: number;
  /** The key with every right. */
  secretKey?: string;
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
  /** Requests by what they asked for, e.g. `list subscriptions`; refused ones (429) apart. */
  counts: { total: number; refused: number; writes: number; byEndpoint: Map<string, number> };
  faults: Faults;
  setLimits(limits: Limits | null): void;
  setLatency(ms: number): void;
  close(): Promise<void>;
}

export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { world, secretKey = "sk_test_sandbox000000000000000000", restrictedKeys = {} } = options;
  const now = options.now ?? (() => new Date());
  const gate = new Gate(options.limits ?? null, options.clock ?? (() => performance.now()));
  const random = new Random(world.seed + 7);
  let latencyMs = options.latencyMs ?? 0;
  let requestNumber = 0;
  const counts: Sandbox["counts"] = { total: 0, refused: 0, writes: 0, byEndpoint: new Map() };
  const faults: Faults = { ...noFaults };

  function answer(request: IncomingMessage): { endpoint: string; body: () => string } {
    const url = new URL(request.url ?? "/", "http://sandbox");
    const [version, path = "", id] = url.pathname.slice(1).split("/").map(decodeURIComponent);
    const key = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    if (key === undefined) throw noKey();
    const allowed = key === secretKey ? null : restrictedKeys[key];
    if (allowed === undefined) throw wrongKey(key);
    const asked = request.headers["stripe-version"];
    if (asked !== undefined && asked !== apiVersion) throw invalid(`Invalid Stripe API version: ${asked}`);
    if (request.method !== "GET") {
      counts.writes++;
      throw unrecognized(request.method ?? "", url.pathname);
    }
    const seconds = Math.floor(now().getTime() / 1000);
    if (version === "v1" && path === "account" && id === undefined)
      return { endpoint: "retrieve account", body: () => JSON.stringify(world.account) };
    const endpoint = version === "v1" ? endpoints[path] : undefined;
    if (!endpoint || url.pathname.split("/").length > 4) throw unrecognized(request.method, url.pathname);
    if (allowed !== null && !allowed.includes(endpoint.permission))
      throw notPermitted(key, world.account.id, endpoint.permission);
    return id === undefined || id === ""
      ? { endpoint: `list ${path}`, body: () => listPage(world, path, endpoint, url.searchParams, seconds) }
      : {
          endpoint: `retrieve ${path}`,
          body: () => oneObject(world, endpoint, id, url.searchParams, seconds),
        };
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = `req_${String(++requestNumber).padStart(14, "0")}`;
    const headers = {
      "Content-Type": "application/json",
      "Request-Id": requestId,
      "Stripe-Version": apiVersion,
    };
    const send = (status: number, body: string, more: Record<string, string> = {}) => {
      response.writeHead(status, { ...headers, ...more, "Content-Length": Buffer.byteLength(body) });
      response.end(body);
    };
    counts.total++;
    try {
      const { endpoint, body } = answer(request);
      const leave = gate.enter(endpoint);
      try {
        if (latencyMs > 0) await wait(latencyMs);
        counts.byEndpoint.set(endpoint, (counts.byEndpoint.get(endpoint) ?? 0) + 1);
        const hit = (share: number) =>
          share > 0 && (faults.only === null || faults.only === endpoint) && random.chance(share);
        if (hit(faults.dropped)) return void request.socket.destroy();
        if ((faults.outage && hit(1)) || hit(faults.serverErrors)) throw broken();
        const text = body();
        if (hit(faults.slow)) await wait(faults.slowMs);
        if (!hit(faults.truncated)) return send(200, text);
        // The head promises the whole body; the connection ends in the middle of it.
        response.writeHead(200, { ...headers, "Content-Length": Buffer.byteLength(text) });
        response.write(text.slice(0, Math.floor(text.length / 2)), () => request.socket.destroy());
      } finally {
        leave();
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.status === 429) counts.refused++;
      send(error.status, JSON.stringify(error.body), error.headers);
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
    counts,
    faults,
    setLimits: (limits) => {
      gate.limits = limits;
    },
    setLatency: (ms) => {
      latencyMs = ms;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
