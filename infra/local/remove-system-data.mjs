import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findEngine, removeContainers } from './containers.mjs';
import { serverDataFolder } from './data-folder.mjs';
import { readJson } from './json-file.mjs';
import { containerPrefix } from './provide-servers.mjs';

/** Deletes everything a stopped system kept: data, logs, secrets, state, containers and their volumes. */
export function removeSystemData(folder) {
  if (!existsSync(folder)) return;
  const usesContainers = Object.values(readJson(join(folder, 'sources.json'), {})).includes('container');
  const engine = usesContainers ? findEngine() : undefined;
  if (engine) removeContainers(engine, containerPrefix(folder));
  for (const path of [serverDataFolder(folder).path, folder]) rmSync(path, { recursive: true, force: true });
}
