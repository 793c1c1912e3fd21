import pino, { type DestinationStream, type Logger } from 'pino';
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
