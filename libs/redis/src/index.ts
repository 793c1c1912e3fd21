export {
  openRedis,
  openRedisSubscriber,
  renewRedis,
  whenRedisReady,
  type RedisClient,
  type RedisOptions,
} from './open-redis';
export { withRedis } from './redis-config';
export { loadScript, runScript, type Script } from './script';
