import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { generateWorld } from "../../sandbox/world/world.ts";
import { listAudit } from "../audit/list.ts";
import { auditText } from "../audit/sentence.ts";
import { defineConfig } from "../config/define.ts";
import { type Desk, systemActor } from "../desk.ts";
import { requestRun } from "../reconcile/runs.ts";
import {
  addSchedule,
  changeSchedule,
  pauseSchedule,
  removeSchedule,
  resetSchedule,
  resumeSchedule,
  runSchedule,
} from "./change-schedule.ts";
import { beginDue } from "./due.ts";
import { keepSchedules } from "./keep-schedules.ts";
import { noticeOverdue } from "./overdue.ts";
import { listSchedules, type ScheduleView } from "./schedules.ts";

const ada = { email: "ada@example.com", name: "Ada", role: "admin" as const };
const hourly = { cron: "0 * * * *", mode: "incremental" as const, timeZone: "UTC" };
const nightly = { cron: "0 3 * * *", mode: "full" as const, timeZone: "Europe/Berlin" };

let now = new Date();
let opened: TestDesk;
let desk: Desk;
beforeAll(async () => {
  const world = generateWorld({ seed: 3, customers: 1, now: new Date("2026-11-24T12:00Z") });
  const resource = {
    table: "accounts",
    key: "id",
    stripeId: "stripe_id",
    fields: { status: "status" as const },
  };
  const config = defineConfig({ resources: { subscriptions: { stripe: "subscription", ...resource } } });
  opened = await openTestDesk({ world, config, now: () => now });
});
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.owner`TRUNCATE driftdesk.schedules, driftdesk.runs CASCADE`;
  desk = configured(hourly, nightly);
  at("2026-11-24T12:10Z");
});

const at = (time: string) => {
  now = new Date(time);
};
const configured = (...schedule: Desk["config"]["schedule"]) =>
  opened.with({ config: { ...opened.desk.config, schedule } });
/** As a worker's look does. */
const look = async (of = desk) => {
  await noticeOverdue(of);
  return beginDue(of);
};
const end = () => opened.owner`UPDATE driftdesk.runs SET state = 'succeeded', finished_at = ${now}`;
const the = async (mode: string) =>
  (await listSchedules(desk)).find((one) => one.mode === mode) as ScheduleView;
const inShort = async (of = desk) =>
  (await listSchedules(of)).map(
    ({ cron, mode, nextDue }) => `${mode} ${cron} ${nextDue?.toISOString().slice(5, 16) ?? "paused"}`,
  );
const runs = async () => [
  ...(await desk.sql<{ id: number; mode: string }[]>`SELECT id, mode FROM driftdesk.runs ORDER BY id`),
];
/** The newest sentences of the history, the oldest of them first. */
const told = async (entries: number) =>
  (await listAudit(desk.sql, {}, { limit: entries })).entries.map((entry) => auditText(entry)).reverse();

test("the config's schedules are kept, each in its own zone, and begin a run when they are due", async () => {
  await keepSchedules(desk);
  expect(await inShort()).toEqual(["incremental 0 * * * * 11-24T13:00", "full 0 3 * * * 11-25T02:00"]);
  expect(await look()).toEqual([]);
  at("2026-11-24T13:00Z");
  const [id] = await look();
  expect(await look()).toEqual([]);
  expect(await runs()).toEqual([{ id, mode: "incremental" }]);
  expect(await the("incremental")).toMatchObject({
    lastRunId: id,
    lastDue: now,
    lastState: "queued",
    lastMissed: 0,
    nextDue: new Date("2026-11-24T14:00Z"),
  });
});

test("what was due while nobody worked is caught up once, and the history says so once", async () => {
  await keepSchedules(desk);
  at("2026-11-24T17:31Z");
  expect(await look()).toHaveLength(1);
  expect(await the("incremental")).toMatchObject({
    lastDue: new Date("2026-11-24T17:00Z"),
    lastMissed: 4,
    nextDue: new Date("2026-11-24T18:00Z"),
  });
  await end();
  expect(await look()).toEqual([]);
  const [overdue, requested] = await told(2);
  expect(overdue).toBe(
    "Driftdesk noticed that an incremental run did not begin when it was due, 2026-11-24 13:00 UTC, and 4 more until it was noticed",
  );
  expect(requested).toContain("asked for run");
  const [entry] = await desk.sql`
    SELECT data FROM driftdesk.audit_entries WHERE action = 'schedule.overdue' ORDER BY seq DESC LIMIT 1`;
  expect(entry?.data).toMatchObject({
    schedule: "every hour",
    mode: "incremental",
    due: "2026-11-24T13:00:00.000Z",
  });
});

test("a few minutes late is nobody's news", async () => {
  await keepSchedules(desk);
  at("2026-11-24T13:14Z");
  expect(await look()).toHaveLength(1);
  expect((await told(1))[0]).toContain("asked for run");
});

test("of several workers one begins what is due", async () => {
  await keepSchedules(desk);
  at("2026-11-25T02:00Z");
  const others = Array.from({ length: 5 }, () => ({ ...desk }));
  const begun = await Promise.all(others.map((one) => look(one)));
  expect(begun.flat()).toHaveLength(1);
  expect(await runs()).toMatchObject([{ mode: "full" }]);
  // The incremental one was due with it.
  expect(await the("incremental")).toMatchObject({ skippedDue: now, skippedRunId: begun.flat()[0] });
});

test("a worker that saw something due, and was overtaken by one whose run is over by now, begins nothing", async () => {
  await keepSchedules(desk);
  at("2026-11-24T13:00Z");
  const { owner } = opened;
  let slow: Promise<number[]> | undefined;
  await owner.begin(async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(hashtextextended('driftdesk request run', 0))`;
    slow = beginDue(desk);
    const waiting = async () => [
      ...(await owner`
        SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE l.locktype = 'advisory' AND NOT l.granted AND d.datname = current_database()`),
    ];
    await expect.poll(waiting, { timeout: 20_000 }).toHaveLength(1);
    await tx`UPDATE driftdesk.schedules SET next_due = next_due + interval '1 hour' WHERE mode = 'incremental'`;
  });
  expect(await slow).toEqual([]);
  expect(await runs()).toEqual([]);
});

test("a worker that is killed between the run and the schedule leaves neither, and the next look begins it", async () => {
  await keepSchedules(desk);
  const { owner } = opened;
  await owner.unsafe(`
    CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
      $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
    CREATE TRIGGER kill AFTER UPDATE ON driftdesk.schedules FOR EACH ROW EXECUTE FUNCTION kill()`);
  try {
    at("2026-11-24T13:00Z");
    await expect(beginDue(desk)).rejects.toThrow();
  } finally {
    await owner.unsafe("DROP FUNCTION kill() CASCADE");
  }
  expect(await runs()).toEqual([]);
  expect(await beginDue(desk)).toHaveLength(1);
  expect(await beginDue(desk)).toEqual([]);
});

test("an incremental run that would overlap is left out, and the schedule says since when and because of which", async () => {
  await keepSchedules(desk);
  const { run } = await requestRun(desk, { mode: "full", trigger: "person", actor: ada });
  at("2026-11-24T13:00Z");
  expect(await look()).toEqual([]);
  const schedule = await the("incremental");
  expect(schedule).toMatchObject({
    skippedDue: now,
    skippedRunId: run.id,
    nextDue: new Date("2026-11-24T14:00Z"),
  });
  await end();
  expect(await look()).toEqual([]);
});

test("a full run waits for an incremental one, is told when it waits too long, and is begun when that has ended", async () => {
  desk = configured(nightly);
  await keepSchedules(desk);
  const { run } = await requestRun(desk, { mode: "incremental", trigger: "person", actor: ada });
  at("2026-11-25T02:00Z");
  expect(await look()).toEqual([]);
  expect(await the("full")).toMatchObject({ waitsFor: run.id, skippedDue: null });
  at("2026-11-25T08:01Z");
  expect(await look()).toEqual([]);
  await look();
  expect(await told(2)).toEqual([
    expect.stringContaining("asked for run"),
    "Driftdesk noticed that a full run did not begin when it was due, 2026-11-25 02:00 UTC",
  ]);
  await end();
  const [id] = await look();
  expect(await the("full")).toMatchObject({ waitsFor: null, lastRunId: id });
});

test("a run that hangs is told once for its due time, and those that it keeps from beginning are left out", async () => {
  desk = configured(hourly);
  await keepSchedules(desk);
  at("2026-11-24T13:00Z");
  await look();
  for (const time of ["13:10", "13:15", "13:20", "14:00", "14:20"]) {
    at(`2026-11-24T${time}Z`);
    await look();
  }
  expect(await told(2)).toEqual([
    expect.stringContaining("asked for run"),
    "Driftdesk noticed that an incremental run did not end in time, due at 2026-11-24 13:00 UTC",
  ]);
  expect(await the("incremental")).toMatchObject({ skippedDue: new Date("2026-11-24T14:00Z") });
});

test("what is paused does not run, and nothing is caught up when it is resumed", async () => {
  await keepSchedules(desk);
  const { id } = await the("incremental");
  await pauseSchedule(desk, id, ada);
  at("2026-11-24T20:30Z");
  expect(await look()).toEqual([]);
  expect(await the("incremental")).toMatchObject({ pausedBy: "ada@example.com", late: false });
  await keepSchedules(desk);
  await resumeSchedule(desk, id, ada);
  expect(await look()).toEqual([]);
  expect((await the("incremental")).nextDue).toEqual(new Date("2026-11-24T21:00Z"));
  expect(await told(2)).toEqual([
    "ada@example.com paused the incremental run every hour",
    "ada@example.com resumed the incremental run every hour",
  ]);
});

test("a changed one counts from now on, outlives another config, and can be set back", async () => {
  await keepSchedules(desk);
  const { id } = await the("full");
  await changeSchedule(
    desk,
    id,
    { cron: " 30  4 * * 1-5 ", mode: "full", timeZone: "America/New_York" },
    ada,
  );
  const changed = "full 30 4 * * 1-5 11-25T09:30";
  expect((await inShort())[1]).toBe(changed);
  expect(await the("full")).toMatchObject({ differs: true, configCron: "0 3 * * *", changedBy: ada.email });
  expect((await told(1))[0]).toBe(
    "ada@example.com changed the schedule of the full run every day at 03:00 (Europe/Berlin): when every day at 03:00 (Europe/Berlin) → Monday to Friday at 04:30 (America/New_York)",
  );
  desk = configured(hourly, { ...nightly, cron: "0 5 * * *" });
  await keepSchedules(desk);
  expect((await inShort())[1]).toBe(changed);
  await resetSchedule(desk, id, ada);
  expect((await inShort())[1]).toBe("full 0 5 * * * 11-25T04:00");
  expect(await the("full")).toMatchObject({ differs: false });
  // From then on it follows the config again.
  desk = configured(hourly, nightly);
  await keepSchedules(desk);
  expect((await inShort())[1]).toBe("full 0 3 * * * 11-25T02:00");
  expect((await told(1))[0]).toContain("as the configuration says");
  desk = configured(hourly, nightly, { ...nightly, cron: "0 12 * * *" });
  await keepSchedules(desk);
  expect((await told(1))[0]).toBe(
    "Driftdesk added a schedule: full run every day at 12:00 (Europe/Berlin), as the configuration says",
  );
});

test("what is taken out of the config goes, but for what an admin changed, which can then be removed", async () => {
  await keepSchedules(desk);
  const full = await the("full");
  await expect(removeSchedule(desk, full.id, ada)).rejects.toMatchObject({ code: "schedule_configured" });
  await changeSchedule(desk, full.id, { ...nightly, cron: "0 4 * * *" }, ada);
  desk = configured();
  await keepSchedules(desk);
  expect(await inShort()).toEqual(["full 0 4 * * * 11-25T03:00"]);
  await expect(resetSchedule(desk, full.id, ada)).rejects.toMatchObject({ code: "schedule_not_configured" });
  await removeSchedule(desk, full.id, ada);
  expect(await inShort()).toEqual([]);
  expect((await told(1))[0]).toBe(
    "ada@example.com removed the schedule of the full run every day at 04:00 (Europe/Berlin)",
  );
});

test("one that an admin adds stays beside the config's", async () => {
  await addSchedule(desk, { cron: "0 22 * * *", mode: "full", timeZone: "Asia/Tokyo", account: null }, ada);
  await keepSchedules(desk);
  await keepSchedules(desk);
  expect(await inShort()).toEqual([
    "full 0 22 * * * 11-24T13:00",
    "incremental 0 * * * * 11-24T13:00",
    "full 0 3 * * * 11-25T02:00",
  ]);
});

test.each([
  [{ cron: "61 * * * *", mode: "full", timeZone: "UTC" }, 'The time: "61" is no minute'],
  [{ cron: "0 0 31 2 *", mode: "full", timeZone: "UTC" }, "it never comes"],
  [{ cron: "0 3 * * *", mode: "full", timeZone: "Europe/Bonn" }, "The time zone: is no time zone"],
  [{ cron: "0 3 * * *", mode: "targeted", timeZone: "UTC" }, "The kind of run: "],
])("%o is refused with what is wrong with it", async (given, message) => {
  await expect(addSchedule(desk, { account: null, ...given } as never, ada)).rejects.toMatchObject({
    code: "schedule_invalid",
    message: expect.stringContaining(message),
  });
});

test("only an admin changes schedules; who may start runs may run one now, which leaves its times as they are", async () => {
  await keepSchedules(desk);
  const { id, nextDue } = await the("full");
  const support = { ...ada, role: "support" as const };
  for (const attempt of [
    () => addSchedule(desk, { ...nightly, account: null }, support),
    () => changeSchedule(desk, id, hourly, support),
    () => resetSchedule(desk, id, support),
    () => pauseSchedule(desk, id, support),
    () => resumeSchedule(desk, id, support),
    () => removeSchedule(desk, id, support),
    () => runSchedule(desk, id, { ...ada, role: "viewer" }),
  ])
    await expect(attempt()).rejects.toMatchObject({ code: "not_allowed" });
  const { run } = await runSchedule(desk, id, support);
  expect(run).toMatchObject({ mode: "full", trigger: "person", requestedBy: "ada@example.com" });
  expect((await the("full")).nextDue).toEqual(nextDue);
});

test("without a schedule nothing is due and nothing overdue", async () => {
  desk = configured();
  await keepSchedules(desk);
  await requestRun(desk, { mode: "full", trigger: "cron", actor: systemActor });
  at("2026-12-24T12:00Z");
  expect(await look()).toEqual([]);
  expect((await told(1))[0]).toContain("asked for run");
});
