import type Stripe from "stripe";
import { z } from "zod";
import type { Resource } from "../config/resource.ts";
import type { WebhookEvent } from "../db/schema.ts";
import { questionsOf } from "../reconcile/events.ts";
import { type EventType, eventTypesFor } from "../stripe/events.ts";
import { typeOfId } from "../stripe/ids.ts";
import type { Question } from "./keep.ts";

const id = z.string().min(1).max(255);
const shape = z.looseObject({
  id: z.string().regex(/^evt_\w{1,250}$/),
  object: z.literal("event"),
  type: z.string().min(1).max(255),
  created: z.int().min(0).max(100_000_000_000),
  livemode: z.boolean(),
  api_version: z.string().max(100).nullish(),
  account: id.nullish(),
  data: z.looseObject({
    object: z.looseObject({ object: z.string().min(1).max(100), id: id.nullish() }),
    previous_attributes: z.record(z.string(), z.unknown()).nullish(),
  }),
});

/** What Stripe signed, when it is an event that has what every event has; null for anything else. */
export function eventOf(payload: unknown): Stripe.Event | null {
  const parsed = shape.safeParse(payload);
  return parsed.success ? (parsed.data as unknown as Stripe.Event) : null;
}

/** All of an event that is kept: names and times, nothing of what it says. */
export function namesOf(event: Stripe.Event, accountId: string): Omit<WebhookEvent, "receivedAt"> {
  const object = event.data.object as { object: string; id?: string | null; customer?: unknown };
  const customer = object.object === "customer" ? object.id : object.customer;
  return {
    accountId,
    eventId: event.id,
    type: event.type,
    objectId: object.id ?? null,
    objectType: object.object,
    customerId: idOf(customer),
    created: new Date(event.created * 1000),
    livemode: event.livemode,
    apiVersion: event.api_version,
    account: event.account ?? null,
  };
}

/** The id of what Stripe may have expanded. */
function idOf(value: unknown): string | null {
  const found = typeof value === "object" && value !== null && "id" in value ? value.id : value;
  return typeof found === "string" && found !== "" && found.length <= 255 ? found : null;
}

/** Which objects and customers of the mapped resources an event makes worth looking at. */
export function concernsOf(event: Stripe.Event, resources: readonly Resource[]): Question[] {
  return resources.flatMap((resource) => {
    if (!eventTypesFor(resource).includes(event.type as EventType)) return [];
    const { objects, customers } = questionsOf({ resource }, [event]);
    const asked = (kind: Question["kind"], ids: readonly string[]) =>
      ids
        .filter((one) => typeOfId(one) === (kind === "customer" ? "customer" : resource.stripe))
        .map((one) => ({ resource: resource.name, kind, id: one }));
    return [...asked("object", objects), ...asked("customer", customers)];
  });
}
