import type { ReactNode } from "react";
import { cn } from "../ui/cn.ts";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "../ui/table.tsx";

/** Whoever or whatever gets in, a row each. */
export function AccessTable({
  label,
  columns,
  withActions,
  children,
}: {
  label: string;
  columns: readonly string[];
  /** Whether a narrow last column holds what can be done about a row. */
  withActions: boolean;
  children: ReactNode;
}) {
  return (
    <div className="w-full overflow-hidden rounded-lg border border-line">
      <Table label={label}>
        <TableHeader>
          <TableRow>
            {columns.map((column) => (
              <TableHead key={column}>{column}</TableHead>
            ))}
            {withActions && (
              <TableHead className="w-10">
                <span className="sr-only">Actions</span>
              </TableHead>
            )}
          </TableRow>
        </TableHeader>
        <TableBody>{children}</TableBody>
      </Table>
    </div>
  );
}

/** Its first cell: the name, muted where it does not get in any more, and what tells it from others of that name. */
export function NameCell({
  name,
  ended,
  beside,
  below,
  className,
}: {
  name: string;
  ended: boolean;
  beside?: ReactNode;
  below: ReactNode;
  className?: string;
}) {
  return (
    <TableCell className={cn("h-12", className)}>
      <span className={ended ? "text-ink-3" : "font-medium"}>{name}</span>
      {beside && <span className="text-ink-3">{beside}</span>}
      <span className="block text-12 text-ink-3">{below}</span>
    </TableCell>
  );
}
