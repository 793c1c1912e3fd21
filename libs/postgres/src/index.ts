export { Database, Transaction, openDatabase, type DatabaseOptions, type Row } from './database';
export { DatabaseUnavailable, isDatabaseUnavailable } from './unavailable';
export { migrate, type MigrationSet } from './migrate';
