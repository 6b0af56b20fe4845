// Stripe for the benchmark, in a process of its own: an account with so many objects of each kind behind the limits of
// a live account, and tables that mirror it but for a known share. Says on one line when it is ready; ends with stdin.
import { connect } from "../lib/db/connect.ts";
import { loadRows } from "../sandbox/example/load.ts";
import { startSandbox } from "../sandbox/server/server.ts";
import { generateWorld } from "../sandbox/world/index.ts";
import type { Shelf } from "../sandbox/world/shelf.ts";

export interface StripeProcessOptions {
  localUrl: string;
  objects: number;
  latencyMs: number;
  limits: { requestsPerSecond: number; perEndpoint: number };
}

/** One row in a hundred differs, as after a bad week; one in ten thousand is missing on either side. */
const driftOf = (i: number) => ({ differs: i % 100 === 7, missing: i % 10_000 === 4_321 });

const options = JSON.parse(process.argv[2] ?? "") as StripeProcessOptions;
const world = generateWorld({
  seed: 1,
  customers: Math.ceil(options.objects * 1.06),
  now: new Date(),
  invoicesPerSubscription: 0,
});
const customers = keep(world.customers, (customer) => !customer.deleted);
const subscriptions = keep(world.subscriptions, () => true);

const local = connect(options.localUrl);
await local.unsafe(`
  CREATE TABLE subscriptions (
    id text PRIMARY KEY, stripe_id text, customer text, status text, price text, amount bigint,
    current_period_end timestamptz, updated_at timestamptz);
  CREATE TABLE customers (
    id text PRIMARY KEY, stripe_id text, email text, name text, delinquent boolean, balance bigint,
    created_at timestamptz, updated_at timestamptz)`);
const base = (stripeId: string, i: number) => ({
  id: `row_${i}`,
  stripe_id: driftOf(i).missing ? `${stripeId}_gone` : stripeId,
  updated_at: new Date(),
});
await loadRows(
  local,
  "subscriptions",
  subscriptions.map((s, i) => ({
    ...base(s.id, i),
    customer: typeof s.customer === "string" ? s.customer : s.customer.id,
    status: driftOf(i).differs ? (s.status === "active" ? "past_due" : "active") : s.status,
    price: s.items.data[0]?.price.id ?? null,
    amount: s.items.data[0]?.price.unit_amount ?? null,
    current_period_end: new Date((s.items.data[0]?.current_period_end ?? 0) * 1_000),
  })),
);
await loadRows(
  local,
  "customers",
  customers.flatMap((c, i) =>
    c.deleted
      ? []
      : [
          {
            ...base(c.id, i),
            email: c.email,
            name: driftOf(i).differs ? `${c.name} (old)` : (c.name ?? null),
            delinquent: c.delinquent ?? null,
            balance: c.balance,
            created_at: new Date(c.created * 1_000),
          },
        ],
  ),
);
await local.unsafe(
  "CREATE UNIQUE INDEX ON subscriptions (stripe_id); CREATE UNIQUE INDEX ON customers (stripe_id)",
);
await local.unsafe("ANALYZE");
await local.end();

const { limits, latencyMs } = options;
const sandbox = await startSandbox({ world, limits, latencyMs });
// Objects are made into JSON once: what is measured is the run, so it happens before.
for (const kind of ["subscriptions", "customers"]) await readOnce(kind);
process.stdout.write(`${JSON.stringify({ url: sandbox.url, secretKey: sandbox.secretKey })}\n`);
process.stdin.resume();
await new Promise((resolve) => process.stdin.once("end", resolve));
await sandbox.close();

/** Takes away what is more than the benchmark's number of objects. */
function keep<T extends { id: string }>(shelf: Shelf<T>, counts: (object: T) => boolean): T[] {
  const kept = shelf.newestFirst().filter(counts).slice(0, options.objects);
  if (kept.length < options.objects) throw new Error(`Only ${kept.length} objects were made`);
  const ids = new Set(kept.map((object) => object.id));
  for (const object of [...shelf.values()])
    if (counts(object) && !ids.has(object.id)) shelf.delete(object.id);
  return kept;
}

async function readOnce(kind: string): Promise<void> {
  sandbox.setLimits(null);
  sandbox.setLatency(0);
  for (let after: string | undefined, more = true; more; ) {
    const query = new URLSearchParams({ limit: "100", ...(after && { starting_after: after }) });
    if (kind === "subscriptions") query.set("status", "all");
    const answer = await fetch(`${sandbox.url}/v1/${kind}?${query}`, {
      headers: { authorization: `Bearer ${sandbox.secretKey}` },
    });
    const page = (await answer.json()) as { data: { id: string }[]; has_more: boolean };
    after = page.data.at(-1)?.id;
    more = page.has_more;
  }
  sandbox.setLimits(limits);
  sandbox.setLatency(latencyMs);
}
