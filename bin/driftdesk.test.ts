import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { signInWithPassword } from "../lib/auth/sign-in.ts";
import { loadConfig } from "../lib/config/load.ts";
import { connect } from "../lib/db/connect.ts";
import { appRole } from "../lib/db/testing-server.ts";
import { childEnvironment } from "../sandbox/child-environment.ts";
import { exportOf } from "../sandbox/exports.ts";
import { openTestDesk, type TestDesk } from "../sandbox/testing.ts";
import { psql, psqlMissing } from "../sandbox/testing-psql.ts";
import { generateWorld } from "../sandbox/world/world.ts";

const now = new Date("2026-11-24T12:00:00Z");
// As somebody would write it for their own tables, in a folder that has no package of ours.
const config = `
  import { defineConfig } from "driftdesk/config";
  export default defineConfig({
    resources: {
      subscriptions: {
        stripe: "subscription", table: "accounts", key: "id", stripeId: "stripe_id",
        fields: { status: "status" },
        access: { field: "status", granted: ["active", "trialing"] },
      },
      customers: {
        stripe: "customer", table: "people", key: "id", stripeId: "stripe_id",
        fields: { email: "email" },
      },
    },
  });`;

/** The commands load theirs; the desk beside them, which only the database and the sandbox are used of, needs one too. */
const unused = {
  resources: {
    customers: {
      stripe: "customer",
      table: "people",
      key: "id",
      stripeId: "stripe_id",
      fields: { email: "email" },
    },
  },
} as const;

let desk: TestDesk;
let folder: string;

beforeEach(async () => {
  const world = generateWorld({ seed: 11, customers: 150, now, invoicesPerSubscription: 0 });
  const shop = generateWorld({ seed: 12, customers: 20, now, invoicesPerSubscription: 0 });
  desk = await openTestDesk({ world, config: unused, now: () => now, sandbox: { connected: [shop] } });
  const { local } = desk;
  await local`CREATE TABLE accounts (id serial PRIMARY KEY, stripe_id text UNIQUE, status text)`;
  await local`INSERT INTO accounts ${local([...world.subscriptions.values()].map((s) => ({ stripe_id: s.id, status: s.status })))}`;
  await local`CREATE TABLE people (id serial PRIMARY KEY, stripe_id text UNIQUE, email text)`;
  const living = [...world.customers.values()].filter((c) => !("deleted" in c && c.deleted));
  await local`INSERT INTO people ${local(living.map((c) => ({ stripe_id: c.id, email: "email" in c ? c.email : null })))}`;
  await local`UPDATE accounts SET status = 'nonsense' WHERE id IN (1, 2)`;
  await local`UPDATE people SET email = 'wrong@example.com' WHERE id = 1`;
  folder = await mkdtemp(join(tmpdir(), "driftdesk-command-"));
  await writeFile(join(folder, "theirs.config.ts"), config);
  await desk.grant({ config: await loadConfig(join(folder, "theirs.config.ts")) });
});
afterEach(async () => {
  await desk.close();
  await rm(folder, { recursive: true });
});

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

function begin(args: string[], options: { input?: string; env?: Record<string, string> } = {}) {
  const child = spawn(process.execPath, ["bin/driftdesk.ts", ...args], {
    env: {
      ...childEnvironment(),
      ...desk.variables,
      DRIFTDESK_CONFIG: join(folder, "theirs.config.ts"),
      DRIFTDESK_DIR: folder,
      ...options.env,
    },
  });
  child.stdin.end(options.input ?? "");
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]).then(
    ([out, err, [code]]): Ended => ({ code, out, err }),
  );
  return { child, ended };
}
const driftdesk = (...args: string[]) => begin(args).ended;
const lines = (out: string) =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

const addUser = (email: string, role: string) =>
  begin(["users", "add", email, "--role", role, "--password-stdin"], { input: "a long password\n" }).ended;

/** What Stripe's Dashboard would export of the desk's subscriptions, and a config that names the account of these. */
async function exported() {
  const world = generateWorld({ seed: 11, customers: 150, now, invoicesPerSubscription: 0 });
  const theirs = config.replace("resources: {", `account: { id: "${world.account.id}" },\n    resources: {`);
  await writeFile(join(folder, "theirs.config.ts"), theirs);
  const file = join(folder, "subscriptions.csv");
  await writeFile(file, Buffer.concat([...exportOf(world, "subscriptions")]));
  return { world, file };
}

test("from nothing to corrected: check, reconcile, list, apply, reconcile", async () => {
  const checked = await driftdesk("check");
  expect(checked).toMatchObject({ code: 0, out: expect.stringContaining("Ready to reconcile.") });

  const first = await driftdesk("reconcile", "--full", "--json");
  expect(first.code).toBe(0);
  expect(lines(first.out)).toEqual([
    {
      run: 1,
      mode: "full",
      state: "succeeded",
      resources: {
        customers: expect.objectContaining({
          mismatch: 1,
          missing_local: 0,
          missing_in_stripe: 0,
          duplicate: 0,
        }),
        subscriptions: expect.objectContaining({ mismatch: 2, fixed: 0 }),
      },
      requests: expect.any(Number),
      rateLimited: 0,
      seconds: expect.any(Number),
    },
  ]);
  expect(first.err).toContain("subscriptions: done");

  const listed = lines((await driftdesk("discrepancies", "--json")).out);
  expect(listed).toHaveLength(3);
  expect(listed.find((line) => line.resource === "customers")).toEqual({
    id: expect.any(Number),
    resource: "customers",
    kind: "mismatch",
    stripeId: expect.stringMatching(/^cus_/),
    localKey: "1",
    fields: [{ name: "email", local: "wrong@example.com", stripe: expect.any(String) }],
    impact: "other",
    cause: expect.any(String),
    state: "open",
  });

  expect(await addUser("sue@example.com", "support")).toMatchObject({ code: 0 });
  expect(await addUser("fin@example.com", "finance")).toMatchObject({ code: 0 });
  const one = await driftdesk("apply", String(listed[0].id), "--as", "sue@example.com", "--json");
  expect(one.code).toBe(0);
  expect(lines(one.out)).toEqual([
    { bulk: 1, state: "done", total: 1, applied: 1, stale: 0, failed: 0, skipped: 0 },
  ]);
  expect(await driftdesk("apply", "--all-open", "--as", "sue@example.com")).toMatchObject({
    code: 2,
    err: expect.stringContaining("[not_allowed]"),
  });
  expect(await driftdesk("apply", "--all-open", "--as", "fin@example.com")).toMatchObject({
    code: 0,
    err: expect.stringContaining("2 applied of 2"),
  });

  const second = lines((await driftdesk("reconcile", "--json")).out)[0];
  expect(second.resources.subscriptions.mismatch + second.resources.customers.mismatch).toBe(0);
  expect(await driftdesk("discrepancies")).toMatchObject({ code: 0, out: "", err: "Nothing is open.\n" });
  expect(await driftdesk("apply", "--all-open", "--as", "fin@example.com")).toMatchObject({ code: 0 });
});

test("an amount waits for a second person, who is not the first one under another spelling", async () => {
  const theirs = await readFile(join(folder, "theirs.config.ts"), "utf8");
  await writeFile(
    join(folder, "theirs.config.ts"),
    theirs.replace('email: "email"', 'email: { from: "email", money: true }'),
  );
  await desk.local`UPDATE people SET email = 'wrong too@example.com' WHERE id = 2`;
  await driftdesk("reconcile", "--full");
  for (const [name, role] of [
    ["fin", "finance"],
    ["flo", "finance"],
    ["sue", "support"],
  ] as const)
    await addUser(`${name}@example.com`, role);
  const amount = lines((await driftdesk("discrepancies", "--json")).out).find(
    (line) => line.resource === "customers",
  );
  const asked = await driftdesk("apply", String(amount.id), "--as", "fin@example.com", "--json");
  expect(asked).toMatchObject({ code: 1, err: expect.stringContaining("`driftdesk approve 1 --as EMAIL`") });
  expect(lines(asked.out)).toEqual([
    { bulk: 1, state: "waiting", total: 1, applied: 0, stale: 0, failed: 0, skipped: 0 },
  ]);
  // Among everything open, the other amount waits, and what is none does not wait for it.
  const all = await driftdesk("apply", "--all-open", "--as", "fin@example.com", "--json");
  expect(all).toMatchObject({ code: 1, err: expect.stringContaining("Bulk 3: 2 applied of 2.") });
  expect(all.err).toContain("Bulk 2: 1 fix waits for a second person");
  const waiting = { bulk: 2, state: "waiting", total: 1, applied: 0, stale: 0, failed: 0, skipped: 0 };
  expect(lines(all.out)).toEqual([{ ...waiting, bulk: 3, state: "done", total: 2, applied: 2, waiting }]);
  for (const [bulk, as, code] of [
    ["1", "fin@example.com", "second_person_needed"],
    ["1", "FIN@Example.com", "second_person_needed"],
    ["1", "sue@example.com", "not_allowed"],
    ["1", "nobody@example.com", "user_unknown"],
    ["99", "flo@example.com", "bulk_unknown"],
    ["one", "flo@example.com", "id_invalid"],
  ] as const)
    expect(await driftdesk("approve", bulk, "--as", as)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`[${code}]`),
    });
  const agreed = await driftdesk("approve", "1", "--as", "flo@example.com", "--json");
  expect(agreed.code).toBe(0);
  expect(lines(agreed.out)).toMatchObject([{ bulk: 1, state: "done", applied: 1 }]);
  expect(await driftdesk("settings", "single-sign-on", "off")).toMatchObject({ code: 0, out: "" });
  expect(await driftdesk("settings", "single-sign-on", "on")).toMatchObject({ code: 2 });
}, 120_000);

test("the history is verified, and held against where it once ended", async () => {
  await addUser("fin@example.com", "finance");
  const made = (await driftdesk("audit", "key")).out.trim().split("\n");
  const keys = Object.fromEntries(made.map((line) => line.split(/=(.*)/, 2)));
  const { out } = await begin(["audit", "export", "--format", "csv"], { env: keys }).ended;
  const file = join(folder, "history.csv");
  await writeFile(file, out);
  const verify = (env: Record<string, string>) =>
    begin(["audit", "verify", "--checkpoint", file], { env }).ended;
  const auditor = { AUDIT_PUBLIC_KEY: keys.AUDIT_PUBLIC_KEY };
  expect(await verify(auditor)).toMatchObject({
    code: 0,
    err: expect.stringContaining("is the one that was signed"),
  });
  expect(await verify({})).toMatchObject({ code: 2, err: expect.stringContaining("[key_missing]") });
  // As the owner of the database can: another history, whose links all fit.
  await desk.owner.unsafe(`
    ALTER TABLE driftdesk.audit_entries DISABLE TRIGGER ALL;
    TRUNCATE driftdesk.audit_entries;
    UPDATE driftdesk.audit_head SET seq = 0, hash = sha256('driftdesk audit chain'::bytea);
    ALTER TABLE driftdesk.audit_entries ENABLE TRIGGER ALL;
    SELECT driftdesk.append_audit('[{"actor": "eve", "action": "user.added"}, {"actor": "eve", "action": "user.added"}]')`);
  const rewritten = await verify(auditor);
  expect(rewritten).toMatchObject({
    code: 1,
    out: expect.stringContaining("2\tThe history up to this entry is not the one"),
  });
  expect(rewritten.err).toContain("The chain is whole: 2 entries.");
}, 120_000);

test("what was applied is undone, once", async () => {
  await driftdesk("reconcile", "--full");
  await addUser("fin@example.com", "finance");
  const applied = await driftdesk("apply", "--all-open", "--as", "fin@example.com", "--json");
  const { bulk } = lines(applied.out)[0];
  const undo = ["revert", "--bulk", String(bulk), "--as", "fin@example.com", "--json"];
  const undone = await driftdesk(...undo);
  expect(undone).toMatchObject({ code: 0, err: expect.stringContaining("3 undone of 3") });
  expect(lines(undone.out)).toEqual([
    { bulk: bulk + 1, state: "done", total: 3, applied: 3, stale: 0, failed: 0, skipped: 0 },
  ]);
  expect(await driftdesk(...undo)).toMatchObject({
    code: 2,
    err: expect.stringContaining("[nothing_to_undo]"),
  });
  expect(await driftdesk("revert", "--as", "fin@example.com")).toMatchObject({
    code: 2,
    err: expect.stringContaining("[selection_missing]"),
  });
});

test("killed in the middle and called again with --resume, a run goes on", async () => {
  desk.sandbox.setLatency(150);
  const { child, ended } = begin(["reconcile", "--json"]);
  await expect
    .poll(async () => (await desk.desk.sql`SELECT FROM driftdesk.windows WHERE objects > 0`).length, {
      timeout: 20_000,
    })
    .toBeGreaterThan(0);
  child.kill("SIGKILL");
  await ended;
  expect(await driftdesk("reconcile")).toMatchObject({ code: 2, err: expect.stringContaining("--resume") });

  desk.sandbox.setLatency(0);
  const resumed = await driftdesk("reconcile", "--resume", "--json");
  expect(resumed.code).toBe(0);
  expect(lines(resumed.out)[0]).toMatchObject({
    run: 1,
    state: "succeeded",
    resources: { subscriptions: { mismatch: 2 }, customers: { mismatch: 1 } },
  });
});

test("Ctrl-C leaves a run that can go on, and says how", async () => {
  desk.sandbox.setLatency(150);
  const { child, ended } = begin(["reconcile"]);
  await expect
    .poll(async () => (await desk.desk.sql`SELECT FROM driftdesk.runs WHERE state = 'running'`).length, {
      timeout: 20_000,
    })
    .toBe(1);
  child.kill("SIGINT");
  expect(await ended).toMatchObject({ code: 2, err: expect.stringContaining("reconcile --resume") });
  desk.sandbox.setLatency(0);
  expect(await driftdesk("reconcile", "--resume")).toMatchObject({ code: 0 });
});

test("a worker does what was asked for, and lets go of it at once when it is told to stop", async () => {
  const { sql } = desk.desk;
  const state = async () => (await sql`SELECT state FROM driftdesk.runs`)[0]?.state;
  await sql`
    INSERT INTO driftdesk.runs (mode, trigger, requested_by, requested_at)
    VALUES ('full', 'person', 'ada@example.com', now() - interval '1 minute')`;
  desk.sandbox.setLatency(400);
  const first = begin(["worker"]);
  await expect.poll(state, { timeout: 20_000 }).toBe("running");
  first.child.kill("SIGTERM");
  const stopped = await first.ended;
  expect(stopped).toMatchObject({ code: 0, out: "" });
  expect(lines(stopped.err).map((line) => line.msg)).toEqual(
    expect.arrayContaining(["works off the queues", "takes a run", "stops"]),
  );
  expect(await state()).toBe("running");
  expect(await sql`SELECT FROM driftdesk.leases`).toHaveLength(0);

  desk.sandbox.setLatency(0);
  const second = begin(["worker"]);
  await expect.poll(state, { timeout: 20_000 }).toBe("succeeded");
  second.child.kill("SIGINT");
  expect(await second.ended).toMatchObject({ code: 0 });
});

test("only the named resources are compared, and an unknown name is refused", async () => {
  const only = lines((await driftdesk("reconcile", "--only", "customers", "--json")).out)[0];
  expect(Object.keys(only.resources)).toEqual(["customers"]);
  expect(await driftdesk("reconcile", "--only", "nothing")).toMatchObject({
    code: 2,
    err: expect.stringContaining("[resource_unknown]"),
  });
});

test("several accounts: a line each, or one of them by its name", async () => {
  const customers = (table: string) =>
    `customers: { stripe: "customer", table: "${table}", key: "id", stripeId: "stripe_id", fields: { email: "email" } }`;
  const shop = desk.sandbox.connected[0]?.account.id;
  await writeFile(
    join(folder, "theirs.config.ts"),
    `export default {
      accounts: {
        main: { key: "STRIPE_SECRET_KEY" },
        shop: { key: "STRIPE_SECRET_KEY", stripeAccount: "${shop}", resources: { ${customers("shop_people")} } },
      },
      resources: { ${customers("people")} },
    };`,
  );
  await desk.local`CREATE TABLE shop_people (id serial PRIMARY KEY, stripe_id text UNIQUE, email text)`;
  await desk.local`INSERT INTO shop_people (stripe_id, email) VALUES ('cus_nobody', 'x@example.com')`;
  const { out } = await driftdesk("grants", "--role", appRole.name);
  const owner = connect(desk.ownerUrl, { max: 1 });
  await owner.unsafe(out);
  await owner.end();

  const checked = await driftdesk("check");
  expect(checked.out).toMatch(/^main: ok +account: /m);
  expect(checked.out).toMatch(/^shop: ok +resources\.customers: /m);

  const both = await driftdesk("reconcile", "--json");
  expect(lines(both.out)).toMatchObject([
    { run: 1, account: "main", state: "succeeded", resources: { customers: { mismatch: 1 } } },
    { run: 2, account: "shop", state: "succeeded", resources: { customers: { missing_in_stripe: 1 } } },
  ]);
  expect(both.err).toContain("shop customers: done");
  const one = await driftdesk("reconcile", "--account", "shop", "--json");
  expect(lines(one.out)).toMatchObject([{ run: 3, account: "shop" }]);
  expect(await driftdesk("reconcile", "--account", "shops")).toMatchObject({
    code: 2,
    err: expect.stringContaining('no account named "shops". It has main, shop. [account_unknown]'),
  });

  const listed = await driftdesk("discrepancies", "--account", "shop", "--json");
  expect(new Set(lines(listed.out).map((line) => line.account))).toEqual(new Set(["shop"]));
  expect(lines(listed.out).some((line) => line.stripeId === "cus_nobody")).toBe(true);
});

test("what cannot be read makes the run incomplete, with exit code 1", async () => {
  desk.sandbox.faults.outage = true;
  desk.sandbox.faults.only = "list customers";
  const ended = await driftdesk("reconcile", "--json");
  expect(ended.code).toBe(1);
  expect(lines(ended.out)[0]).toMatchObject({
    state: "incomplete",
    resources: { subscriptions: { mismatch: 2 } },
  });
}, 120_000);

test("without --full only what changed is read, once everything was", async () => {
  const first = await driftdesk("reconcile", "--json");
  expect(lines(first.out)[0].mode).toBe("full");
  expect(first.err).toContain("no run had read it to its end before");
  const next = await driftdesk("reconcile", "--json");
  expect(lines(next.out)[0]).toMatchObject({
    mode: "incremental",
    state: "succeeded",
    resources: { subscriptions: { compared: 0 }, customers: { compared: 0 } },
  });
  // Nothing is forgotten: a row that was put right is seen.
  expect(await driftdesk("discrepancies", "--json")).toMatchObject({
    out: expect.stringMatching(/^(.+\n){3}$/),
  });
  await desk.local`UPDATE people SET email = NULL WHERE id = 1`;
  const since = await driftdesk("reconcile", "--since", "24h", "--json");
  expect(lines(since.out)[0]).toMatchObject({
    mode: "incremental",
    resources: { customers: { compared: 1 } },
  });
  expect(lines((await driftdesk("reconcile", "--full", "--json")).out)[0].mode).toBe("full");
  expect(await driftdesk("reconcile", "--since", "24h", "--full")).toMatchObject({ code: 2 });
  expect(await driftdesk("reconcile", "--since", "yesterday")).toMatchObject({
    code: 2,
    err: expect.stringContaining("[since_invalid]"),
  });
});

test("one customer, or some objects, are looked at by themselves", async () => {
  const [first] = await desk.local`SELECT stripe_id FROM people WHERE id = 1`;
  const one = await driftdesk("reconcile", "--customer", first?.stripe_id, "--json");
  expect(lines(one.out)[0]).toMatchObject({
    mode: "targeted",
    state: "succeeded",
    resources: { customers: { compared: 1, mismatch: 1 } },
  });
  const rows = await desk.local`SELECT stripe_id AS id FROM accounts WHERE id IN (1, 2)`;
  const ids = rows.map((row) => row.id);
  const some = await driftdesk("reconcile", "--id", ...ids, "--json");
  expect(lines(some.out)[0].resources).toEqual({
    subscriptions: expect.objectContaining({ compared: 2, mismatch: 2 }),
  });
  expect(await driftdesk("discrepancies", "--json")).toMatchObject({
    out: expect.stringMatching(/^(.+\n){3}$/),
  });
  expect(await driftdesk("reconcile", "--id", "prod_1")).toMatchObject({
    code: 2,
    err: expect.stringContaining("[target_unknown]"),
  });
  expect(await driftdesk("reconcile", "--id", "sub_1", "--full")).toMatchObject({ code: 2 });
});

test("a mistake in the config is what check looks for: exit code 1; a missing key is a failure: 2", async () => {
  await writeFile(join(folder, "theirs.config.ts"), config.replace('"status" },', '"statsu" },'));
  expect(await driftdesk("check")).toMatchObject({ code: 1 });
  await writeFile(join(folder, "theirs.config.ts"), config.replace('"accounts"', '"acounts"'));
  expect(await driftdesk("check")).toMatchObject({
    code: 1,
    out: expect.stringContaining("resources.subscriptions"),
  });
  const keyless = await begin(["check"], { env: { STRIPE_SECRET_KEY: "" } }).ended;
  expect(keyless).toMatchObject({ code: 2, err: expect.stringContaining("STRIPE_SECRET_KEY is missing") });
});

test("what can be read of an export is told line by line", async () => {
  const file = join(folder, "subscriptions.csv");
  await writeFile(file, "id,Status\nsub_1NffrFGabcdefgh,active\n1.2E+15,active\n");
  const looked = await driftdesk("quick-fix", file, "--check");
  expect(looked).toMatchObject({ code: 1 });
  expect(looked.out).toContain(
    `${file} is an export of subscriptions.\nRead: id, Status.\nline 3: id: A spreadsheet turned`,
  );
  expect(looked.out).toContain("1 line can be read, 1 cannot.");
  await writeFile(file, "id,Status\nsub_1NffrFGabcdefgh,active\n");
  expect(await driftdesk("quick-fix", file, "--check")).toMatchObject({ code: 0 });
  await writeFile(file, "Date,Total\n");
  const unknown = await driftdesk("quick-fix", file, "--check");
  expect(unknown).toMatchObject({ code: 2 });
  expect(unknown.err).toContain("[export_unknown]");
  expect((await driftdesk("quick-fix", join(folder, "none.csv"), "--check")).err).toContain(
    "[export_missing]",
  );
});

test("a file is compared without Stripe, each line of it accounted for, and the same file again is the same import", async () => {
  const { file } = await exported();
  await driftdesk("users", "add", "fin@example.com", "--role", "finance");
  const csv = await readFile(file, "utf8");
  await writeFile(file, csv.replace(/^(sub_[A-Za-z0-9]+)(?=,)/m, "1.2E+15"));
  const quickFix = (...more: string[]) =>
    begin(["quick-fix", file, ...more], { env: { STRIPE_API_BASE: "http://127.0.0.1:9" } }).ended;
  expect(await quickFix()).toMatchObject({ code: 2, err: expect.stringContaining("--as EMAIL") });
  const asFin = ["--as", "fin@example.com", "--exported-at", "2026-11-24T11:00:00Z"];
  const first = await quickFix(...asFin, "--json");
  expect(first.err).toContain("line 2: ");
  const told = JSON.parse(first.out);
  expect(told).toMatchObject({ already: false, problems: 1, run: { state: "succeeded" } });
  expect(told.lines).toBe(csv.trim().split("\n").length - 2);
  expect(told.differences).toBeGreaterThan(0);
  expect(first.code).toBe(1);
  expect(JSON.parse((await quickFix(...asFin, "--json")).out)).toMatchObject({
    import: told.import,
    already: true,
    differences: told.differences,
  });
});

test.skipIf(psqlMissing)(
  "what a file corrects is a script that psql runs, made without the desk's database and without Stripe",
  async () => {
    const { world, file } = await exported();
    expect(await driftdesk("quick-fix", file, "--sql", "--verify")).toMatchObject({
      code: 2,
      err: expect.stringContaining("[options_conflict]"),
    });
    const before = await desk.local`SELECT id, status FROM accounts ORDER BY id`;
    const kept = await desk.desk.sql`SELECT FROM driftdesk.imports`;
    const made = await begin(["quick-fix", file, "--sql"], { env: { STRIPE_API_BASE: "http://127.0.0.1:9" } })
      .ended;
    expect(made).toMatchObject({ code: 0, err: expect.stringContaining("The script corrects 2 records.") });
    expect(await desk.local`SELECT id, status FROM accounts ORDER BY id`).toEqual(before);
    expect(await desk.desk.sql`SELECT FROM driftdesk.imports`).toHaveLength(kept.length);

    const script = join(folder, "script.sql");
    await writeFile(script, made.out);
    const url = desk.variables.LOCAL_DATABASE_URL ?? desk.variables.DATABASE_URL ?? "";
    await desk.local`UPDATE accounts SET status = 'paused' WHERE id = 2`;
    const refused = await psql(["-q", "-f", script], { url });
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining("Nothing was changed.") });
    expect(await desk.local`SELECT status FROM accounts WHERE id = 1`).toEqual([{ status: "nonsense" }]);
    await desk.local`UPDATE accounts SET status = 'nonsense' WHERE id = 2`;
    expect(await psql(["-q", "-f", script], { url })).toMatchObject({ code: 0 });
    const told = await desk.local<
      { status: string; stripe_id: string }[]
    >`SELECT status, stripe_id FROM accounts WHERE id IN (1, 2)`;
    for (const row of told) expect(row.status).toBe(world.subscriptions.get(row.stripe_id)?.status);
  },
);

test.skipIf(psqlMissing)(
  "the result of a script that the desk knows is brought back, once, and a run sees what it has written",
  async () => {
    const { file } = await exported();
    await addUser("fin@example.com", "finance");
    const quickFix = (...args: string[]) => driftdesk("quick-fix", ...args, "--as", "fin@example.com");
    const script = join(folder, "script.sql");
    await writeFile(script, (await quickFix(file, "--sql")).out);
    const result = join(folder, "result.txt");
    await writeFile(result, "ERROR: no such table\n");
    expect(await quickFix(result, "--result")).toMatchObject({
      code: 2,
      err: expect.stringContaining("[result_unreadable]"),
    });
    const url = desk.variables.LOCAL_DATABASE_URL ?? "";
    await writeFile(result, (await psql(["-q", "-f", script], { url })).stdout);
    for (const times of [1, 2]) {
      const brought = await quickFix(result, "--result");
      expect(brought).toMatchObject({
        code: 0,
        out: expect.stringContaining("written 2 rows. 0 differences are still open"),
      });
      expect(brought.err.includes("brought before")).toBe(times === 2);
    }
    const entries = await desk.desk
      .sql`SELECT actor, data FROM driftdesk.audit_entries WHERE action = 'script.result'`;
    expect(entries).toMatchObject([{ actor: "fin@example.com", data: { applied: 2 } }]);
  },
);

test("a made password is printed alone on stdout, and signs in", async () => {
  const added = await driftdesk("users", "add", "Grace.Hopper@example.com", "--role", "admin");
  expect(added).toMatchObject({ code: 0, err: expect.stringContaining("Grace Hopper") });
  const password = added.out.trim();
  expect(password.length).toBeGreaterThanOrEqual(16);
  const given = { email: "grace.hopper@example.com", password, address: "here" };
  await expect(signInWithPassword(desk.desk, given)).resolves.toMatchObject({ name: "Grace Hopper" });
  expect(await driftdesk("users", "add", "grace.hopper@example.com", "--role", "admin")).toMatchObject({
    code: 2,
    err: expect.stringContaining("[user_exists]"),
  });
  expect(await driftdesk("users", "add", "x@example.com", "--role", "root")).toMatchObject({ code: 2 });
});

test("apply names what it does not know, and changes nothing", async () => {
  expect(await driftdesk("apply", "1", "--as", "nobody@example.com")).toMatchObject({
    code: 2,
    err: expect.stringContaining("[user_unknown]"),
  });
  await addUser("ada@example.com", "admin");
  expect(await driftdesk("apply", "999", "--as", "ada@example.com")).toMatchObject({
    code: 2,
    err: expect.stringContaining("[discrepancy_unknown]"),
  });
  expect(await driftdesk("apply", "--as", "ada@example.com")).toMatchObject({ code: 2 });
  expect(await driftdesk("nonsense")).toMatchObject({ code: 2 });
});
