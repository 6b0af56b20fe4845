"use client";

import { Button } from "@/components/ui/button.tsx";
import { EmptyState } from "@/components/ui/empty-state.tsx";

/** The desk itself did not open: its database, or its configuration. */
export default function AppError({
  error,
  reset,
}: {
  error: Error & { digest?: string };
  reset: () => void;
}) {
  return (
    <main className="flex min-h-dvh items-center justify-center">
      <EmptyState
        title="Driftdesk cannot open."
        action={
          <Button variant="primary" onClick={reset}>
            Try again
          </Button>
        }
      >
        Its database does not answer, or its configuration is broken. The server's log says which
        {error.digest && (
          <>
            , under <code className="font-mono text-12">{error.digest}</code>
          </>
        )}
        . Runs that are under way are not lost.
      </EmptyState>
    </main>
  );
}
