// For what programs ask many times a second: whom a token speaks for is looked up once a second.
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Actor } from "../desk.ts";
import { tokenActor } from "./tokens.ts";

const believedMs = 1_000;
const recent = new LRUCache<string, { actor: Actor; until: number }>({ max: 1_000 });

/** As `tokenActor`; what has ended within the last second may not have been heard of. */
export async function recentTokenActor(
  desk: Parameters<typeof tokenActor>[0],
  token: string,
  now = performance.now(),
): Promise<Actor> {
  const name = createHash("sha256").update(token).digest("base64url");
  const found = recent.get(name);
  if (found && found.until > now) return found.actor;
  const actor = await tokenActor(desk, token);
  recent.set(name, { actor, until: now + believedMs });
  return actor;
}
