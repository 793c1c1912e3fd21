import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accepts } from '../ports.mjs';
import { repository } from '../paths.mjs';
import { findProgram } from '../run-command.mjs';

const TEMPLATE = join(repository, 'infra', 'gateway', 'nginx.conf.template');
const CONTAINER_CONFIG = '/etc/nginx/nginx.conf';

/** The gateway. The services it stands before are local, so in a container it uses the machine's own network. */
export const nginx = {
  name: 'nginx',
  title: 'nginx',
  image: { variable: 'HOLDFAST_NGINX_IMAGE', official: 'nginx:1-alpine' },
  debianPackage: 'nginx',
  account: 'www-data',
  portNames: ['gateway'],

  find() {
    const server = findProgram('nginx', ['/usr/sbin', '/opt/homebrew/bin', '/usr/local/bin', '/usr/local/sbin']);
    return server ? { server } : undefined;
  },

  program({ programs, folder, ports, upstreams, account }) {
    const config = writeConfig(folder, { ports, upstreams, workFolder: folder });
    if (account) chownSync(config, account.uid, account.gid);
    return {
      command: programs.server,
      args: ['-p', folder, '-c', config, '-e', 'stderr', '-g', 'daemon off;'],
      env: { HOME: folder },
    };
  },

  container({ folder, ports, upstreams }) {
    mkdirSync(folder, { recursive: true });
    const config = writeConfig(folder, { ports, upstreams, workFolder: '/tmp' });
    return {
      network: 'host',
      user: '65534:65534',
      mounts: { [config]: CONTAINER_CONFIG },
      publish: {},
      volumes: {},
      env: {},
      args: ['nginx', '-e', 'stderr', '-g', 'daemon off;'],
    };
  },

  addresses: ({ ports }) => ({ url: `http://127.0.0.1:${ports.gateway}` }),
  isReady: ({ ports }) => accepts(ports.gateway),
  setUp: async () => {},
};

function writeConfig(folder, { ports, upstreams, workFolder }) {
  const file = join(folder, 'nginx.conf');
  const text = fillTemplate(readFileSync(TEMPLATE, 'utf8'), {
    GATEWAY_LISTEN: `127.0.0.1:${ports.gateway}`,
    // Fills the one `server` line of the template; several instances become as many lines.
    GATEWAY_HOLD_SERVICE: upstreams.holdServices.map((port) => `127.0.0.1:${port}`).join(' max_fails=0;\n    server '),
    GATEWAY_PAYMENT_SERVICE: `127.0.0.1:${upstreams.paymentService}`,
    GATEWAY_WEBHOOK_SERVICE: `127.0.0.1:${upstreams.webhookService}`,
    GATEWAY_WORK_FOLDER: workFolder,
  });
  // No secret is in it, and in a container a foreign user reads it.
  writeFileSync(file, text, { mode: 0o644 });
  return file;
}

/** Fills `${NAME}` the way `envsubst` does in the image; nginx's own variables carry no braces and stay. */
export function fillTemplate(template, values) {
  return template.replace(/\$\{([A-Z_]+)\}/g, (whole, name) => {
    if (!(name in values)) throw new Error(`The gateway's template names ${whole}, which has no value.`);
    return values[name];
  });
}
