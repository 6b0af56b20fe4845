// Stripe for the benchmark, in a process of its own: an account with so many objects of each kind behind the limits of
// a live account, and tables that mirror it but for a known share. Says on one line when it is ready; ends with stdin.
import { connect } from "../lib/db/connect.ts";
import { loadRows } from "../sandbox/example/load.ts";
import { endpoints, own } from "../sandbox/server/endpoints.ts";
import { oneObject } from "../sandbox/server/listing.ts";
import { startSandbox } from "../sandbox/server/server.ts";
import { generateWorld, type World } from "../sandbox/world/index.ts";
import { createTable, type Kind, kinds, rowsOf, tables } from "./kinds.ts";

export interface StripeProcessOptions {
  localUrl: string;
  /** Of each kind. */
  objects: number;
  kinds: readonly Kind[];
  latencyMs: number;
  limits: { requestsPerSecond: number; perEndpoint: number };
}

const options = JSON.parse(process.argv[2] ?? "") as StripeProcessOptions;
const { limits, latencyMs } = options;
const withMoney = options.kinds.some((kind) => kind === "invoices" || kind === "charges");
const world = generateWorld({
  seed: 1,
  // Some customers are deleted, some have no subscription, some payments fail.
  customers: Math.ceil(options.objects * (withMoney ? 1.1 : 1.06)),
  now: new Date(),
  invoicesPerSubscription: withMoney ? 1 : 0,
});
// What nobody asks for takes no memory.
for (const shelf of [world.events, world.paymentIntents, world.payouts]) shelf.clear();
const local = connect(options.localUrl);
for (const kind of kinds) {
  if (!options.kinds.includes(kind)) continue;
  const kept = keep(world, kind);
  await local.unsafe(createTable(kind));
  await loadRows(local, kind, rowsOf(kind, kept));
  await local.unsafe(`CREATE UNIQUE INDEX ON ${kind} (stripe_id)`);
}
await local.unsafe("ANALYZE");
await local.end();

// Objects are made into JSON once: what is measured is the run, so it happens before.
for (const kind of options.kinds) readOnce(kind);
const sandbox = await startSandbox({ world, limits, latencyMs });
process.stdout.write(`${JSON.stringify({ url: sandbox.url, secretKey: sandbox.secretKey })}\n`);
process.stdin.resume();
await new Promise((resolve) => process.stdin.once("end", resolve));
await sandbox.close();

/** Takes away what is more than the benchmark's number of objects. */
function keep(from: World, kind: Kind): { id: string }[] {
  const shelf = tables[kind].shelf(from) as unknown as Map<string, { id: string; deleted?: boolean }>;
  const counts = [...shelf.values()].filter((object) => !object.deleted);
  if (counts.length < options.objects) throw new Error(`Only ${counts.length} ${kind} were made`);
  const surplus = counts.slice(0, counts.length - options.objects);
  for (const { id } of surplus) shelf.delete(id);
  return counts.slice(counts.length - options.objects);
}

function readOnce(kind: Kind): void {
  const endpoint = own(endpoints, kind);
  if (!endpoint) throw new Error(`There is no endpoint ${kind}`);
  const nothing = new URLSearchParams();
  const now = Math.floor(Date.now() / 1_000);
  for (const id of endpoint.shelf(world).keys()) oneObject(world, endpoint, id, nothing, now);
}
