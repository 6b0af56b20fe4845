import { type ClassValue, clsx } from "clsx";
import { extendTailwindMerge } from "tailwind-merge";

// Our sizes are named by their pixels; without this `text-13` would count as a colour and drop `text-ink`.
const merge = extendTailwindMerge({
  extend: {
    theme: {
      text: ["12", "13", "14", "16", "20", "28"],
      shadow: ["low", "float"],
    },
  },
});

/** Class names, with later ones winning over earlier ones that set the same thing. */
export const cn = (...classes: ClassValue[]) => merge(clsx(classes));
