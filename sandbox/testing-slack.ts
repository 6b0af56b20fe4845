import { type Receiver, startReceiver } from "./testing-receiver.ts";

export interface TestSlack extends Receiver {
  /** Every message that came, refused ones too, as they were sent. */
  messages: { text: string; blocks: { type: string }[] }[];
}

/** A server that answers as Slack's incoming webhooks do. */
export async function startSlack(): Promise<TestSlack> {
  const messages: TestSlack["messages"] = [];
  const receiver = await startReceiver(
    "/services/T0/B0/very-secret",
    { status: 200, body: "ok" },
    ({ body }) => messages.push(JSON.parse(body)),
  );
  return { ...receiver, messages };
}
