import Link from "next/link";
import { Button } from "./button.tsx";
import { cn } from "./cn.ts";

interface To {
  href: string;
  name: string;
}

/** Below a list that has more than a page: back to its beginning, and on. Nothing where there is neither. */
export function PageLinks({ back, on, className }: { back: To | null; on: To | null; className?: string }) {
  const links = [back, on].filter((one) => one !== null);
  if (links.length === 0) return null;
  return (
    <nav aria-label="Pages" className={cn("flex gap-2 border-t border-line px-4 py-3 md:px-6", className)}>
      {links.map(({ href, name }) => (
        <Button key={name} asChild size="sm">
          <Link href={href}>{name}</Link>
        </Button>
      ))}
    </nav>
  );
}
