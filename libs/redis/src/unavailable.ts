/** Redis could not be reached in time. What became of the command is unknown; nothing rests on it. */
export class RedisUnavailable extends Error {
  constructor(reason: string) {
    super(`Redis is not available: ${reason}`);
    this.name = 'RedisUnavailable';
  }
}

const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);
/** What ioredis says when a connection is missing, breaks, or stays silent, and when no cluster node answers. */
const CLIENT_MESSAGES =
  /Connection is closed|Stream isn't writeable|Command timed out|Socket timeout|Failed to refresh slots cache|None of startup nodes|Too many Cluster redirections/;
/** Replies of a server that is up but not able to serve: starting, failing over, full, or unable to persist. */
const SERVER_REPLIES = /^(LOADING|CLUSTERDOWN|MASTERDOWN|READONLY|TRYAGAIN|OOM|MISCONF|BUSY|NOREPLICAS) /;

/** Whether an error means "Redis is away, slow or not able to serve" rather than "the command is wrong". */
export function isRedisUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof RedisUnavailable || error.name === 'MaxRetriesPerRequestError') return true;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && SOCKET_CODES.has(code)) return true;
  return CLIENT_MESSAGES.test(error.message) || SERVER_REPLIES.test(error.message);
}
