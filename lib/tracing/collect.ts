// Spans of this process on their way to a collector (OpenTelemetry, OTLP over HTTP). The packages for it are loaded when
// there is one.
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import { redact } from "../log.ts";

export interface Collecting {
  /** Sends what has not been sent, and ends. Never throws: a collector that is gone holds nobody up. */
  end(): Promise<void>;
}

/** So long spans are gathered before they are sent. */
const sendAfterMs = 5_000;
/** A collector that does not answer in that time does not get these spans; an end waits no longer either. */
const sendWithinMs = 2_000;

/**
 * Sends spans where `OTEL_EXPORTER_OTLP_ENDPOINT` says, if it does; the exporter reads the other `OTEL_EXPORTER_OTLP_…`
 * variables by itself. Null, and nothing is loaded, without it.
 */
export async function collectSpans(
  env: Record<string, string | undefined> = process.env,
): Promise<Collecting | null> {
  if (!env.OTEL_EXPORTER_OTLP_ENDPOINT) return null;
  const [{ context, trace }, { AsyncLocalStorageContextManager }, { OTLPTraceExporter }, resources, sdk] =
    await Promise.all([
      import("@opentelemetry/api"),
      import("@opentelemetry/context-async-hooks"),
      import("@opentelemetry/exporter-trace-otlp-http"),
      import("@opentelemetry/resources"),
      import("@opentelemetry/sdk-trace"),
    ]);
  const url = `${env.OTEL_EXPORTER_OTLP_ENDPOINT.replace(/\/+$/, "")}/v1/traces`;
  const exporter = withoutSecrets(new OTLPTraceExporter({ url, timeoutMillis: sendWithinMs }));
  const name = env.OTEL_SERVICE_NAME || "driftdesk";
  const provider = new sdk.TracerProvider({
    resource: resources.resourceFromAttributes({ "service.name": name }),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter, scheduledDelayMillis: sendAfterMs })],
  });
  const manager = new AsyncLocalStorageContextManager();
  manager.enable();
  context.setGlobalContextManager(manager);
  trace.setGlobalTracerProvider(provider);
  return {
    async end() {
      await provider.shutdown().catch(() => {});
      trace.disable();
      context.disable();
    },
  };
}

/** The web server tells of each request's address, which may hold a customer's, and of errors' words: these stay here. */
function withoutSecrets(exporter: SpanExporter): SpanExporter {
  return {
    export: (spans, told) => exporter.export(spans.map(cleaned), told),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  };
}

const kept =
  /^(driftdesk\.|error\.type$|exception\.type$|http\.(method|route|status_code|request\.method|response\.status_code)$|next\.(route|rsc|span_type|segment)$|operation\.name$)/;

function cleaned(span: ReadableSpan): ReadableSpan {
  const only = (attributes: ReadableSpan["attributes"] = {}) =>
    Object.fromEntries(
      Object.entries(attributes).flatMap(([key, value]) =>
        kept.test(key) ? [[key, typeof value === "string" ? redact(value) : value]] : [],
      ),
    );
  return Object.create(span, {
    name: { value: nameOf(span), enumerable: true },
    attributes: { value: only(span.attributes), enumerable: true },
    events: {
      value: span.events.map((event) => ({ ...event, attributes: only(event.attributes) })),
      enumerable: true,
    },
    // An error's words stand here too.
    status: { value: { code: span.status.code }, enumerable: true },
  }) as ReadableSpan;
}

/** What asks somebody else, as alerts do, is named with their address. */
const nameOf = ({ name }: ReadableSpan): string => redact(name.replace(/\bhttps?:\/\/\S+/g, "").trim());
