// What the usual article has instead of a reconciliation: every list from its beginning to its end, one object after
// the other, each looked up, compared and corrected by itself. Says on one line how long it took.
import Stripe from "stripe";
import { connect } from "../lib/db/connect.ts";
import { type Kind, kinds, tables } from "./kinds.ts";
import type { PeerReport } from "./peers.ts";

const { STRIPE_API_BASE = "", STRIPE_SECRET_KEY = "", LOCAL_DATABASE_URL = "" } = process.env;
const base = new URL(STRIPE_API_BASE);
const stripe = new Stripe(STRIPE_SECRET_KEY, {
  host: base.hostname,
  port: Number(base.port),
  protocol: "http",
});
const sql = connect(LOCAL_DATABASE_URL, { max: 1 });

const lists: Record<Kind, () => AsyncIterable<{ id: string }>> = {
  subscriptions: () => stripe.subscriptions.list({ status: "all", limit: 100 }),
  customers: () => stripe.customers.list({ limit: 100 }),
  invoices: () => stripe.invoices.list({ limit: 100 }),
  charges: () => stripe.charges.list({ limit: 100 }),
};

const began = performance.now();
for (const kind of kinds)
  for await (const object of lists[kind]()) {
    const wanted = tables[kind].row(object as never, false);
    const [row] = await sql`SELECT * FROM ${sql(kind)} WHERE stripe_id = ${object.id}`;
    if (row && Object.entries(wanted).some(([name, value]) => String(row[name]) !== String(value)))
      await sql`UPDATE ${sql(kind)} SET ${sql(wanted as Record<string, string>)}, updated_at = now() WHERE stripe_id = ${object.id}`;
  }
const report: PeerReport = { seconds: (performance.now() - began) / 1_000 };
await sql.end();
process.stdout.write(`${JSON.stringify(report)}\n`);
