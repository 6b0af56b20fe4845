"use client";

import { FileUp } from "lucide-react";
import { useRouter } from "next/navigation";
import { type DragEvent, useEffect, useId, useRef, useState } from "react";
import { timeLeftWords } from "@/lib/reconcile/rate.ts";
import { Button } from "../ui/button.tsx";
import { cn } from "../ui/cn.ts";
import { Label } from "../ui/label.tsx";
import { Notice } from "../ui/notice.tsx";
import { Select } from "../ui/select.tsx";
import { Textarea } from "../ui/textarea.tsx";
import { send } from "./send.ts";
import { sizeText } from "./words.ts";

interface Going {
  what: string;
  share: number;
  /** ms, by the reader's clock. */
  since: number;
}

/** A file or a list, brought: what is typed stays when something goes wrong. */
export function BringForm({ accounts }: { accounts: readonly string[] }) {
  const router = useRouter();
  const fileId = useId();
  const listId = useId();
  const accountId = useId();
  const file = useRef<HTMLInputElement>(null);
  const stop = useRef<AbortController>(null);
  const keys = useRef(new Map<string, string>());
  const [account, setAccount] = useState(accounts[0] ?? null);
  const [list, setList] = useState("");
  const [over, setOver] = useState(false);
  const [going, setGoing] = useState<Going | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => () => stop.current?.abort(), []);

  async function bring(what: { file: File } | { list: string }) {
    if (stop.current) return;
    const words = "file" in what ? `${what.file.name}, ${sizeText(what.file.size)}` : "the list";
    const same = `${words} ${account} ${"file" in what ? what.file.lastModified : what.list}`;
    const key = keys.current.get(same) ?? crypto.randomUUID();
    keys.current.set(same, key);
    const since = Date.now();
    stop.current = new AbortController();
    setProblem(null);
    setGoing({ what: words, share: 0, since });
    try {
      const { id } = await send({
        ...("file" in what
          ? {
              source: "file",
              body: what.file,
              name: what.file.name,
              exportedAt: new Date(Math.min(what.file.lastModified, since)),
            }
          : { source: "paste", body: what.list, name: null, exportedAt: null }),
        account,
        key,
        onProgress: (share) => setGoing({ what: words, share, since }),
        signal: stop.current.signal,
      });
      router.push(`/quick-fix/${id}`);
    } catch (error) {
      keys.current.delete(same);
      setProblem((error as Error).message);
      setGoing(null);
      router.refresh();
    } finally {
      stop.current = null;
    }
  }
  const take = (files: FileList | null) => {
    const [first] = files ?? [];
    if (first) void bring({ file: first });
    if (file.current) file.current.value = "";
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (event.dataTransfer.files.length > 1) setProblem("One file at a time: each is compared by itself.");
    else take(event.dataTransfer.files);
  };

  return (
    <div className="flex flex-col gap-4 px-4 pb-6 md:px-6">
      {problem && (
        <div role="alert">
          <Notice level="problem" title="This could not be read. Nothing of it was kept.">
            {problem}
          </Notice>
        </div>
      )}
      {going && <Progress going={going} onStop={() => stop.current?.abort()} />}
      {accounts.length > 1 && (
        <div className="flex flex-col gap-1.5 sm:w-64">
          <Label htmlFor={accountId}>Exported from the account</Label>
          <Select
            id={accountId}
            value={account ?? undefined}
            onChange={(event) => setAccount(event.target.value)}
          >
            {accounts.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </Select>
        </div>
      )}
      <div className="grid gap-4 lg:grid-cols-2">
        {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is a shortcut of the field inside. */}
        <div
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={onDrop}
          className={cn(
            "flex flex-col items-start gap-3 rounded-lg border border-dashed border-line-strong bg-sunken p-5",
            over && "border-solid bg-selected",
          )}
        >
          <h2 className="text-14 font-semibold">A file from Stripe's Dashboard</h2>
          <p className="text-13 text-pretty text-ink-2">
            Subscriptions, Customers, Payments or Payouts, exported as CSV with times in UTC. Take it as it
            comes: a spreadsheet changes ids and dates when it saves.
          </p>
          <input
            ref={file}
            id={fileId}
            type="file"
            accept=".csv,.tsv,.txt,text/csv"
            className="peer sr-only"
            disabled={going !== null}
            onChange={(event) => take(event.target.files)}
          />
          <Button
            asChild
            variant="primary"
            className={cn(
              "cursor-pointer peer-focus-visible:outline-2 peer-focus-visible:outline-offset-2 peer-focus-visible:outline-focus",
              going && "pointer-events-none opacity-50",
            )}
          >
            <label htmlFor={fileId}>
              <FileUp aria-hidden />
              Choose a file
            </label>
          </Button>
          <p className="text-12 text-ink-3 max-sm:hidden">
            Or drop it here. Nothing is changed by bringing it.
          </p>
        </div>
        <form
          className="flex flex-col items-start gap-3 rounded-lg border border-line p-5"
          onSubmit={(event) => {
            event.preventDefault();
            void bring({ list });
          }}
        >
          <h2 className="text-14 font-semibold">A list of customers</h2>
          <Label htmlFor={listId} className="text-13 font-normal text-ink-2">
            Ids or e-mail addresses, out of a ticket or a sheet. Stripe is asked about each.
          </Label>
          <Textarea
            id={listId}
            value={list}
            required
            rows={3}
            spellCheck={false}
            autoComplete="off"
            placeholder="cus_…, sub_…, ada@example.com"
            onChange={(event) => setList(event.target.value)}
            className="w-full"
          />
          <Button type="submit" disabled={going !== null || list.trim() === ""}>
            Read the list
          </Button>
        </form>
      </div>
    </div>
  );
}

function Progress({ going: { what, share, since }, onStop }: { going: Going; onStop: () => void }) {
  const spent = (Date.now() - since) / 1_000;
  const left = share > 0.02 && spent > 1 ? (spent / share) * (1 - share) : null;
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-2 rounded-lg border border-line bg-sunken px-4 py-3 text-13">
      <p role="status" className="font-medium">
        Reading {what}
      </p>
      <progress
        max={1}
        value={share}
        aria-label={`Reading ${what}`}
        className="h-1 min-w-32 flex-1 appearance-none overflow-hidden rounded-full bg-selected [&::-moz-progress-bar]:bg-ink-2 [&::-webkit-progress-bar]:bg-selected [&::-webkit-progress-value]:bg-ink-2"
      />
      <span className="text-ink-2 tabular-nums">
        {Math.floor(share * 100)}%{left !== null && ` · ${timeLeftWords(left)}`}
      </span>
      <Button size="sm" onClick={onStop}>
        Stop
      </Button>
    </div>
  );
}
