// POST /api/webhooks/stripe, read top to bottom: secret → signature's header → body → signature → event → account → insert.
// What is cheap to refuse is refused first: whoever knows the address can send anything.
import type Stripe from "stripe";
import { accountIdOf } from "../accounts/known.ts";
import type { WebhookOutcome } from "../db/schema.ts";
import { type Desk, type Desks, desksOf } from "../desk.ts";
import { invalidateStatus } from "../status/invalidate.ts";
import { subjectOf } from "../stripe/events.ts";
import { readSigned } from "../stripe/signature.ts";
import { readBody } from "./body.ts";
import { countWebhook } from "./counts.ts";
import { concernsOf, eventOf, namesOf } from "./event.ts";
import { keepEvent } from "./keep.ts";

/** Takes what Stripe sends. Answers 2xx to everything that sending again would not make better, and counts each outcome. */
export async function receiveWebhook(desks: Desks, request: Request): Promise<Response> {
  const outcome = await take(desks, request).catch((error): WebhookOutcome => {
    desks.log.error(error, "a webhook could not be kept");
    return "failed";
  });
  countWebhook(desks, outcome);
  const { status, message } = answers[outcome];
  return Response.json(
    message === undefined ? { outcome } : { code: `webhook_${outcome}`, message },
    // What is left of a stranger's body goes with its connection.
    {
      status,
      headers: {
        "x-content-type-options": "nosniff",
        ...((status === 400 || status === 413) && { connection: "close" }),
      },
    },
  );
}

async function take(desks: Desks, request: Request): Promise<WebhookOutcome> {
  const all = desksOf(desks);
  const secretsOf = ({ environment, config }: Desk) =>
    environment.webhookSecrets[config.account.webhookSecret] ?? [];
  const secrets = [...new Set(all.flatMap(secretsOf))];
  if (secrets.length === 0) return "no_secret";
  const header = request.headers.get("stripe-signature");
  // Nothing of what has none is read.
  if (!header || !/(?:^|,)v1=/.test(header)) {
    await request.body?.cancel();
    return "forged";
  }
  const read = await readBody(request);
  if (read.outcome !== "read") return read.outcome;
  const signed = readSigned(read.body, header, secrets, desks.now());
  if (signed.outcome !== "signed") return signed.outcome;
  const event = eventOf(signed.payload);
  if (!event) return "malformed";
  const fitting = all.filter((desk) => secretsOf(desk).some((secret) => signed.secrets.includes(secret)));
  return keep(event, fitting);
}

/** `fitting`: the accounts whose secret it was signed with. */
async function keep(event: Stripe.Event, fitting: readonly Desk[]): Promise<WebhookOutcome> {
  const meant = await meantBy(event, fitting);
  if (meant.length === 0) return "other_account";
  const [desk, ...others] = meant.filter(({ stripe }) => stripe.livemode === event.livemode);
  if (!desk) return "wrong_mode";
  if (others.length > 0) return "unclear_account";
  const accountId = await accountIdOf(desk);
  const questions = concernsOf(event, desk.config.resources);
  // Also when it came before: the process that took it then may have been killed between the two.
  const customers = questions.length > 0 ? subjectOf(event, "customer").customers : [];
  const forget = customers.map((customerId) => invalidateStatus(desk, { accountId, customerId }));
  const [fresh] = await Promise.all([keepEvent(desk, namesOf(event, accountId), questions), ...forget]);
  if (!fresh) return "duplicate";
  return questions.length > 0 ? "accepted" : "not_mapped";
}

/** An event names the connected account that it is about, if any. A platform's own names none, and is told by its secret. */
async function meantBy(event: Stripe.Event, fitting: readonly Desk[]): Promise<Desk[]> {
  const { account } = event;
  if (!account) return fitting.filter((desk) => desk.config.account.stripeAccount === undefined);
  const ids = await Promise.all(fitting.map(accountIdOf));
  return fitting.filter((_, i) => ids[i] === account);
}

const answers: Record<WebhookOutcome, { status: number; message?: string }> = {
  accepted: { status: 200 },
  not_mapped: { status: 200 },
  duplicate: { status: 200 },
  // Sending these again would change nothing: to refuse them would only let Stripe try for three days.
  wrong_mode: { status: 200 },
  other_account: { status: 200 },
  unclear_account: {
    status: 503,
    message:
      "Several accounts of the config share this signing secret, and the event does not say which one it is about. Give each its own webhookSecret in the config.",
  },
  forged: { status: 400, message: "The Stripe-Signature header is missing or does not fit this body." },
  too_old: {
    status: 400,
    message: "The signature is more than 5 minutes old. Send the event again, or set this machine's clock.",
  },
  malformed: {
    status: 400,
    message:
      "The body is not a whole event. Let the endpoint send snapshot events: thin ones name no object to look at.",
  },
  too_large: { status: 413, message: "The body is too large: an event has a mebibyte at most." },
  busy: { status: 503, message: "Too much is being received at once. Send the event again later." },
  no_secret: {
    status: 404,
    message:
      "Set STRIPE_WEBHOOK_SECRET (or the variable that the config names as webhookSecret) to the endpoint's signing secret to receive webhooks.",
  },
  failed: { status: 503, message: "The event could not be kept. Send it again later." },
};
