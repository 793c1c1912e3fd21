import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type ServerName = 'postgres' | 'redis' | 'rabbitmq';

export interface ServerAddresses {
  url: string;
  /** Postgres: a superuser. */
  adminUrl?: string;
  /** RabbitMQ: its management interface. */
  apiUrl?: string;
}

const PROVISIONER = join(__dirname, '..', '..', '..', 'infra', 'local', 'servers.mjs');
const SAID_LAST_LINES = 20;

/**
 * Servers of one's own, run by infra/local/servers.mjs. They end when this process does, however it ends: the
 * provisioner notices that its standard input is closed.
 */
export class LocalProvisioner {
  private readonly answers: AsyncIterator<string>;
  private readonly said: string[] = [];

  private constructor(private readonly child: ChildProcess & { stdin: NodeJS.WritableStream }) {
    this.answers = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      this.said.push(line);
      if (this.said.length > SAID_LAST_LINES) this.said.shift();
    });
  }

  /** Starts fresh, empty servers on ports that stay theirs, and waits until they are ready. */
  static async start(names: ServerName[]): Promise<[LocalProvisioner, Record<ServerName, ServerAddresses>]> {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
    // Servers that run as a user of their own must get to their data.
    chmodSync(folder, 0o755);
    const args = [PROVISIONER, 'up', '--folder', folder, '--only', names.join(','), '--temporary'];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const provisioner = new LocalProvisioner(child);
    return [provisioner, JSON.parse(await provisioner.nextAnswer()) as Record<ServerName, ServerAddresses>];
  }

  async command(verb: 'start' | 'stop' | 'kill' | 'pause' | 'resume', name: ServerName): Promise<void> {
    this.child.stdin.write(`${verb} ${name}\n`);
    const answer = JSON.parse(await this.nextAnswer()) as { ok: boolean; error?: string };
    if (!answer.ok) throw new Error(`${verb} ${name}: ${answer.error}`);
  }

  /** Stops the servers and deletes their data. */
  async end(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin.end();
    await ended;
  }

  private async nextAnswer(): Promise<string> {
    const answer = await this.answers.next();
    if (answer.done) throw new Error(`The local provisioner ended:\n${this.said.join('\n')}`);
    return answer.value;
  }
}
