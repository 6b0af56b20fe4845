import { randomUUID } from "node:crypto";
import { subscribe } from "node:diagnostics_channel";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { aboutFromHere } from "./log-context.ts";

/** A proxy in front may have named the request already. Anybody can send one, so it has to be a plain word. */
const safe = /^[\w.-]{8,64}$/;

export interface Requests {
  /** Until all that are being answered are, or so long; streams of progress go on for ever, and are not waited for. */
  answered(ms: number): Promise<void>;
}

/**
 * Names every HTTP request of this process: in the lines of the log, and in its answer, so that somebody can tell which
 * lines are about what they saw. Node tells of a request before anybody handles it, in its own asynchronous context.
 */
export function nameRequests(): Requests {
  const underWay = new Set<ServerResponse>();
  subscribe("http.server.request.start", (message) => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    const given = request.headers["x-request-id"];
    const id = typeof given === "string" && safe.test(given) ? given : randomUUID();
    response.setHeader("x-request-id", id);
    underWay.add(response);
    response.once("close", () => underWay.delete(response));
    aboutFromHere({ request: id });
  });
  const isStream = (response: ServerResponse) =>
    String(response.getHeader("content-type")).startsWith("text/event-stream");
  return {
    async answered(ms) {
      const until = performance.now() + ms;
      while ([...underWay].some((one) => !isStream(one)) && performance.now() < until) await wait(50);
    },
  };
}
