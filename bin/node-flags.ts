/**
 * For every process of ours that works through many objects. Node gives objects as much memory as the machine seems to
 * have to spare, and tidies up late; a run makes millions of them, each short-lived, and needs a fraction of that.
 * `driftdesk` has the same in package.json.
 */
export const nodeFlags = ["--max-semi-space-size=8", "--heap-growing-percent=40"];

/** A build works through none, and hands its flags on to workers in a way that not every flag may go. */
export const flagsFor = (command: string | undefined): readonly string[] =>
  command === "build" ? [] : nodeFlags;
