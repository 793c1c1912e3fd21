import { createHash } from 'node:crypto';
import { chownSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findProgram } from '../run-command.mjs';

const ANSWER_TIMEOUT_MS = 1_000;

/** 1.9 million held or booked seats, at 280 bytes each. In the words of Redis's own `maxmemory`. */
const MEMORY_MAX = '512mb';

/** A service may use data and scripts; it may not reconfigure, flush or spy on the server. INFO is how a client asks whether it is ready. */
const SERVICE_RIGHTS = '~* &* +@all -@admin -@dangerous +info';

/**
 * Redis holds nothing that Postgres does not know: it says an early "no". So it keeps nothing on disk, and a restart
 * begins empty; what that costs is a few questions to Postgres. For the same reason its memory has a bound, and what was
 * not used for long makes room: docs/decisions/032-bounded-redis.md.
 */
const directives = (secrets, keyspaceEvents) => [
  ['save', ''],
  ['appendonly', 'no'],
  ['maxmemory', process.env.HOLDFAST_REDIS_MEMORY_MAX || MEMORY_MAX],
  ['maxmemory-policy', 'volatile-lru'],
  // The engine `keyspace` hears of expired keys; the services may not configure that themselves.
  ...(keyspaceEvents ? [['notify-keyspace-events', 'Ex']] : []),
  ['user', ...`default on ${hashed(secrets.redisAdmin)} ~* &* +@all`.split(' ')],
  ['user', ...`hold-service on ${hashed(secrets.redisHold)} ${SERVICE_RIGHTS}`.split(' ')],
  ['user', ...`expiry-worker on ${hashed(secrets.redisExpiry)} ${SERVICE_RIGHTS}`.split(' ')],
];

/** The server needs only the hash, so the password shows up in no file and no process list. */
const hashed = (password) => `#${createHash('sha256').update(password).digest('hex')}`;

export const redis = {
  name: 'redis',
  title: 'Redis',
  givenBy: 'HOLDFAST_REDIS_URL',
  image: { variable: 'HOLDFAST_REDIS_IMAGE', official: 'redis:8-alpine' },
  debianPackage: 'redis-server',
  account: 'redis',
  portNames: ['redis'],

  find() {
    const server = findProgram('redis-server', ['/usr/bin', '/opt/homebrew/bin', '/usr/local/bin']);
    return server ? { server } : undefined;
  },

  program({ programs, folder, ports, secrets, account, keyspaceEvents }) {
    const file = join(folder, 'redis.conf');
    const lines = [
      ['port', ports.redis],
      ['bind', '127.0.0.1'],
      ['dir', folder],
      ['daemonize', 'no'],
      ...directives(secrets, keyspaceEvents),
    ].map(([name, ...values]) => `${name} ${values.map((value) => (value === '' ? '""' : value)).join(' ')}`);
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
    if (account) chownSync(file, account.uid, account.gid);
    return { command: programs.server, args: [file], env: { HOME: folder } };
  },

  container: ({ secrets, ports, keyspaceEvents }) => ({
    publish: { [ports.redis]: 6379 },
    volumes: {},
    env: {},
    // As one argument per directive, quoted as in its configuration file.
    args: [
      'redis-server',
      ...directives(secrets, keyspaceEvents).flatMap(([name, ...values]) => [`--${name}`, ...values]),
    ],
  }),

  addresses: ({ ports, secrets }) => {
    const url = (user, password) => `redis://${user}:${password}@127.0.0.1:${ports.redis}`;
    return {
      url: url('default', secrets.redisAdmin),
      holdUrl: url('hold-service', secrets.redisHold),
      expiryUrl: url('expiry-worker', secrets.redisExpiry),
    };
  },

  isReady: ({ ports, secrets }) => pings(ports.redis, secrets.redisAdmin),
  setUp: async () => {},
};

function pings(port, password) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: ANSWER_TIMEOUT_MS });
    const answer = (ready) => {
      socket.destroy();
      resolve(ready);
    };
    let heard = '';
    socket.once('connect', () => socket.write(`AUTH ${password}\r\nPING\r\n`));
    socket.on('data', (data) => {
      heard += data;
      if (heard.includes('+PONG')) answer(true);
      if (heard.includes('-')) answer(false);
    });
    for (const event of ['error', 'timeout', 'close']) socket.once(event, () => answer(false));
  });
}
