export { loadConfig, ConfigError, envNames, fromEnv } from './load-config';
export { IsServerUrl } from './is-server-url';
