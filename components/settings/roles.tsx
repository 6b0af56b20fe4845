import { Check } from "lucide-react";
import { can, type Permission, permissions } from "@/lib/auth/permissions.ts";
import { roles } from "@/lib/db/schema.ts";
import { roleWords } from "../format/words.ts";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "../ui/table.tsx";

const permissionWords: Record<Permission, string> = {
  view: "See everything",
  look_up: "Look up what Stripe says now",
  decide: "Decide single differences",
  decide_money: "Change amounts of money",
  bulk: "Decide many at once",
  run: "Start and stop runs",
  import: "Bring files exported from Stripe",
  export: "Export the history",
  manage_users: "Manage people and how they sign in",
  manage_tokens: "Make and revoke API tokens",
  read_metrics: "Read the metrics",
  manage_schedules: "Change when runs happen by themselves",
};

/** What each role may do: the very table that the server goes by. */
export function Roles() {
  return (
    <div className="overflow-hidden rounded-lg border border-line">
      <Table label="What each role may do">
        <TableHeader>
          <TableRow>
            <TableHead>May</TableHead>
            {roles.map((role) => (
              <TableHead key={role} className="w-24 text-center" title={roleWords[role].meaning}>
                {roleWords[role].long}
              </TableHead>
            ))}
          </TableRow>
        </TableHeader>
        <TableBody>
          {permissions.map((permission) => (
            <TableRow key={permission}>
              <TableHead scope="row" className="h-9 text-13 font-normal text-ink">
                {permissionWords[permission]}
              </TableHead>
              {roles.map((role) => (
                <TableCell key={role} className="h-9 text-center">
                  {can(role, permission) ? (
                    <Check aria-label="yes" className="mx-auto size-4 text-ink" />
                  ) : (
                    <span className="text-ink-3">
                      <span aria-hidden>–</span>
                      <span className="sr-only">no</span>
                    </span>
                  )}
                </TableCell>
              ))}
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </div>
  );
}
