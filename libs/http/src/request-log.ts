import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Params } from 'nestjs-pino';

const REQUEST_ID = /^[\w.-]{1,100}$/;

/** Asked every few seconds by machines: their lines would bury the rest. */
const QUIET_PATHS = ['/health/', '/metrics'];

/** One JSON line per request, with its id; the gateway's X-Request-Id is kept. Never headers, which carry tokens. */
export function requestLog(service: string, level: string): Params {
  return {
    pinoHttp: {
      name: service,
      level,
      genReqId: (request) => requestId(request),
      autoLogging: { ignore: (request) => QUIET_PATHS.some((path) => request.url?.startsWith(path)) },
      serializers: {
        req: (request: { id: string; method: string; url: string }) => ({
          id: request.id,
          method: request.method,
          url: request.url,
        }),
        res: (response: { statusCode: number }) => ({ statusCode: response.statusCode }),
      },
      customLogLevel: (_request, response, error) => (error || response.statusCode >= 500 ? 'warn' : 'info'),
    },
  };
}

function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
