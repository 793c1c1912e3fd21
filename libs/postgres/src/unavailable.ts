/**
 * Postgres could not be reached, went away before it answered, or takes no writes: the caller may try again, the outcome is
 * unknown.
 */
export class DatabaseUnavailable extends Error {
  /** @param cause what the driver said, or why, in words */
  constructor(cause: unknown) {
    super(`Postgres is not available: ${reasonOf(cause)}`, { cause });
    this.name = 'DatabaseUnavailable';
  }
}

/**
 * Connection exceptions, shut-down, too few resources; a statement cancelled at its time limit (57014); a disk that fails
 * (58030); and a server that only reads (25006), as the old primary does after a fail-over.
 */
const UNAVAILABLE_CODES = ['08', '57P', '53', '57014', '58030', '25006'];
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

/** Several addresses of one name are tried together: their error has a code and no words. */
function reasonOf(cause: unknown): string {
  const { message, code } = cause instanceof Error ? (cause as NodeJS.ErrnoException) : { message: String(cause) };
  return message || (code ?? 'no reason given');
}
