"use client";

import { useEffect, useRef } from "react";

/** Something that can be done on the page that is open, by its name. */
export interface Command {
  name: string;
  /** The key that does it too. */
  keys?: string;
  run: () => void;
}

const sources = new Set<() => readonly Command[]>();

/** Offers them in the palette for as long as the component is there. */
export function useCommands(commands: readonly Command[]) {
  const current = useRef(commands);
  useEffect(() => {
    current.current = commands;
  });
  useEffect(() => {
    const source = () => current.current;
    sources.add(source);
    return () => void sources.delete(source);
  }, []);
}

export const offeredCommands = (): readonly Command[] => [...sources].flatMap((source) => source());
