import type { ImportFindingKind, ImportKind } from "@/lib/db/schema.ts";

export const kindWords: Record<ImportKind, string> = {
  subscriptions: "Export of subscriptions",
  customers: "Export of customers",
  payments: "Export of payments",
  payouts: "Export of payouts",
  list: "Pasted list",
};

export const findingWords: Record<ImportFindingKind, { title: string; meaning: string }> = {
  ambiguous: {
    title: "Could mean several records",
    meaning: "Nothing was guessed. Look the customer up and decide by hand.",
  },
  newer_here: {
    title: "Our record is newer than the file",
    meaning:
      "It was changed after the file was exported, so it may be right already. It is marked, and left out when many are corrected at once.",
  },
  known_better: {
    title: "Stripe itself said something newer",
    meaning: "A later check asked Stripe about this record; that word stands.",
  },
  unmatched: {
    title: "No record of ours",
    meaning: "Nothing of ours has this id or address. Where that matters, a full run says so.",
  },
  other_account: {
    title: "From the other mode",
    meaning: "The line is of test mode and this desk of live mode, or the other way round.",
  },
};

export const delimiterWords: Record<string, string> = {
  ",": "commas",
  ";": "semicolons",
  "\t": "tabs",
  "|": "vertical bars",
};

/** `size` in bytes. */
export const sizeText = (size: number) =>
  size < 1_000
    ? `${size} bytes`
    : size < 1_000_000
      ? `${Math.round(size / 1_000)} kB`
      : `${(size / 1_000_000).toFixed(1)} MB`;
