"use client";

import { ServerCrash } from "lucide-react";
import { Button } from "@/components/ui/button.tsx";
import { EmptyState } from "@/components/ui/empty-state.tsx";

/** A page that could not be made. In production the message stays on the server; the digest finds it in the log. */
export default function DeskError({
  error,
  reset,
}: {
  error: Error & { digest?: string };
  reset: () => void;
}) {
  return (
    <EmptyState
      icon={ServerCrash}
      title="This page could not be made."
      className="py-32"
      action={
        <Button variant="primary" onClick={reset}>
          Try again
        </Button>
      }
    >
      Usually the database did not answer. Nothing was changed by this.
      {error.digest && (
        <span className="mt-2 block text-ink-3">
          The server's log has more under <code className="font-mono text-12">{error.digest}</code>.
        </span>
      )}
    </EmptyState>
  );
}
