import { expect, test } from "vitest";
import { readBody } from "./body.ts";

const mebibyte = 1_048_576;

/** A body of so many bytes, which then neither goes on nor ends until it is let. */
function stalled(bytes: number) {
  const let_ = Promise.withResolvers<void>();
  const sent = Promise.withResolvers<void>();
  let pulls = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(stream) {
        if (pulls++ === 0) return stream.enqueue(new Uint8Array(bytes));
        sent.resolve();
        await let_.promise;
        stream.close();
      },
    },
    { highWaterMark: 0 },
  );
  const request = new Request("http://desk/", { method: "POST", body, duplex: "half" } as RequestInit);
  return { request, sent: sent.promise, end: () => let_.resolve() };
}

test("who sends nothing for too long is not waited for", async () => {
  const slow = stalled(100);
  expect(await readBody(slow.request, 20)).toEqual({ outcome: "malformed" });
  slow.end();
});

test("all bodies together have 32 mebibytes; who comes then is turned away, until others are done", async () => {
  const held = Array.from({ length: 32 }, () => stalled(mebibyte));
  const reading = held.map(({ request }) => readBody(request, 60_000));
  await Promise.all(held.map(({ sent }) => sent));
  const small = () => new Request("http://desk/", { method: "POST", body: "{}" });
  expect(await readBody(small())).toEqual({ outcome: "busy" });
  for (const { end } of held) end();
  expect((await Promise.all(reading)).map(({ outcome }) => outcome)).toEqual(held.map(() => "read"));
  expect(await readBody(small())).toEqual({ outcome: "read", body: Buffer.from("{}") });
});
