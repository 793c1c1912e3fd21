import { fromEnv } from '@holdfast/config';
import { IsString } from 'class-validator';

export interface RedisSettings {
  redisUrl: string;
  redisKeyPrefix: string;
}

/** A configuration class with the settings of Redis added to those of `Base`: every service reads them the same way. */
export function withRedis<Settings extends object>(Base: new () => Settings): new () => Settings & RedisSettings {
  class WithRedis extends (Base as new () => object) implements RedisSettings {
    /** One address, or a comma list of cluster nodes. */
    @fromEnv('HOLDFAST_REDIS_URL')
    @IsString()
    redisUrl: string = 'redis://127.0.0.1:6379';

    /** Put before every key, where several systems share one Redis. */
    @fromEnv('HOLDFAST_REDIS_KEY_PREFIX')
    @IsString()
    redisKeyPrefix: string = '';
  }
  return WithRedis as new () => Settings & RedisSettings;
}
