/** What is wrong with the name of a time zone, or null. */
export function timeZoneMistake(name: string): string | null {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) && null;
  } catch {
    return 'is no time zone: write one as in "Europe/Berlin" or "UTC"';
  }
}
