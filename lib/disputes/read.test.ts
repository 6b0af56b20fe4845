// Disputes are read by whoever comes first, and people are told before evidence is due.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { hour, minute, openAlerts, type TestAlerts } from "../../sandbox/testing-alerts.ts";
import { closeDispute, dispute } from "../../sandbox/world/changes/money.ts";
import { moneyText } from "../money.ts";
import { createStripeReader } from "../stripe/client.ts";
import { disputeProblems, readDisputes } from "./read.ts";

const day = 24 * hour;
const narrow = "rk_test_withoutDisputes00000000000";
let company: TestAlerts;
let charges: string[];

beforeAll(async () => {
  company = await openAlerts({
    invoicesPerSubscription: 1,
    sandbox: { restrictedKeys: { [narrow]: ["rak_subscription_read"] } },
  });
  const { disputes, charges: all } = company.world;
  // What the world came with is over.
  for (const id of [...disputes.keys()]) disputes.delete(id);
  const whole = [...all.values()].filter((one) => one.paid && !one.disputed && one.amount_refunded === 0);
  charges = whole.map(({ id }) => id);
});
beforeEach(() => company.settle());
afterAll(() => company.close());

const begin = () => dispute(company.world, company.now(), { charge: charges.shift() as string });
const look = async () => {
  await readDisputes(company.desk);
  await company.tell();
};
/** What is told at each of these times before evidence is due. */
async function toldAt(due: number, before: readonly number[]): Promise<string[][]> {
  const told = [];
  for (const ms of before) {
    company.setClock(new Date(due * 1_000 - ms).toISOString());
    await look();
    told.push(company.slack.messages.splice(0).map(({ text }) => text));
  }
  return told;
}
const listed = () => company.opened.sandbox.counts.byEndpoint.get("list disputes") ?? 0;
const kept = (id: string) => company.desk.sql`SELECT * FROM driftdesk.disputes WHERE id = ${id}`;

test("people are told seven days, three days and one day before evidence is due, once each", async () => {
  const { amount, currency, id, charge, evidence_details: evidence } = begin();
  await look();
  expect(company.texts()).toEqual([]);
  const customer = company.world.charges.get(String(charge))?.customer;
  expect(await kept(id)).toMatchObject([
    {
      charge_id: charge,
      customer_id: customer,
      amount_minor: amount,
      status: "needs_response",
      submitted: false,
    },
  ]);
  const due = evidence.due_by as number;
  const told = await toldAt(due, [
    7 * day + minute,
    7 * day,
    5 * day,
    3 * day + minute,
    3 * day,
    day + minute,
    day,
    hour,
    -minute,
  ]);
  const within = (days: string) =>
    expect.stringContaining(
      `Evidence for a dispute over ${moneyText(amount, currency)} is due within ${days}\nIt has to be at Stripe by `,
    );
  expect(told).toEqual([[], [within("7 days")], [], [], [within("3 days")], [], [within("1 day")], [], []]);
  expect(told[1]?.[0]).toContain(`${id}, customer ${customer}, reason: `);
});

test("one that is answered or closed is not told any more, and one that is found late is told once", async () => {
  const { world } = company;
  const answered = begin();
  const sent = begin();
  const closed = begin();
  const late = begin();
  const due = late.evidence_details.due_by as number;
  expect((await toldAt(due, [7 * day]))[0]).toEqual([
    expect.stringMatching(
      /^Evidence for 4 disputes is due soon\n• Evidence for a dispute over .*\n• .*\n• .*\n• /,
    ),
  ]);
  const evidence = { ...answered.evidence_details, has_evidence: true, submission_count: 1 };
  world.disputes.put({ ...answered, status: "under_review", evidence_details: evidence });
  // The status follows a little later.
  world.disputes.put({ ...sent, evidence_details: { ...evidence, due_by: sent.evidence_details.due_by } });
  closeDispute(world, company.now(), { dispute: closed.id, outcome: "lost" });
  expect(await toldAt(due, [2 * day, day + hour])).toEqual([
    [expect.stringMatching(/^Evidence for a dispute over .* is due within 3 days\n/)],
    [],
  ]);
  expect(await kept(answered.id)).toMatchObject([{ status: "under_review", submitted: true }]);
});

test("they are read once an hour, however many processes look", async () => {
  const { desk, pass } = company;
  const before = listed();
  await Promise.all([readDisputes(desk), readDisputes(desk), readDisputes(desk)]);
  await readDisputes(desk);
  expect(listed()).toBe(before + 1);
  pass(hour - minute);
  await readDisputes(desk);
  expect(listed()).toBe(before + 1);
  pass(minute);
  await readDisputes(desk);
  expect(listed()).toBe(before + 2);
});

test("a key that may not read disputes stops nothing, is asked again soon, and is said", async () => {
  const { desk, opened, pass } = company;
  const stripe = createStripeReader({
    secretKey: narrow,
    apiBase: opened.sandbox.url,
    pace: desk.config.pace,
  });
  await readDisputes({ ...desk, stripe });
  expect(await disputeProblems(desk)).toEqual([
    { account: "", problem: expect.stringMatching(/permission|may not/) },
  ]);
  pass(5 * minute);
  await readDisputes(desk);
  expect(await disputeProblems(desk)).toEqual([]);
});
