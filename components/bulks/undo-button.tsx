"use client";

import { Undo2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import type { UndoneSelection } from "@/lib/fixes/revert.ts";
import type { DriftActions, Rights } from "../discrepancies/contract.ts";
import { Button } from "../ui/button.tsx";
import { RevertDialog } from "./revert-dialog.tsx";

/** Opens the preview of what undoing would do. */
export function UndoButton({
  undo,
  subject,
  actions,
  rights,
  offered = true,
  children,
}: {
  undo: UndoneSelection;
  /** What people call the record, where it is one. */
  subject: string | null;
  actions: DriftActions;
  rights: Rights;
  /** Without it there is no button, and a dialog that is open stays: it tells what came of it. */
  offered?: boolean;
  children: ReactNode;
}) {
  const [open, setOpen] = useState(false);
  return (
    <>
      {offered && (
        <Button data-undo onClick={() => setOpen(true)}>
          <Undo2 aria-hidden />
          {children}
        </Button>
      )}
      <RevertDialog
        undo={open ? undo : null}
        subject={subject}
        actions={actions}
        rights={rights}
        onClose={() => setOpen(false)}
      />
    </>
  );
}
