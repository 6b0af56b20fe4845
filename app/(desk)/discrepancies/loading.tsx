import { Skeleton } from "@/components/ui/skeleton.tsx";

const rows = ["w-44", "w-52", "w-40", "w-48", "w-36", "w-52", "w-44", "w-40", "w-48", "w-36"];

export default function Loading() {
  return (
    <div role="status" aria-label="Loading the list" className="px-4 pt-5 md:px-6">
      <Skeleton className="h-7 w-60" />
      <Skeleton className="mt-2 h-4 w-72 max-w-full" />
      <div className="mt-4 flex gap-6 border-b border-line pb-3">
        {["w-14", "w-16", "w-18", "w-12"].map((width) => (
          <Skeleton key={width} className={`h-4 ${width}`} />
        ))}
      </div>
      <div className="mt-3 flex gap-3">
        <Skeleton className="h-8 w-60" />
        <Skeleton className="h-8 w-80 max-sm:hidden" />
      </div>
      <div className="mt-5">
        {rows.map((width, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: they stand for rows that are not there yet.
          <div key={index} className="flex h-11 items-center gap-6 border-t border-line">
            <Skeleton className={`h-3 ${width}`} />
            <Skeleton className="h-3 w-48 max-md:hidden" />
            <Skeleton className="ml-auto h-4 w-24" />
          </div>
        ))}
      </div>
    </div>
  );
}
