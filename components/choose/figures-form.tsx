import Link from "next/link";
import { Button } from "../ui/button.tsx";
import { Input } from "../ui/input.tsx";
import { Label } from "../ui/label.tsx";
import { Select } from "../ui/select.tsx";

export interface Asked {
  name: "rows" | "drift" | "lookups";
  label: string;
  value: number;
  /** What stands below it: where the number comes from. */
  from: string;
  step: "1" | "any";
}

/** Seconds, as people say them. */
export const staleSteps: readonly [number, string][] = [
  [1, "A second"],
  [10, "10 seconds"],
  [60, "A minute"],
  [300, "5 minutes"],
  [3_600, "An hour"],
  [86_400, "A day"],
  [604_800, "A week"],
];

/** A form of the browser's own: the figures stand in the address, for a colleague to see the same. */
export function FiguresForm({ asked, staleness }: { asked: readonly Asked[]; staleness: number }) {
  return (
    <form
      action="/choose"
      key={JSON.stringify([asked, staleness])}
      className="grid items-start gap-4 border-t border-line px-4 py-5 sm:grid-cols-2 md:px-6 xl:grid-cols-5"
    >
      {asked.map(({ name, label, value, from, step }) => (
        <div key={name} className="flex flex-col gap-1.5">
          <Label htmlFor={`choose-${name}`}>{label}</Label>
          <Input
            id={`choose-${name}`}
            name={name}
            type="number"
            inputMode="decimal"
            required
            min={0}
            max={1_000_000_000}
            step={step}
            defaultValue={value}
            aria-describedby={`choose-${name}-from`}
          />
          <p id={`choose-${name}-from`} className="text-12 text-ink-3">
            {from}
          </p>
        </div>
      ))}
      <div className="flex flex-col gap-1.5">
        <Label htmlFor="choose-stale">A wrong answer is bearable for</Label>
        <Select id="choose-stale" name="stale" defaultValue={staleness}>
          {staleSteps.map(([seconds, words]) => (
            <option key={seconds} value={seconds}>
              {words}
            </option>
          ))}
        </Select>
      </div>
      <div className="flex items-center gap-2 xl:pt-6">
        <Button type="submit" variant="primary">
          Compare
        </Button>
        <Button asChild variant="quiet">
          <Link href="/choose">Reset</Link>
        </Button>
      </div>
    </form>
  );
}
