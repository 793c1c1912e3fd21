export { Database, Transaction, openDatabase, SESSION_SETTINGS, type DatabaseOptions, type Row } from './database';
export { withPostgres } from './postgres-config';
export { DatabaseUnavailable, isDatabaseUnavailable } from './unavailable';
export { migrate, type MigrationSet } from './migrate';
