import { DriftdeskError } from "../errors.ts";
import type { LocalColumn } from "./catalog.ts";

/**
 * Spells a JavaScript value as Postgres text that the column takes, or null. Numbers in time columns are Unix
 * seconds, as Stripe has them; an expanded object in a text column is its id. Whatever the column cannot hold
 * throws `value_does_not_fit` here, for one row, instead of breaking a statement with thousands of rows.
 */
export function encodeValue(value: unknown, column: LocalColumn): string | null {
  if (value === null || value === undefined) return null;
  if (column.array) return encodeArray(value, column);
  return encodeScalar(value, column);
}

function doesNotFit(value: unknown, column: LocalColumn, why: string): DriftdeskError {
  const shown = typeof value === "object" ? JSON.stringify(value) : String(value);
  const short = shown.length > 80 ? `${shown.slice(0, 77)}…` : shown;
  return new DriftdeskError(
    "value_does_not_fit",
    `Column "${column.name}" (${column.type}) cannot hold ${JSON.stringify(short)}: ${why}.`,
  );
}

function encodeScalar(value: unknown, column: LocalColumn): string {
  switch (column.base) {
    case "bool":
      return encodeBoolean(value, column);
    case "int2":
      return encodeInteger(value, column, 16n);
    case "int4":
      return encodeInteger(value, column, 32n);
    case "int8":
      return encodeInteger(value, column, 64n);
    case "numeric":
      return encodeNumeric(value, column);
    case "float4":
    case "float8":
      if (typeof value === "number" || (typeof value === "string" && decimal.test(value)))
        return String(value);
      throw doesNotFit(value, column, "it is not a number");
    case "date":
    case "timestamp":
    case "timestamptz":
      return encodeTime(value, column);
    case "uuid":
      if (typeof value === "string" && uuid.test(value)) return value.toLowerCase();
      throw doesNotFit(value, column, "it is not a UUID");
    case "json":
    case "jsonb":
      return encodeJson(value, column);
    default:
      return encodeText(value, column);
  }
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const uuid = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

function encodeBoolean(value: unknown, column: LocalColumn): string {
  if (value === true || value === 1 || value === "true" || value === "t") return "true";
  if (value === false || value === 0 || value === "false" || value === "f") return "false";
  throw doesNotFit(value, column, "it is neither true nor false");
}

function encodeInteger(value: unknown, column: LocalColumn, bits: bigint): string {
  if (typeof value === "number" && !Number.isSafeInteger(value))
    throw doesNotFit(value, column, "it is not a whole number");
  if (
    typeof value !== "number" &&
    typeof value !== "bigint" &&
    !(typeof value === "string" && /^-?\d+$/.test(value))
  )
    throw doesNotFit(value, column, "it is not a whole number");
  const whole = BigInt(value);
  const limit = 1n << (bits - 1n);
  if (whole < -limit || whole >= limit) throw doesNotFit(value, column, "it is out of range");
  return whole.toString();
}

function encodeNumeric(value: unknown, column: LocalColumn): string {
  const text =
    typeof value === "number" || typeof value === "bigint" || typeof value === "string" ? String(value) : "";
  if (!decimal.test(text)) throw doesNotFit(value, column, "it is not a number");
  if (column.precision !== undefined) {
    const whole = column.precision - (column.scale ?? 0);
    // Rounded first, as Postgres does: 999.999 does not fit numeric(5,2).
    const rounded = Math.abs(Number(Number(text).toFixed(Math.min(Math.max(column.scale ?? 0, 0), 100))));
    if (rounded >= 10 ** whole) throw doesNotFit(value, column, "it has too many digits");
  }
  return text;
}

function encodeTime(value: unknown, column: LocalColumn): string {
  const plainDate = typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value);
  const time =
    value instanceof Date
      ? value
      : typeof value === "number"
        ? new Date(value * 1000)
        : typeof value === "string" && /^\d{4}-\d{2}-\d{2}/.test(value)
          ? // Without a zone of its own a time is UTC, never this machine's zone.
            new Date(
              plainDate || /(Z|[+-]\d{2}:?\d{2})$/i.test(value) ? value : `${value.replace(" ", "T")}Z`,
            )
          : new Date(Number.NaN);
  if (Number.isNaN(time.getTime())) throw doesNotFit(value, column, "it is not a time");
  const year = time.getUTCFullYear();
  if (year < 1 || year > 9999) throw doesNotFit(value, column, "its year is out of range");
  return column.base === "date" ? time.toISOString().slice(0, 10) : time.toISOString();
}

function encodeJson(value: unknown, column: LocalColumn): string {
  const text = JSON.stringify(value);
  if (text === undefined) throw doesNotFit(String(value), column, "it is not JSON");
  if (column.base === "jsonb" && text.includes("\\u0000"))
    throw doesNotFit(value, column, "jsonb takes no NUL character");
  return text;
}

function encodeText(value: unknown, column: LocalColumn): string {
  const text = textOf(value, column);
  if (text.includes("\0")) throw doesNotFit(value, column, "text takes no NUL character");
  if (column.enumLabels && !column.enumLabels.includes(text))
    throw doesNotFit(value, column, `its values are ${column.enumLabels.join(", ")}`);
  // Postgres counts characters, not UTF-16 units, and forgives trailing blanks.
  const length = column.maxLength === undefined ? 0 : [...text.replace(/ +$/, "")].length;
  if (column.maxLength !== undefined && length > column.maxLength)
    throw doesNotFit(value, column, `it has ${length} characters`);
  return text;
}

function textOf(value: unknown, column: LocalColumn): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint")
    return String(value);
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "object" && value !== null && "id" in value && typeof value.id === "string")
    return value.id;
  throw doesNotFit(value, column, "it is not text");
}

function encodeArray(value: unknown, column: LocalColumn): string {
  if (!Array.isArray(value)) throw doesNotFit(value, column, "it is not a list");
  const element: LocalColumn = { ...column, array: false };
  const items = value.map((item) => {
    const text = encodeValue(item, element);
    return text === null ? "NULL" : `"${text.replace(/["\\]/g, (character) => `\\${character}`)}"`;
  });
  return `{${items.join(",")}}`;
}
