export {
  openRedis,
  openRedisSubscriber,
  renewRedis,
  whenRedisReady,
  type RedisClient,
  type RedisOptions,
} from './open-redis';
export { loadScript, runScript, type Script } from './script';
