import type { z } from "zod";
import { didYouMean } from "./nearest.ts";

/** One mistake: where in the config, what was found there, and what to do about it. */
export interface ConfigIssue {
  path: string;
  message: string;
}

/** zod's issues in the words of people who write configs. Parse with `reportInput`, else what was found cannot be named. */
export function describeIssues(
  schema: z.core.$ZodType,
  issues: readonly z.core.$ZodIssue[],
  within: readonly string[] = [],
): ConfigIssue[] {
  return issues.flatMap((issue) => {
    const path = [...within, ...issue.path].map(String).join(".");
    if (issue.code === "unrecognized_keys") {
      const known = keysAt(schema, issue.path);
      return issue.keys.map((key) => ({
        path: path === "" ? key : `${path}.${key}`,
        message: `there is no such setting${didYouMean(key, known) || `; there are ${known.join(", ")}`}`,
      }));
    }
    if (issue.code === "invalid_key")
      return issue.issues.map(({ message }) => ({
        path,
        message: `found ${show(issue.path.at(-1))}: ${message}`,
      }));
    // Objects and functions say nothing when they are printed; what is refused by a rule about several settings, neither.
    const shown = show(issue.input);
    const found = issue.input === undefined ? "is missing" : shown === null ? null : `found ${shown}`;
    const expected = issue.message.replace(/^Invalid (input|option): /, "").replace(/, received .*$/, "");
    return [{ path, message: found === null ? expected : `${found}: ${expected}${near(issue)}` }];
  });
}

function near(issue: z.core.$ZodIssue): string {
  if (issue.code !== "invalid_value" || typeof issue.input !== "string") return "";
  return didYouMean(issue.input, issue.values.map(String));
}

function show(input: unknown): string | null {
  if (typeof input === "function") return "a function";
  if (typeof input === "bigint" || typeof input === "symbol") return String(input);
  if (Array.isArray(input)) return "a list";
  if (typeof input === "object" && input !== null) return null;
  const text = JSON.stringify(input) ?? String(input);
  // Somebody's key in the place of its variable's name: it must not be told to a terminal or a log.
  if (/[a-z]k_(live|test)_/.test(text)) return "a Stripe key";
  if (text.includes("whsec_")) return "a signing secret";
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** The settings that exist where a path leads. */
function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  if (def.type === "default" || def.type === "prefault" || def.type === "optional" || def.type === "readonly")
    return keysAt(def.innerType, path);
  const [first, ...rest] = path;
  if (def.type === "object") {
    if (first === undefined) return Object.keys(def.shape);
    const next = def.shape[String(first)];
    return next ? keysAt(next, rest) : [];
  }
  if (def.type === "record") return keysAt(def.valueType, rest);
  if (def.type === "array") return keysAt(def.element, rest);
  return [];
}
