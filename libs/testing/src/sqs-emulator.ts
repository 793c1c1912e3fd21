import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endProcess } from './end-process';
import { freePort } from './free-port';

const PROGRAM = join(__dirname, '..', '..', '..', 'node_modules', 'fauxqs', 'dist', 'cli.js');
const READY_MS = 20_000;
const POLL_MS = 50;

/** An emulator of Amazon SQS on this machine. It keeps its messages in memory, which the service itself does not. */
export class SqsEmulator {
  /** The SDK asks its environment for credentials; the emulator takes any. */
  static readonly CREDENTIALS = { AWS_ACCESS_KEY_ID: 'emulated', AWS_SECRET_ACCESS_KEY: 'emulated' };

  private constructor(
    readonly endpoint: string,
    private readonly child: ChildProcess,
  ) {}

  /**
   * Starts one on a port of its own, empty, and puts the credentials into this process's environment.
   *
   * @throws Error when it ends or does not answer within 20 s
   */
  static async start(): Promise<SqsEmulator> {
    Object.assign(process.env, SqsEmulator.CREDENTIALS);
    const port = await freePort();
    const env = { PATH: process.env['PATH'], FAUXQS_PORT: String(port), FAUXQS_LOGGER: 'false' };
    const child = spawn(process.execPath, [PROGRAM], { env, stdio: 'ignore' });
    const emulator = new SqsEmulator(`http://127.0.0.1:${port}`, child);
    for (const giveUpAt = performance.now() + READY_MS; !(await emulator.answers()); await sleep(POLL_MS)) {
      if (child.exitCode === null && performance.now() < giveUpAt) continue;
      await emulator.stop();
      throw new Error('The emulator of SQS did not start.');
    }
    return emulator;
  }

  stop(): Promise<void> {
    return endProcess(this.child, 'SIGKILL');
  }

  private async answers(): Promise<boolean> {
    return fetch(`${this.endpoint}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}
