export interface SnoozeTime {
  name: string;
  at: Date;
}

/** When people usually want to be reminded, in the zone of whoever reads: mornings at nine. */
export function snoozeTimes(now: Date): SnoozeTime[] {
  const morning = (days: number) =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, 9, 0, 0, 0);
  // Sunday is 0; on a Monday it is the next one.
  const toMonday = (8 - now.getDay()) % 7 || 7;
  return [
    { name: "Tomorrow", at: morning(1) },
    { name: "In 3 days", at: morning(3) },
    { name: "Next week", at: morning(toMonday) },
  ];
}

/** A time as the browser's own field for it wants it: "2026-11-25T09:00", in the zone of whoever reads. */
export function fieldTime(at: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
