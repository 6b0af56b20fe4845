/** An error that a person can meet: the message says what happened, where, and what to do. Tests and docs go by `code`. */
export class DriftdeskError extends Error {
  readonly code: string;
  /** HTTP status when a route answers with it. */
  readonly status: number;
  constructor(code: string, message: string, options: { cause?: unknown; status?: number } = {}) {
    super(message, { cause: options.cause });
    this.name = "DriftdeskError";
    this.code = code;
    this.status = options.status ?? 500;
  }
}
