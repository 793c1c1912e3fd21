import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RunningSystem, SystemOptions } from '../../local/system.mjs';

/** The root of the repository. */
export const WORKSPACE = join(__dirname, '..', '..', '..');

/** A whole system for one command alone: its own servers, services and data. */
export interface TemporarySystem extends Omit<RunningSystem, 'stop'> {
  /** Of its data, logs and secrets; absolute. */
  folder: string;
  /** Stops all of it and deletes the data. @param keepData for somebody who has to find out what went wrong */
  stop(keepData?: boolean): Promise<void>;
}

/**
 * Starts a system that is gone after `stop`. A start that fails, or is ended by `options.abort`, leaves nothing behind.
 *
 * @param command whose system it is; the folder is named after it
 */
export async function startTemporarySystem(
  command: string,
  log: (line: string) => void,
  options: Omit<SystemOptions, 'folder' | 'log'> = {},
): Promise<TemporarySystem> {
  const { startSystem } = (await localModule('system')) as typeof import('../../local/system.mjs');
  const { removeSystemData } = (await localModule(
    'remove-system-data',
  )) as typeof import('../../local/remove-system-data.mjs');
  const folder = join(WORKSPACE, '.local', `${command}-${process.pid}`);
  const env = { HOLDFAST_LOG_LEVEL: 'warn', ...options.env };
  const system = await startSystem({ ...options, folder, log, env }).catch((error: unknown) => {
    removeSystemData(folder);
    throw error;
  });
  const stop = async (keepData = false) => {
    await system.stop();
    if (keepData) log(`Logs and data are kept in ${folder}.`);
    else removeSystemData(folder);
  };
  return { ...system, folder, stop };
}

/** The local provisioning is no project of the workspace: it runs before packages are there, and is imported by its file. */
function localModule(name: string): Promise<unknown> {
  return import(pathToFileURL(join(WORKSPACE, 'infra', 'local', `${name}.mjs`)).href);
}
