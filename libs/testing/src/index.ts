export { eventually } from './eventually';
export { freePort } from './free-port';
export { testServers, type TestServers } from './servers';
export { testDatabase, type TestDatabase } from './test-database';
export { testVhost, type TestVhost } from './test-vhost';
export { testRedisPrefix } from './test-redis';
export { privatePostgres, privateRabbitmq, privateRedis, type PrivateServer } from './private-server';
export { ServiceProcess, type ServiceProcessOptions } from './service-process';
export { default as provideTestServers, stopProvided as stopTestServers } from './provide-servers';
