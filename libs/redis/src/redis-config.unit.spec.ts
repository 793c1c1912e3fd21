import { loadConfig } from '@holdfast/config';
import { withRedis } from './redis-config';

const load = (url: string) => loadConfig(withRedis(class {}), { HOLDFAST_REDIS_URL: url }).redisUrl;

it.each(['redis://127.0.0.1:6379', 'rediss://me:secret@redis.example', 'redis://one:6379,two:6379', 'localhost:6379'])(
  'takes %s',
  (url) => expect(load(url)).toBe(url),
);

it.each(['http://me:secret@localhost', 'redis://', 'redis://me:secret@localhost:port'])(
  'refuses %s, naming the variable and never the value',
  (url) => {
    expect(() => load(url)).toThrow(
      'Configuration is not valid:\n' +
        '  - HOLDFAST_REDIS_URL: it must be redis://host:port, rediss://host:port, or a comma list of them',
    );
  },
);
