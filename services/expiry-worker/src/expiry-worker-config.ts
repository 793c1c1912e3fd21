import { fromEnv, IsServerUrl } from '@holdfast/config';
import { withEngines } from '@holdfast/expiry';
import { ServerConfig } from '@holdfast/http';
import { withRedis } from '@holdfast/redis';
import { IsInt, IsString, Max, Min, MinLength } from 'class-validator';

/** Every setting of the expiry-worker. It listens for health and metrics only. */
export class ExpiryWorkerConfig extends withEngines(withRedis(ServerConfig)) {
  @fromEnv('HOLDFAST_HTTP_PORT')
  @IsInt()
  @Min(0)
  @Max(65_535)
  override httpPort: number = 8083;

  @fromEnv('HOLDFAST_POSTGRES_URL')
  @IsServerUrl('postgres', 'postgresql')
  postgresUrl: string = 'postgres://holdfast@127.0.0.1:5432/holdfast';

  /** Connections to Postgres at most: releases of several events run side by side. */
  @fromEnv('HOLDFAST_POSTGRES_CONNECTIONS_MAX')
  @IsInt()
  @Min(1)
  @Max(1_000)
  postgresConnectionsMax: number = 10;

  @fromEnv('HOLDFAST_RABBITMQ_URL')
  @IsServerUrl('amqp', 'amqps')
  rabbitmqUrl: string = 'amqp://guest:guest@127.0.0.1:5672';

  /** How often the engine `sweep` looks for holds that have run out, in milliseconds. Under it the sweeper rests. */
  @fromEnv('HOLDFAST_SWEEP_EVERY_MS')
  @IsInt()
  @Min(10)
  @Max(3_600_000)
  sweepEveryMs: number = 1_000;

  /** Folder of the journal that the engine `timing-wheel` restores its timers from. It must outlive the process. */
  @fromEnv('HOLDFAST_TIMER_JOURNAL')
  @IsString()
  @MinLength(1)
  timerJournal: string = '.local/timer-journal';
}
