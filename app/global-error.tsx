"use client";

import "./globals.css";

/** Takes the place of the whole document when even the root layout failed. */
export default function GlobalError({ reset }: { error: Error & { digest?: string }; reset: () => void }) {
  return (
    <html lang="en">
      <body>
        <title>Driftdesk cannot open</title>
        <main className="flex min-h-dvh flex-col items-center justify-center gap-4 px-6 text-center">
          <h1 className="text-20 font-semibold">Driftdesk cannot open.</h1>
          <p className="max-w-100 text-13 text-ink-2">
            The server's log says why. Nothing was changed by this.
          </p>
          <button
            type="button"
            onClick={reset}
            className="h-8 rounded-md bg-action px-3 text-13 font-medium text-action-ink"
          >
            Try again
          </button>
        </main>
      </body>
    </html>
  );
}
