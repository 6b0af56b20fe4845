// The command `driftdesk`. Exit codes: 0 done, 1 found a problem that it was asked to look for, 2 failed.
import "./env-files.ts";
import { Command, CommanderError } from "commander";
import { openRecords } from "../lib/desk.ts";
import { DriftdeskError } from "../lib/errors.ts";
import { redact } from "../lib/log.ts";
import { apply, approve } from "./command/apply.ts";
import { auditCheckpoint, auditExport, auditKey, auditVerify } from "./command/audit.ts";
import { check } from "./command/check.ts";
import { discrepancies } from "./command/discrepancies.ts";
import { grants } from "./command/grants.ts";
import { note } from "./command/print.ts";
import { quickFix } from "./command/quick-fix.ts";
import { reconcile } from "./command/reconcile.ts";
import { revert } from "./command/revert.ts";
import { singleSignOn } from "./command/settings.ts";
import { addUserCommand } from "./command/users.ts";
import { worker } from "./command/worker.ts";

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 2));

const program = new Command("driftdesk")
  .description("Finds every place where your Postgres and Stripe disagree, and corrects it safely.")
  .exitOverride()
  .showHelpAfterError();

/** Registers what a command does; its answer is the exit code. */
const does =
  <Arguments extends unknown[]>(work: (...given: Arguments) => Promise<number>) =>
  async (...given: Arguments) => {
    process.exitCode = await work(...given);
  };

program
  .command("migrate")
  .description("bring Driftdesk's own tables up to date")
  .action(
    does(async () => {
      const records = await openRecords();
      await records.close();
      note("Driftdesk's tables are up to date.");
      return 0;
    }),
  );

program
  .command("check")
  .description("check the config against the database and Stripe, a line per finding")
  .action(does(check));

program
  .command("grants")
  .description("print the SQL that makes a role with the rights that Driftdesk needs, and no others")
  .option("--role <name>", "what the role is called", "driftdesk_app")
  .option("--for <part>", "of two databases only one: records (your tables) or driftdesk (its own)")
  .action(does(grants));

program
  .command("reconcile")
  .description("compare what changed since the last run, to the end, with progress on stderr")
  .option("--full", "read everything")
  .option("--since <age>", "what changed since then, e.g. 24h, instead of since the last run")
  .option("--customer <id or address>", "one customer, with everything mapped that belongs to them, at once")
  .option("--id <id...>", "these Stripe objects, at once")
  .option("--only <name...>", "these resources only")
  .option("--account <name>", "this account only, of several in the config")
  .option("--json", "end with one line of JSON on stdout")
  .option("--resume", "go on with a run whose process was stopped or killed")
  .action(does(reconcile));

program
  .command("worker")
  .description("work off runs, bulk actions and schedules until told to stop, beside any number of others")
  .action(does(worker));

program
  .command("discrepancies")
  .description("list what differs")
  .option("--state <state>", "in this state", "open")
  .option("--account <name>", "of this account only, of several in the config")
  .option("--json", "one JSON object a line")
  .action(does(discrepancies));

program
  .command("apply")
  .description("decide on discrepancies and apply them, with a person's rights")
  .argument("[id...]", "ids of discrepancies")
  .option("--all-open", "everything open that can be applied")
  .requiredOption("--as <email>", "whose decision it is")
  .option("--json", "end with one line of JSON on stdout")
  .action(does(apply));

program
  .command("quick-fix")
  .description("compare a CSV file that was exported from Stripe's Dashboard, without asking Stripe")
  .argument("<file>", "an export of subscriptions, customers, payments or payouts")
  .option("--check", "say what can be read of it, a line per line that cannot be; nothing is compared")
  .option("--as <email>", "who brings it")
  .option(
    "--sql",
    "print what to correct as one guarded transaction for psql; without --as nothing of it is kept",
  )
  .option("--result", "the file is what psql printed, of a script that was made with --sql and --as")
  .option(
    "--exported-at <time>",
    "when it was exported, in ISO 8601, instead of when the file was changed last",
  )
  .option("--account <name>", "the account that it was exported from, of several in the config")
  .option("--verify", "ask Stripe about everything that it names, instead of going by what it says")
  .option("--json", "end with one line of JSON on stdout")
  .action(does(quickFix));

program
  .command("revert")
  .description("undo applied fixes, with a person's rights: each record says again what it said before")
  .argument("[fix...]", "ids of fixes, as the audit export has them")
  .option("--bulk <id>", "everything that this bulk action applied")
  .requiredOption("--as <email>", "whose decision it is")
  .option("--reason <text>", "kept in the history")
  .option("--json", "end with one line of JSON on stdout")
  .action(does(revert));

program
  .command("approve")
  .description("agree, as a second person, to what somebody else asked for, and apply it")
  .argument("<bulk>", "the number of the bulk action")
  .requiredOption("--as <email>", "who agrees: never whoever asked")
  .option("--json", "end with one line of JSON on stdout")
  .action(does(approve));

const settings = program.command("settings").description("what is decided on the desk and not in the config");
settings
  .command("single-sign-on")
  .argument("<off>", "that it is not the only way in any more")
  .description("let people in by password again, when the provider is gone")
  .action(does(singleSignOn));

const audit = program.command("audit").description("the history of who changed what");
audit
  .command("verify")
  .description("compute the whole chain anew; exit code 1 when it does not hold")
  .option(
    "--checkpoint <file>",
    "and look whether it still holds what was signed, in a checkpoint or an export",
  )
  .action(does(auditVerify));
audit
  .command("checkpoint")
  .description("sign where the chain ends now, to stdout")
  .action(does(auditCheckpoint));
audit
  .command("key")
  .description("make a pair of keys for checkpoints; prints them once")
  .action(does(auditKey));
audit
  .command("export")
  .description("write the history to stdout")
  .requiredOption("--format <format>", "csv or jsonl")
  .action(does(auditExport));

const users = program.command("users").description("the people of this desk");
users
  .command("add")
  .argument("<email>")
  .description("add a person; prints a password once")
  .requiredOption("--role <role>", "viewer, support, finance or admin")
  .option("--name <name>", "what people call them")
  .option("--password-stdin", "read the password from stdin instead of making one")
  .action(does(addUserCommand));

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = failure(error);
}

function failure(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof DriftdeskError) note(`${redact(error.message)} [${error.code}]`);
  else note(redact(error instanceof Error ? (error.stack ?? error.message) : String(error)));
  return 2;
}
