import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RunningSystem, SystemOptions } from '../../local/system.mjs';

export const WORKSPACE = join(__dirname, '..', '..', '..');

/** A whole system for this bench alone, with the folder of its data, gone after `stop`. */
export interface BenchSystem extends RunningSystem {
  folder: string;
}

export async function startBenchSystem(
  log: (line: string) => void,
  options: Pick<SystemOptions, 'instances' | 'env' | 'postgresSettings'> = {},
): Promise<BenchSystem> {
  const { startSystem } = (await localModule('system')) as typeof import('../../local/system.mjs');
  const { removeSystemData } = (await localModule(
    'remove-system-data',
  )) as typeof import('../../local/remove-system-data.mjs');
  const folder = join(WORKSPACE, '.local', `bench-${process.pid}`);
  const env = { HOLDFAST_LOG_LEVEL: 'warn', ...options.env };
  const system = await startSystem({ ...options, folder, log, env });
  const stop = async () => {
    await system.stop();
    removeSystemData(folder);
  };
  return { ...system, folder, stop };
}

/** The local provisioning is no project of the workspace: it runs before packages are there, and is imported by its file. */
function localModule(name: string): Promise<unknown> {
  return import(pathToFileURL(join(WORKSPACE, 'infra', 'local', `${name}.mjs`)).href);
}
