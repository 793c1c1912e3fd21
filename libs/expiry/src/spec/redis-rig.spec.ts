import { openRedis, openRedisSubscriber, whenRedisReady, type RedisClient } from '@holdfast/redis';
import { testRedisPrefix, testServers } from '@holdfast/testing';
import type { EngineRig } from '../engine-contract.spec';

const READY_MS = 20_000;

/** Keys with a prefix of their own, and two connections for each process that the contract plays. */
export async function redisRig(url = testServers().redisUrl): Promise<EngineRig> {
  const keyPrefix = testRedisPrefix();
  const clients: RedisClient[] = [];
  const open = (client: RedisClient) => {
    clients.push(client);
    return client;
  };
  const all = openRedis({ url, connectionName: 'rig' });
  await whenRedisReady(all, READY_MS);
  return {
    async connect(who) {
      const from = clients.length;
      const options = { url, connectionName: who, keyPrefix };
      const commands = open(openRedis(options));
      await whenRedisReady(commands, READY_MS);
      return {
        parts: { redis: { commands, openSubscriber: () => open(openRedisSubscriber(options)), keyPrefix } },
        cut: () => {
          for (const client of clients.slice(from)) client.disconnect();
          return Promise.resolve();
        },
      };
    },
    async leftBehind() {
      const keys = await all.keys(`${keyPrefix}*`);
      const index = keys.filter((key) => key.endsWith(':pending'));
      const entries = await Promise.all(index.map((key) => all.zcard(key)));
      return keys.length - index.length + entries.reduce((sum, count) => sum + count, 0);
    },
    close() {
      for (const client of [all, ...clients]) client.disconnect();
      return Promise.resolve();
    },
  };
}
