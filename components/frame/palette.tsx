"use client";

import { lazy, Suspense, useEffect, useState } from "react";

// Nobody waits for it before it is wanted.
const PaletteDialog = lazy(() => import("./palette-dialog.tsx"));

/** Everything that can be done from here, by its name: Control or Command with the full stop. */
export function Palette() {
  const [open, setOpen] = useState(false);
  const [wanted, setWanted] = useState(false);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key !== "." || !(event.metaKey || event.ctrlKey) || event.altKey) return;
      // A decision that is being made is not left for it.
      if (document.querySelector("[role=dialog]:not([data-palette])")) return;
      event.preventDefault();
      setWanted(true);
      setOpen((before) => !before);
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
  if (!wanted) return null;
  return (
    <Suspense>
      <PaletteDialog open={open} onOpenChange={setOpen} />
    </Suspense>
  );
}
