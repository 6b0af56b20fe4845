import { z } from "zod";
import { scheduleModes } from "../db/schema.ts";
import { cronMistake } from "./cron.ts";
import { timeZoneMistake } from "./time-zone.ts";

const without = (mistake: (text: string) => string | null) =>
  z.string().superRefine((text, context) => {
    const message = mistake(text);
    if (message !== null) context.addIssue({ code: "custom", message });
  });

export const timeZone = without(timeZoneMistake);

export const timing = z.strictObject({
  cron: without(cronMistake),
  mode: z.enum(scheduleModes),
  timeZone: timeZone.default("UTC"),
});

/** When runs start by themselves. */
export const schedule = z.array(timing).readonly().default([]);
