/** Once per web process, before its first request: opens the desk and, unless switched off, works off the queues. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME !== "nodejs") return;
  const { collectSpans } = await import("@/lib/tracing/collect.ts");
  const collecting = await collectSpans();
  const { startWeb } = await import("@/app/web-process.ts");
  await startWeb(collecting);
}
