import { cva, type VariantProps } from "class-variance-authority";
import { Slot } from "radix-ui";
import type { ComponentProps } from "react";
import { cn } from "./cn.ts";

export const buttonStyle = cva(
  "inline-flex shrink-0 items-center justify-center gap-1.5 whitespace-nowrap rounded-md font-medium transition-colors duration-100 select-none disabled:pointer-events-none disabled:opacity-50 aria-disabled:pointer-events-none aria-disabled:opacity-50 [&_svg]:size-4 [&_svg]:shrink-0",
  {
    variants: {
      variant: {
        primary: "bg-action text-action-ink hover:bg-action-hover",
        secondary: "border border-line-strong bg-surface text-ink shadow-low hover:bg-hover",
        quiet:
          "text-ink-2 hover:bg-hover hover:text-ink data-[state=open]:bg-hover data-[state=open]:text-ink",
        danger: "border border-line-strong bg-surface text-locked shadow-low hover:bg-locked-soft",
        link: "link rounded-sm text-ink",
      },
      size: {
        sm: "h-7 px-2 text-12",
        md: "h-8 px-3 text-13",
        lg: "h-9 px-4 text-14",
        icon: "size-8 text-13",
        iconSm: "size-7 text-12",
      },
    },
    compoundVariants: [{ variant: "link", class: "h-auto px-0" }],
    defaultVariants: { variant: "secondary", size: "md" },
  },
);

export interface ButtonProps extends ComponentProps<"button">, VariantProps<typeof buttonStyle> {
  /** Gives the style to the only child, e.g. a link. */
  asChild?: boolean;
}

export function Button({ className, variant, size, asChild, type, ...props }: ButtonProps) {
  const Part = asChild ? Slot.Root : "button";
  return (
    <Part
      {...(asChild ? {} : { type: type ?? "button" })}
      className={cn(buttonStyle({ variant, size }), className)}
      {...props}
    />
  );
}
