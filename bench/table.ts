import { cpus } from "node:os";

/** A line of the table. `met` says whether the target was reached; without one there is nothing to reach. */
export interface Line {
  what: string;
  size: string;
  result: string;
  target: string;
  met?: boolean;
}

export function print(lines: readonly Line[]): void {
  const mark = (line: Line) => (line.met === undefined ? "" : line.met ? " ✓" : " ✗");
  const rows = [
    ["what", "size", "result", "target"],
    ...lines.map((line) => [line.what, line.size, line.result, `${line.target}${mark(line)}`]),
  ];
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => (row[i] ?? "").length))) ?? [];
  const render = (row: string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  const ruler = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  const machine = `${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores, Node ${process.versions.node}`;
  console.log([render(head), ruler, ...body.map(render), "", machine].join("\n"));
}
