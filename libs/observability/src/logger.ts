import type { IncomingMessage } from 'node:http';
import type { Params } from 'nestjs-pino';
import pino, { type DestinationStream, type Logger } from 'pino';
import { requestIdOf } from './request-id';
import { currentTraceparent } from './traceparent';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  service: string;
  level: LogLevel;
}

/** Never in a log, at the top of an object, one level or two levels down; written in every casing the wire uses. */
const SECRETS = [
  'authorization',
  'Authorization',
  'cookie',
  '["set-cookie"]',
  '["stripe-signature"]',
  'token',
  'accessToken',
  'password',
  'secret',
  'clientSecret',
  'client_secret',
  'card',
  'cardNumber',
  'number',
  'cvc',
  'paymentMethod',
  'payment_method',
];
const REDACTED = SECRETS.flatMap((secret) => {
  const key = secret.startsWith('[') ? secret : `.${secret}`;
  return [secret, `*${key}`, `*.*${key}`];
});

/** Called every few seconds by probes: logging them hides what matters. */
const QUIET_PATHS = /^\/(health|metrics)\b/;

/**
 * A logger that writes JSON lines with service name and trace id, secrets replaced.
 *
 * @param destination where lines go; standard output unless given
 */
export function createLogger(options: LoggerOptions, destination?: DestinationStream): Logger {
  const settings = {
    level: options.level,
    base: { service: options.service },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACTED, censor: '[redacted]' },
    formatters: { level: (label: string) => ({ level: label }) },
    mixin: () => {
      const traceparent = currentTraceparent();
      return traceparent ? { traceId: traceparent.split('-')[1] } : {};
    },
  };
  return destination ? pino(settings, destination) : pino(settings);
}

/**
 * Parameters for `LoggerModule.forRoot` of nestjs-pino: {@link createLogger} plus one line per request with its id.
 * Requests that end well or by an expected refusal are logged at `debug`: on the hold path a line each is a cost.
 */
export function loggerParams(options: LoggerOptions, destination?: DestinationStream): Params {
  return {
    pinoHttp: {
      logger: createLogger(options, destination),
      genReqId: requestIdOf,
      autoLogging: { ignore: (request: IncomingMessage) => QUIET_PATHS.test(request.url ?? '') },
      quietReqLogger: true,
      customAttributeKeys: { reqId: 'requestId' },
      customLogLevel: (_request, response, error) => (error || response.statusCode >= 500 ? 'error' : 'debug'),
      serializers: {
        // Headers stay out: they carry credentials, and the id leads to the gateway's own log.
        req: (request: { method: string; url: string }) => ({ method: request.method, url: request.url }),
        res: (response: { statusCode: number }) => ({ statusCode: response.statusCode }),
      },
    },
  };
}
