"use client";

import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ComponentProps } from "react";
import { Button } from "./button.tsx";
import { cn } from "./cn.ts";
import { overlayStyle } from "./dialog.tsx";

export const Sheet = Radix.Root;
export const SheetTrigger = Radix.Trigger;
export const SheetClose = Radix.Close;
export const SheetTitle = Radix.Title;
export const SheetDescription = Radix.Description;

/** A panel from one side, over the page: for phones. On wide screens panels push and are plain elements. */
export function SheetContent({
  className,
  children,
  side = "right",
  ...props
}: ComponentProps<typeof Radix.Content> & { side?: "left" | "right" }) {
  return (
    <Radix.Portal>
      <Radix.Overlay className={overlayStyle} />
      <Radix.Content
        className={cn(
          "fixed inset-y-0 z-50 flex w-full max-w-md animate-appear flex-col overflow-y-auto bg-raised shadow-float focus-visible:outline-none",
          side === "right" ? "right-0" : "left-0",
          className,
        )}
        {...props}
      >
        {children}
        <Radix.Close asChild>
          <Button variant="quiet" size="iconSm" aria-label="Close" className="absolute top-3 right-3">
            <X aria-hidden />
          </Button>
        </Radix.Close>
      </Radix.Content>
    </Radix.Portal>
  );
}
