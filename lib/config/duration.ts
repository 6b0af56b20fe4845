import { z } from "zod";

/** `"90s"`, `"15m"`, `"24h"`, `"7d"`. */
export type Duration = `${number}${"s" | "m" | "h" | "d"}`;

const shape = /^(\d+(?:\.\d+)?)([smhd])$/;
const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export const durationWords = 'a duration is a number with a unit, as in "90s", "15m", "24h" or "7d"';

export const isDuration = (text: string): text is Duration => shape.test(text);

export function milliseconds(duration: Duration): number {
  const [, count, unit] = shape.exec(duration) ?? [];
  return Number(count) * units[unit as keyof typeof units];
}

/** In a config: milliseconds of what is written. */
export const duration = z
  .string()
  .refine(isDuration, durationWords)
  .transform((text) => milliseconds(text as Duration));
