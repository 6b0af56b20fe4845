import type { ComponentProps } from "react";
import { cn } from "./cn.ts";

/** Scrolls sideways on its own when it must, and is reachable by keyboard then. */
export function Table({
  className,
  label,
  edge = "card",
  ...props
}: ComponentProps<"table"> & {
  label: string;
  /** What the outer columns line up with: the inside of a card, or the text of a full-width page. */
  edge?: "card" | "page";
}) {
  return (
    <section
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard.
      tabIndex={0}
      className={cn(
        "relative w-full overflow-x-auto -outline-offset-2 [--edge:1rem]",
        edge === "page" && "md:[--edge:1.5rem]",
      )}
    >
      <table className={cn("w-full border-collapse text-13", className)} {...props} />
    </section>
  );
}

export function TableHeader({ className, ...props }: ComponentProps<"thead">) {
  return <thead className={cn("text-ink-3", className)} {...props} />;
}

export function TableBody({ className, ...props }: ComponentProps<"tbody">) {
  return <tbody className={cn("[&_tr:last-child]:border-b-0", className)} {...props} />;
}

export function TableRow({ className, ...props }: ComponentProps<"tr">) {
  return (
    <tr
      className={cn(
        "border-b border-line transition-colors duration-75 data-[state=selected]:bg-selected",
        className,
      )}
      {...props}
    />
  );
}

export function TableHead({ className, ...props }: ComponentProps<"th">) {
  return (
    <th
      scope="col"
      className={cn(
        "h-8 whitespace-nowrap px-3 text-left align-middle text-12 font-medium first:pl-(--edge) last:pr-(--edge)",
        className,
      )}
      {...props}
    />
  );
}

export function TableCell({ className, ...props }: ComponentProps<"td">) {
  return (
    <td className={cn("h-10 px-3 align-middle first:pl-(--edge) last:pr-(--edge)", className)} {...props} />
  );
}
