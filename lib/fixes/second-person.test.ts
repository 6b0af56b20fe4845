// Two pairs of eyes: what waits for a second person, who that may be, and what their word is worth.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Accounts, ada, fin, flo, openAccounts, sue, vera } from "../../sandbox/testing-accounts.ts";
import { addUser, deactivate, reactivate, setPassword, setRole } from "../auth/users.ts";
import type { BulkAction, Discrepancy } from "../db/schema.ts";
import { type Actor, type Desk, systemActor } from "../desk.ts";
import { discrepancyDetails } from "../discrepancies/details.ts";
import { amountsApart } from "./amounts-apart.ts";
import { bulkProblems, cancelBulk, getBulk } from "./bulk.ts";
import { executeBulk } from "./execute.ts";
import { previewFixes } from "./preview.ts";
import { requestRevert } from "./revert.ts";
import { approveBulk, countWaiting, voidChanged, waitingBulks } from "./second-person.ts";

let company: Accounts;
/** As a company has it that says nothing about second persons. */
let desk: Desk;
beforeAll(async () => {
  company = await openAccounts({ customers: 200, config: { fixes: {} } });
  desk = company.desk;
});
afterAll(() => company.close());
afterEach(() => company.tellsTheWholeStory());

const otherAmount = "amount = amount + 100";
const otherStatus = `"the status" = 'past_due'`;
const idsOf = (rows: readonly Discrepancy[]) => rows.map((row) => row.stripeId as string);
async function drifting(count: number, assignment = otherAmount): Promise<Discrepancy[]> {
  const ids = company.take(count);
  await company.spoil(ids, assignment);
  return company.reconcile(ids);
}
const states = async (rows: readonly Discrepancy[]) =>
  (await company.found(idsOf(rows))).map((row) => row.state);
const refused = (code: string) => expect.objectContaining({ code });
const actions = async (bulkId: number) =>
  (
    await desk.sql<{ told: string }[]>`
      SELECT action || ' by ' || actor AS told FROM driftdesk.audit_entries
      WHERE bulk_id = ${bulkId} AND action LIKE 'bulk.%' ORDER BY seq`
  ).map((row) => row.told);

test("a single amount of money waits for another person, and anything else does not", async () => {
  const [amount, status] = [await drifting(1), await drifting(1, otherStatus)] as [
    Discrepancy[],
    Discrepancy[],
  ];
  const about = (rows: readonly Discrepancy[]) =>
    previewFixes(desk, { ids: rows.map(({ id, version }) => ({ id, version })) });
  expect(await about(amount)).toMatchObject({ needsSecondPerson: true, secondPersonBecause: ["money"] });
  expect(await about(status)).toMatchObject({ needsSecondPerson: false, secondPersonBecause: [] });

  expect(await company.decide("apply", status, sue)).toMatchObject({ state: "running", writesMoney: false });
  await expect(company.decide("apply", amount, sue)).rejects.toEqual(refused("not_allowed"));
  const bulk = await company.decide("apply", amount, fin);
  expect(bulk).toMatchObject({ state: "waiting", total: 1, writesMoney: true });
  expect(await executeBulk(desk, bulk.id)).toMatchObject({ state: "waiting", applied: 0 });
  expect(await countWaiting(desk, fin)).toEqual({ forMe: 0, mine: 1 });
  for (const [reader, forMe] of [
    [vera, 0],
    [sue, 0],
    [flo, 1],
    [ada, 1],
  ] as const)
    expect(await countWaiting(desk, reader)).toEqual({ forMe, mine: 0 });

  expect(await waitingBulks(desk, fin)).toMatchObject([{ own: true, left: 1, approvers: 2 }]);
  for (const actor of [vera, sue])
    await expect(approveBulk(desk, bulk.id, actor)).rejects.toEqual(refused("not_allowed"));
  await approveBulk(desk, bulk.id, flo);
  expect(await executeBulk(desk, bulk.id)).toMatchObject({
    state: "done",
    applied: 1,
    approvedBy: flo.email,
  });
  expect(await states(amount)).toEqual(["fixed"]);
  expect(await countWaiting(desk, flo)).toEqual({ forMe: 0, mine: 0 });
});

test("amounts are told apart where only they need a second person", async () => {
  const [amount, others] = [await drifting(1), await drifting(2, otherStatus)];
  const select = (rows: readonly Discrepancy[]) => ({
    ids: rows.map(({ id, version }) => ({ id, version })),
  });
  const all = select([...amount, ...others]);
  const like = (fixes: Partial<Desk["config"]["fixes"]>) =>
    company.with({ config: { ...desk.config, fixes: { ...desk.config.fixes, ...fixes } } });
  expect(await amountsApart(desk, all)).toEqual(select(amount));
  expect(await amountsApart(like({ secondPersonAbove: 3 }), all)).toEqual(select(amount));
  // To ask twice is no way around a limit on how many.
  expect(await amountsApart(like({ secondPersonAbove: 2 }), all)).toBeNull();
  expect(await amountsApart(like({ secondPersonForMoney: false }), all)).toBeNull();
  for (const rows of [amount, others]) expect(await amountsApart(desk, select(rows))).toBeNull();
  await company.decide("reject", [...amount, ...others], fin);
});

test("a company that says so lets one person change amounts", async () => {
  const alone = company.with({
    config: { ...desk.config, fixes: { ...desk.config.fixes, secondPersonForMoney: false } },
  });
  const rows = await drifting(1);
  expect(await company.decide("apply", rows, fin, { desk: alone })).toMatchObject({ state: "running" });
});

test("nobody approves their own, by any path", async () => {
  const rows = await drifting(1);
  const bulk = await company.decide("apply", rows, fin);
  const waiting = async () => expect(await states(rows)).toEqual(["waiting"]);
  // Another session of the same person, the command line's `--as`, another letter case.
  for (const email of [fin.email, "Fin@Example.Com", "FIN@EXAMPLE.COM"])
    await expect(approveBulk(desk, bulk.id, { ...fin, email })).rejects.toEqual(
      refused("second_person_needed"),
    );
  // Also where it was asked for before people's ids were kept.
  await desk.sql`UPDATE driftdesk.bulk_actions SET requested_by_id = NULL WHERE id = ${bulk.id}`;
  await expect(approveBulk(desk, bulk.id, { ...fin, email: "FIN@example.com" })).rejects.toEqual(
    refused("second_person_needed"),
  );
  await desk.sql`
    UPDATE driftdesk.bulk_actions SET requested_by_id = (SELECT id FROM driftdesk.users WHERE email = ${fin.email})
    WHERE id = ${bulk.id}`;
  // A session that claims another role than the table says.
  await expect(approveBulk(desk, bulk.id, { ...sue, role: "admin" })).rejects.toEqual(refused("not_allowed"));
  // What is no person: the system, a policy, a token of theirs, somebody made up.
  const token: Actor = { email: "token:nightly", name: "nightly", role: "finance" };
  for (const actor of [
    systemActor,
    { ...systemActor, email: "policy" },
    { ...systemActor, email: ada.email },
    token,
    { ...flo, email: "flo2@example.com" },
  ])
    await expect(approveBulk(desk, bulk.id, actor)).rejects.toEqual(refused("not_allowed"));
  await waiting();

  // Under another address: they are the same line of the table of people.
  await desk.sql`UPDATE driftdesk.users SET email = 'fin.new@example.com', name = 'Somebody' WHERE email = ${fin.email}`;
  const renamed = { ...fin, email: "fin.new@example.com", name: "Somebody" };
  try {
    await expect(approveBulk(desk, bulk.id, renamed)).rejects.toEqual(refused("second_person_needed"));
    expect(await countWaiting(desk, renamed)).toEqual({ forMe: 0, mine: 1 });
    expect(await waitingBulks(desk, renamed)).toMatchObject([{ own: true, mayApprove: false }]);
    expect(await cancelBulk(desk, bulk.id, renamed)).toMatchObject({ state: "cancelled" });
  } finally {
    await desk.sql`UPDATE driftdesk.users SET email = ${fin.email}, name = ${fin.name} WHERE email = ${renamed.email}`;
  }
  expect(await states(rows)).toEqual(["open"]);
});

test("somebody whose access has ended approves nothing any more", async () => {
  const rows = await drifting(1);
  const bulk = await company.decide("apply", rows, fin);
  await deactivate(desk, flo.email, ada);
  await expect(approveBulk(desk, bulk.id, flo)).rejects.toEqual(refused("not_allowed"));
  await reactivate(desk, flo.email, ada);
  expect(await approveBulk(desk, bulk.id, flo)).toMatchObject({ state: "running" });
  await executeBulk(desk, bulk.id);
});

test("values that change before the approval void it, at once and for all to see", async () => {
  const rows = await drifting(2);
  const [one, other] = await Promise.all(rows.map((row) => company.decide("apply", [row], fin)));
  const { id } = rows[0] as Discrepancy;
  await company.spoil(idsOf(rows), "amount = amount + 1");
  await company.reconcile();
  expect(await states(rows)).toEqual(["open", "open"]);
  const list = { filter: { state: "open" as const }, sort: { by: "impact", direction: "desc" } as const };
  const asked = { askedBy: "Fin", message: expect.stringContaining("Its values changed while it waited") };
  expect((await discrepancyDetails(desk, { id, reader: fin, ...list })).lastAsked).toMatchObject(asked);

  // Somebody who is faster than the worker that looks for such.
  await expect(approveBulk(desk, one?.id ?? 0, flo)).rejects.toEqual(refused("approval_void"));
  const before = await getBulk(desk.sql, one?.id ?? 0);
  expect(before).toMatchObject({ state: "cancelled", skipped: 1, approvedBy: null });
  expect(await voidChanged(desk)).toBe(1);
  expect(await voidChanged(desk)).toBe(0);
  expect(await getBulk(desk.sql, other?.id ?? 0)).toMatchObject({
    state: "cancelled",
    skipped: 1,
    message: expect.stringContaining("Ask again"),
  });
  expect(await actions(other?.id ?? 0)).toEqual([`bulk.requested by ${fin.email}`, "bulk.voided by system"]);
  expect(await bulkProblems(desk.sql, other?.id ?? 0)).toMatchObject([
    { outcome: "skipped", message: asked.message },
  ]);
  expect((await discrepancyDetails(desk, { id, reader: fin, ...list })).lastAsked).toMatchObject(asked);
  // Asked for again, it is about the new values.
  const again = await company.decide("apply", await company.found(idsOf(rows)), fin);
  await approveBulk(desk, again.id, flo);
  expect(await executeBulk(desk, again.id)).toMatchObject({ state: "done", applied: 2 });
});

test("undoing an amount takes two people as well", async () => {
  const rows = await drifting(1);
  const applied = await company.decide("apply", rows, fin);
  await approveBulk(desk, applied.id, flo);
  await executeBulk(desk, applied.id);
  const undo = (requestKey: string, actor: Actor) =>
    requestRevert(desk, { undo: { bulk: applied.id }, requestKey }, actor);
  await expect(undo("undone by support", sue)).rejects.toEqual(refused("not_allowed"));
  const first = await undo("undone by finance", fin);
  expect(first).toMatchObject({ state: "waiting", writesMoney: true });
  await expect(approveBulk(desk, first.id, fin)).rejects.toEqual(refused("second_person_needed"));
  // Somebody else's request for the same is carried out first: then there is nothing to agree to any more.
  const second = await undo("undone by an admin", ada);
  await approveBulk(desk, second.id, fin);
  expect(await executeBulk(desk, second.id)).toMatchObject({ state: "done", applied: 1 });
  expect(await voidChanged(desk)).toBe(1);
  expect(await getBulk(desk.sql, first.id)).toMatchObject({ state: "cancelled", skipped: 1 });
  await expect(approveBulk(desk, first.id, flo)).rejects.toEqual(refused("bulk_not_waiting"));
});

test("one row that changes is left out, the others still wait", async () => {
  const rows = await drifting(3);
  const bulk = await company.decide("apply", rows, fin);
  await company.spoil(idsOf(rows).slice(0, 1), "amount = amount + 1");
  await company.reconcile();
  await company.decide("reject", rows.slice(1, 2), sue);
  expect((await waitingBulks(desk, flo))[0]).toMatchObject({ left: 1, mayApprove: true });
  expect(await voidChanged(desk)).toBe(0);
  expect(await getBulk(desk.sql, bulk.id)).toMatchObject({ state: "waiting", total: 3, skipped: 2 });
  expect((await bulkProblems(desk.sql, bulk.id)).map((row) => row.message).sort()).toEqual([
    expect.stringContaining("Its values changed"),
    expect.stringContaining("Somebody decided on it"),
  ]);
  await approveBulk(desk, bulk.id, flo);
  expect(await executeBulk(desk, bulk.id)).toMatchObject({ state: "done", applied: 1, skipped: 2 });
  expect(await states(rows)).toEqual(["open", "rejected", "fixed"]);
});

test("values that change after the approval are not overwritten by it", async () => {
  const rows = await drifting(2);
  const bulk = await company.decide("apply", rows, fin);
  await approveBulk(desk, bulk.id, ada);
  // One is seen by a run before its turn comes, the other by nobody.
  await company.spoil(idsOf(rows).slice(0, 1), "amount = 1");
  await company.reconcile();
  await company.spoil(idsOf(rows).slice(1), "amount = 2");
  expect(await executeBulk(desk, bulk.id)).toMatchObject({ state: "done", applied: 0, stale: 1, skipped: 1 });
  expect((await company.rows(idsOf(rows))).map((row) => row.amount)).toEqual(["1", "2"]);
  expect(await states(rows)).toEqual(["open", "open"]);
});

test("a second person declines with a reason, and whoever asked takes it back without one", async () => {
  const rows = await drifting(2);
  const [declined, taken] = await Promise.all(rows.map((row) => company.decide("apply", [row], fin)));
  const id = declined?.id ?? 0;
  await expect(cancelBulk(desk, id, flo)).rejects.toEqual(refused("request_invalid"));
  await expect(cancelBulk(desk, id, flo, { reason: "  " })).rejects.toEqual(refused("request_invalid"));
  await expect(cancelBulk(desk, id, sue, { reason: "No." })).rejects.toEqual(refused("not_allowed"));
  await cancelBulk(desk, id, flo, { reason: "The bank says otherwise." });
  expect(await getBulk(desk.sql, id)).toMatchObject({
    state: "cancelled",
    message: "Declined by Flo: The bank says otherwise.",
  });
  await cancelBulk(desk, taken?.id ?? 0, fin);
  expect(await getBulk(desk.sql, taken?.id ?? 0)).toMatchObject({ message: "Taken back by Fin." });
  expect(await actions(id)).toEqual([`bulk.requested by ${fin.email}`, `bulk.declined by ${flo.email}`]);
  expect(await states(rows)).toEqual(["open", "open"]);
  const list = { filter: { state: "open" as const }, sort: { by: "impact", direction: "desc" } as const };
  const details = await discrepancyDetails(desk, { id: rows[0]?.id ?? 0, reader: fin, ...list });
  expect(details.lastAsked?.message).toBe("Declined by Flo: The bank says otherwise.");
});

const day = 86_400_000;
const added = async (name: string, role: "finance" | "admin", by: Actor) => {
  await addUser(desk, { email: `${name}@example.com`, role }, by);
  return { email: `${name}@example.com`, name, role };
};

test("nobody approves through an address that they may have given themselves, in either direction, for a week", async () => {
  // Past what the tests before did with people.
  company.pass(7 * day);
  const rows = await drifting(3);
  const [adas, flos, aliases] = await Promise.all([
    company.decide("apply", rows.slice(0, 1), ada),
    company.decide("apply", rows.slice(1, 2), flo),
    added("alias", "finance", ada).then((alias) => company.decide("apply", rows.slice(2), alias)),
  ]);
  const alias = { email: "alias@example.com", name: "alias", role: "finance" } as const;
  const second = await added("second", "admin", ada);
  const third = await added("third", "finance", second);
  const tied = (bulk: BulkAction, actor: Actor) =>
    expect(approveBulk(desk, bulk.id, actor)).rejects.toEqual(refused("second_person_tied"));
  // Whom she added, whom somebody added whom she added, and she herself for them; two whom she added.
  for (const actor of [alias, second, third]) await tied(adas, actor);
  for (const actor of [ada, second, third]) await tied(aliases, actor);
  await expect(approveBulk(desk, adas.id, ada)).rejects.toEqual(refused("second_person_needed"));
  // Whom she did not, and for whom she did not.
  const seen = async (bulk: BulkAction, actor: Actor) =>
    (await waitingBulks(desk, actor, { bulk: bulk.id }))[0];
  const until = new Date(desk.now().getTime() + 7 * day);
  expect(await seen(adas, third)).toMatchObject({ mayApprove: false, tiedUntil: until, approvers: 2 });
  expect(await seen(flos, third)).toMatchObject({ mayApprove: true, tiedUntil: null });
  expect(await countWaiting(desk, third)).toEqual({ forMe: 1, mine: 0 });
  expect(await approveBulk(desk, aliases.id, fin)).toMatchObject({ state: "running" });
  await executeBulk(desk, aliases.id);

  // Another role, a password, and a way back in are given, too.
  await setRole(desk, fin.email, "admin", ada);
  await tied(adas, fin);
  await setPassword(desk, flo.email, "not hers any more", ada);
  await tied(adas, flo);
  expect(await seen(adas, ada)).toMatchObject({ own: true, approvers: 0, tiedUntil: until });
  // What somebody does with their own is no tie; what is done on the server is nobody's.
  await setPassword(desk, fin.email, "his own password", fin);
  await addUser(desk, { email: "served@example.com", role: "finance" }, systemActor);
  const served = { email: "served@example.com", name: "Served", role: "finance" } as const;
  expect(await seen(adas, ada)).toMatchObject({ approvers: 1, tiedUntil: null });
  expect(await seen(adas, served)).toMatchObject({ mayApprove: true });

  company.pass(7 * day);
  expect(await seen(adas, alias)).toMatchObject({ mayApprove: true, tiedUntil: null });
  expect(await approveBulk(desk, adas.id, alias)).toMatchObject({ state: "running" });
  await cancelBulk(desk, flos.id, flo);
  await executeBulk(desk, adas.id);
});
