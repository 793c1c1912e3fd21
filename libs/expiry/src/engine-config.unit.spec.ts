import { ConfigError, fromEnv, loadConfig } from '@holdfast/config';
import { withRedis } from '@holdfast/redis';
import { IsString } from 'class-validator';
import { withEngines } from './engine-config';

class Base {
  @fromEnv('HOLDFAST_NAME')
  @IsString()
  name: string = 'base';
}

class Example extends withEngines(withRedis(Base)) {
  @fromEnv('HOLDFAST_NAME')
  @IsString()
  override name: string = 'example';
}

it('are added to the settings of a class, which may still override its own', () => {
  expect(loadConfig(Example, {})).toEqual({
    name: 'example',
    redisUrl: 'redis://127.0.0.1:6379',
    redisKeyPrefix: '',
    expiryEngines: ['parking'],
    sqsEndpoint: undefined,
    sqsRegion: 'eu-central-1',
    sqsQueue: 'holdfast-timers',
  });
});

it('are read from the environment', () => {
  const env = {
    HOLDFAST_REDIS_URL: 'redis://a,b',
    HOLDFAST_EXPIRY_ENGINE: 'keyspace, parking',
    HOLDFAST_SQS_ENDPOINT: 'http://localhost:9324',
  };
  expect(loadConfig(Example, env)).toMatchObject({
    redisUrl: 'redis://a,b',
    expiryEngines: ['keyspace', 'parking'],
    sqsEndpoint: 'http://localhost:9324',
  });
});

it.each([
  ['HOLDFAST_EXPIRY_ENGINE', 'cron'],
  ['HOLDFAST_EXPIRY_ENGINE', 'sweep,sweep'],
  ['HOLDFAST_SQS_ENDPOINT', 'nowhere'],
  ['HOLDFAST_SQS_QUEUE', 'timers.fifo'],
])('refuse %s=%s', (variable, value) => {
  expect(() => loadConfig(Example, { [variable]: value })).toThrow(ConfigError);
});
