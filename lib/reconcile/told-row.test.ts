// A mapping is anybody's function. By a file's word it answers what it would answer about the whole object, or nothing.
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { exportOf } from "../../sandbox/exports.ts";
import { generateWorld, type World } from "../../sandbox/world/world.ts";
import type { Field, Resource, StripeObject } from "../config/resource.ts";
import type { LocalColumn, LocalTable } from "../local/catalog.ts";
import type { ExportKind } from "../quick-fix/columns.ts";
import type { Line } from "../quick-fix/partial.ts";
import { readExport } from "../quick-fix/read.ts";
import { projectObject } from "./project.ts";
import { toldRow } from "./told-row.ts";

const now = new Date("2026-11-24T12:00:00Z");
const kinds = {
  subscription: "subscriptions",
  customer: "customers",
  charge: "payments",
  payout: "payouts",
} as const satisfies Record<string, ExportKind>;
type Kind = keyof typeof kinds;

let world: World;
const lines = new Map<Kind, Map<string, Line>>();

beforeAll(async () => {
  world = generateWorld({ seed: 7, customers: 40, now, invoicesPerSubscription: 2 });
  // An export tells of one item of a subscription, whatever others it has.
  for (const [i, subscription] of world.subscriptions.newestFirst().entries())
    if (i % 2 === 0)
      subscription.items.data.push({ ...(subscription.items.data[0] as object), id: "si_other" } as never);
  for (const [kind, name] of Object.entries(kinds) as [Kind, ExportKind][]) {
    const read = await readExport(pieces(exportOf(world, name)));
    const told = new Map<string, Line>();
    for await (const one of read.lines)
      if ("row" in one) told.set(one.row.id ?? "", { ...one.row, id: one.row.id });
    lines.set(kind, told);
  }
});

async function* pieces(from: Iterable<Buffer>) {
  yield* from;
}

/** The Dashboard writes these to the minute. */
const vague = new Map(
  [
    "created",
    "start date",
    "current period start",
    "current period end",
    "trial start",
    "trial end",
    "canceled at",
    "ended at",
  ].map((column) => [column, 59] as const),
);

function objectsOf(kind: Kind, expand: readonly string[]): StripeObject[] {
  if (kind === "customer") return world.customers.newestFirst().filter((one) => !one.deleted);
  if (kind === "payout") return [...world.payouts.newestFirst()];
  const own = kind === "subscription" ? world.subscriptions.newestFirst() : world.charges.newestFirst();
  return own.map((object) => {
    const id = object.customer;
    return expand.length === 0 || typeof id !== "string"
      ? object
      : { ...object, customer: world.customers.get(id) };
  }) as StripeObject[];
}

const column = (base: string): LocalColumn => ({
  name: "c",
  type: base,
  base,
  array: false,
  staging: base,
  caseInsensitive: false,
  nullable: true,
  generated: false,
  hasDefault: false,
  enumLabels: undefined,
  maxLength: undefined,
  precision: undefined,
  scale: undefined,
});

const mapped = (stripe: Kind, from: Field["from"], base: string, expand: readonly string[]) => {
  const field: Field = {
    column: "c",
    from,
    values: undefined,
    policy: "review",
    compare: "exact",
    money: false,
  };
  const resource: Resource = {
    name: "r",
    stripe,
    table: { schema: "public", name: "t" },
    key: "id",
    match: { column: "s", by: "id" },
    choose: () => 0,
    updatedAt: undefined,
    label: undefined,
    where: undefined,
    expand,
    fields: [field],
    policy: "review",
    access: undefined,
    settled: undefined,
    missingInStripe: "report",
    missingLocal: "report",
  };
  const table: LocalTable = {
    schema: "public",
    name: "t",
    columns: new Map([["c", column(base)]]),
    uniqueColumns: new Set(),
  };
  return { resource, table };
};

const names = [
  ...[
    "id",
    "object",
    "status",
    "items",
    "data",
    "0",
    "1",
    "length",
    "price",
    "quantity",
    "currency",
    "unit_amount",
    "recurring",
  ],
  ...[
    "interval",
    "interval_count",
    "customer",
    "email",
    "name",
    "deleted",
    "metadata",
    "team",
    "canceled_at",
    "created",
    "trial_end",
  ],
  ...[
    "current_period_end",
    "cancel_at_period_end",
    "cancellation_details",
    "reason",
    "amount",
    "amount_refunded",
    "refunded",
    "paid",
  ],
  ...[
    "captured",
    "description",
    "livemode",
    "arrival_date",
    "delinquent",
    "balance",
    "billing_details",
    "payment_method_details",
  ],
  ...[
    "type",
    "card",
    "nothing",
    "constructor",
    "toString",
    "has_more",
    "product",
    "invoice_settings",
    "failure_code",
  ],
];
type Loose = Record<string, unknown> & { [Symbol.iterator](): Iterator<unknown> };

/** What people do in mappings with what they found. */
const uses: Record<string, (value: Loose) => unknown> = {
  itself: (value) => value,
  "or something": (value) => value ?? "something",
  "whether there is one": (value) => Boolean(value),
  "kind of value": (value) => typeof value,
  text: (value) => `${String(value)}!`,
  number: (value) => Number(value) + 1,
  json: (value) => JSON.stringify(value),
  names: (value) => Object.keys(value).sort().join(),
  entries: (value) => Object.entries(value).length,
  spread: (value) => ({ ...value }).status ?? "no status",
  rest: ({ id: _, ...rest }) => Object.keys(rest).length,
  "named in": (value) =>
    ["email", "balance", "cancel_at_period_end", "payment_intent", "automatic"]
      .filter((name) => name in value)
      .join(),
  "own name": (value) => Object.hasOwn(value, "deleted"),
  described: (value) => Object.getOwnPropertyDescriptor(value, "id")?.value ?? "none",
  "for in": (value) => {
    let count = 0;
    for (const _ in value) count++;
    return count;
  },
  list: (value) => [...value].length,
  "first of list": (value) => (value as unknown as unknown[]).at(0) !== undefined,
  "how many": (value) => (value as unknown as unknown[]).length,
  mapped: (value) => (value as unknown as { id: string }[]).map((one) => one.id).join(),
  "is list": (value) => Array.isArray(value),
  joined: (value) => ([] as unknown[]).concat(value).length,
  copied: (value) => JSON.stringify(structuredClone(value)),
  forgiving: (value) => {
    try {
      return (
        value as unknown as { metadata: { plan: { toUpperCase(): string } } }
      ).metadata.plan.toUpperCase();
    } catch {
      return "nobody knows";
    }
  },
  changed: (value) => {
    value.status = "mine";
    return value.status;
  },
  "same each time": (value) => {
    const { items, customer } = value;
    return items === value.items && customer === value.customer;
  },
};

const follow = (object: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((at, name) => (at as Record<string, unknown> | null | undefined)?.[name], object);

const paths = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      ...[
        "id",
        "object",
        "status",
        "currency",
        "amount",
        "email",
        "name",
        "customer",
        "paid",
        "refunded",
        "livemode",
      ].map((one) => [one]),
      ...["canceled_at", "trial_end", "arrival_date", "created", "delinquent"].map((one) => [one]),
      ...["id", "unit_amount", "currency"].map((one) => ["items", "data", "0", "price", one]),
      ...["id", "email", "deleted"].map((one) => ["customer", one]),
      ["items", "data", "0", "quantity"],
      ["items", "data", "0", "current_period_end"],
      ["items", "data", "0", "price", "recurring", "interval"],
    ),
  },
  { weight: 3, arbitrary: fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }) },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.constantFrom(...names), { maxLength: 3 })
      .map((rest) => ["items", "data", "0", ...rest]),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ["items", "data"],
      ["customer"],
      ["metadata"],
      ["items", "data", "0", "price"],
      [],
    ),
  },
);
const read = fc.record({ path: paths, use: fc.constantFrom(...Object.keys(uses)) });
const reads = fc.array(read, { minLength: 1, maxLength: 2 });

test("what a mapping answers by a file's word is what it answers about the whole object, or nothing", () => {
  const told = { times: 0, values: 0 };
  fc.assert(
    fc.property(
      fc.constantFrom(...(Object.keys(kinds) as Kind[])),
      reads,
      fc.constantFrom("text", "jsonb", "timestamptz", "date", "int8", "bool"),
      fc.constantFrom([], ["customer"]),
      fc.nat(),
      (kind, steps, base, expand, which) => {
        const from = (object: never) => {
          const found = steps.map(({ path, use }) => uses[use]?.(follow(object, path) as Loose));
          return found.length === 1
            ? found[0]
            : (found.find((one) => one !== null && one !== undefined) ?? null);
        };
        const objects = objectsOf(kind, expand);
        const object = objects[which % objects.length] as StripeObject;
        const line = lines.get(kind)?.get(object.id) as Line;
        const { resource, table } = mapped(kind, from, base, expand);
        const byFile = toldRow({ resource, table } as Parameters<typeof toldRow>[0], line, vague);
        told.times++;
        if (byFile.failed !== null) return;
        told.values++;
        // A mapping that changes what it was handed must not change it for the others.
        const whole = projectObject(resource, table, structuredClone(object));
        expect({ value: byFile.values[0], failed: null }).toEqual({
          value: whole.values[0],
          failed: whole.failed,
        });
      },
    ),
    { numRuns: 20_000 },
  );
  // Not by telling nothing at all.
  expect(told.values).toBeGreaterThan(told.times / 20);
});

test("what a mapping makes of something the file does not tell is no error of the row", () => {
  const from = (s: { items: { data: { price: { nickname: string } }[] } }) =>
    s.items.data[0]?.price.nickname.toUpperCase();
  const [object] = objectsOf("subscription", []) as [StripeObject];
  const line = lines.get("subscription")?.get(object.id) as Line;
  const stage = mapped("subscription", from as Field["from"], "text", []);
  expect(toldRow(stage as Parameters<typeof toldRow>[0], line, vague)).toMatchObject({
    failed: ["c"],
    error: null,
  });
});
