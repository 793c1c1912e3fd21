/** Exit status after Ctrl-C, as shells have it. */
const INTERRUPTED = 130;

export interface SystemUse<System> {
  /** @param interrupted ends a start that is under way: it then rejects and leaves nothing running */
  start: (interrupted: AbortSignal) => Promise<System> | System;
  use: (system: System) => Promise<void>;
  stop: (system: System) => Promise<void>;
}

/**
 * Starts a system, uses it, and stops it whatever comes. Ctrl-C and SIGTERM give up the start or the use, and end the
 * process with status 130 once everything has stopped. Further signals change nothing: `timeout` and npm send a second
 * one at once, and a process that it ended left all its servers behind.
 */
export async function withSystem<System>({ start, use, stop }: SystemUse<System>): Promise<void> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupt(interrupted));
  try {
    const system = await start(interrupted.signal);
    try {
      await Promise.race([use(system), rejectOn(interrupted.signal)]);
    } finally {
      await stop(system);
    }
  } finally {
    // What was under way is still about, with nowhere to go.
    if (interrupted.signal.aborted) process.exit(INTERRUPTED);
  }
}

function interrupt(interrupted: AbortController): void {
  if (interrupted.signal.aborted) return;
  process.stderr.write('Stopping ...\n');
  // Whatever still uses the system fails when its servers go. Nobody waits for it any more.
  process.on('unhandledRejection', () => undefined);
  interrupted.abort();
}

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(new Error('Stopped.'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
