import { CONFIRM_TIMEOUT_MS, OUTSTANDING_PUBLISHES_MAX } from './publisher';

/** The delays of a retried message; the last one repeats. */
export const RETRY_DELAYS_MS: readonly number[] = [1_000, 5_000, 30_000];
/** With the delays above a message is given up about four minutes after it came. */
export const ATTEMPTS_MAX = 10;
/** A dead link is noticed after about two heartbeats. */
export const HEARTBEAT_S = 10;
export const CONNECT_TIMEOUT_MS = 5_000;
export const RECONNECT_FIRST_MS = 200;
export const RECONNECT_MAX_MS = 5_000;
/** How long close() waits for handlers and confirms. What is still unacknowledged then is delivered to somebody else. */
const CLOSE_TIMEOUT_MS = 15_000;

/** Fits pino and Nest's pino logger. */
export interface BrokerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Carries the trace over the wire without knowing the tracer. */
export interface TraceHook {
  /** The current W3C `traceparent`, when there is a trace. */
  inject(): string | undefined;
  /** Runs a handler inside the trace its message came with. */
  run<T>(traceparent: string | undefined, handler: () => Promise<T>): Promise<T>;
}

export interface BrokerOptions {
  /** `amqp://user:password@host:port/vhost` */
  url: string;
  /** Shown in RabbitMQ's list of connections: the service's name. */
  name: string;
  log?: BrokerLog;
  trace?: TraceHook;
  confirmTimeoutMs?: number;
  outstandingMax?: number;
  retryDelaysMs?: readonly number[];
  closeTimeoutMs?: number;
}

export type BrokerSettings = Required<BrokerOptions>;

const silent: BrokerLog = { info: () => undefined, warn: () => undefined, error: () => undefined };
const untraced: TraceHook = { inject: () => undefined, run: (_traceparent, handler) => handler() };

/** The options with their defaults filled in. */
export function settingsOf(options: BrokerOptions): BrokerSettings {
  return {
    log: silent,
    trace: untraced,
    confirmTimeoutMs: CONFIRM_TIMEOUT_MS,
    outstandingMax: OUTSTANDING_PUBLISHES_MAX,
    retryDelaysMs: RETRY_DELAYS_MS,
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
    ...options,
  };
}
