import type { Looked } from "./lookup.ts";

/**
 * `Cache-Status` by RFC 9211, and `Age`. Nobody in between may keep an answer: it would not hear of changes.
 *
 * A fresh answer of a cache is `driftdesk; hit; ttl=270`, one of Stripe's `driftdesk; fwd=miss; stored; ttl=300`, with `collapsed`
 * for those who had not been the first to ask. `detail` says why an answer is stale, or there is none.
 */
export function cacheHeaders(looked: Looked): Record<string, string> {
  const { ageMs } = looked.answer;
  return {
    "cache-status": cacheStatus(looked),
    "cache-control": "private, no-store",
    ...(ageMs !== null && { age: String(Math.floor(ageMs / 1_000)) }),
  };
}

function cacheStatus({ answer: { source }, ttlMs, collapsed, failure }: Looked): string {
  const ttl = `ttl=${Math.floor((ttlMs ?? 0) / 1_000)}`;
  switch (source) {
    case "cache":
      return `driftdesk; hit; ${ttl}`;
    case "stripe":
      return `driftdesk; fwd=miss; stored; ${ttl}${collapsed ? "; collapsed" : ""}`;
    case "stale":
      // What a change made doubtful may still be within its time, and is not fresh all the same.
      return `driftdesk; hit; ttl=${Math.min(0, Math.floor((ttlMs ?? 0) / 1_000))}; detail=${failure}`;
    case "none":
      return `driftdesk; fwd=miss; detail=${failure}`;
  }
}
