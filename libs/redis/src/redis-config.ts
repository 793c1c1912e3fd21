import { fromEnv } from '@holdfast/config';
import { IsString, ValidateBy } from 'class-validator';
import { parseRedisUrl } from './redis-url';

export interface RedisSettings {
  redisUrl: string;
  redisKeyPrefix: string;
}

/** A configuration class with the settings of Redis added to those of `Base`: every service reads them the same way. */
export function withRedis<Settings extends object>(Base: new () => Settings): new () => Settings & RedisSettings {
  class WithRedis extends (Base as new () => object) implements RedisSettings {
    /** One address, or a comma list of cluster nodes. */
    @fromEnv('HOLDFAST_REDIS_URL')
    @IsRedisUrl()
    redisUrl: string = 'redis://127.0.0.1:6379';

    /** Put before every key, where several systems share one Redis. */
    @fromEnv('HOLDFAST_REDIS_KEY_PREFIX')
    @IsString()
    redisKeyPrefix: string = '';
  }
  return WithRedis as new () => Settings & RedisSettings;
}

function IsRedisUrl(): PropertyDecorator {
  return ValidateBy({
    name: 'isRedisUrl',
    validator: {
      validate: (value) => typeof value === 'string' && isRedisUrl(value),
      defaultMessage: () => 'it must be redis://host:port, rediss://host:port, or a comma list of them',
    },
  });
}

function isRedisUrl(text: string): boolean {
  try {
    return parseRedisUrl(text).nodes.length > 0;
  } catch {
    return false;
  }
}
