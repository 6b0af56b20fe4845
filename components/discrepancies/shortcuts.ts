"use client";

import { useEffect, useRef, useSyncExternalStore } from "react";
import { flushSync } from "react-dom";

const storageKey = "driftdesk.shortcuts";
const changed = new EventTarget();

function subscribe(listener: () => void) {
  changed.addEventListener("change", listener);
  return () => changed.removeEventListener("change", listener);
}
const read = () => window.localStorage.getItem(storageKey) !== "off";

/** Keys of one letter can be switched off: for those who dictate, or whose screen reader needs them. */
export const useShortcutsOn = () => useSyncExternalStore(subscribe, read, () => true);

export function switchShortcuts(on: boolean) {
  if (on) window.localStorage.removeItem(storageKey);
  else window.localStorage.setItem(storageKey, "off");
  changed.dispatchEvent(new Event("change"));
}

/** Answers false when the key was not for it, which leaves it to the browser. */
type Act = () => boolean;

/** Keys by their `KeyboardEvent.key`, with "Shift+" before those that have a name. Not while somebody types, and not under a dialog or a menu. */
export function useShortcuts(keys: Readonly<Record<string, Act>>) {
  const on = useShortcutsOn();
  const current = useRef(keys);
  useEffect(() => {
    current.current = keys;
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
      if (event.key.length === 1 && event.key !== " " && !on) return;
      if (isElsewhere(event.target)) return;
      const act = current.current[nameOf(event)];
      // At once: the next key may be there before the page is drawn again, and has to start from where this one led.
      const taken = act !== undefined && flushSync(act);
      if (taken) event.preventDefault();
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, [on]);
}

/** Shift makes a capital, whatever the lock for capitals does. */
function nameOf({ key, shiftKey }: KeyboardEvent): string {
  if (key.length > 1) return shiftKey ? `Shift+${key}` : key;
  return shiftKey ? key.toUpperCase() : key.toLowerCase();
}

const isElsewhere = (target: EventTarget | null) =>
  target instanceof Element &&
  target.closest("input, textarea, select, [contenteditable], [role=dialog], [role=menu], [role=listbox]") !==
    null;
