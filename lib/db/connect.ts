import postgres, { type Sql } from "postgres";

export interface ConnectOptions {
  /** Connections at most. */
  max?: number;
  applicationName?: string;
}

/**
 * A pool whose sessions all spell values the same way (`column::text` is one canonical text everywhere), whatever the
 * server's or the role's own settings are. int8 is parsed to a number: our ids and amounts stay far below 2^53.
 */
export function connect(url: string, options: ConnectOptions = {}): Sql {
  return postgres(url, {
    max: options.max ?? 10,
    onnotice: () => {},
    connection: {
      application_name: options.applicationName ?? "driftdesk",
      TimeZone: "UTC",
      DateStyle: "ISO, YMD",
      IntervalStyle: "postgres",
      extra_float_digits: 1,
      bytea_output: "hex",
    },
    types: {
      bigint: { to: 20, from: [20], parse: Number, serialize: String },
    },
  }) as unknown as Sql;
}
