import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Runs a short command to its end. Never throws: a command that is not there has status null. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', ...options });
  return { ok: result.status === 0, status: result.status, stdout: result.stdout ?? '', stderr: result.stderr ?? '' };
}

/**
 * Runs a longer command, its output line by line to `onLine`. One that is ended by its `signal` is waited for all the
 * same: `npm ci` takes back what it has written, for 30 s and more, and the next one fails beside it (ENOTEMPTY).
 *
 * @returns {Promise<{ok: boolean, tail: string}>} `tail`: the last lines it wrote
 */
export function runStreaming(command, args, { onLine = () => {}, tailLines = 30, ...options } = {}) {
  return new Promise((resolve) => {
    const lines = [];
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        const parts = (rest + text).split('\n');
        rest = parts.pop();
        for (const line of parts) {
          lines.push(line);
          onLine(line);
        }
      });
      stream.on('end', () => rest && lines.push(rest));
    }
    const tail = () => lines.slice(-tailLines).join('\n');
    child.on('error', (error) => child.pid === undefined && resolve({ ok: false, tail: error.message }));
    child.once('close', (code) => resolve({ ok: code === 0, tail: tail() }));
  });
}

/** The full path of a program, looked for in the given folders and then in PATH. */
export function findProgram(name, folders = []) {
  for (const folder of [...folders, ...(process.env.PATH ?? '').split(delimiter)]) {
    if (!folder) continue;
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not here
    }
  }
  return undefined;
}
