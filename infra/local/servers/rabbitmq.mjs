import { chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { accepts } from '../ports.mjs';
import { findProgram } from '../run-command.mjs';

const NODE_NAME = 'holdfast@localhost';
const ADMIN = 'holdfast-admin';
const VHOST = 'holdfast';
const ANSWER_TIMEOUT_MS = 3_000;
/** The Erlang machine and its plugins take 5 to 15 s on two busy cores; a first start writes its database as well. */
const READY_TIMEOUT_MS = 120_000;

const DELAYED_PLUGIN = 'rabbitmq_delayed_message_exchange';
const DEBIAN_HOME = '/usr/lib/rabbitmq';
const FOLDERS = [`${DEBIAN_HOME}/bin`, '/opt/homebrew/sbin', '/usr/local/sbin', '/opt/rabbitmq/sbin'];

/**
 * How a quorum queue forwards messages that ran out, which is how the engine `parking` waits: 32 at a time unless told
 * otherwise, and a forward that failed is tried again after three minutes. The same in docker-compose.yml.
 */
const DEAD_LETTERING =
  '-rabbit dead_letter_worker_consumer_prefetch 512 -rabbit dead_letter_worker_publisher_confirm_timeout 10000';

/** Users of the services and what they may touch: each one only the virtual host, none of them the management. */
const serviceUsers = (secrets) => ({
  'hold-service': secrets.rabbitmqHold,
  'payment-service': secrets.rabbitmqPayment,
  'expiry-worker': secrets.rabbitmqExpiry,
});

export const rabbitmq = {
  name: 'rabbitmq',
  title: 'RabbitMQ',
  givenBy: 'HOLDFAST_RABBITMQ_URL',
  image: { variable: 'HOLDFAST_RABBITMQ_IMAGE', official: 'rabbitmq:4-management' },
  debianPackage: 'rabbitmq-server',
  account: 'rabbitmq',
  portNames: ['amqp', 'rabbitmqApi', 'rabbitmqDistribution', 'epmd'],
  readyTimeoutMs: READY_TIMEOUT_MS,

  /** RabbitMQ's own start script. The one in Debian's /usr/sbin insists on the system's instance. */
  find() {
    const server = findProgram('rabbitmq-server', FOLDERS);
    const epmd = findProgram('epmd', ['/usr/bin', '/opt/homebrew/bin', '/usr/local/bin']);
    return server && epmd ? { server, epmd } : undefined;
  },

  program({ programs, folder, ports, secrets, account, delayedExchange }) {
    const inside = (name) => join(folder, name);
    const home = inside('home');
    mkdirSync(home, { recursive: true });
    const plugins = ['rabbitmq_management'];
    if (delayedExchange && pluginIsThere(programs.server)) plugins.push(DELAYED_PLUGIN);
    const files = {
      'rabbitmq.conf': [
        `listeners.tcp.1 = 127.0.0.1:${ports.amqp}`,
        'management.tcp.ip = 127.0.0.1',
        `management.tcp.port = ${ports.rabbitmqApi}`,
        `default_user = ${ADMIN}`,
        `default_pass = ${secrets.rabbitmqAdmin}`,
        `default_vhost = ${VHOST}`,
      ].join('\n'),
      enabled_plugins: `[${plugins.join(',')}].`,
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(inside(name), `${text}\n`, { mode: 0o600 });
    if (account) for (const name of ['home', ...Object.keys(files)]) chownSync(inside(name), account.uid, account.gid);

    return {
      command: programs.server,
      args: [],
      // The start script is given its whole environment: an instance of the machine must not show through.
      env: {
        HOME: home,
        ERL_EPMD_PORT: String(ports.epmd),
        ERL_EPMD_ADDRESS: '127.0.0.1',
        RABBITMQ_NODENAME: NODE_NAME,
        RABBITMQ_DIST_PORT: String(ports.rabbitmqDistribution),
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-kernel inet_dist_use_interface {127,0,0,1} ${DEAD_LETTERING}`,
        RABBITMQ_CONF_ENV_FILE: '/dev/null',
        RABBITMQ_CONFIG_FILE: inside('rabbitmq.conf'),
        RABBITMQ_ADVANCED_CONFIG_FILE: inside('advanced.config'),
        RABBITMQ_ENABLED_PLUGINS_FILE: inside('enabled_plugins'),
        RABBITMQ_MNESIA_BASE: inside('mnesia'),
        RABBITMQ_LOG_BASE: inside('log'),
        RABBITMQ_GENERATED_CONFIG_DIR: inside('config'),
        RABBITMQ_PID_FILE: inside('pid'),
      },
      // Erlang's port mapper would be started as a daemon that outlives everybody: it is a process of ours instead.
      before: {
        name: 'Erlang port mapper',
        command: programs.epmd,
        args: ['-port', String(ports.epmd), '-address', '127.0.0.1'],
        env: { HOME: home },
        isReady: () => accepts(ports.epmd),
      },
    };
  },

  container: ({ secrets, ports, delayedExchange }) => ({
    publish: { [ports.amqp]: 5672, [ports.rabbitmqApi]: 15672 },
    volumes: { data: '/var/lib/rabbitmq' },
    // The node's name, and with it the place of its data, comes from the host's name.
    hostname: 'holdfast',
    env: {
      RABBITMQ_DEFAULT_USER: ADMIN,
      RABBITMQ_DEFAULT_PASS: secrets.rabbitmqAdmin,
      RABBITMQ_DEFAULT_VHOST: VHOST,
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: DEAD_LETTERING,
    },
    args: [],
    afterStart: delayedExchange ? ['sh', '-c', `rabbitmq-plugins enable ${DELAYED_PLUGIN} || true`] : undefined,
  }),

  addresses: ({ ports, secrets }) => {
    const url = (user, password) => `amqp://${user}:${password}@127.0.0.1:${ports.amqp}/${VHOST}`;
    const users = serviceUsers(secrets);
    return {
      url: url(ADMIN, secrets.rabbitmqAdmin),
      apiUrl: `http://${ADMIN}:${secrets.rabbitmqAdmin}@127.0.0.1:${ports.rabbitmqApi}`,
      holdUrl: url('hold-service', users['hold-service']),
      paymentUrl: url('payment-service', users['payment-service']),
      expiryUrl: url('expiry-worker', users['expiry-worker']),
    };
  },

  isReady: async ({ ports, secrets }) => {
    if (!(await accepts(ports.amqp))) return false;
    const answer = await call(ports, secrets, 'GET', `/api/aliveness-test/${VHOST}`).catch(() => undefined);
    // Newer brokers dropped the aliveness test; one that answers at all to our user is up.
    return answer?.ok || answer?.status === 404;
  },

  /** Makes the services' users; the same again does no harm. */
  setUp: async ({ ports, secrets }) => {
    for (const [user, password] of Object.entries(serviceUsers(secrets))) {
      await expectOk(ports, secrets, `/api/users/${user}`, { password, tags: '' });
      const rights = { configure: '.*', write: '.*', read: '.*' };
      await expectOk(ports, secrets, `/api/permissions/${VHOST}/${user}`, rights);
    }
  },
};

async function expectOk(ports, secrets, path, body) {
  const answer = await call(ports, secrets, 'PUT', path, body);
  if (!answer.ok) throw new Error(`RabbitMQ's management refused PUT ${path} with status ${answer.status}.`);
}

function call(ports, secrets, method, path, body) {
  const authorization = `Basic ${Buffer.from(`${ADMIN}:${secrets.rabbitmqAdmin}`).toString('base64')}`;
  return fetch(`http://127.0.0.1:${ports.rabbitmqApi}${path}`, {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
}

/** Whether the delayed-message plugin's file lies in one of the server's plugin folders. */
function pluginIsThere(server) {
  const home = dirname(dirname(server));
  const versions = existsSync(join(home, 'lib')) ? readdirSync(join(home, 'lib')) : [];
  const folders = [join(home, 'plugins'), ...versions.map((version) => join(home, 'lib', version, 'plugins'))];
  return folders.some(
    (folder) => existsSync(folder) && readdirSync(folder).some((file) => file.startsWith(DELAYED_PLUGIN)),
  );
}
