import {
  ArrowLeftRight,
  FileSpreadsheet,
  House,
  type LucideIcon,
  ScrollText,
  Settings2,
  UserSearch,
  Workflow,
} from "lucide-react";

export interface Section {
  href: string;
  name: string;
  icon: LucideIcon;
}

export const sections: readonly Section[] = [
  { href: "/", name: "Overview", icon: House },
  { href: "/discrepancies", name: "Drift", icon: ArrowLeftRight },
  { href: "/lookup", name: "Look up", icon: UserSearch },
  { href: "/runs", name: "Runs", icon: Workflow },
  { href: "/audit", name: "Audit", icon: ScrollText },
  { href: "/quick-fix", name: "Quick fix", icon: FileSpreadsheet },
  { href: "/settings", name: "Settings", icon: Settings2 },
];

export const isCurrent = (href: string, pathname: string) =>
  href === "/"
    ? pathname === "/"
    : [href, ...(partsOf[href] ?? [])].some((one) => pathname === one || pathname.startsWith(`${one}/`));

/** Pages of a section that have an address of their own. */
const partsOf: Record<string, readonly string[]> = { "/discrepancies": ["/bulks"] };
