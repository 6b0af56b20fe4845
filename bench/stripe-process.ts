// Stripe for the benchmarks, in a process of its own: accounts with so many objects of each kind behind the limits that
// are asked for, and tables that mirror them but for a known share. Says on one line when it is ready; then changes so
// many objects for each line that names a number; ends with stdin.
import { createInterface } from "node:readline";
import { connect } from "../lib/db/connect.ts";
import { loadRows } from "../sandbox/example/load.ts";
import { endpoints, own } from "../sandbox/server/endpoints.ts";
import { oneObject } from "../sandbox/server/listing.ts";
import { startSandbox } from "../sandbox/server/server.ts";
import { reviseCustomer } from "../sandbox/world/changes/change.ts";
import { generateWorld, type World } from "../sandbox/world/index.ts";
import { createTable, type Kind, rowsOf, tableOf, tables } from "./kinds.ts";

export interface StripeProcessOptions {
  localUrl: string;
  accounts: number;
  /** Of each kind, in each account. */
  objects: number;
  kinds: readonly Kind[];
  latencyMs: number;
  /** Of each account. */
  limits: { requestsPerSecond: number; perEndpoint: number };
}

/** One for each account, in their order. */
export interface StripeReady {
  url: string;
  secretKeys: string[];
}

const options = JSON.parse(process.argv[2] ?? "") as StripeProcessOptions;
const { limits, latencyMs } = options;
const worlds = Array.from({ length: options.accounts }, (_, i) => makeWorld(i + 1));
const local = connect(options.localUrl);
for (const [i, world] of worlds.entries())
  for (const kind of options.kinds) {
    const table = tableOf(kind, i);
    const kept = keep(world, kind);
    await local.unsafe(createTable(kind, table));
    await loadRows(local, table, rowsOf(kind, kept));
    await local.unsafe(`CREATE UNIQUE INDEX ON ${table} (stripe_id); CREATE INDEX ON ${table} (updated_at)`);
    readOnce(world, kind);
  }
await local.unsafe("ANALYZE");
// What was just loaded is on the disk before anything is measured.
await local.unsafe("CHECKPOINT");
await local.end();

const [world, ...others] = worlds as [World, ...World[]];
const keyOf = (i: number) => `sk_test_bench${String(i).padStart(20, "0")}`;
const sandbox = await startSandbox({
  world,
  secretKey: keyOf(0),
  others: others.map((other, i) => ({ world: other, secretKey: keyOf(i + 1) })),
  limits,
  latencyMs,
});
// Stripe does not stop for seconds to look through a million objects: this is done before, and not again for long.
globalThis.gc?.();
const ready: StripeReady = { url: sandbox.url, secretKeys: worlds.map((_, i) => keyOf(i)) };
process.stdout.write(`${JSON.stringify(ready)}\n`);
for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(change(Number(line)))}\n`);
await sandbox.close();

function makeWorld(seed: number): World {
  const withMoney = options.kinds.some((kind) => kind === "invoices" || kind === "charges");
  const made = generateWorld({
    seed,
    // Some customers are deleted, some have no subscription, some payments fail.
    customers: Math.ceil(options.objects * (withMoney ? 1.1 : 1.06)) + 50,
    now: new Date(),
    invoicesPerSubscription: withMoney ? 1 : 0,
  });
  // What nobody asks for takes no memory. Events are asked for from now on.
  for (const shelf of [made.events, made.paymentIntents, made.payouts]) shelf.clear();
  return made;
}

/** Takes away what is more than the benchmark's number of objects. */
function keep(from: World, kind: Kind): { id: string }[] {
  const shelf = tables[kind].shelf(from) as unknown as Map<string, { id: string; deleted?: boolean }>;
  const counts = [...shelf.values()].filter((object) => !object.deleted);
  if (counts.length < options.objects) throw new Error(`Only ${counts.length} ${kind} were made`);
  const surplus = counts.slice(0, counts.length - options.objects);
  for (const { id } of surplus) shelf.delete(id);
  return counts.slice(counts.length - options.objects);
}

/** Objects are put in order and made into JSON once: what is measured is the run, so it happens before. */
function readOnce(from: World, kind: Kind): void {
  const endpoint = own(endpoints, kind);
  if (!endpoint) throw new Error(`There is no endpoint ${kind}`);
  const nothing = new URLSearchParams();
  const now = Math.floor(Date.now() / 1_000);
  endpoint.shelf(from).newestFirst();
  for (const id of endpoint.shelf(from).keys()) oneObject(from, endpoint, id, nothing, now);
}

/** Changes so many customers, spread over all of them, each with its event. */
function change(count: number): { changed: number } {
  const customers = tables.customers.shelf(world) as unknown as Map<
    string,
    { id: string; deleted?: boolean }
  >;
  const ids = [...customers.values()].filter((customer) => !customer.deleted).map(({ id }) => id);
  const at = Math.floor(Date.now() / 1_000);
  for (let i = 0; i < count; i++) {
    const id = ids[Math.floor((i * ids.length) / count)] as string;
    reviseCustomer(world, at, id, { name: `Changed ${i} at ${at}` });
  }
  return { changed: count };
}
