/** Postgres could not be reached, or went away before it answered: the caller may try again, the outcome is unknown. */
export class DatabaseUnavailable extends Error {
  constructor(cause: unknown) {
    super('Postgres is not available', { cause });
    this.name = 'DatabaseUnavailable';
  }
}

/** Connection exceptions, shut-down, too few resources; and a statement cancelled at its time limit (57014). */
const UNAVAILABLE_CODES = ['08', '57P', '53', '57014'];
const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);

/** Whether an error of the driver means "the server is away or overloaded" rather than "the statement is wrong". */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable) return true;
  if (typeof error !== 'object' || error === null) return false;
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string') {
    return SOCKET_CODES.has(code) || UNAVAILABLE_CODES.some((prefix) => code.startsWith(prefix));
  }
  return /Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error/.test(
    String(message),
  );
}
