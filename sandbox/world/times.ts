export const day = 86_400;
export const hour = 3_600;

export const secondsOf = (date: Date): number => Math.floor(date.getTime() / 1000);

/** Some months later, as a calendar counts them; the 31st becomes the last of a shorter month. */
export function addMonths(seconds: number, months: number): number {
  const date = new Date(seconds * 1000);
  const wanted = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(wanted, last));
  return secondsOf(date);
}
