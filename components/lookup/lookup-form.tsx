import { Search } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { Input } from "../ui/input.tsx";
import { Label } from "../ui/label.tsx";
import { Select } from "../ui/select.tsx";

/** A form of the browser's own: what is asked goes into the address, also without a script. */
export function LookupForm({
  asked,
  accounts,
  account,
}: {
  asked: string;
  /** Names; none where there is one account. */
  accounts: readonly string[];
  account: string | null;
}) {
  return (
    <search aria-label="A customer">
      <form
        action="/lookup"
        // Another answer makes another form, with other values at its beginning.
        key={`${asked} ${account}`}
        className="flex flex-wrap items-end gap-x-3 gap-y-2 border-t border-line px-4 py-3 md:px-6"
      >
        <div className="flex w-full flex-col gap-1.5 sm:w-96">
          <Label htmlFor="lookup-key">Customer</Label>
          <Input
            id="lookup-key"
            name="key"
            type="search"
            required
            maxLength={255}
            autoComplete="off"
            placeholder="E-mail, cus_… or your own id"
            defaultValue={asked}
          />
        </div>
        {accounts.length > 1 && (
          <div className="flex flex-col gap-1.5">
            <Label htmlFor="lookup-account">Account</Label>
            <Select id="lookup-account" name="in" defaultValue={account ?? undefined}>
              {accounts.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </Select>
          </div>
        )}
        <Button type="submit" variant="primary">
          <Search aria-hidden />
          Look up
        </Button>
      </form>
    </search>
  );
}
