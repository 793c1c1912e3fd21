/** Where Redis is: one server, or the entrances of a cluster. */
export interface RedisAddress {
  nodes: { host: string; port: number }[];
  cluster: boolean;
  username?: string;
  password?: string;
  /** Database number; a cluster has only 0. */
  database: number;
  tls: boolean;
}

const DEFAULT_PORT = 6379;

/**
 * Reads the one Redis setting: `redis://user:password@host:6379/0`, or several nodes of a cluster as a comma list,
 * `redis://user:password@a:6379,b:6379,c:6379`. `rediss://` speaks TLS. Credentials of the first node hold for all.
 *
 * @throws Error that names what is wrong, never the value: it may carry a password
 */
export function parseRedisUrl(setting: string): RedisAddress {
  const parts = setting.split(',').map((part) => part.trim());
  const scheme = parts[0]?.startsWith('rediss://') ? 'rediss://' : 'redis://';
  const urls = parts.map((part) => parseNode(part.includes('://') ? part : scheme + part));
  const [first] = urls;
  if (!first) throw new Error('Redis URL is empty');
  return {
    nodes: urls.map((url) => ({ host: hostOf(url), port: Number(url.port) || DEFAULT_PORT })),
    cluster: urls.length > 1,
    username: decodeURIComponent(first.username) || undefined,
    password: decodeURIComponent(first.password) || undefined,
    database: Number(first.pathname.slice(1)) || 0,
    tls: first.protocol === 'rediss:',
  };
}

function parseNode(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.hostname || !['redis:', 'rediss:'].includes(url.protocol)) {
    throw new Error('Redis URL must be redis://host:port, rediss://host:port, or a comma list of them');
  }
  return url;
}

/** An IPv6 host is written in brackets in a URL and without them to a socket. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}
