export { CannotListen } from './cannot-listen';
export { loadConfig, ConfigError, envNames, fromEnv } from './load-config';
export { IsServerUrl } from './is-server-url';
export { OperatorError } from './operator-error';
