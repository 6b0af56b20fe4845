// Verifies the history, in a process of its own, so that its memory is nobody else's. Says on one line how it went.
import { verifyAudit } from "../lib/audit/verify.ts";
import { openRecords } from "../lib/desk.ts";

export interface AuditReport {
  ok: boolean;
  length: number;
  seconds: number;
  peakBytes: number;
}

const records = await openRecords();
const began = performance.now();
const { ok, length } = await verifyAudit(records.sql);
const report: AuditReport = {
  ok,
  length,
  seconds: (performance.now() - began) / 1_000,
  peakBytes: process.resourceUsage().maxRSS * 1_024,
};
await records.close();
process.stdout.write(`${JSON.stringify(report)}\n`);
