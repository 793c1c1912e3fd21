import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endProcess } from './end-process';
import { freePort } from './free-port';

const REPOSITORY = join(__dirname, '..', '..', '..');
const READY_TIMEOUT_MS = 30_000;
const POLL_MS = 50;
const OUTPUT_KEPT_CHARS = 20_000;

export interface ServiceProcessOptions {
  /** Every variable of the service except its port; nothing is inherited but PATH. */
  env: Record<string, string>;
  /** What to wait for: `/health/ready`, or only `/health/live` where a server is meant to be away. Default `ready`. */
  until?: 'ready' | 'live';
}

/** A built service as a process of its own, to be killed in the middle of things. */
export class ServiceProcess {
  private child?: ChildProcess;
  private output = '';

  private constructor(
    readonly name: string,
    readonly port: number,
    private readonly options: ServiceProcessOptions,
  ) {}

  /**
   * Starts `services/NAME` (or `infra/NAME` for `sandbox-provider`) from its build and waits until it answers.
   *
   * @throws Error with what it wrote, when it ends or does not answer in time
   */
  static async start(name: string, options: ServiceProcessOptions): Promise<ServiceProcess> {
    const service = new ServiceProcess(name, await freePort(), options);
    await service.start();
    return service;
  }

  /** The same after a restart. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Its status when it has ended by itself or by `stop`; null while it runs and after `kill`. */
  get exitCode(): number | null {
    return this.child?.exitCode ?? null;
  }

  /** What it has written to both its outputs, the end of it. */
  get log(): string {
    return this.output;
  }

  /** Again after `kill` or `stop`, on the same port. */
  async start(): Promise<void> {
    const folder = this.name === 'sandbox-provider' ? 'infra' : 'services';
    const child = spawn(process.execPath, [join(REPOSITORY, folder, this.name, 'dist', 'main.js')], {
      env: {
        PATH: process.env['PATH'],
        HOLDFAST_HTTP_PORT: String(this.port),
        HOLDFAST_SANDBOX_PORT: String(this.port),
        ...this.options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => (this.output = (this.output + data.toString()).slice(-OUTPUT_KEPT_CHARS)));
    }
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (!(await this.answers())) {
      if (child.exitCode !== null || Date.now() > deadline) {
        await this.kill();
        throw new Error(`${this.name} did not become ${this.options.until ?? 'ready'}:\n${this.output}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  /** SIGTERM, and waits until it has drained and gone. */
  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child) await endProcess(this.child, signal);
  }

  private async answers(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/health/${this.options.until ?? 'ready'}`);
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }
}
