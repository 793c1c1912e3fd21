import { withRabbitmq } from '@holdfast/broker';
import { fromEnv } from '@holdfast/config';
import { withEngines } from '@holdfast/expiry';
import { ServerConfig } from '@holdfast/http';
import { withPostgres } from '@holdfast/postgres';
import { withRedis } from '@holdfast/redis';
import { IsInt, IsString, Max, Min, MinLength } from 'class-validator';

/** Every setting of the expiry-worker. It listens for health and metrics only. */
export class ExpiryWorkerConfig extends withEngines(withRabbitmq(withRedis(withPostgres(ServerConfig)))) {
  override httpPort: number = 8083;

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
