// The body of a request from whoever knows the address. What a stranger's body may cost is bounded: its size, its time,
// and the memory of all that are under way together.

/** Stripe's events have some kilobytes; long invoices some hundred. */
const longestBytes = 1_048_576;
/** Of all bodies that are being read in this process. */
const heldBytes = 32 * 1_048_576;
const patienceMs = 5_000;

// On globalThis: a bundler makes several copies of this module in one process.
const key = Symbol.for("driftdesk.webhookBodies");
const process_ = globalThis as typeof globalThis & { [key]?: { bytes: number } };
process_[key] ??= { bytes: 0 };
const held = process_[key];

export type ReadBody = { outcome: "read"; body: Buffer } | { outcome: "too_large" | "busy" | "malformed" };

/** Reads a body as it came, and no byte more once it is too long, too slow or one too many. */
export async function readBody(request: Request, waitMs = patienceMs): Promise<ReadBody> {
  if (Number(request.headers.get("content-length") ?? 0) > longestBytes) {
    await request.body?.cancel();
    return { outcome: "too_large" };
  }
  const reader = request.body?.getReader();
  if (!reader) return { outcome: "read", body: Buffer.alloc(0) };
  // Cancelled, the reader answers that there is no more.
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    void reader.cancel().catch(() => {});
  }, waitMs);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (late) return { outcome: "malformed" };
      if (done) return { outcome: "read", body: Buffer.concat(chunks) };
      bytes += value.byteLength;
      held.bytes += value.byteLength;
      chunks.push(value);
      if (bytes <= longestBytes && held.bytes <= heldBytes) continue;
      await reader.cancel();
      return { outcome: bytes > longestBytes ? "too_large" : "busy" };
    }
  } catch {
    // Whoever sent it went away in the middle.
    return { outcome: "malformed" };
  } finally {
    clearTimeout(timer);
    held.bytes -= bytes;
  }
}
