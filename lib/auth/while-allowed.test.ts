import { expect, test } from "vitest";
import { whileAllowed } from "./while-allowed.ts";

async function* numbers(): AsyncGenerator<number> {
  for (let n = 1; ; n++) yield n;
}
/** Never has anything to say, until it is told that nobody listens. */
async function* silence(signal: AbortSignal): AsyncGenerator<never> {
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

test("what is being sent breaks off at the next piece once the access has ended", async () => {
  const seen: number[] = [];
  const sending = async () => {
    for await (const n of whileAllowed(numbers(), async () => seen.length < 3)) seen.push(n);
  };
  await expect(sending()).rejects.toMatchObject({ code: "access_ended", status: 401 });
  expect(seen).toEqual([1, 2, 3]);
});

test("what waits for something to send breaks off too, and its source is told", async () => {
  const ended = new AbortController();
  let asked = 0;
  const source = silence(ended.signal);
  const waiting = whileAllowed(source, async () => ++asked < 3, { everyMs: 5, ended });
  await expect(waiting.next()).rejects.toMatchObject({ code: "access_ended" });
  expect(asked).toBe(3);
  expect(ended.signal.aborted).toBe(true);
  await expect(source.next()).resolves.toMatchObject({ done: true });
});

test("what ends by itself, or is not read to its end, ends its source", async () => {
  let closed = 0;
  async function* three() {
    try {
      yield* [1, 2, 3];
    } finally {
      closed++;
    }
  }
  const all: number[] = [];
  for await (const n of whileAllowed(three(), async () => true)) all.push(n);
  expect(all).toEqual([1, 2, 3]);
  for await (const n of whileAllowed(three(), async () => true)) if (n === 2) break;
  await expect.poll(() => closed).toBe(2);
});
