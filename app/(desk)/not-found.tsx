import { SearchX } from "lucide-react";
import Link from "next/link";
import { Button } from "@/components/ui/button.tsx";
import { EmptyState } from "@/components/ui/empty-state.tsx";

export default function NotFound() {
  return (
    <EmptyState
      icon={SearchX}
      heading="h1"
      title="This desk has no such thing."
      className="py-32"
      action={
        <Button asChild>
          <Link href="/">Go to the overview</Link>
        </Button>
      }
    >
      The address may have been mistyped. Runs and differences keep their numbers for ever, so it was never
      here.
    </EmptyState>
  );
}
