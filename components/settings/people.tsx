"use client";

import { MoreHorizontal, UserPlus } from "lucide-react";
import { useState, useTransition } from "react";
import type { UserView } from "@/lib/auth/users.ts";
import { type Role, roles } from "@/lib/db/schema.ts";
import { Time } from "../format/time.tsx";
import { roleWords } from "../format/words.ts";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import {
  Dialog,
  DialogBody,
  DialogContent,
  DialogDescription,
  DialogFooter,
  DialogHeader,
  DialogTitle,
  DialogTrigger,
} from "../ui/dialog.tsx";
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuItem,
  DropdownMenuTrigger,
} from "../ui/dropdown-menu.tsx";
import { Input } from "../ui/input.tsx";
import { Select } from "../ui/select.tsx";
import { TableCell, TableRow } from "../ui/table.tsx";
import { toast } from "../ui/toast.tsx";
import { AccessTable, NameCell } from "./access-table.tsx";
import { Field } from "./field.tsx";

type Answer = { ok: true } | { ok: false; message: string };
export interface PeopleActions {
  add(person: { email: string; name: string; role: string; password: string }): Promise<Answer>;
  setRole(email: string, role: string): Promise<Answer>;
  deactivate(email: string): Promise<Answer>;
  reactivate(email: string): Promise<Answer>;
}

/** Who may sign in, and as what. Without `actions` it is there to be read. */
export function People({
  people,
  me,
  actions,
}: {
  people: readonly UserView[];
  me: string;
  actions: PeopleActions | null;
}) {
  const [busy, start] = useTransition();
  const act = (what: Promise<Answer>, done: string) =>
    start(async () => {
      const answer = await what;
      if (answer.ok) toast.success(done);
      else toast.error(answer.message);
    });
  return (
    <div className="flex flex-col items-start gap-3">
      <AccessTable
        label="People who may sign in"
        columns={["Name", "Role", "Last sign-in"]}
        withActions={actions !== null}
      >
        {people.map((person) => (
          <TableRow key={person.email}>
            <NameCell
              name={person.name}
              ended={person.deactivatedAt !== null}
              beside={person.email === me && " · you"}
              below={person.email}
            />
            <TableCell>
              {person.deactivatedAt ? (
                <Badge tone="outline">deactivated</Badge>
              ) : actions ? (
                <Select
                  aria-label={`Role of ${person.name}`}
                  value={person.role}
                  disabled={busy}
                  onChange={(event) => {
                    const role = event.target.value as Role;
                    act(
                      actions.setRole(person.email, role),
                      `${person.name} is now ${roleWords[role].long.toLowerCase()}.`,
                    );
                  }}
                  className="w-28"
                >
                  {roles.map((role) => (
                    <option key={role} value={role}>
                      {roleWords[role].long}
                    </option>
                  ))}
                </Select>
              ) : (
                roleWords[person.role].long
              )}
            </TableCell>
            <TableCell className="text-ink-2">
              {person.lastSignInAt ? <Time at={person.lastSignInAt} /> : "never"}
            </TableCell>
            {actions && (
              <TableCell>
                {person.email !== me && (
                  <DropdownMenu>
                    <DropdownMenuTrigger asChild>
                      <Button variant="quiet" size="iconSm" aria-label={`More about ${person.name}`}>
                        <MoreHorizontal aria-hidden />
                      </Button>
                    </DropdownMenuTrigger>
                    <DropdownMenuContent align="end">
                      {person.deactivatedAt ? (
                        <DropdownMenuItem
                          onSelect={() =>
                            act(
                              actions.reactivate(person.email),
                              `${person.name} can sign in again, as ${roleWords[person.role].long.toLowerCase()}.`,
                            )
                          }
                        >
                          Let in again
                        </DropdownMenuItem>
                      ) : (
                        <DropdownMenuItem
                          onSelect={() =>
                            act(
                              actions.deactivate(person.email),
                              `${person.name} cannot sign in any more. What they did stays in the history.`,
                            )
                          }
                        >
                          Deactivate
                        </DropdownMenuItem>
                      )}
                    </DropdownMenuContent>
                  </DropdownMenu>
                )}
              </TableCell>
            )}
          </TableRow>
        ))}
      </AccessTable>
      {actions && <AddPerson add={actions.add} />}
    </div>
  );
}

function AddPerson({ add }: { add: PeopleActions["add"] }) {
  const [open, setOpen] = useState(false);
  const [problem, setProblem] = useState("");
  const [busy, start] = useTransition();
  return (
    <Dialog
      open={open}
      onOpenChange={(next) => {
        setOpen(next);
        setProblem("");
      }}
    >
      <DialogTrigger asChild>
        <Button>
          <UserPlus aria-hidden />
          Add a person
        </Button>
      </DialogTrigger>
      <DialogContent>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const form = new FormData(event.currentTarget);
            const text = (name: string) => String(form.get(name) ?? "");
            start(async () => {
              const answer = await add({
                email: text("email"),
                name: text("name"),
                role: text("role"),
                password: text("password"),
              });
              if (!answer.ok) return setProblem(answer.message);
              setOpen(false);
              toast.success(`${text("email")} can sign in now.`);
            });
          }}
        >
          <DialogHeader>
            <DialogTitle>Add a person</DialogTitle>
            <DialogDescription>
              They can sign in at once. What they do stands in the history under this address.
            </DialogDescription>
          </DialogHeader>
          <DialogBody className="flex flex-col gap-4 pt-1">
            {problem && (
              <p role="alert" className="rounded-md bg-locked-soft px-3 py-2 text-13 text-locked">
                {problem}
              </p>
            )}
            <Field id="person-email" name="E-mail">
              <Input id="person-email" name="email" type="email" required autoComplete="off" />
            </Field>
            <Field id="person-name" name="Name" hint="Left empty, it is made from the address.">
              <Input id="person-name" name="name" autoComplete="off" />
            </Field>
            <Field id="person-role" name="Role">
              <Select id="person-role" name="role" defaultValue="support">
                {roles.map((role) => (
                  <option key={role} value={role}>
                    {roleWords[role].long}: {roleWords[role].meaning}
                  </option>
                ))}
              </Select>
            </Field>
            <Field
              id="person-password"
              name="Password"
              hint="At least 12 characters. Left empty, they can only come in by single sign-on."
            >
              <Input
                id="person-password"
                name="password"
                type="password"
                minLength={12}
                autoComplete="new-password"
              />
            </Field>
          </DialogBody>
          <DialogFooter>
            <Button type="submit" variant="primary" disabled={busy}>
              {busy ? "Adding…" : "Add"}
            </Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
