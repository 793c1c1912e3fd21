import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endProcess, freePort } from '@holdfast/testing';
import { WORKSPACE, type BenchSystem } from './bench-system';

const READY_MS = 30_000;
const POLL_MS = 20;

/** The hold-service with the routes it is compared with. */
const BENCH_SERVICE = join('infra', 'bench', 'dist', 'bench-service.js');

/** A service of the product, or the bench's own, running beside the system's. */
export class BenchProcess {
  private child: ChildProcess | undefined;

  private constructor(
    private readonly system: BenchSystem,
    private readonly port: number,
    private readonly env: Record<string, string>,
    private readonly program: string,
  ) {}

  /**
   * @param env settings of the service that differ from the defaults
   * @param program its file, from the workspace
   */
  static async start(
    system: BenchSystem,
    env: Record<string, string> = {},
    program = BENCH_SERVICE,
  ): Promise<BenchProcess> {
    const started = new BenchProcess(system, await freePort(), env, program);
    await started.start();
    return started;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Again after `kill` or `stop`, on the same port; resolves when it is ready. */
  async start(): Promise<void> {
    const { postgresUrl, redisUrl, rabbitmqUrl } = this.system.servers;
    const log = openSync(join(this.system.folder, 'logs', 'bench-service.log'), 'a');
    this.child = spawn(process.execPath, ['--enable-source-maps', join(WORKSPACE, this.program)], {
      env: {
        PATH: process.env.PATH ?? '',
        NODE_ENV: 'production',
        HOLDFAST_HTTP_PORT: String(this.port),
        HOLDFAST_POSTGRES_URL: postgresUrl,
        HOLDFAST_REDIS_URL: redisUrl,
        HOLDFAST_RABBITMQ_URL: rabbitmqUrl,
        HOLDFAST_JWT_SECRET: this.system.jwtSecret,
        HOLDFAST_LOG_LEVEL: 'warn',
        ...this.env,
      },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    await this.whenReady(this.child);
  }

  /** SIGTERM, and waits until it is gone. */
  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child) await endProcess(this.child, signal);
  }

  private async whenReady(child: ChildProcess): Promise<void> {
    const giveUpAt = Date.now() + READY_MS;
    while (child.exitCode === null && Date.now() < giveUpAt) {
      const answer = await fetch(`${this.origin}/health/ready`).catch(() => undefined);
      await answer?.arrayBuffer();
      if (answer?.ok) return;
      await sleep(POLL_MS);
    }
    await this.stop();
    throw new Error(`${this.program} did not start; its log is in the folder of the bench.`);
  }
}
