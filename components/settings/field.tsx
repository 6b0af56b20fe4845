import type { ReactNode } from "react";
import { Label } from "../ui/label.tsx";

/** A labelled input with what has to be known about it. */
export function Field({
  id,
  name,
  hint,
  children,
}: {
  id: string;
  name: string;
  hint?: string;
  children: ReactNode;
}) {
  return (
    <div className="flex flex-col gap-1.5">
      <Label htmlFor={id}>{name}</Label>
      {children}
      {hint && <p className="text-12 text-ink-3">{hint}</p>}
    </div>
  );
}
