/**
 * Calls `end` once when this process is asked to stop: by a signal, or by the death of the npm that started it. npm
 * does not hand a signal on that only itself got, and what it leaves behind would keep the port and the database.
 */
export function whenAsked(end: (signal: NodeJS.Signals) => void): void {
  const parent = process.ppid;
  let asked = false;
  const ask = (signal: NodeJS.Signals) => {
    // A terminal's Ctrl-C arrives from the terminal and from npm.
    if (asked) return;
    asked = true;
    end(signal);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => ask(signal));
  if (process.env.npm_lifecycle_event === undefined) return;
  setInterval(() => {
    if (process.ppid !== parent) ask("SIGTERM");
  }, 500).unref();
}
