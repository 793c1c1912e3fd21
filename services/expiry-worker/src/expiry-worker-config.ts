import { fromEnv } from '@holdfast/config';
import { EXPIRY_ENGINES, type ExpiryEngineName } from '@holdfast/expiry';
import { ServerConfig } from '@holdfast/http';
import { IsIn, IsInt, IsString, Max, Min } from 'class-validator';

/** Every setting of the expiry-worker. It listens for health and metrics only. */
export class ExpiryWorkerConfig extends ServerConfig {
  @fromEnv('HOLDFAST_HTTP_PORT')
  @IsInt()
  @Min(0)
  @Max(65_535)
  override httpPort: number = 8083;

  @fromEnv('HOLDFAST_POSTGRES_URL')
  @IsString()
  postgresUrl: string = 'postgres://holdfast@127.0.0.1:5432/holdfast';

  /** Connections to Postgres at most: releases of several events run side by side. */
  @fromEnv('HOLDFAST_POSTGRES_CONNECTIONS_MAX')
  @IsInt()
  @Min(1)
  @Max(1_000)
  postgresConnectionsMax: number = 10;

  @fromEnv('HOLDFAST_RABBITMQ_URL')
  @IsString()
  rabbitmqUrl: string = 'amqp://guest:guest@127.0.0.1:5672';

  /** What wakes the worker at a hold's deadline; the hold-service must run with the same engine. */
  @fromEnv('HOLDFAST_EXPIRY_ENGINE')
  @IsIn(EXPIRY_ENGINES)
  expiryEngine: ExpiryEngineName = 'parking';
}
