import { fromEnv, IsServerUrl } from '@holdfast/config';
import { IsInt, Max, Min } from 'class-validator';
import { CONNECTIONS_MAX } from './database';

export interface PostgresSettings {
  postgresUrl: string;
  postgresConnectionsMax: number;
}

/** A configuration class with the settings of Postgres added to those of `Base`: every service reads them the same way. */
export function withPostgres<Settings extends object>(Base: new () => Settings): new () => Settings & PostgresSettings {
  class WithPostgres extends (Base as new () => object) implements PostgresSettings {
    @fromEnv('HOLDFAST_POSTGRES_URL')
    @IsServerUrl('postgres', 'postgresql')
    postgresUrl: string = 'postgres://holdfast@127.0.0.1:5432/holdfast';

    /** Connections to Postgres at most. */
    @fromEnv('HOLDFAST_POSTGRES_CONNECTIONS_MAX')
    @IsInt()
    @Min(1)
    @Max(1_000)
    postgresConnectionsMax: number = CONNECTIONS_MAX;
  }
  return WithPostgres as new () => Settings & PostgresSettings;
}
