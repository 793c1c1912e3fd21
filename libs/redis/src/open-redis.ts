import { Cluster, Redis, type ClusterOptions, type RedisOptions as NodeOptions } from 'ioredis';
import { parseRedisUrl } from './redis-url';
import { RedisUnavailable } from './unavailable';

/** One server or a cluster: callers do not tell them apart, as long as the keys of one script share a hash tag. */
export type RedisClient = Redis | Cluster;

export interface RedisOptions {
  /** `redis://host:port`, or a comma list of cluster nodes. */
  url: string;
  /** Shown in CLIENT LIST, so that an operator sees who is connected. */
  connectionName: string;
  /** Put before every key; tests keep apart by it. Never a hash tag. */
  keyPrefix?: string;
  /** A command that takes longer is given up: Redis only helps, waiting for it is worse than going without. */
  commandTimeoutMs?: number;
}

const COMMAND_TIMEOUT_MS = 250;
const CONNECT_TIMEOUT_MS = 1_000;
/** How long a server may take to agree to the end of a connection before it is cut. */
const DISCONNECT_TIMEOUT_MS = 500;
const RECONNECT_FIRST_MS = 50;
const RECONNECT_MAX_MS = 1_000;

/**
 * Opens a connection for commands. It connects by itself, and again for ever after a loss; commands of one turn of
 * the event loop share one write. While Redis is away every command fails at once: nothing is queued, nothing is sent
 * twice. A lost connection never ends the process.
 */
export function openRedis(options: RedisOptions): RedisClient {
  const node: NodeOptions = {
    commandTimeout: options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS,
    autoResendUnfulfilledCommands: false,
  };
  return connect(options, node, { enableOfflineQueue: false, enableAutoPipelining: true });
}

/**
 * Opens a connection for subscriptions: they cannot share one with commands. Subscriptions are queued until Redis is
 * there and renewed after a loss; what was published meanwhile is not heard.
 */
export function openRedisSubscriber(options: Omit<RedisOptions, 'commandTimeoutMs'>): RedisClient {
  return connect(options, { maxRetriesPerRequest: null, autoResubscribe: true }, { enableOfflineQueue: true });
}

/**
 * Waits until the connection is up.
 *
 * @throws RedisUnavailable when it is not within `timeoutMs`; it goes on trying all the same
 */
export async function whenRedisReady(client: RedisClient, timeoutMs: number): Promise<void> {
  if (client.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const onReady = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      client.off('ready', onReady);
      reject(new RedisUnavailable(`not connected after ${timeoutMs} ms`));
    }, timeoutMs);
    client.once('ready', onReady);
  });
}

/**
 * Replaces a connection that no longer answers: behind a broken link TCP alone would notice after a quarter of an hour.
 * (Not ioredis's `socketTimeout`: in 5.11 its timer survives a reconnect and destroys the new, healthy connection,
 * redis/ioredis #2147.)
 */
export function renewRedis(client: RedisClient): void {
  if (client.status === 'ready') client.disconnect(true);
}

function connect(
  options: RedisOptions,
  forNode: NodeOptions,
  forBoth: Pick<ClusterOptions, 'enableOfflineQueue' | 'enableAutoPipelining'>,
): RedisClient {
  const address = parseRedisUrl(options.url);
  const { username, password } = address;
  const node: NodeOptions = {
    username,
    password,
    tls: address.tls ? {} : undefined,
    connectionName: options.connectionName,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    ...forNode,
  };
  const [first] = address.nodes;
  const client = address.cluster
    ? new Cluster(address.nodes, {
        keyPrefix: options.keyPrefix,
        clusterRetryStrategy: reconnectAfterMs,
        redisOptions: node,
        ...forBoth,
      })
    : new Redis({
        ...first,
        ...node,
        ...forBoth,
        db: address.database,
        keyPrefix: options.keyPrefix,
        retryStrategy: reconnectAfterMs,
      });
  // Without a listener a lost connection would end the process. Callers learn of it by their commands.
  client.on('error', () => undefined);
  return client;
}

/** Doubling and bounded, without end: Redis may be away for a night. */
function reconnectAfterMs(attempt: number): number {
  return Math.min(RECONNECT_FIRST_MS * 2 ** (attempt - 1), RECONNECT_MAX_MS);
}
