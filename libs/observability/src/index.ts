export { LOG_LEVELS, createLogger, loggerParams, type LoggerOptions, type LogLevel } from './logger';
export { requestIdOf } from './request-id';
export { Metrics, LATENESS_SECONDS, REQUEST_SECONDS, type MetricsOptions } from './metrics';
export { observeHttpRequests } from './http-requests';
export { childTraceparent, currentTraceparent, followTraceparent, withTraceparent } from './traceparent';
