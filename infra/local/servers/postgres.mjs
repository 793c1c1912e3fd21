import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findProgram, run } from '../run-command.mjs';

const DEBIAN_VERSIONS = '/usr/lib/postgresql';
const HOMEBREW_FOLDERS = ['/opt/homebrew/bin', '/usr/local/bin', '/usr/pgsql/bin'];
const ADMIN = 'postgres';
const ANSWER_TIMEOUT_MS = 1_000;

/** Durable as in production: fsync stays on. Enough connections for every pool of the services and the tests. */
const SETTINGS = {
  max_connections: '400',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  password_encryption: 'scram-sha-256',
};
const settingArgs = (further = {}) =>
  Object.entries({ ...SETTINGS, ...further }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

export const postgres = {
  name: 'postgres',
  title: 'Postgres',
  givenBy: 'HOLDFAST_POSTGRES_URL',
  image: { variable: 'HOLDFAST_POSTGRES_IMAGE', official: 'postgres:17-alpine' },
  debianPackage: 'postgresql',
  account: 'postgres',
  portNames: ['postgres'],

  /** Debian keeps the server programs of every version out of PATH. An existing cluster decides the version. */
  find(dataFolder) {
    const clusterVersion = readText(join(dataFolder, 'postgres', 'cluster', 'PG_VERSION'))?.trim();
    const versions = existsSync(DEBIAN_VERSIONS)
      ? readdirSync(DEBIAN_VERSIONS).sort((a, b) => Number(b) - Number(a))
      : [];
    const folders = versions
      .filter((version) => !clusterVersion || version === clusterVersion)
      .map((version) => join(DEBIAN_VERSIONS, version, 'bin'));
    const server = findProgram('postgres', [...folders, ...HOMEBREW_FOLDERS]);
    const initdb = findProgram('initdb', [...folders, ...HOMEBREW_FOLDERS]);
    return server && initdb ? { server, initdb } : undefined;
  },

  /** Makes the cluster on first use. */
  program({ programs, folder, ports, secrets, account, postgresSettings }) {
    const cluster = join(folder, 'cluster');
    if (!existsSync(join(cluster, 'PG_VERSION'))) createCluster(programs.initdb, { folder, cluster, secrets, account });
    return {
      command: programs.server,
      args: [
        ...['-D', cluster, '-p', String(ports.postgres)],
        // No socket file: its path may be longer than the system allows, and /tmp belongs to everybody.
        ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
        ...settingArgs(postgresSettings),
      ],
      env: { HOME: folder },
      // "Fast" shutdown: open connections are ended instead of waited for.
      stopSignal: 'SIGINT',
    };
  },

  container: ({ secrets, ports, postgresSettings }) => ({
    publish: { [ports.postgres]: 5432 },
    volumes: { data: '/var/lib/postgresql/holdfast' },
    env: { POSTGRES_PASSWORD: secrets.postgresAdmin, PGDATA: '/var/lib/postgresql/holdfast/data' },
    args: ['postgres', ...settingArgs(postgresSettings)],
  }),

  addresses: ({ ports, secrets }) => {
    const url = (user, password, database) => `postgres://${user}:${password}@127.0.0.1:${ports.postgres}/${database}`;
    return {
      adminUrl: url(ADMIN, secrets.postgresAdmin, 'postgres'),
      url: url('holdfast', secrets.postgresOwner, 'holdfast'),
      holdUrl: url('holdfast_hold', secrets.postgresHold, 'holdfast'),
      paymentUrl: url('holdfast_payment', secrets.postgresPayment, 'holdfast'),
      expiryUrl: url('holdfast_expiry', secrets.postgresExpiry, 'holdfast'),
      webhookUrl: url('holdfast_webhook', secrets.postgresWebhook, 'holdfast'),
    };
  },

  isReady: ({ ports }) => asksForPassword(ports.postgres),
  setUp: async () => {},
};

function createCluster(initdb, { folder, cluster, secrets, account }) {
  // A creation that was interrupted left half a cluster, which initdb would refuse.
  rmSync(cluster, { recursive: true, force: true });
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, secrets.postgresAdmin, { mode: 0o600 });
  mkdirSync(cluster, { mode: 0o700 });
  if (account) for (const path of [passwordFile, cluster]) chownSync(path, account.uid, account.gid);
  const made = run(
    initdb,
    [
      ...['-D', cluster, '-U', ADMIN, '--auth=scram-sha-256', `--pwfile=${passwordFile}`],
      ...['--encoding=UTF8', '--locale=C', '--no-instructions'],
    ],
    { cwd: folder, uid: account?.uid, gid: account?.gid, env: { HOME: folder, PATH: process.env.PATH ?? '' } },
  );
  rmSync(passwordFile, { force: true });
  if (made.ok) return;
  rmSync(cluster, { recursive: true, force: true });
  throw new Error(`Postgres could not create its data folder:\n${made.stderr.trim()}`);
}

/**
 * A starting server accepts connections long before it answers queries. One that is ready answers a start-up message
 * with `R`, the request for a password; a starting one with `E`.
 */
function asksForPassword(port) {
  return new Promise((resolve) => {
    const parameters = Buffer.from(`user\0${ADMIN}\0database\0postgres\0\0`);
    const head = Buffer.alloc(8);
    head.writeInt32BE(head.length + parameters.length, 0);
    head.writeInt32BE(3 << 16, 4); // protocol 3.0
    const socket = connect({ port, host: '127.0.0.1', timeout: ANSWER_TIMEOUT_MS });
    const answer = (ready) => {
      socket.destroy();
      resolve(ready);
    };
    socket.once('connect', () => socket.write(Buffer.concat([head, parameters])));
    socket.once('data', (data) => answer(data[0] === 'R'.charCodeAt(0)));
    for (const event of ['error', 'timeout', 'close']) socket.once(event, () => answer(false));
  });
}

function readText(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
