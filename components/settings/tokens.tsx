"use client";

import { KeyRound } from "lucide-react";
import { useState, useTransition } from "react";
import type { TokenView } from "@/lib/auth/tokens.ts";
import { Time } from "../format/time.tsx";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import {
  Dialog,
  DialogBody,
  DialogClose,
  DialogContent,
  DialogDescription,
  DialogFooter,
  DialogHeader,
  DialogTitle,
} from "../ui/dialog.tsx";
import { TableCell, TableRow } from "../ui/table.tsx";
import { toast } from "../ui/toast.tsx";
import { AccessTable, NameCell } from "./access-table.tsx";
import { NewTokenDialog } from "./new-token-dialog.tsx";

type Answer<T = object> = ({ ok: true } & T) | { ok: false; message: string };
export interface TokenActions {
  create(token: { name: string; scopes: string[]; expiresAt?: string }): Promise<Answer<{ token: string }>>;
  revoke(id: number): Promise<Answer>;
}

/** What programs show in place of a person's session. */
export function Tokens({ tokens, actions }: { tokens: readonly TokenView[]; actions: TokenActions }) {
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<TokenView | null>(null);
  return (
    <div className="flex flex-col items-start gap-3">
      {tokens.length > 0 ? (
        <AccessTable label="API tokens" columns={["Name", "May", "Last use", "Ends"]} withActions>
          {tokens.map((token) => (
            <TableRow key={token.id}>
              <NameCell
                name={token.name}
                ended={token.state !== "works"}
                below={
                  <>
                    <span className="font-mono">dd_…{token.hint}</span> · by {token.createdBy}
                  </>
                }
                className="min-w-44"
              />
              <TableCell className="font-mono text-12 text-ink-2">
                {token.scopes.map((scope) => (
                  <span key={scope} className="block">
                    {scope}
                  </span>
                ))}
              </TableCell>
              <TableCell className="text-ink-2">
                {token.lastUsedAt ? <Time at={token.lastUsedAt} /> : "never"}
              </TableCell>
              <TableCell className="text-ink-2">
                <Ends token={token} />
              </TableCell>
              <TableCell>
                <Button
                  size="sm"
                  variant="quiet"
                  aria-label={`Revoke ${token.name}`}
                  onClick={() => setRevoking(token)}
                >
                  Revoke
                </Button>
              </TableCell>
            </TableRow>
          ))}
        </AccessTable>
      ) : (
        <p className="text-13 text-ink-2">There is none. People do not need one: they sign in.</p>
      )}
      <Button onClick={() => setCreating(true)}>
        <KeyRound aria-hidden />
        Make a token
      </Button>
      {/* A new one each time: nothing of the last token stays in the page. */}
      {creating && <NewTokenDialog create={actions.create} onClose={() => setCreating(false)} />}
      <RevokeDialog token={revoking} revoke={actions.revoke} onClose={() => setRevoking(null)} />
    </div>
  );
}

function Ends({ token }: { token: TokenView }) {
  if (token.state === "expired") return <Badge tone="outline">expired</Badge>;
  if (token.state === "creator_gone") return <Badge tone="outline">off: its maker has left</Badge>;
  return token.expiresAt ? <Time at={token.expiresAt} style="exact" /> : "never";
}

function RevokeDialog({
  token,
  revoke,
  onClose,
}: {
  token: TokenView | null;
  revoke: TokenActions["revoke"];
  onClose: () => void;
}) {
  const [busy, start] = useTransition();
  return (
    <Dialog open={token !== null} onOpenChange={(open) => !open && onClose()}>
      {token && (
        <DialogContent>
          <DialogHeader>
            <DialogTitle>Revoke {token.name}?</DialogTitle>
            <DialogDescription>
              Whatever shows this token is refused from now on. It cannot be brought back; a new one can be
              made.
            </DialogDescription>
          </DialogHeader>
          <DialogBody>
            <p className="text-13 text-ink-2">
              Last use: {token.lastUsedAt ? <Time at={token.lastUsedAt} /> : "never"}
            </p>
          </DialogBody>
          <DialogFooter>
            <DialogClose asChild>
              <Button>Cancel</Button>
            </DialogClose>
            <Button
              variant="primary"
              disabled={busy}
              onClick={() =>
                start(async () => {
                  const answer = await revoke(token.id);
                  if (!answer.ok) return void toast.error(answer.message);
                  toast.success(`${token.name} is revoked.`);
                  onClose();
                })
              }
            >
              {busy ? "Revoking…" : "Revoke it"}
            </Button>
          </DialogFooter>
        </DialogContent>
      )}
    </Dialog>
  );
}
