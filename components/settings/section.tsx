import type { ReactNode } from "react";

/** A titled part of a long page: what it is on the left, the thing itself on the right. */
export function Section({
  id,
  title,
  text,
  action,
  children,
}: {
  id: string;
  title: string;
  text: ReactNode;
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section
      aria-labelledby={id}
      className="grid gap-x-10 gap-y-4 border-t border-line px-4 py-8 md:px-6 xl:grid-cols-[15rem_minmax(0,1fr)]"
    >
      <div>
        <h2 id={id} className="text-14 font-semibold">
          {title}
        </h2>
        <p className="mt-1 text-13 text-pretty text-ink-2">{text}</p>
        {action && <div className="mt-3">{action}</div>}
      </div>
      <div className="min-w-0">{children}</div>
    </section>
  );
}
