export { LOG_LEVELS, createLogger, type LoggerOptions, type LogLevel } from './logger';
export { Metrics, LATENESS_SECONDS, REQUEST_SECONDS, type MetricsOptions } from './metrics';
export { logHttpRequests, observeHttpRequests, type ObserveRequest } from './http-requests';
export { childTraceparent, currentTraceparent, followTraceparent, withTraceparent } from './traceparent';
