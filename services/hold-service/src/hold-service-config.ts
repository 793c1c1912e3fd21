import { withRabbitmq } from '@holdfast/broker';
import { fromEnv } from '@holdfast/config';
import { withEngines } from '@holdfast/expiry';
import { STALE_MAX_MS } from '@holdfast/guard';
import { HttpConfig } from '@holdfast/http';
import { withPostgres } from '@holdfast/postgres';
import { withRedis } from '@holdfast/redis';
import { IsInt, Max, Min } from 'class-validator';

/** Every setting of the hold-service. */
export class HoldServiceConfig extends withEngines(withRabbitmq(withRedis(withPostgres(HttpConfig)))) {
  override httpPort: number = 8081;
  override postgresConnectionsMax: number = 20;

  /** Holds written by one statement at most. */
  @fromEnv('HOLDFAST_GROUP_COMMIT_BATCH_MAX')
  @IsInt()
  @Min(1)
  @Max(500)
  groupCommitBatchMax: number = 50;

  /** Holds that may wait for their write, per event; beyond it requests are answered with 503 at once. */
  @fromEnv('HOLDFAST_GROUP_COMMIT_QUEUE_MAX')
  @IsInt()
  @Min(1)
  @Max(100_000)
  groupCommitQueueMax: number = 2_000;

  /** A hold is answered with 503 after this long; until then one whose commit is unknown, because Postgres went away, is asked again. */
  @fromEnv('HOLDFAST_GROUP_COMMIT_ANSWER_WITHIN_MS')
  @IsInt()
  @Min(100)
  @Max(20_000)
  groupCommitAnswerWithinMs: number = 4_000;

  /** How old what a refusal by this process rests on may be, in milliseconds; 0 turns the map of taken seats off. */
  @fromEnv('HOLDFAST_TAKEN_MAP_MS')
  @IsInt()
  @Min(0)
  @Max(STALE_MAX_MS)
  takenMapMs: number = STALE_MAX_MS;
}
