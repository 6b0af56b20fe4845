/**
 * Does several things at the same time. The first that fails aborts the signal of the others and is what this throws,
 * after all of them have ended: nobody writes any more then.
 */
export async function together(
  signal: AbortSignal,
  work: readonly ((signal: AbortSignal) => Promise<unknown>)[],
): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let first: { reason: unknown } | undefined;
  const tried = work.map((one) =>
    one(either).catch((reason: unknown) => {
      first ??= { reason };
      stop.abort(reason);
    }),
  );
  await Promise.all(tried);
  if (first) throw first.reason;
}
