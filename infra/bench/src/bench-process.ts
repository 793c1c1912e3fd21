import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchSystem } from './bench-system';

const READY_MS = 30_000;
const POLL_MS = 100;

/** The hold-service with the routes it is compared with, running beside the system's own one. */
export class BenchProcess {
  private constructor(
    readonly origin: string,
    private readonly child: ChildProcess,
  ) {}

  /** @param env settings of the hold-service that differ from the defaults */
  static async start(system: BenchSystem, env: Record<string, string> = {}): Promise<BenchProcess> {
    const { postgresUrl, redisUrl, rabbitmqUrl } = system.servers;
    const port = await freePort();
    const log = openSync(join(system.folder, 'logs', 'bench-service.log'), 'a');
    const child = spawn(process.execPath, ['--enable-source-maps', join(__dirname, 'bench-service.js')], {
      env: {
        PATH: process.env.PATH ?? '',
        NODE_ENV: 'production',
        HOLDFAST_HTTP_PORT: String(port),
        HOLDFAST_POSTGRES_URL: postgresUrl,
        HOLDFAST_REDIS_URL: redisUrl,
        HOLDFAST_RABBITMQ_URL: rabbitmqUrl,
        HOLDFAST_JWT_SECRET: system.jwtSecret,
        HOLDFAST_LOG_LEVEL: 'warn',
        ...env,
      },
      stdio: ['ignore', log, log],
    });
    const started = new BenchProcess(`http://127.0.0.1:${port}`, child);
    await started.whenReady();
    return started;
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await gone;
  }

  private async whenReady(): Promise<void> {
    const giveUpAt = Date.now() + READY_MS;
    while (this.child.exitCode === null && Date.now() < giveUpAt) {
      const answer = await fetch(`${this.origin}/health/ready`).catch(() => undefined);
      await answer?.arrayBuffer();
      if (answer?.ok) return;
      await sleep(POLL_MS);
    }
    await this.stop();
    throw new Error('The bench service did not start; its log is in the folder of the bench.');
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
