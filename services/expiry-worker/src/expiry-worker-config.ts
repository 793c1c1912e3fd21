import { fromEnv } from '@holdfast/config';
import { EXPIRY_ENGINES, readEngineNames, type ExpiryEngineName } from '@holdfast/expiry';
import { ServerConfig } from '@holdfast/http';
import { Transform } from 'class-transformer';
import { ArrayUnique, IsIn, IsInt, IsOptional, IsString, IsUrl, Matches, Max, Min, MinLength } from 'class-validator';

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

  /** One address, or a comma list of cluster nodes. */
  @fromEnv('HOLDFAST_REDIS_URL')
  @IsString()
  redisUrl: string = 'redis://127.0.0.1:6379';

  /** Put before every key, where several systems share one Redis. */
  @fromEnv('HOLDFAST_REDIS_KEY_PREFIX')
  @IsString()
  redisKeyPrefix: string = '';

  /** What wakes the worker at a hold's deadline: it listens to every engine of the list. */
  @fromEnv('HOLDFAST_EXPIRY_ENGINE')
  @Transform(({ value }) => readEngineNames(value))
  @IsIn(EXPIRY_ENGINES, { each: true })
  @ArrayUnique()
  expiryEngines: [ExpiryEngineName, ...ExpiryEngineName[]] = ['parking'];

  /** For the engine `sqs`: its address, where it is not Amazon's own of the region. Credentials come by the AWS SDK's own ways. */
  @fromEnv('HOLDFAST_SQS_ENDPOINT')
  @IsOptional()
  @IsUrl({ require_tld: false, protocols: ['http', 'https'], require_protocol: true })
  sqsEndpoint?: string;

  /** For the engine `sqs`: the AWS region. */
  @fromEnv('HOLDFAST_SQS_REGION')
  @IsString()
  sqsRegion: string = 'eu-central-1';

  /** For the engine `sqs`: name of the standard queue; made when it is not there. */
  @fromEnv('HOLDFAST_SQS_QUEUE')
  @Matches(/^[\w-]{1,80}$/)
  sqsQueue: string = 'holdfast-timers';

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
