/** The look of a link that acts as a tab (`aria-current="page"`). */
export const tabStyle =
  "relative inline-flex h-9 items-center gap-1.5 whitespace-nowrap px-1 text-13 text-ink-3 transition-colors duration-100 after:absolute after:inset-x-0 after:-bottom-px after:h-0.5 after:bg-transparent hover:text-ink aria-[current=page]:font-medium aria-[current=page]:text-ink aria-[current=page]:after:bg-ink";
