import postgres, { type Sql } from "postgres";

export interface ConnectOptions {
  /** Connections at most. */
  max?: number;
  applicationName?: string;
  /** Connections that nobody used for so long are closed. */
  idleSeconds?: number;
  /** The server breaks off what takes longer. */
  statementTimeoutMs?: number;
}

/** Of a session, so that `column::text` is one canonical text everywhere, whatever the server's or the role's own settings are. */
export const spellingSettings = {
  TimeZone: "UTC",
  DateStyle: "ISO, YMD",
  IntervalStyle: "postgres",
  extra_float_digits: 1,
  bytea_output: "hex",
} as const;

/**
 * A pool whose sessions all spell values the same way. int8 is parsed to a number: our ids and amounts stay far below 2^53.
 */
export function connect(url: string, options: ConnectOptions = {}): Sql {
  return postgres(url, {
    max: options.max ?? 10,
    onnotice: () => {},
    ...(options.idleSeconds !== undefined && { idle_timeout: options.idleSeconds }),
    connection: {
      application_name: options.applicationName ?? "driftdesk",
      ...spellingSettings,
      // Of a process that was stopped, or whose machine went away, in the middle of a transaction: its locks go.
      idle_in_transaction_session_timeout: 60_000,
      ...(options.statementTimeoutMs !== undefined && { statement_timeout: options.statementTimeoutMs }),
    },
    types: {
      bigint: { to: 20, from: [20], parse: Number, serialize: String },
    },
  }) as unknown as Sql;
}

/** Whether a query failed because its connection broke or could not be made, rather than for what it asked. */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return false;
  // Class 08: connections. 57P01 to 57P03: the server stops, crashed, or is not up yet. 53300: it has none left. The rest: the
  // driver and the system.
  return /^(08\w{3}|57P0[123]|53300|CONNECTION_\w+|CONNECT_TIMEOUT|ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|ENETUNREACH)$/.test(
    error.code,
  );
}
