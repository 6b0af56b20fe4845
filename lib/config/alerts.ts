// Who is told what, and when not.
import { z } from "zod";
import { alertKinds } from "../db/schema.ts";
import type { Rules } from "./resource.ts";
import { timeZone } from "./schedule.ts";

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write a time of day, as in "08:00"');
/** What can be kept for the morning. The summary has a time of its own, and for a test somebody waits. */
const quietable = alertKinds.filter((kind) => kind !== "digest" && kind !== "test");

export const alerts = z.strictObject({
  slack: z.strictObject({ channel: z.string().min(1) }).optional(),
  email: z
    .strictObject({
      to: z.array(z.email("is no e-mail address")).min(1, "name at least one address").max(50).readonly(),
    })
    .optional(),
  newDrift: z.number().int().min(0).default(0),
  newAtStake: z
    .record(
      z.string().regex(/^[a-z]{3}$/, 'a currency has three small letters, as in "usd"'),
      z.number().int("write the amount in the currency's smallest unit: 10_000 are $100").min(0),
    )
    .default({}),
  quietHours: z
    .strictObject({
      from: timeOfDay,
      to: timeOfDay,
      timeZone: timeZone.optional(),
      pass: z.array(z.enum(quietable)).readonly().default(["pipeline_broken", "held_back", "run_trouble"]),
    })
    .refine(({ from, to }) => from !== to, "from and to are the same: leave quietHours out for none")
    .optional(),
  digest: z
    .union([z.literal(false), timeOfDay], {
      error: 'write a time of day, as in "08:00", or false for none',
    })
    .default("08:00"),
  timeZone: timeZone.default("UTC"),
});

export function alertRules(given: z.output<typeof alerts>): Rules["alerts"] {
  const { quietHours, slack, email } = given;
  const zone = quietHours?.timeZone ?? given.timeZone;
  return { ...given, slack, email, quietHours: quietHours && { ...quietHours, timeZone: zone } };
}
