import { expect, test } from "vitest";
import type { Source } from "./answer.ts";
import { cacheHeaders } from "./headers.ts";
import type { Looked } from "./lookup.ts";

const looked = (source: Source, more: Partial<Looked> = {}): Looked => ({
  answer: {
    key: "1",
    account: null,
    found: true,
    customer: "cus_1",
    stripeId: "sub_1",
    status: "active",
    plan: "pro",
    periodEnd: null,
    access: true,
    problem: null,
    source,
    ageMs: 30_500,
  },
  ttlMs: 269_500,
  collapsed: false,
  failure: null,
  ...more,
});

test.each<[string, Looked, string]>([
  ["a fresh answer of a cache", looked("cache"), "driftdesk; hit; ttl=269"],
  ["one of Stripe's", looked("stripe"), "driftdesk; fwd=miss; stored; ttl=269"],
  [
    "one that somebody else had asked for",
    looked("stripe", { collapsed: true }),
    "driftdesk; fwd=miss; stored; ttl=269; collapsed",
  ],
  ["a stale one", looked("stale", { ttlMs: -2_500, failure: "late" }), "driftdesk; hit; ttl=-3; detail=late"],
  [
    "one that a change made doubtful before its time",
    looked("stale", { failure: "stripe" }),
    "driftdesk; hit; ttl=0; detail=stripe",
  ],
  ["none", looked("none", { ttlMs: null, failure: "resting" }), "driftdesk; fwd=miss; detail=resting"],
])("Cache-Status of %s", (_, given, expected) => {
  expect(cacheHeaders(given)).toMatchObject({
    "cache-status": expected,
    "cache-control": "private, no-store",
    age: "30",
  });
});
