import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Sends a signal to a child process, unless it has ended already, and waits until it is gone. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}
