// What work is told of as spans. Where nobody collects them (collect.ts) this costs next to nothing.
import { SpanStatusCode, trace } from "@opentelemetry/api";

/** Names and numbers only: no one's address, no value, no key. */
export type About = Record<string, string | number | boolean>;

/** Does the work as a span, within that of whoever asked for it. Its error is told by its code alone. */
export function traced<T>(name: string, about: About, work: () => Promise<T>): Promise<T> {
  return trace.getTracer("driftdesk").startActiveSpan(name, { attributes: about }, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.setAttribute("error.type", kindOf(error));
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}

function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
