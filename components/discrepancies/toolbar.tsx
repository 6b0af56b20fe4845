"use client";

import type { ReactTable } from "@tanstack/react-table";
import { Bookmark, Layers, Search, X } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { causes, impacts, kinds } from "@/lib/db/schema.ts";
import type { Facets } from "@/lib/discrepancies/facets.ts";
import { ageSteps } from "@/lib/discrepancies/filter.ts";
import type { DiscrepancyRow } from "@/lib/discrepancies/list.ts";
import type { Count } from "@/lib/discrepancies/totals.ts";
import { ColumnMenu } from "../data-table/column-menu.tsx";
import { FacetFilter, type FacetOption } from "../data-table/facet-filter.tsx";
import type { DataTableFeatures } from "../data-table/features.ts";
import { causeWords, count, impactWords, kindWords, resourceTitle } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import { cn } from "../ui/cn.ts";
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuItem,
  DropdownMenuTrigger,
} from "../ui/dropdown-menu.tsx";
import { Input } from "../ui/input.tsx";
import { isFiltered, type ListParams, listHref, noFilter } from "./search-params.ts";
import type { useListParams } from "./use-list-params.ts";
import { viewOf, views } from "./views.ts";

interface ToolbarProps {
  table: ReactTable<DataTableFeatures, DiscrepancyRow>;
  list: ReturnType<typeof useListParams>;
  resources: readonly string[];
  total: Count;
  /** Changes when the list was read again. */
  stamp: number;
}

/** What narrows the list down, how it is shown, and how many match. */
export function Toolbar({ table, list, resources, total, stamp }: ToolbarProps) {
  const { params, narrow } = list;
  return (
    <div className="flex flex-wrap items-center gap-x-1 gap-y-2 px-4 py-2.5 @4xl:px-6">
      <search className="relative mr-1 w-full @2xl:w-44 @5xl:w-60">
        <Search aria-hidden className="pointer-events-none absolute top-2 left-2.5 size-4 text-ink-3" />
        <Input
          type="search"
          aria-label="Search this list"
          placeholder="Customer or id"
          maxLength={200}
          value={params.search}
          onChange={(event) => list.type(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "ArrowDown") return;
            event.preventDefault();
            document.querySelector<HTMLElement>("[data-opens]")?.focus();
          }}
          className="pl-8"
          data-search
        />
      </search>
      <Filters list={list} resources={resources} stamp={stamp} />
      {params.bulk !== null && (
        <Button
          variant="secondary"
          className="gap-1 bg-selected px-2 font-normal shadow-none"
          aria-label={`Bulk ${params.bulk}: remove this filter`}
          onClick={() => narrow({ bulk: null })}
        >
          <span className="text-ink-3">Bulk</span> <span className="font-medium">{params.bulk}</span>
          <X aria-hidden className="size-3! text-ink-3" />
        </Button>
      )}
      {params.import !== null && (
        <Button
          variant="secondary"
          className="gap-1 bg-selected px-2 font-normal shadow-none"
          aria-label={`By the word of file ${params.import}: remove this filter`}
          onClick={() => narrow({ import: null })}
        >
          <span className="text-ink-3">File</span> <span className="font-medium">{params.import}</span>
          <X aria-hidden className="size-3! text-ink-3" />
        </Button>
      )}
      {isFiltered(params) && (
        <Button variant="quiet" className="gap-1 px-2" onClick={() => narrow(noFilter)}>
          <X aria-hidden /> Clear
        </Button>
      )}
      <div className="ml-auto flex items-center max-@2xl:w-full max-@2xl:justify-between">
        <p aria-live="polite" className="pr-2 pl-1 text-13 whitespace-nowrap text-ink-2">
          {count(total.count)}
          {total.more && "+"} {total.count === 1 ? "matches" : "match"}
        </p>
        <span className="flex items-center">
          <Button
            variant="quiet"
            size="sm"
            aria-pressed={params.grouped}
            className={cn(params.grouped && "bg-selected text-ink")}
            onClick={() => narrow({ grouped: params.grouped ? null : true })}
          >
            <Layers aria-hidden /> Group by change
          </Button>
          <ViewsMenu narrow={narrow} />
          <span className="hidden @2xl:inline">
            <ColumnMenu table={table} />
          </span>
        </span>
      </div>
    </div>
  );
}

function Filters({
  list: { params, narrow },
  resources,
  stamp,
}: Pick<ToolbarProps, "list" | "resources" | "stamp">) {
  const { facets, load } = useFacets(params, stamp);
  const counted = (name: keyof Facets, value: string): Count | undefined =>
    facets?.[name].find((facet) => facet.value === value) ??
    (facets && { count: 0, more: facets[name].some(({ more }) => more) });
  const option = (name: keyof Facets, value: string, label: string): FacetOption => ({
    value,
    label,
    count: counted(name, value),
  });
  return (
    <>
      <FacetFilter
        title="Impact"
        options={impacts.map((impact) => option("impact", impact, impactWords[impact].long))}
        chosen={params.impact}
        onOpen={load}
        onChange={(impact) => narrow({ impact: impact as ListParams["impact"] })}
      />
      <FacetFilter
        title="Cause"
        options={causes.map((cause) => option("cause", cause, causeWords[cause].long))}
        chosen={params.cause}
        onOpen={load}
        onChange={(cause) => narrow({ cause: cause as ListParams["cause"] })}
      />
      <FacetFilter
        title="Resource"
        options={resources.map((name) => option("resource", name, resourceTitle(name)))}
        chosen={params.resource}
        onOpen={load}
        onChange={(resource) => narrow({ resource })}
      />
      <FacetFilter
        title="Kind"
        options={kinds.map((kind) => option("kind", kind, kindWords[kind].long))}
        chosen={params.kind}
        onOpen={load}
        onChange={(kind) => narrow({ kind: kind as ListParams["kind"] })}
      />
      <FacetFilter
        title="Change"
        options={[
          ...(facets?.change ?? []).map(({ value }) => option("change", value, value)),
          ...params.change
            .filter((value) => !facets?.change.some((facet) => facet.value === value))
            .map((value) => option("change", value, value)),
        ]}
        chosen={params.change}
        onOpen={load}
        onChange={(change) => narrow({ change })}
      />
      <FacetFilter
        title="Age"
        single
        options={ageSteps.map((hours) => option("age", String(hours), ageWords[hours]))}
        chosen={params.age > 0 ? [String(params.age)] : []}
        onOpen={load}
        onChange={([hours]) => narrow({ age: hours ? Number(hours) : null })}
      />
    </>
  );
}

const ageWords: Record<(typeof ageSteps)[number], string> = {
  1: "Older than an hour",
  24: "Older than a day",
  72: "Older than 3 days",
  168: "Older than a week",
  720: "Older than 30 days",
};

/** Filters that people come back to. */
function ViewsMenu({ narrow }: { narrow: ToolbarProps["list"]["narrow"] }) {
  return (
    <DropdownMenu>
      <DropdownMenuTrigger asChild>
        <Button variant="quiet" size="sm">
          <Bookmark aria-hidden /> Views
        </Button>
      </DropdownMenuTrigger>
      <DropdownMenuContent align="end">
        {views.map(({ name, filter }) => (
          <DropdownMenuItem key={name} onSelect={() => narrow(viewOf(filter))}>
            {name}
          </DropdownMenuItem>
        ))}
      </DropdownMenuContent>
    </DropdownMenu>
  );
}

/** Counted when a filter is opened, and again when the list has changed since. */
function useFacets(params: ListParams, stamp: number) {
  const query = listHref({ ...params, cursor: null, id: null, sort: null, direction: null, grouped: null });
  const [wanted, setWanted] = useState(false);
  const [counted, setCounted] = useState<{ query: string; facets: Facets } | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what changed by then is counted again.
  useEffect(() => {
    if (!wanted) return;
    const gone = new AbortController();
    fetch(`/discrepancies/facets${query}`, { signal: gone.signal })
      .then(async (response) => {
        if (response.ok) setCounted({ query, facets: await response.json() });
      })
      // Without the numbers the filters still work.
      .catch(() => undefined);
    return () => gone.abort();
  }, [wanted, query, stamp]);
  const load = useCallback(() => setWanted(true), []);
  return { facets: counted?.facets, load };
}
