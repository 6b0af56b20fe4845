import { once } from "node:events";

/** What a command answers, for people and for pipes. Waits where the reader is slower. */
export async function print(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, "drain");
}

/** What a command says about itself; a pipe does not get it. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;
