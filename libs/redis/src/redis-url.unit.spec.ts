import { parseRedisUrl } from './redis-url';

describe('Redis URL', () => {
  it('is one server with database, credentials and TLS', () => {
    expect(parseRedisUrl('rediss://guard:p%40ss@[::1]:6380/2')).toEqual({
      nodes: [{ host: '::1', port: 6380 }],
      cluster: false,
      username: 'guard',
      password: 'p@ss',
      database: 2,
      tls: true,
    });
    expect(parseRedisUrl('redis://localhost').nodes).toEqual([{ host: 'localhost', port: 6379 }]);
  });

  it('is a cluster when it is a list, with the scheme and credentials of its first node', () => {
    expect(parseRedisUrl('redis://:secret@a:7000, b:7001,redis://c')).toMatchObject({
      nodes: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 7001 },
        { host: 'c', port: 6379 },
      ],
      cluster: true,
      password: 'secret',
      tls: false,
    });
  });

  it.each(['', 'amqp://a', 'redis://', 'redis://a,,b'])('refuses %j without repeating it', (setting) => {
    expect(() => parseRedisUrl(setting)).toThrow('Redis URL must be redis://host:port');
  });
});
