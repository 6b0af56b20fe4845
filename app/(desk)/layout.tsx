import { redirect } from "next/navigation";
import type { ReactNode } from "react";
import { getDesk } from "@/app/desk.ts";
import { currentActor } from "@/app/session.ts";
import { Account } from "@/components/frame/account.tsx";
import { type Frame, FrameProvider } from "@/components/frame/accounts.tsx";
import { Checked } from "@/components/frame/checked.tsx";
import { HomeLink } from "@/components/frame/home-link.tsx";
import { Mark } from "@/components/frame/mark.tsx";
import { Navigation } from "@/components/frame/navigation.tsx";
import { Palette } from "@/components/frame/palette.tsx";
import { type Person, PersonMenu } from "@/components/frame/person-menu.tsx";
import { RunButton } from "@/components/frame/run-button.tsx";
import { Search } from "@/components/frame/search.tsx";
import { ThemeMenu } from "@/components/frame/theme-menu.tsx";
import { can } from "@/lib/auth/permissions.ts";
import type { Actor } from "@/lib/desk.ts";
import { countOpen, countStates } from "@/lib/discrepancies/facets.ts";
import { countWaiting } from "@/lib/fixes/second-person.ts";
import { runNow } from "./runs/actions.ts";
import { currentAccounts, currentRuns } from "./runs/recent.ts";

export default async function DeskLayout({ children }: { children: ReactNode }) {
  const actor = await currentActor();
  if (!actor) redirect("/sign-in");
  const person = { email: actor.email, name: actor.name, role: actor.role } as Person;
  return (
    <FrameProvider frame={await frameState(actor)}>
      <div className="min-h-dvh bg-surface md:grid md:grid-cols-[13.5rem_minmax(0,1fr)]">
        <a
          href="#main"
          className="fixed top-2 left-2 z-50 -translate-y-16 rounded-md bg-action px-3 py-2 text-13 text-action-ink focus:translate-y-0"
        >
          Skip to the content
        </a>
        <aside className="sticky top-0 hidden h-dvh flex-col border-r border-line bg-canvas md:flex">
          <HomeLink className="mx-3 mt-3 mb-4 flex h-8 items-center gap-2.5 rounded-md px-1.5">
            <Mark />
            <span className="text-14 font-semibold tracking-tight">Driftdesk</span>
          </HomeLink>
          <div className="flex-1 overflow-y-auto px-3">
            <Navigation place="side" />
          </div>
          <div className="flex items-center gap-1 border-t border-line p-2">
            <PersonMenu person={person} />
            <ThemeMenu />
          </div>
        </aside>
        <div className="flex min-w-0 flex-col pb-14 md:pb-0">
          <header className="sticky top-0 z-30 flex h-12 items-center gap-3 border-b border-line bg-surface px-4 md:px-6">
            <HomeLink className="shrink-0 rounded-md md:hidden" aria-label="Overview">
              <Mark />
            </HomeLink>
            <Search />
            <Palette />
            <div className="flex shrink-0 items-center gap-3">
              <Account />
              <span className="hidden sm:inline">
                <Checked />
              </span>
              <RunButton
                runNow={runNow}
                allowed={can(actor.role, "run")}
                className="h-7 px-2.5 max-sm:hidden"
              />
              <span className="md:hidden">
                <PersonMenu person={person} compact />
              </span>
            </div>
          </header>
          <main id="main" tabIndex={-1} className="min-w-0 flex-1 focus:outline-none">
            {children}
          </main>
        </div>
        <div className="fixed inset-x-0 bottom-0 z-30 border-t border-line bg-canvas md:hidden">
          <Navigation place="bottom" />
        </div>
      </div>
    </FrameProvider>
  );
}

/** What the frame says about every account: which of them is in view, only the browser knows. */
async function frameState(actor: Actor): Promise<Frame> {
  const desk = await getDesk();
  const { sql } = desk;
  const accounts = await currentAccounts();
  const [states, runs, open, waiting] = await Promise.all([
    countStates(sql),
    currentRuns(),
    countOpen(sql),
    countWaiting(desk, actor),
  ]);
  return {
    open: states.open,
    waiting: waiting.forMe,
    accounts: accounts.map((account, n) => ({
      ...account,
      open: open.get(account.id ?? "") ?? 0,
      runningId: runs[n]?.underWay?.id ?? null,
      checkedAt: runs[n]?.lastAnswer?.finishedAt ?? null,
    })),
  };
}
