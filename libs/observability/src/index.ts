export { LOG_LEVELS, createLogger, type LoggerOptions, type LogLevel } from './logger';
export { Metrics, LATENESS_SECONDS, type MetricDescription, type MetricsOptions } from './metrics';
export { logHttpRequests, observeHttpRequests, type ObserveRequest } from './http-requests';
export { SeldomLines } from './seldom-lines';
export { currentTraceparent, followTraceparent, withTraceparent } from './traceparent';
