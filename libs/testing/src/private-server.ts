import { LocalProvisioner, type ServerName } from './local-provisioner';

/** A server for one spec file alone, to be stopped, killed and paused. It comes back at the same address with its data. */
export interface PrivateServer {
  /** Postgres: a superuser in the database `postgres`. RabbitMQ: an administrator in the virtual host `holdfast`. */
  url: string;
  /** RabbitMQ's management interface, with credentials. */
  apiUrl?: string;
  /** Again, after `stop` or `kill`; waits until it is ready. */
  start(): Promise<void>;
  /** As an operator would. */
  stop(): Promise<void>;
  /** SIGKILL to the server and everything below it. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Stops it for good and deletes its data. Call in `afterAll`. */
  drop(): Promise<void>;
}

/** Ready in about a second. Keeps nothing over a restart, like the product's. */
export const privateRedis = (): Promise<PrivateServer> => privateServer('redis');

/** Ready in about two seconds. */
export const privatePostgres = (): Promise<PrivateServer> => privateServer('postgres');

/** Takes 5 to 15 seconds: one for a whole spec file, in `beforeAll` with a time limit of its own. */
export const privateRabbitmq = (): Promise<PrivateServer> => privateServer('rabbitmq');

async function privateServer(name: ServerName): Promise<PrivateServer> {
  const [provisioner, addresses] = await LocalProvisioner.start([name]);
  const { url, adminUrl, apiUrl } = addresses[name];
  return {
    url: adminUrl ?? url,
    apiUrl,
    start: () => provisioner.command('start', name),
    stop: () => provisioner.command('stop', name),
    kill: () => provisioner.command('kill', name),
    pause: () => provisioner.command('pause', name),
    resume: () => provisioner.command('resume', name),
    drop: () => provisioner.end(),
  };
}
