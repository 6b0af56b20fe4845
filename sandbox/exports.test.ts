// What an export says is what its reader understands, in whatever form it was written.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ExportKind } from "../lib/quick-fix/columns.ts";
import { type ExportLine, readExport } from "../lib/quick-fix/read.ts";
import { hashes, reformattedDates, scientificAmounts, shortenedIds } from "./exports/damage.ts";
import { type ExportOptions, exportOf } from "./exports.ts";
import { generateWorld, type World } from "./world/index.ts";

const now = new Date("2026-11-24T12:00:00Z");
const worlds = [1, 2, 3].map((seed) =>
  generateWorld({ seed, customers: 25, now, invoicesPerSubscription: 3 }),
);

async function* pieces(chunks: Iterable<Buffer>, size: number) {
  const bytes = Buffer.concat([...chunks]);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(world: World, kind: ExportKind, options: ExportOptions = {}, size = 1_000) {
  const { understood, lines } = await readExport(pieces(exportOf(world, kind, options), size));
  const read: ExportLine[] = [];
  for await (const line of lines) read.push(line);
  return { understood, lines: read };
}

const minute = (seconds: number | null | undefined) => (seconds == null ? null : seconds - (seconds % 60));

/** What Stripe's API says of the same objects, by the names that rows have. */
function expectedOf(world: World, kind: ExportKind): Record<string, unknown>[] {
  const email = (id: unknown) => {
    const customer = world.customers.get(String(id));
    return customer && !customer.deleted ? customer.email : null;
  };
  switch (kind) {
    case "subscriptions":
      return world.subscriptions.newestFirst().map((s) => ({
        id: s.id,
        "customer id": s.customer,
        "customer email": email(s.customer),
        plan: s.items.data[0]?.price.id,
        quantity: s.items.data[0]?.quantity,
        currency: s.currency,
        interval: s.items.data[0]?.price.recurring?.interval,
        amount: s.items.data[0]?.price.unit_amount,
        status: s.status,
        created: minute(s.created),
        "current period end": minute(s.items.data[0]?.current_period_end),
        "trial end": minute(s.trial_end),
        "canceled at": minute(s.canceled_at),
        "ended at": minute(s.ended_at),
        "cancellation reason": s.cancellation_details?.reason,
      }));
    case "customers":
      return world.customers.newestFirst().flatMap((c) =>
        c.deleted
          ? []
          : [
              {
                id: c.id,
                description: c.description,
                email: c.email,
                name: c.name,
                created: minute(c.created),
                delinquent: c.delinquent,
                "metadata.user": c.metadata.user,
              },
            ],
      );
    case "payments":
      return world.charges.newestFirst().map((c) => ({
        id: c.id,
        "created date": c.created,
        amount: c.amount,
        "amount refunded": c.amount_refunded,
        currency: c.currency,
        captured: c.captured,
        description: c.description,
        "customer id": c.customer,
        "customer email": email(c.customer),
        status: c.status === "failed" ? "Failed" : c.refunded ? "Refunded" : "Paid",
      }));
    case "payouts":
      return world.payouts.newestFirst().map((p) => ({
        id: p.id,
        amount: p.amount,
        created: minute(p.created),
        currency: p.currency,
        livemode: p.livemode,
        "arrival date": minute(p.arrival_date),
        status: p.status,
      }));
  }
}

const headersOf = (world: World, kind: ExportKind): string[] => {
  const [header = ""] = Buffer.concat([...exportOf(world, kind)])
    .toString()
    .split("\n", 1);
  return header.split(",");
};

const format = fc.record({
  // By number: a counterexample prints it.
  at: fc.nat({ max: worlds.length - 1 }),
  delimiter: fc.constantFrom(",", ";", "\t"),
  lineEnd: fc.constantFrom("\n", "\r\n", "\r"),
  mark: fc.boolean(),
  encoding: fc.constantFrom("utf-8", "utf-16le"),
  numbers: fc.constantFrom(["", "."], ["", ","], [",", "."], [".", ","], [" ", ","], ["'", "."]),
  // How much of the columns is left, and in which order.
  order: fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  size: fc.integer({ min: 1, max: 500 }),
});

test.each(["subscriptions", "customers", "payments", "payouts"] as const)(
  "an export of %s is read as Stripe has it, in any form and with any columns",
  async (kind) => {
    await fc.assert(
      fc.asyncProperty(format, async ({ at, numbers: [thousands, point], order, share, size, ...rest }) => {
        const world = worlds[at] as World;
        // Without the currency an amount says nothing; without the id the kind is told by the others.
        const kept = ["id", "Currency"];
        const columns = headersOf(world, kind)
          .map((header, i) => ({ header, at: order[i] ?? 0 }))
          .filter(({ header, at }) => kept.includes(header) || at % 100 <= share * 100)
          .sort((a, b) => a.at - b.at)
          .map(({ header }) => header);
        const options = { ...rest, thousands, point, columns } as ExportOptions;
        const { understood, lines } = await read(world, kind, options, size);
        expect(understood.kind).toBe(kind);
        const expected = expectedOf(world, kind);
        expect(lines.map(({ line }) => line)).toEqual(expected.map((_, i) => i + 2));
        for (const [i, line] of lines.entries()) {
          // Nothing but thousands can be meant; to a reader that sees one line it could be decimals.
          const unsure = thousands === "." && expected[i]?.currency === "jpy";
          if ("problem" in line && unsure && /in two ways/.test(line.problem)) continue;
          if ("problem" in line) throw new Error(`line ${line.line}: ${line.problem}`);
          const told = understood.columns.map(({ name }) => name);
          expect(Object.keys(line.row.values).sort()).toEqual(told.sort());
          for (const [name, value] of Object.entries(expected[i] ?? {}))
            if (told.includes(name)) expect([name, line.row.values[name]]).toEqual([name, value]);
          expect(line.row.id).toBe(expected[i]?.id);
        }
      }),
      { numRuns: 30 },
    );
  },
);

test.each([
  ["shortened ids", shortenedIds, /^id: The id “.*…” is shortened/],
  ["scientific notation", scientificAmounts, /^Amount: A spreadsheet shortened the amount/],
  ["days before months", reformattedDates("d/m/y"), /day from the month/],
  ["months before days", reformattedDates("m/d/y"), /day from the month/],
  ["dates with dots", reformattedDates("d.m.y"), /day from the month/],
  ["narrow columns", hashes, /too narrow/],
])("%s are named on every line, and no line is read", async (_, damage, problem) => {
  const [world] = worlds as [World];
  const { lines } = await read(world, "payouts", { damage });
  expect(lines.length).toBe(world.payouts.size);
  for (const line of lines) expect(line).toMatchObject({ problem: expect.stringMatching(problem) });
});
