import { execFileSync } from 'node:child_process';

const ENGINE_ANSWER_MS = 5_000;

/** Whether tests may run their servers in containers: an engine answers and nobody has forbidden it. */
export function containersAnswer(): boolean {
  if (process.env['HOLDFAST_CONTAINERS'] === 'never') return false;
  try {
    execFileSync('docker', ['info'], { timeout: ENGINE_ANSWER_MS, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
