import { readFileSync } from "node:fs";

/** A process by number and start: numbers are used again, the pair is not. */
export interface ProcessMark {
  pid: number;
  /** In the kernel's clock ticks; null where the system does not say. */
  startedAt: string | null;
}

export function markOf(pid: number): ProcessMark {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the command in brackets, and may hold blanks and brackets itself.
    return { pid, startedAt: stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null };
  } catch {
    return { pid, startedAt: null };
  }
}

export function isAlive(mark: ProcessMark): boolean {
  try {
    process.kill(mark.pid, 0);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  return mark.startedAt === null || markOf(mark.pid).startedAt === mark.startedAt;
}
