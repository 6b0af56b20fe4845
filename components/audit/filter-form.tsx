import { Search } from "lucide-react";
import Link from "next/link";
import { Button } from "../ui/button.tsx";
import { Input } from "../ui/input.tsx";
import { Label } from "../ui/label.tsx";
import { Select } from "../ui/select.tsx";
import type { AuditParams } from "./search-params.ts";

interface Choice {
  value: string;
  label: string;
}

/** A form of the browser's own: what is chosen goes into the address, also without a script. */
export function FilterForm({
  params,
  people,
  actions,
  resources,
  filtered,
}: {
  params: AuditParams;
  people: readonly Choice[];
  actions: readonly Choice[];
  resources: readonly Choice[];
  filtered: boolean;
}) {
  const day = (date: Date | null) => date?.toISOString().slice(0, 10) ?? "";
  return (
    <search aria-label="The history">
      <form
        action="/audit"
        // Other parameters make another form, with other values at its beginning.
        key={JSON.stringify(params)}
        className="flex flex-wrap items-end gap-x-3 gap-y-2 border-t border-line px-4 py-3 md:px-6"
      >
        {(["discrepancy", "run", "bulk"] as const).map(
          (name) =>
            params[name] !== null && <input key={name} type="hidden" name={name} value={params[name]} />,
        )}
        {(["account", "customer"] as const).map(
          (name) => params[name] && <input key={name} type="hidden" name={name} value={params[name]} />,
        )}
        <Field id="audit-search" label="Search" className="w-full sm:w-56">
          <Input
            id="audit-search"
            name="search"
            type="search"
            placeholder="Customer, id or e-mail"
            defaultValue={params.search}
          />
        </Field>
        <Choose
          id="audit-person"
          name="person"
          label="Who"
          all="Everybody"
          value={params.person}
          choices={people}
        />
        <Choose
          id="audit-action"
          name="action"
          label="What"
          all="Everything"
          value={params.action}
          choices={actions}
        />
        <Choose
          id="audit-resource"
          name="resource"
          label="Resource"
          all="All"
          value={params.resource}
          choices={resources}
        />
        <Field id="audit-from" label="From (UTC)">
          <Input id="audit-from" name="from" type="date" defaultValue={day(params.from)} />
        </Field>
        <Field id="audit-to" label="To (UTC)">
          <Input id="audit-to" name="to" type="date" defaultValue={day(params.to)} />
        </Field>
        <Button type="submit">
          <Search aria-hidden />
          Show
        </Button>
        {filtered && (
          <Button asChild variant="quiet">
            <Link href="/audit">Clear</Link>
          </Button>
        )}
      </form>
    </search>
  );
}

function Field({
  id,
  label,
  className,
  children,
}: {
  id: string;
  label: string;
  className?: string;
  children: React.ReactNode;
}) {
  return (
    <div className={className}>
      <Label htmlFor={id} className="mb-1 block text-12 text-ink-3">
        {label}
      </Label>
      {children}
    </div>
  );
}

function Choose({
  id,
  name,
  label,
  all,
  value,
  choices,
}: {
  id: string;
  name: string;
  label: string;
  all: string;
  value: string;
  choices: readonly Choice[];
}) {
  return (
    <Field id={id} label={label}>
      <Select id={id} name={name} defaultValue={value} className="w-40">
        <option value="">{all}</option>
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </Select>
    </Field>
  );
}
