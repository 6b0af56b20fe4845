"use client";

import { ChevronLeft, ChevronRight } from "lucide-react";
import { Button } from "@/components/ui/button.tsx";

interface PagerProps {
  previous: string | null;
  next: string | null;
  onGo: (cursor: string | null) => void;
  /** Whether this is the list's beginning. */
  atStart: boolean;
}

/** Pages are found by where they begin, not by number: there is a next and a previous, and the way back to the start. */
export function Pager({ previous, next, onGo, atStart }: PagerProps) {
  if (!previous && !next) return null;
  return (
    <nav aria-label="Pages" className="flex items-center gap-1">
      {!atStart && (
        <Button variant="quiet" size="sm" onClick={() => onGo(null)}>
          First page
        </Button>
      )}
      <Button
        variant="secondary"
        size="iconSm"
        aria-label="Previous page"
        disabled={!previous}
        onClick={() => onGo(previous)}
      >
        <ChevronLeft aria-hidden />
      </Button>
      <Button
        variant="secondary"
        size="iconSm"
        aria-label="Next page"
        disabled={!next}
        onClick={() => onGo(next)}
      >
        <ChevronRight aria-hidden />
      </Button>
    </nav>
  );
}
