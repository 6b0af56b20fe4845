import type { Metadata } from "next";
import { z } from "zod";
import { getDesk } from "@/app/desk.ts";
import { requireActor } from "@/app/session.ts";
import { PageHeader } from "@/components/frame/page-header.tsx";
import { ScheduleList } from "@/components/schedules/schedule-list.tsx";
import { Accounts } from "@/components/settings/accounts.tsx";
import { AlertChannels } from "@/components/settings/alert-channels.tsx";
import { AlertRules } from "@/components/settings/alert-rules.tsx";
import { Alerts } from "@/components/settings/alerts.tsx";
import { CheckButton } from "@/components/settings/check-button.tsx";
import { Mapping } from "@/components/settings/mapping.tsx";
import { OwnPassword } from "@/components/settings/own-password.tsx";
import { People } from "@/components/settings/people.tsx";
import { Roles } from "@/components/settings/roles.tsx";
import { Rules } from "@/components/settings/rules.tsx";
import { Section } from "@/components/settings/section.tsx";
import { SingleSignOn } from "@/components/settings/single-sign-on.tsx";
import { Tokens } from "@/components/settings/tokens.tsx";
import { Webhooks } from "@/components/settings/webhooks.tsx";
import { mappingsOf } from "@/lib/accounts/known.ts";
import { type AlertView, listAlerts } from "@/lib/alerts/list.ts";
import { can } from "@/lib/auth/permissions.ts";
import { isRequired, isSingleSignOnOnly } from "@/lib/auth/single-sign-on.ts";
import { listTokens } from "@/lib/auth/tokens.ts";
import { listUsers } from "@/lib/auth/users.ts";
import { channelViews } from "@/lib/config/alert-channels.ts";
import type { Config } from "@/lib/config/resource.ts";
import { desksOf } from "@/lib/desk.ts";
import { disputeProblems } from "@/lib/disputes/read.ts";
import { listSchedules } from "@/lib/jobs/schedules.ts";
import { webhookFacts } from "@/lib/webhooks/facts.ts";
import { currentAccounts } from "../runs/recent.ts";
import {
  addPerson,
  changePasswordAction,
  changeRole,
  checkNow,
  createTokenAction,
  deactivatePerson,
  reactivatePerson,
  requireSingleSignOnAction,
  revokeTokenAction,
  sendTestAlert,
} from "./actions.ts";
import {
  addScheduleAction,
  changeScheduleAction,
  pauseScheduleAction,
  removeScheduleAction,
  resetScheduleAction,
  resumeScheduleAction,
  runScheduleAction,
} from "./schedule-actions.ts";

export const metadata: Metadata = { title: "Settings" };

const alertsShown = 20;
const search = z.object({ alertsBefore: z.coerce.number().int().positive().optional().catch(undefined) });

function olderThan(alerts: readonly AlertView[]): string | null {
  const last = alerts.at(-1);
  return last && alerts.length === alertsShown ? `/settings?alertsBefore=${last.id}#alerts` : null;
}

export default async function SettingsPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const actor = await requireActor();
  const desk = await getDesk();
  const { alertsBefore: before } = search.parse(await searchParams);
  const alerts = await listAlerts(desk, { limit: alertsShown, before });
  const people = await listUsers(desk);
  const [first, ...others] = desksOf(desk).map(({ config }) => config) as [Config, ...Config[]];
  const several = others.length > 0;
  const manages = can(actor.role, "manage_users");
  const passwords = !(await isSingleSignOnOnly(desk));
  return (
    <>
      <PageHeader title="Settings">
        The mapping and its rules are written in the configuration file and can only be read here.
      </PageHeader>
      {can(actor.role, "run") && (
        <Section
          id="check"
          title="Check"
          text="Looks at both sides: tables, columns, types, the key and what it may read. Changes nothing."
        >
          <CheckButton checkNow={checkNow} />
        </Section>
      )}
      {several && (
        <Section
          id="accounts"
          title="Accounts"
          text="The Stripe accounts that your records are compared with. Each has runs of its own."
        >
          <Accounts accounts={await currentAccounts()} configs={[first, ...others]} />
        </Section>
      )}
      <Section
        id="mapping"
        title="Mapping"
        text="Which of your tables mirrors what in Stripe, and what is compared."
      >
        <Mapping mappings={mappingsOf(desk)} />
      </Section>
      <Section
        id="schedules"
        title="Schedules"
        text="When runs happen by themselves. The configuration file says what a desk begins with."
      >
        <ScheduleList
          schedules={await listSchedules(desk)}
          accounts={several ? [first, ...others].flatMap(({ account }) => account.name ?? []) : []}
          actions={
            can(actor.role, "manage_schedules")
              ? {
                  add: addScheduleAction,
                  change: changeScheduleAction,
                  reset: resetScheduleAction,
                  pause: pauseScheduleAction,
                  resume: resumeScheduleAction,
                  remove: removeScheduleAction,
                }
              : null
          }
          run={can(actor.role, "run") ? runScheduleAction : null}
        />
      </Section>
      <Section id="rules" title="Rules" text="What keeps corrections within bounds.">
        <Rules config={desk.config} pace={several ? null : first.pace} />
      </Section>
      <Section
        id="alerts"
        title="Alerts"
        text="What people are told outside the desk: differences, corrections, runs and webhooks in trouble, requests that wait for a second person, disputes with evidence due, and a daily summary."
      >
        <div className="space-y-5 text-13">
          <AlertChannels channels={channelViews(desk)} sendTest={manages ? sendTestAlert : null} />
          <AlertRules alerts={desk.config.alerts} />
          {(await disputeProblems(desk)).map(({ account, problem }) => (
            <p key={account} className="text-pretty text-ink-2">
              Nobody is told of disputes{account && ` of ${account}`}: {problem}
            </p>
          ))}
          <div>
            <h3 className="mb-2 font-medium">What was told</h3>
            <Alerts alerts={alerts} older={olderThan(alerts)} />
          </div>
        </div>
      </Section>
      <Section
        id="webhooks"
        title="Webhooks"
        text="What Stripe says the moment it happens. What is still wrong a little later is found without waiting for the next run."
      >
        <Webhooks facts={await webhookFacts(desk)} />
      </Section>
      <Section
        id="people"
        title="People"
        text={
          manages
            ? "Who may sign in, and as what. A change counts from their next click on."
            : "Who may sign in, and as what. An admin can change it."
        }
      >
        <People
          people={people}
          me={actor.email}
          actions={
            manages
              ? {
                  add: addPerson,
                  setRole: changeRole,
                  deactivate: deactivatePerson,
                  reactivate: reactivatePerson,
                }
              : null
          }
        />
      </Section>
      {passwords && people.some((person) => person.email === actor.email && person.hasPassword) && (
        <Section id="password" title="Your password" text="Only you, and only with the present one.">
          <OwnPassword email={actor.email} change={changePasswordAction} />
        </Section>
      )}
      <Section
        id="single-sign-on"
        title="Single sign-on"
        text="Whether your own sign-in is one way in, or the only one."
      >
        <SingleSignOn
          name={desk.environment.oidc?.name ?? null}
          required={await isRequired(desk.sql)}
          tried={people.some(
            (person) => person.role === "admin" && !person.deactivatedAt && person.lastSingleSignOnAt,
          )}
          require={manages ? requireSingleSignOnAction : null}
        />
      </Section>
      {can(actor.role, "manage_tokens") && (
        <Section
          id="tokens"
          title="API tokens"
          text="For programs. Each may do what it was made for and nothing else, and none can decide anything."
        >
          <Tokens
            tokens={await listTokens(desk)}
            actions={{ create: createTokenAction, revoke: revokeTokenAction }}
          />
        </Section>
      )}
      <Section
        id="roles"
        title="Roles"
        text="Checked on the server with every request, whatever a page shows."
      >
        <Roles />
      </Section>
    </>
  );
}
