import { cva, type VariantProps } from "class-variance-authority";
import type { ComponentProps } from "react";
import { cn } from "./cn.ts";

const badgeStyle = cva(
  "inline-flex h-5 items-center gap-1 whitespace-nowrap rounded-sm px-1.5 text-12 font-medium [&_svg]:size-3",
  {
    variants: {
      tone: {
        neutral: "bg-other-soft text-ink-2",
        outline: "border border-line-strong text-ink-2",
        locked: "bg-locked-soft text-locked",
        unpaid: "bg-unpaid-soft text-unpaid",
        money: "bg-money-soft text-money",
        other: "bg-other-soft text-other",
        fixed: "bg-fixed-soft text-fixed",
        stripe: "bg-stripe text-stripe-ink",
        local: "bg-local text-local-ink",
      },
    },
    defaultVariants: { tone: "neutral" },
  },
);

export type BadgeProps = ComponentProps<"span"> & VariantProps<typeof badgeStyle>;

export function Badge({ className, tone, ...props }: BadgeProps) {
  return <span className={cn(badgeStyle({ tone }), className)} {...props} />;
}
