import { withRabbitmq } from '@holdfast/broker';
import { ConfigError, fromEnv, loadConfig } from '@holdfast/config';
import { withPostgres } from '@holdfast/postgres';
import { withRedis } from '@holdfast/redis';
import { IsString } from 'class-validator';
import { withEngines } from './engine-config';

class Base {
  @fromEnv('HOLDFAST_NAME')
  @IsString()
  name: string = 'base';
}

class Example extends withEngines(withRabbitmq(withRedis(withPostgres(Base)))) {
  override name: string = 'example';
  override postgresConnectionsMax: number = 20;
}

it('are added to the settings of a class, which may still override its own', () => {
  expect(loadConfig(Example, {})).toEqual({
    name: 'example',
    postgresUrl: 'postgres://holdfast@127.0.0.1:5432/holdfast',
    postgresConnectionsMax: 20,
    rabbitmqUrl: 'amqp://guest:guest@127.0.0.1:5672',
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
    HOLDFAST_NAME: 'another',
    HOLDFAST_POSTGRES_CONNECTIONS_MAX: '30',
    HOLDFAST_REDIS_URL: 'redis://a,b',
    HOLDFAST_EXPIRY_ENGINE: 'keyspace, parking',
    HOLDFAST_SQS_ENDPOINT: 'http://localhost:9324',
  };
  expect(loadConfig(Example, env)).toMatchObject({
    name: 'another',
    postgresConnectionsMax: 30,
    redisUrl: 'redis://a,b',
    expiryEngines: ['keyspace', 'parking'],
    sqsEndpoint: 'http://localhost:9324',
  });
});

it.each([
  ['HOLDFAST_POSTGRES_CONNECTIONS_MAX', '0'],
  ['HOLDFAST_EXPIRY_ENGINE', 'cron'],
  ['HOLDFAST_EXPIRY_ENGINE', 'sweep,sweep'],
  ['HOLDFAST_SQS_ENDPOINT', 'nowhere'],
  ['HOLDFAST_SQS_QUEUE', 'timers.fifo'],
])('refuse %s=%s', (variable, value) => {
  expect(() => loadConfig(Example, { [variable]: value })).toThrow(ConfigError);
});
