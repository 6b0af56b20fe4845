import { Skeleton } from "@/components/ui/skeleton.tsx";

const lines = ["w-3/5", "w-4/5", "w-2/5", "w-3/4", "w-1/2", "w-2/3", "w-3/5", "w-1/3"];

export default function Loading() {
  return (
    <div role="status" aria-label="Loading" className="px-4 py-6 md:px-6">
      <Skeleton className="h-7 w-64" />
      <Skeleton className="mt-3 h-4 w-96 max-w-full" />
      <div className="mt-8 flex flex-col">
        {lines.map((width, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: they stand for rows that are not there yet.
          <div key={index} className="flex h-10 items-center border-t border-line">
            <Skeleton className={`h-3 ${width}`} />
          </div>
        ))}
      </div>
    </div>
  );
}
