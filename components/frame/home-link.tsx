"use client";

import Link from "next/link";
import type { ComponentProps } from "react";
import { useInView } from "./accounts.tsx";
import { withAccount } from "./with-account.ts";

/** To the overview of what is in view. */
export function HomeLink(props: Omit<ComponentProps<typeof Link>, "href">) {
  return <Link href={withAccount("/", useInView().id)} {...props} />;
}
