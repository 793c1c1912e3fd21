export { loadConfig, ConfigError, envNames, fromEnv } from './load-config';
