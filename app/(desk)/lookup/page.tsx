import { UserSearch } from "lucide-react";
import type { Metadata } from "next";
import Link from "next/link";
import { z } from "zod";
import { checkRecordAction } from "@/app/(desk)/lookup/actions.ts";
import { currentAccounts } from "@/app/(desk)/runs/recent.ts";
import { getDesk } from "@/app/desk.ts";
import { refusal } from "@/app/refusal.ts";
import { requireActor } from "@/app/session.ts";
import { PageHeader } from "@/components/frame/page-header.tsx";
import { Figures } from "@/components/lookup/figures.tsx";
import { Found } from "@/components/lookup/found.tsx";
import { LookupForm } from "@/components/lookup/lookup-form.tsx";
import { EmptyState } from "@/components/ui/empty-state.tsx";
import { Notice } from "@/components/ui/notice.tsx";
import { deskAbout } from "@/lib/accounts/known.ts";
import { can } from "@/lib/auth/permissions.ts";
import type { Actor, Desk } from "@/lib/desk.ts";
import { lookUpByHand, lookupFigures } from "@/lib/status/by-hand.ts";

export const metadata: Metadata = { title: "Look up" };

const text = (longest: number) => z.string().max(longest).optional().catch(undefined);
const search = z.object({ key: text(300), now: text(10), in: text(100), account: text(100) });

export default async function LookupPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const actor = await requireActor("look_up");
  const { key = "", now, in: named, account } = search.parse(await searchParams);
  const [desks, accounts] = await Promise.all([getDesk(), currentAccounts()]);
  const chosen =
    accounts.find((one) => named !== undefined && one.name === named) ??
    accounts.find((one) => account !== undefined && one.id === account) ??
    accounts[0];
  const desk = deskAbout(desks, chosen?.name ?? undefined);
  const names = accounts.flatMap((one) => one.name ?? []);
  const looked = key.trim() === "" ? null : await look(desk, actor, key, now !== undefined);
  const { hour, day } = await lookupFigures(desk, chosen?.id ?? null);
  return (
    <>
      <PageHeader title="Ask Stripe about a customer">
        What Stripe says now, beside your own record. Looking changes nothing.{" "}
        <Link href="/choose" className="link rounded-sm">
          When should programs ask as well?
        </Link>
      </PageHeader>
      <LookupForm asked={key} accounts={names} account={chosen?.name ?? null} />
      <div className="border-t border-line px-4 py-5 md:px-6">
        {looked === null ? (
          <EmptyState icon={UserSearch} title="Nobody looked up yet." className="py-8">
            Type a customer's e-mail, their id at Stripe (cus_…) or your own id of their record.
          </EmptyState>
        ) : "message" in looked ? (
          <Notice level="problem" title="This could not be looked up.">
            {looked.message}
          </Notice>
        ) : (
          <Found
            found={looked}
            asked={key}
            account={chosen?.name ?? null}
            check={can(actor.role, "run") ? checkRecordAction : null}
          />
        )}
      </div>
      <Figures hour={hour} day={day} fail={desk.config.status.fail} />
    </>
  );
}

async function look(desk: Desk, actor: Actor, key: string, now: boolean) {
  try {
    return await lookUpByHand(desk, actor, key, { now });
  } catch (error) {
    return refusal(error, { logged: "a lookup by hand failed" });
  }
}
