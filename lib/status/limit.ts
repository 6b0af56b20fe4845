import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { Actor, Desks } from "../desk.ts";

/**
 * Counts what one token, or person, looks up in a second: a program that runs wild shall not be all that this process does.
 * Answers the refusal (429) when it is too much. What Stripe may be asked is bounded elsewhere, by the account's pace.
 */
export async function admitCaller(desks: Pick<Desks, "config">, actor: Actor): Promise<Response | null> {
  const { requestsPerSecond } = desks.config.status;
  const limiter = limiterOf(requestsPerSecond);
  try {
    await limiter.consume(actor.email);
    return null;
  } catch (reason) {
    if (!(reason instanceof RateLimiterRes)) throw reason;
    return Response.json(
      {
        code: "lookups_limited",
        message: `More than ${requestsPerSecond} lookups a second. Ask again in a second, or raise status.requestsPerSecond.`,
      },
      { status: 429, headers: { "retry-after": "1" } },
    );
  }
}

const limiters = new Map<number, RateLimiterMemory>();

function limiterOf(points: number): RateLimiterMemory {
  const limiter = limiters.get(points) ?? new RateLimiterMemory({ points, duration: 1 });
  limiters.set(points, limiter);
  return limiter;
}
