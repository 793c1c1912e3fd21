import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@holdfast/testing';
import { WORKSPACE } from '../bench-system';

const PROGRAM = join(WORKSPACE, 'node_modules', 'fauxqs', 'dist', 'cli.js');
const READY_MS = 20_000;
const LOOK_EVERY_MS = 50;

/** The SDK asks its environment for credentials; the emulator takes any. */
export const EMULATED_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'emulated', AWS_SECRET_ACCESS_KEY: 'emulated' };

/** An emulator of Amazon SQS on this machine. It keeps its messages in memory, which the service itself does not. */
export class SqsEmulator {
  private constructor(
    readonly endpoint: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(): Promise<SqsEmulator> {
    const port = await freePort();
    const env = { PATH: process.env.PATH, FAUXQS_PORT: String(port), FAUXQS_LOGGER: 'false' };
    const child = spawn(process.execPath, [PROGRAM], { env, stdio: 'ignore' });
    const emulator = new SqsEmulator(`http://127.0.0.1:${port}`, child);
    for (const giveUpAt = performance.now() + READY_MS; !(await emulator.answers()); await sleep(LOOK_EVERY_MS)) {
      if (child.exitCode === null && performance.now() < giveUpAt) continue;
      await emulator.stop();
      throw new Error('The emulator of SQS did not start.');
    }
    return emulator;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }

  private async answers(): Promise<boolean> {
    return fetch(`${this.endpoint}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}
