/** Postgres could not be reached, or went away before it answered: the caller may try again, the outcome is unknown. */
export class DatabaseUnavailable extends Error {
  constructor(cause: unknown) {
    super('Postgres is not available', { cause });
    this.name = 'DatabaseUnavailable';
  }
}

const CONNECTION_CLASSES = ['08', '57P', '53'];
const SOCKET_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

/** Whether an error of the driver means "the server is away or overloaded" rather than "the statement is wrong". */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof DatabaseUnavailable) return true;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string') {
    // A cancelled statement (57014) ran into its time limit: the server is there but too slow to answer.
    return SOCKET_CODES.has(code) || CONNECTION_CLASSES.some((prefix) => code.startsWith(prefix));
  }
  return /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/.test(
    error.message,
  );
}
