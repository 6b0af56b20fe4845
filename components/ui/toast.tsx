"use client";

// Imported as a file: the strict content policy refuses the style element that sonner would add by itself.
import "sonner/dist/styles.css";
import { useTheme } from "next-themes";
import { Toaster as Sonner } from "sonner";

export { toast } from "sonner";

export function Toaster() {
  const { resolvedTheme } = useTheme();
  return (
    <Sonner
      theme={resolvedTheme === "dark" ? "dark" : "light"}
      position="bottom-right"
      gap={8}
      toastOptions={{
        classNames: {
          toast:
            "font-sans! rounded-lg! border-line! bg-raised! text-ink! text-13! shadow-float! items-start! [&_[data-icon]]:mt-0.5",
          description: "text-ink-2!",
          actionButton: "bg-action! text-action-ink!",
          cancelButton: "bg-hover! text-ink!",
          success: "[&_[data-icon]]:text-fixed",
          error: "[&_[data-icon]]:text-locked",
        },
      }}
    />
  );
}
