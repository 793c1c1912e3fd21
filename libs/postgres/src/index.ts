export { Database, Transaction, openDatabase, SESSION_SETTINGS, type DatabaseOptions, type Row } from './database';
export { DatabaseUnavailable, isDatabaseUnavailable } from './unavailable';
export { migrate, type MigrationSet } from './migrate';
