import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { run } from "../../sandbox/testing-runs.ts";
import { generateWorld } from "../../sandbox/world/world.ts";
import { defineConfig } from "../config/define.ts";
import { DriftdeskError } from "../errors.ts";
import { hide } from "../log.ts";
import { type Collecting, collectSpans } from "./collect.ts";
import { traced } from "./span.ts";

interface Sent {
  name: string;
  spanId: string;
  parentSpanId?: string;
  attributes: { key: string; value: { stringValue?: string; intValue?: number } }[];
  status: { code?: number; message?: string };
}

let server: Server;
let bodies: string[];
let collecting: Collecting | null;
let opened: TestDesk | undefined;

beforeEach(async () => {
  bodies = [];
  server = createServer(async (request, response) => {
    if (request.url === "/v1/traces") bodies.push(await text(request));
    response.setHeader("content-type", "application/json").end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  collecting = await collectSpans({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}/` });
});
afterEach(async () => {
  await collecting?.end();
  await opened?.close();
  opened = undefined;
  server.close();
});

async function sent(): Promise<Sent[]> {
  await collecting?.end();
  return bodies.flatMap((body) =>
    JSON.parse(body).resourceSpans.flatMap((one: { scopeSpans: { spans: Sent[] }[] }) =>
      one.scopeSpans.flatMap(({ spans }) => spans),
    ),
  );
}
const attribute = (span: Sent | undefined, name: string) =>
  Object.values(span?.attributes.find(({ key }) => key === name)?.value ?? {})[0];

test("a run is told as a span, with its steps and what it asked of Stripe", async () => {
  const world = generateWorld({ seed: 3, customers: 20, now: new Date(), invoicesPerSubscription: 0 });
  const config = defineConfig({
    resources: {
      customers: {
        stripe: "customer",
        table: "people",
        key: "id",
        stripeId: "stripe_id",
        fields: { email: "email" },
      },
    },
  });
  opened = await openTestDesk({ world, config });
  await opened.local`CREATE TABLE people (id serial PRIMARY KEY, stripe_id text, email text)`;
  await opened.local`INSERT INTO people (stripe_id, email) VALUES ('cus_gone', 'somebody@example.com')`;
  await opened.grant();
  const { id } = await run(opened.desk, { mode: "full" });
  const spans = await sent();
  const whole = spans.find(({ name }) => name === "run");
  expect(attribute(whole, "driftdesk.run")).toBe(id);
  const steps = spans.filter(({ parentSpanId }) => parentSpanId === whole?.spanId).map(({ name }) => name);
  expect(steps).toEqual(
    expect.arrayContaining(["run fetching", "run comparing", "run confirming", "run recording"]),
  );
  const fetching = spans.find(({ name }) => name === "run fetching");
  const asked = spans.filter(({ name }) => name === "stripe list customer");
  expect(asked.map(({ parentSpanId }) => parentSpanId)).toContain(fetching?.spanId);
  // Nobody's address, and nobody's key.
  expect(bodies.join()).not.toContain("@example.com");
  expect(bodies.join()).not.toContain(opened.variables.STRIPE_SECRET_KEY);
});

test("an error is told by its code, and neither secrets nor addresses leave the process", async () => {
  hide(["a secret of this test"]);
  const failing = traced(
    "fetch POST https://hooks.slack.com/services/T/B/x with a secret of this test",
    {},
    () => Promise.reject(new DriftdeskError("stripe_unreachable", "ada@example.com was not found")),
  );
  await expect(failing).rejects.toThrow("ada@example.com");
  await traced(
    "GET /api/status/[key]",
    { "http.target": "/api/status/ada@example.com", "http.route": "/api/status/[key]" },
    () => Promise.resolve(),
  );
  const [failed, asked] = await sent();
  expect(failed).toMatchObject({ name: "fetch POST  with [hidden]", status: { code: 2 } });
  expect(attribute(failed, "error.type")).toBe("stripe_unreachable");
  expect(attribute(asked, "http.route")).toBe("/api/status/[key]");
  expect(bodies.join()).not.toMatch(/ada@example|hooks\.slack|a secret of this test/);
});

test("without a collector nothing is loaded, and work is done all the same", async () => {
  expect(await collectSpans({})).toBeNull();
  expect(await traced("work", {}, () => Promise.resolve(7))).toBe(7);
});

test("a collector that is gone holds nobody up", async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await traced("work", {}, () => Promise.resolve());
  await collecting?.end();
});
